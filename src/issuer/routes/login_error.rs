//! The error of `Logins::start`.

use std::error::Error;
use std::fmt::{self, Debug, Display};

use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::CACHE_CONTROL;

use crate::issuer::routes::oauth_error::{OAuthError, OAuthErrorKind};

/// The reason why [`Logins::start`](crate::issuer::Logins::start) started no session.
///
/// This error converts to the response that `/login` would send, with the same status, headers and
/// body. The error has already been logged.
///
/// `Display` shows [`reason`](Self::reason), which is meant for developers.
#[derive(Clone)]
pub struct LoginError(pub(crate) OAuthError);

/// The kind of a [`LoginError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoginErrorKind {
    /// The request came from a page of another site (403).
    CrossSite,
    /// The name of the client is malformed (400).
    InvalidRequest,
    /// The client in the request is not the client of the [`Grant`](crate::issuer::Grant) (400).
    InvalidClient,
    /// A requested scope is malformed or not granted (400).
    InvalidScope,
    /// A requested audience is unknown or not granted, or the token would have no audience (400).
    InvalidTarget,
    /// The store cannot answer now (503).
    Unavailable,
    /// The claims do not fit into a token or its cookie (500).
    TooManyClaims,
    /// The server failed, or code of the application failed (500).
    ServerError,
}

impl LoginError {
    /// Returns the kind of the error.
    pub fn kind(&self) -> LoginErrorKind {
        match self.0.kind() {
            OAuthErrorKind::CrossSite => LoginErrorKind::CrossSite,
            OAuthErrorKind::InvalidRequest => LoginErrorKind::InvalidRequest,
            OAuthErrorKind::InvalidClient => LoginErrorKind::InvalidClient,
            OAuthErrorKind::InvalidScope => LoginErrorKind::InvalidScope,
            OAuthErrorKind::InvalidTarget => LoginErrorKind::InvalidTarget,
            OAuthErrorKind::Unavailable => LoginErrorKind::Unavailable,
            OAuthErrorKind::TooManyClaims => LoginErrorKind::TooManyClaims,
            _ => LoginErrorKind::ServerError,
        }
    }

    /// Returns the error code of the response. This is either `cross-site-request` or a code of RFC
    /// 6749 section 5.2, for example `invalid_scope`.
    pub fn code(&self) -> &'static str {
        match self.kind() {
            LoginErrorKind::CrossSite => "cross-site-request",
            _ => self.0.kind().code(),
        }
    }

    /// Returns the reason, written for developers. The reason can contain sizes and the names of
    /// parameters and claims, but no value from the request.
    pub fn reason(&self) -> &str {
        self.0.reason()
    }
}

impl IntoResponse for LoginError {
    fn into_response(self) -> Response {
        let mut response = self.0.response();
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

impl Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl Debug for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginError")
            .field("kind", &self.kind())
            .field("reason", &self.reason())
            .finish()
    }
}

impl Error for LoginError {}
