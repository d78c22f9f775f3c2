//! How often passwords may be guessed at one account, from however many addresses.

use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tower_jwt_auth::issuer::AccountsError;

const AT_ONCE: NonZeroU32 = NonZeroU32::MIN.saturating_add(19);

/// Twenty attempts for each name and one more each period, right or wrong, whether there is such a
/// user or not.
///
/// Whoever keeps guessing uses up the attempts of a name, and they come back as soon as that ends. To
/// let the user in meanwhile, a browser that has logged in as them before has attempts of its own
/// (OWASP: "Slow Down Online Guessing Attacks with Device Cookies").
pub(crate) struct Attempts {
    by_name: DefaultKeyedRateLimiter<u16>,
    by_device: DefaultKeyedRateLimiter<u16>,
    places: RandomState,
}

impl Attempts {
    /// One more attempt each `period`; `None` if that is zero.
    pub(crate) fn new(period: Duration) -> Option<Self> {
        let quota = Quota::with_period(period)?.allow_burst(AT_ONCE);
        let limiter = || RateLimiter::keyed(quota);
        Some(Self { by_name: limiter(), by_device: limiter(), places: RandomState::new() })
    }

    /// Counts one attempt, or refuses it.
    pub(crate) fn count(&self, user: &str, device: Option<&str>) -> Result<(), AccountsError> {
        let (limiter, key) = match device {
            Some(device) => (&self.by_device, device),
            None => (&self.by_name, user),
        };
        // Anybody can make up names, and to remember them all would take memory without end: they
        // share 65,536 places. Which ones share one, only this process knows.
        let place = self.places.hash_one(key) as u16;
        limiter.check_key(&place).map_err(|refused| {
            AccountsError::too_many_attempts(refused.wait_time_from(limiter.clock().now()))
        })
    }
}
