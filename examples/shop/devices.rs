//! Which browsers have logged in before, and as whom: a cookie tells, which logging out leaves.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tower_jwt_auth::issuer::{Grant, IssueError, Session, TokenIssuer};
use tower_jwt_auth::{JwtAuth, Secret};

use crate::secrets::ISSUER;

const NAME: &str = "__Host-device";
const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// Tokens that let nobody in: they only say that this browser once had the right password. Their
/// secret is derived for an audience that no service has.
pub(crate) struct Devices {
    issuer: TokenIssuer,
    auth: JwtAuth,
}

impl Devices {
    pub(crate) fn new(master: &Secret) -> Self {
        let issuer = TokenIssuer::derived(ISSUER, master, ["device"]).lifetime(YEAR);
        let auth = JwtAuth::new(master.derive(ISSUER, "device")).issuer(ISSUER).audience("device");
        Self { issuer, auth }
    }

    /// The name of the device, if this user has logged in on it before.
    pub(crate) fn of(&self, request: &Parts, user: &str) -> Option<String> {
        let mut devices =
            cookies(&request.headers).filter_map(|token| self.auth.verify(token).ok());
        let device = devices.find(|device| device.token().subject() == Some(user))?;
        device.token().id().map(str::to_owned)
    }

    fn cookie(&self, user: &str) -> Result<HeaderValue, IssueError> {
        let token = self.issuer.issue(&Grant::new(user))?;
        let (token, max_age) = (token.as_str(), YEAR.as_secs());
        let cookie =
            format!("{NAME}={token}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Strict; Secure");
        // A token has no character that a header must not have.
        let mut cookie =
            HeaderValue::try_from(cookie).unwrap_or_else(|_| HeaderValue::from_static(""));
        cookie.set_sensitive(true);
        Ok(cookie)
    }
}

/// A layer for `/login`.
pub(crate) async fn remember(
    State(devices): State<Arc<Devices>>,
    request: Request,
    next: Next,
) -> Response {
    let mut answer = next.run(request).await;
    let cookie =
        answer.extensions().get::<Session>().map(|session| devices.cookie(session.subject()));
    // Without one, this browser is a stranger next time: no reason to refuse the right password.
    if let Some(Ok(cookie)) = cookie {
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
    answer
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';'));
    pairs.filter_map(|pair| pair.trim().strip_prefix(NAME)?.strip_prefix('='))
}
