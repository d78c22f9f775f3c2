//! Limits on password guesses. Each account has a limit for guesses from all addresses together,
//! and each address has a limit for guesses at all accounts together.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::Clock;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use serde_json::json;
use tower_jwt_auth::issuer::AccountsError;

const FOR_AN_ACCOUNT: NonZeroU32 = NonZeroU32::MIN.saturating_add(19);
const FROM_AN_ADDRESS: NonZeroU32 = NonZeroU32::MIN.saturating_add(29);

/// The number of attempts made for each account and from each address.
///
/// Anybody can invent user names, and a counter for each name would take unlimited memory. Each
/// kind of limit therefore has only 65,536 counters. Several names can share a counter, and only
/// this process knows which names share one.
pub(crate) struct Attempts {
    by_name: DefaultKeyedRateLimiter<u16>,
    by_device: DefaultKeyedRateLimiter<u16>,
    by_address: DefaultKeyedRateLimiter<u16>,
    places: RandomState,
}

impl Attempts {
    /// For each account, allows twenty attempts at first, and then one more in each `period`. For
    /// each address, allows thirty attempts at first, and then one more in each second. Returns
    /// `None` if `period` is zero.
    pub(crate) fn new(period: Duration) -> Option<Self> {
        let account = Quota::with_period(period)?.allow_burst(FOR_AN_ACCOUNT);
        let address = Quota::per_second(NonZeroU32::MIN).allow_burst(FROM_AN_ADDRESS);
        Some(Self {
            by_name: RateLimiter::keyed(account),
            by_device: RateLimiter::keyed(account),
            by_address: RateLimiter::keyed(address),
            places: RandomState::new(),
        })
    }

    /// Counts every attempt to log in, even if the password is right or the user does not exist.
    /// Returns an error if there were too many attempts.
    ///
    /// An attacker who tries many passwords for one user soon reaches the limit for the user name.
    /// The user then cannot log in from a new browser. A browser in which the user has logged in
    /// before has a separate limit (OWASP: "Slow Down Online Guessing Attacks with Device
    /// Cookies").
    pub(crate) fn count(&self, user: &str, device: Option<&str>) -> Result<(), AccountsError> {
        let (limiter, key) = match device {
            Some(device) => (&self.by_device, device),
            None => (&self.by_name, user),
        };
        self.check(limiter, key).map_err(AccountsError::too_many_attempts)
    }

    /// Counts one attempt for a user name, a browser or an address. The error contains the time
    /// until the next attempt is allowed.
    fn check(
        &self,
        limiter: &DefaultKeyedRateLimiter<u16>,
        key: impl Hash,
    ) -> Result<(), Duration> {
        let place = self.places.hash_one(key) as u16;
        limiter.check_key(&place).map_err(|refused| refused.wait_time_from(limiter.clock().now()))
    }
}

/// A layer for `/login` that limits attempts by address, before the password is hashed.
///
/// Behind a proxy, take the client's address from the header that the proxy sets. Otherwise all
/// clients would share one limit: the limit for the proxy's address.
pub(crate) async fn limit_addresses(
    State(attempts): State<Arc<Attempts>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let Err(wait) = attempts.check(&attempts.by_address, network(peer.ip())) else {
        return next.run(request).await;
    };
    let seconds = wait.as_secs().saturating_add(1);
    let body = if request.headers().get("sec-fetch-mode").is_some_and(|mode| mode == "navigate") {
        // The browser submitted a form itself, without a script, so it shows this response.
        format!("Too many logins. Go back, and try again in {seconds} s.").into_response()
    } else {
        let description = "too many attempts: try again later";
        Json(json!({ "error": "too_many_attempts", "error_description": description }))
            .into_response()
    };
    (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, seconds)], body).into_response()
}

/// Returns the part of an address that an internet provider assigns to a customer: the whole of an
/// IPv4 address, or the first half of an IPv6 address. A customer can change the other half at
/// will.
fn network(address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
    }
}
