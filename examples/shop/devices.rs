//! Browsers in which a user has logged in before. Each of these browsers has a cookie, which
//! identifies the user and the session of the last login.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use tower_jwt_auth::issuer::{Grant, IssueError, Session, TokenIssuer};
use tower_jwt_auth::{Claims, JwtAuth, Secret};

use crate::secrets::ISSUER;

const NAME: &str = "__Host-device";
const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// Issues and reads the cookies.
///
/// Each cookie contains a token, which is signed with a secret for the audience `device`. No
/// service has this audience, so no service accepts these tokens. A logout does not delete the
/// cookies.
pub(crate) struct Devices {
    issuer: TokenIssuer,
    auth: JwtAuth<Device>,
}

/// The application's own claims in the token that a browser's cookie contains. The token's `sub` is
/// the user, and its `jti` identifies the browser.
#[derive(Serialize, Deserialize)]
struct Device {
    session: String,
}

impl Devices {
    pub(crate) fn new(master: &Secret) -> Self {
        let issuer = TokenIssuer::derived(ISSUER, master, ["device"]).lifetime(YEAR);
        let auth = JwtAuth::new(master.derive(ISSUER, "device")).issuer(ISSUER).audience("device");
        Self { issuer, auth: auth.claims() }
    }

    /// Returns the session that began with the last login in this browser.
    pub(crate) fn last_session(&self, headers: &HeaderMap) -> Option<String> {
        self.known(headers).next().map(|device| device.session.clone())
    }

    /// Returns an identifier of the browser if the last login in this browser was by this user.
    pub(crate) fn of_user(&self, request: &Parts, user: &str) -> Option<String> {
        let mut devices = self.known(&request.headers);
        let device = devices.find(|device| device.token().subject() == Some(user))?;
        device.token().id().map(str::to_owned)
    }

    fn known<'r>(&'r self, headers: &'r HeaderMap) -> impl Iterator<Item = Claims<Device>> + 'r {
        cookies(headers).filter_map(|token| self.auth.verify(token).ok())
    }

    fn cookie(&self, session: &Session) -> Result<HeaderValue, IssueError> {
        let device = Device { session: session.id().as_str().to_owned() };
        let token = self.issuer.issue(&Grant::new(session.subject()).claims(device))?;
        let (token, max_age) = (token.as_str(), YEAR.as_secs());
        let cookie =
            format!("{NAME}={token}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Strict; Secure");
        // The conversion cannot fail: all characters of a token are valid in a header.
        let mut cookie =
            HeaderValue::try_from(cookie).unwrap_or_else(|_| HeaderValue::from_static(""));
        cookie.set_sensitive(true);
        Ok(cookie)
    }
}

/// Adds the browser's cookie to the response of a successful login. Use this layer only for a
/// `/login` route that refuses requests from other sites. Otherwise another site could log the
/// browser in with another account, and the cookie of that login would replace the user's own
/// cookie.
pub(crate) async fn remember(
    State(devices): State<Arc<Devices>>,
    request: Request,
    next: Next,
) -> Response {
    let mut answer = next.run(request).await;
    let cookie = answer.extensions().get::<Session>().map(|session| devices.cookie(session));
    // If the cookie cannot be made, the login still succeeds, but the browser will not be
    // recognized next time.
    if let Some(Ok(cookie)) = cookie {
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
    answer
}

/// Returns true if the browser has the cookie of an earlier login, even if the cookie's token was
/// signed with a different secret.
pub(crate) fn is_known(headers: &HeaderMap) -> bool {
    cookies(headers).next().is_some()
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';'));
    pairs.filter_map(|pair| pair.trim().strip_prefix(NAME)?.strip_prefix('='))
}
