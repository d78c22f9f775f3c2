//! Error answers, in the words of RFC 6749 section 5.2.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde_json::json;

use crate::bearer::{BadCredentials, Fault};
use crate::issuer::error::{IssueError, IssueErrorKind};
use crate::issuer::routes::accounts::{AccountsError, Undecided};
use crate::issuer::sessions::error::{SessionError, SessionErrorKind};
use crate::rejection::{Answers, AuthError, AuthErrorKind, Format};

/// An error answer, and the reason for it.
#[derive(Clone, Debug)]
pub(crate) struct OAuthError {
    kind: OAuthErrorKind,
    /// For logs, and for the client where the kind has no description of its own. It names
    /// parameters, claims and sizes, never a value of the request.
    reason: Cow<'static, str>,
}

/// The kind of a [`OAuthError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OAuthErrorKind {
    InvalidRequest,
    WrongCredentials,
    /// Every refresh token that cannot be exchanged. The answers have the same bytes: a client must
    /// not learn whether a refresh token was unknown, expired, used before, or another client's.
    BadToken,
    /// The request names another client than the one that the token or the grant is for.
    InvalidClient,
    InvalidScope,
    /// RFC 8707 section 2.
    InvalidTarget,
    UnsupportedGrantType,
    /// RFC 7009 section 2.2.1.
    UnsupportedTokenType,
    CrossSite,
    TooManyAttempts {
        retry_after_secs: u64,
    },
    Unavailable,
    /// The account has more claims than a token or its cookie holds.
    TooManyClaims,
    ServerError,
}

impl OAuthErrorKind {
    /// An error answer for this reason, which is logged too.
    pub(crate) fn because(self, reason: impl Into<Cow<'static, str>>) -> OAuthError {
        let error = OAuthError { kind: self, reason: reason.into() };
        note(&error);
        error
    }

    fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest | Self::CrossSite => "invalid_request",
            Self::WrongCredentials | Self::BadToken => "invalid_grant",
            Self::InvalidClient => "invalid_client",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::TooManyAttempts { .. } => "too_many_attempts",
            Self::Unavailable => "temporarily_unavailable",
            Self::TooManyClaims | Self::ServerError => "server_error",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooManyClaims | Self::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    fn retry_after_secs(self) -> Option<u64> {
        match self {
            Self::TooManyAttempts { retry_after_secs } => Some(retry_after_secs),
            Self::Unavailable => Some(1),
            _ => None,
        }
    }

    /// The description of all answers of this kind, or `None` where the reason is the description.
    fn description(self) -> Option<&'static str> {
        Some(match self {
            Self::WrongCredentials => "the credentials are wrong",
            Self::BadToken => {
                "the refresh token is unknown, expired, used, ended or of another client: log in \
                 again"
            }
            Self::TooManyAttempts { .. } => "too many attempts: try again later",
            Self::Unavailable => "the server cannot answer now: send the same request again",
            Self::TooManyClaims => {
                "the account has more claims than an access token holds: the operator's log has \
                 the sizes"
            }
            Self::ServerError => "the server failed: the operator's log has the reason",
            _ => return None,
        })
    }
}

impl OAuthError {
    /// The answer after a panic in code of the application.
    pub(crate) fn panicked() -> Self {
        OAuthErrorKind::ServerError.because("code of the application panicked")
    }

    pub(crate) fn kind(&self) -> OAuthErrorKind {
        self.kind
    }

    pub(crate) fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns true if the server failed, so that the same request may succeed later.
    pub(crate) fn is_failure(&self) -> bool {
        self.kind.status().is_server_error()
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        if self.kind == OAuthErrorKind::CrossSite {
            // As from the layer: the same request is refused in the same words everywhere.
            let error = AuthError::because(AuthErrorKind::CrossSiteRequest, &*self.reason);
            return Answers::without_layer().refuse(error, &Format::Http);
        }
        let description = self.kind.description().unwrap_or(&self.reason);
        let body = json!({ "error": self.kind.code(), "error_description": description });
        let json = HeaderValue::from_static("application/json");
        let mut response =
            (self.kind.status(), [(CONTENT_TYPE, json)], body.to_string()).into_response();
        if let Some(secs) = self.kind.retry_after_secs() {
            response.headers_mut().insert(RETRY_AFTER, secs.into());
        }
        response
    }
}

impl From<Fault> for OAuthError {
    fn from(fault: Fault) -> Self {
        let kind = match fault.bad {
            BadCredentials::CrossSite => OAuthErrorKind::CrossSite,
            _ => OAuthErrorKind::InvalidRequest,
        };
        kind.because(fault.reason)
    }
}

impl From<SessionError> for OAuthError {
    fn from(error: SessionError) -> Self {
        trace(&error.kind(), !error.is_refusal(), &error);
        let kind = match error.kind() {
            _ if error.is_refusal() => OAuthErrorKind::BadToken,
            SessionErrorKind::Unavailable => OAuthErrorKind::Unavailable,
            _ => OAuthErrorKind::ServerError,
        };
        Self { kind, reason: error.to_string().into() }
    }
}

impl From<IssueError> for OAuthError {
    fn from(error: IssueError) -> Self {
        let kind = match error.kind() {
            IssueErrorKind::UnknownAudience => OAuthErrorKind::InvalidTarget,
            IssueErrorKind::TooLarge => OAuthErrorKind::TooManyClaims,
            _ => OAuthErrorKind::ServerError,
        };
        trace(&error.kind(), kind != OAuthErrorKind::InvalidTarget, &error);
        Self { kind, reason: error.to_string().into() }
    }
}

impl From<AccountsError> for OAuthError {
    fn from(error: AccountsError) -> Self {
        match error.0 {
            Undecided::Failed(error) => {
                trace(&"accounts", true, &*error);
                // The error is the application's, and may say anything.
                Self { kind: OAuthErrorKind::Unavailable, reason: "the accounts failed".into() }
            }
            Undecided::TooManyAttempts(wait) => {
                // Rounded up, or a client that comes back in time would be told to wait again.
                let fraction = u64::from(wait.subsec_nanos() > 0);
                let retry_after_secs = wait.as_secs().saturating_add(fraction);
                OAuthErrorKind::TooManyAttempts { retry_after_secs }.because("too many attempts")
            }
        }
    }
}

#[cfg(feature = "tracing")]
fn note(error: &OAuthError) {
    let (code, reason) = (error.kind.code(), error.reason());
    if error.is_failure() {
        tracing::error!(code, reason, "request failed");
    } else {
        tracing::debug!(code, reason, "request refused");
    }
}

#[cfg(not(feature = "tracing"))]
fn note(_: &OAuthError) {}

/// Errors of this crate hold nothing of a token; those of the application are its own.
#[cfg(feature = "tracing")]
fn trace(
    kind: &dyn std::fmt::Debug,
    is_ours: bool,
    error: &(dyn std::error::Error + Send + Sync + 'static),
) {
    if is_ours {
        let cause = error.source().map(tracing::field::display);
        tracing::error!(?kind, reason = %error, cause, "request failed");
    } else {
        tracing::debug!(?kind, reason = %error, "request refused");
    }
}

#[cfg(not(feature = "tracing"))]
fn trace(_: &dyn std::fmt::Debug, _: bool, _: &(dyn std::error::Error + Send + Sync + 'static)) {}
