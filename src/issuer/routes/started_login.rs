//! A login that has started a session.

use std::fmt::{self, Debug};
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY,
};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::issuer::routes::login_error::LoginError;
use crate::issuer::routes::oauth_error::{ErrorLog, OAuthErrorKind};
use crate::issuer::routes::return_path::is_return_path;
use crate::issuer::routes::token_answer::{AnsweredTokens, TokenAnswer};
use crate::issuer::sessions::session::Session;

/// A login that has started a session. It contains the response that the client must get.
///
/// The response has the same form as the response of `/login`: the tokens are in the body or in
/// cookies. The response has the header `Cache-Control: no-store`, and its extensions contain the
/// [`Session`].
///
/// `Debug` does not show the tokens.
#[derive(Clone)]
#[must_use = "only this response contains the tokens of the session"]
pub struct StartedLogin {
    pub(crate) answer: TokenAnswer,
    /// True if the response must be a page instead of a redirect, because the browser would not
    /// send the new `SameSite=Strict` cookies after a redirect.
    pub(crate) needs_page: bool,
    pub(crate) error_log: Arc<ErrorLog>,
}

impl StartedLogin {
    /// Returns the new session.
    pub fn session(&self) -> &Session {
        &self.answer.session
    }

    /// Sets the cookies, and sends the browser to a page of this site. Use this method if the last
    /// request of the login is a navigation, such as a form or the redirect of a provider. If a
    /// script makes that request, send the `StartedLogin` itself as the response.
    ///
    /// Normally, the status is 303. If [`dangerous_from_another_site`] was called for the login,
    /// the response is instead a page (200) that moves the browser on to `path` without a script.
    /// After a redirect, the browser would not send `SameSite=Strict` cookies, since another site
    /// began the navigation. With [`Cookies::lax`], the status is always 303.
    ///
    /// `path` may be a value from the request, for example SAML's `RelayState`, since no `path` can
    /// send the browser to another site. If `path` is not valid, the browser goes to `/`. A valid
    /// path begins with exactly one slash, since `//host` is another host. It consists of at most
    /// 512 printable ASCII characters, without a backslash and without a segment `.` or `..`.
    ///
    /// Requires [`AuthRoutes::cookies`](crate::issuer::AuthRoutes::cookies): without cookies, the
    /// tokens would be in the body of the redirect, and browsers ignore that body. If
    /// `AuthRoutes::cookies` was not called, the response is 500 `server_error`, and the reason is
    /// logged. Nobody gets the tokens of the new session, which stays in the store until it
    /// expires.
    ///
    /// [`dangerous_from_another_site`]: crate::issuer::LoginRequest::dangerous_from_another_site
    /// [`Cookies::lax`]: crate::issuer::Cookies::lax
    pub fn redirect(self, path: impl AsRef<str>) -> Response {
        let AnsweredTokens::InCookies { set, .. } = self.answer.tokens else {
            let error = OAuthErrorKind::ServerError.because(
                "`StartedLogin::redirect` needs tokens in cookies: configure \
                 `AuthRoutes::cookies`, or send the login itself as the response",
            );
            self.error_log.write(&error);
            return LoginError(error).into_response();
        };
        let path = Some(path.as_ref()).filter(|path| is_return_path(path)).unwrap_or("/");
        let mut response =
            if self.needs_page { page_to(path).into_response() } else { see_other(path) };
        response.headers_mut().extend(set);
        response.extensions_mut().insert(self.answer.session);
        not_stored(response)
    }
}

impl IntoResponse for StartedLogin {
    fn into_response(self) -> Response {
        not_stored(self.answer.into_response())
    }
}

impl Debug for StartedLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartedLogin").field("session", self.session()).finish_non_exhaustive()
    }
}

/// Forbids the caching of the response, since others could use a token that they find in a cache.
fn not_stored(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn see_other(path: &str) -> Response {
    let path = HeaderValue::try_from(path).unwrap_or_else(|_| HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(LOCATION, path)]).into_response()
}

/// Returns a page that immediately sends the browser to another page of this site. A redirect would
/// not be enough: the browser came from the provider's site, so it would send no `SameSite=Strict`
/// cookies to the other page. It sends them if a page of this site begins the navigation.
fn page_to(path: &str) -> impl IntoResponse {
    let path = escaped(path);
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Logged in</title>\
         <meta http-equiv=\"refresh\" content=\"0;url={path}\">\
         <p>You are logged in. <a href=\"{path}\">Continue</a></p></html>"
    );
    let header = HeaderValue::from_static;
    let headers = HeaderMap::from_iter([
        (CONTENT_TYPE, header("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, header("default-src 'none'; frame-ancestors 'none'")),
        (REFERRER_POLICY, header("no-referrer")),
    ]);
    (headers, page)
}

/// Escapes a text for an HTML attribute in double quotes.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}
