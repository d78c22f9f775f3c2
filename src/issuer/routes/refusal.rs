//! What the routes answer when they refuse, in the words of RFC 6749 section 5.2.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};

use crate::bearer::BadCredentials;
use crate::issuer::error::{IssueError, IssueErrorKind};
use crate::issuer::routes::accounts::{AccountsError, Undecided};
use crate::issuer::sessions::error::{SessionError, SessionErrorKind};
use crate::rejection::{Answers, AuthError, AuthErrorKind, Format};

/// Every refusal of a class has the same bytes: a client must not learn whether a refresh token
/// was unknown, expired, used before, or of another client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    InvalidRequest,
    InvalidGrant,
    /// RFC 7009 section 2.1: the token is of another client.
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
    ServerError,
}

impl Refusal {
    /// The same refusal, and in the log why: a client is told no more than its class.
    pub(crate) fn because(self, reason: &'static str) -> Self {
        note(self, reason);
        self
    }

    fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest | Self::CrossSite => "invalid_request",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidClient => "invalid_client",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::TooManyAttempts { .. } => "too_many_attempts",
            Self::Unavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
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
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        if self == Self::CrossSite {
            // As from the layer: the same request is refused in the same words everywhere.
            let error = AuthError::new(AuthErrorKind::CrossSiteRequest);
            return Answers::default().refuse(error, &Format::Http);
        }
        let body = format!(r#"{{"error":"{}"}}"#, self.code());
        let json = HeaderValue::from_static("application/json");
        let mut response = (self.status(), [(CONTENT_TYPE, json)], body).into_response();
        if let Some(secs) = self.retry_after_secs() {
            response.headers_mut().insert(RETRY_AFTER, secs.into());
        }
        response
    }
}

impl From<BadCredentials> for Refusal {
    fn from(bad: BadCredentials) -> Self {
        match bad {
            BadCredentials::CrossSite => Self::CrossSite,
            _ => Self::InvalidRequest,
        }
    }
}

impl From<SessionError> for Refusal {
    fn from(error: SessionError) -> Self {
        trace(&error.kind(), !error.is_refusal(), &error);
        match error.kind() {
            _ if error.is_refusal() => Self::InvalidGrant,
            SessionErrorKind::Unavailable => Self::Unavailable,
            _ => Self::ServerError,
        }
    }
}

impl From<IssueError> for Refusal {
    fn from(error: IssueError) -> Self {
        let is_clients = error.kind() == IssueErrorKind::UnknownAudience;
        trace(&error.kind(), !is_clients, &error);
        if is_clients { Self::InvalidTarget } else { Self::ServerError }
    }
}

impl From<AccountsError> for Refusal {
    fn from(error: AccountsError) -> Self {
        match error.0 {
            Undecided::Failed(error) => {
                trace(&"accounts", true, &*error);
                Self::Unavailable
            }
            Undecided::TooManyAttempts(wait) => {
                // Who comes back as told must not be told to wait again for a fraction.
                let fraction = u64::from(wait.subsec_nanos() > 0);
                let retry_after_secs = wait.as_secs().saturating_add(fraction);
                Self::TooManyAttempts { retry_after_secs }.because("too many attempts")
            }
        }
    }
}

#[cfg(feature = "tracing")]
fn note(refusal: Refusal, reason: &'static str) {
    let code = refusal.code();
    if refusal == Refusal::ServerError {
        tracing::error!(code, reason, "request failed");
    } else {
        tracing::debug!(code, reason, "request refused");
    }
}

#[cfg(not(feature = "tracing"))]
fn note(_: Refusal, _: &'static str) {}

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
