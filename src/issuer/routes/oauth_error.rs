//! Error responses with the codes of RFC 6749 section 5.2.

use std::borrow::Cow;
use std::error::Error;
use std::iter::successors;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde_json::json;

use crate::bearer::{BadCredentials, Fault};
use crate::issuer::error::{IssueError, IssueErrorKind};
use crate::issuer::routes::accounts::{AccountsError, Undecided};
use crate::issuer::sessions::error::{SessionError, SessionErrorKind};
use crate::rejection::{Answers, AuthError, AuthErrorKind, Format};
#[cfg(feature = "tracing")]
use crate::rejection::{LogLimit, Loud};

/// An error response and the reason for it. Both are written to the [`ErrorLog`] once the response
/// is complete.
#[derive(Clone, Debug)]
pub(crate) struct OAuthError {
    kind: OAuthErrorKind,
    /// The text for logs. If the kind has no fixed description, the client also gets this text. It
    /// may name parameters, claims and sizes, but never contains a value from the request.
    reason: Cow<'static, str>,
    /// The messages of the errors that caused this one, for logs only.
    cause: Option<String>,
}

/// The kind of an [`OAuthError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OAuthErrorKind {
    InvalidRequest,
    WrongCredentials,
    /// A refresh token that cannot be exchanged. All responses to such tokens have the same bytes:
    /// a client must not learn whether the token was unknown, expired, used before, or issued to
    /// another client.
    BadToken,
    /// The `client_id` of the request does not belong to the client for which the token or the
    /// grant was issued.
    InvalidClient,
    InvalidScope,
    /// The `invalid_target` error of RFC 8707 section 2.
    InvalidTarget,
    UnsupportedGrantType,
    /// The `unsupported_token_type` error of RFC 7009 section 2.2.1.
    UnsupportedTokenType,
    CrossSite,
    TooManyAttempts {
        retry_after_secs: u64,
    },
    Unavailable,
    /// A call to the application's `Accounts` failed.
    AccountsFailed,
    /// The claims of the account are too large for a token, or for the cookie that contains the
    /// token.
    TooManyClaims,
    ServerError,
}

impl OAuthErrorKind {
    /// Returns an error of this kind with this reason.
    pub(crate) fn because(self, reason: impl Into<Cow<'static, str>>) -> OAuthError {
        OAuthError { kind: self, reason: reason.into(), cause: None }
    }

    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest | Self::CrossSite => "invalid_request",
            Self::WrongCredentials | Self::BadToken => "invalid_grant",
            Self::InvalidClient => "invalid_client",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::TooManyAttempts { .. } => "too_many_attempts",
            Self::Unavailable | Self::AccountsFailed => "temporarily_unavailable",
            Self::TooManyClaims | Self::ServerError => "server_error",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable | Self::AccountsFailed => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooManyClaims | Self::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    pub(crate) fn retry_after_secs(self) -> Option<u64> {
        match self {
            Self::TooManyAttempts { retry_after_secs } => Some(retry_after_secs),
            Self::Unavailable | Self::AccountsFailed => Some(1),
            _ => None,
        }
    }

    /// Returns the description that all responses of this kind contain. Returns `None` if each
    /// response contains its own reason instead.
    fn description(self) -> Option<&'static str> {
        Some(match self {
            Self::WrongCredentials => "the credentials are wrong",
            Self::BadToken => {
                "the refresh token is unknown, expired, used, ended or of another client: log in \
                 again"
            }
            Self::TooManyAttempts { .. } => "too many attempts: try again later",
            Self::Unavailable | Self::AccountsFailed => {
                "the server cannot answer now: send the same request again"
            }
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
    /// Returns the error for a request in which application code panicked.
    pub(crate) fn panicked() -> Self {
        OAuthErrorKind::ServerError.because("code of the application panicked")
    }

    pub(crate) fn kind(&self) -> OAuthErrorKind {
        self.kind
    }

    pub(crate) fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns true if the server failed. In that case, the same request may succeed later.
    pub(crate) fn is_failure(&self) -> bool {
        self.kind.status().is_server_error()
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let mut response = self.response();
        response.extensions_mut().insert(self);
        response
    }
}

impl OAuthError {
    /// Returns the response, without the error in its extensions.
    pub(crate) fn response(&self) -> Response {
        if self.kind == OAuthErrorKind::CrossSite {
            // Use the response with which `JwtAuth` refuses a cross-site request.
            let error = AuthError::because(AuthErrorKind::CrossSiteRequest, &*self.reason);
            return Answers::without_layer().refuse(error, Format::Http);
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
        let kind = match error.kind() {
            _ if error.is_refusal() => OAuthErrorKind::BadToken,
            SessionErrorKind::Unavailable => OAuthErrorKind::Unavailable,
            _ => OAuthErrorKind::ServerError,
        };
        // Log the cause of this error, but no deeper cause. A deeper cause may be a database error,
        // which may quote a row.
        let cause = error.source().map(ToString::to_string);
        Self { cause, ..kind.because(error.to_string()) }
    }
}

impl From<IssueError> for OAuthError {
    fn from(error: IssueError) -> Self {
        let kind = match error.kind() {
            IssueErrorKind::UnknownAudience => OAuthErrorKind::InvalidTarget,
            IssueErrorKind::TooLarge => OAuthErrorKind::TooManyClaims,
            _ => OAuthErrorKind::ServerError,
        };
        kind.because(error.to_string())
    }
}

impl From<AccountsError> for OAuthError {
    fn from(error: AccountsError) -> Self {
        match error.0 {
            Undecided::Failed(error) => {
                // The application's error may contain anything, so it is only logged, and the
                // client does not get it.
                let texts = successors(Some::<&dyn Error>(&*error), |&error| error.source());
                let cause = texts.map(ToString::to_string).collect::<Vec<_>>().join(": ");
                Self {
                    cause: Some(cause),
                    ..OAuthErrorKind::AccountsFailed.because("the accounts failed")
                }
            }
            Undecided::TooManyAttempts(wait) => {
                // The time is rounded up. Otherwise a client that waits for this number of seconds
                // could send its next attempt too early.
                let fraction = u64::from(wait.subsec_nanos() > 0);
                let retry_after_secs = wait.as_secs().saturating_add(fraction);
                OAuthErrorKind::TooManyAttempts { retry_after_secs }.because("too many attempts")
            }
        }
    }
}

/// The cause of a failed login at an OpenID or OAuth provider.
#[cfg(feature = "openid-login")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoginFailureCause {
    /// The client caused the failure, for instance with an invalid parameter.
    Client,
    /// The query of a callback reports the failure. Any client can send such a query, so the
    /// provider may not have written it.
    Callback,
    /// The provider, its configuration or this server caused the failure.
    Server,
}

/// The error log of the routes. At the default log level, the number of lines is limited, so that
/// clients cannot fill the log. Each cause of an error has a separate limit. A client may be able
/// to cause errors in the application's [`Accounts`](crate::issuer::Accounts), for instance with a
/// name that a database rejects. These errors must not suppress reports of store failures.
#[derive(Default)]
pub(crate) struct ErrorLog {
    #[cfg(feature = "tracing")]
    store: LogLimit,
    #[cfg(feature = "tracing")]
    accounts: LogLimit,
    #[cfg(feature = "tracing")]
    claims: LogLimit,
    #[cfg(feature = "tracing")]
    server: LogLimit,
    #[cfg(all(feature = "tracing", feature = "openid-login"))]
    callbacks: LogLimit,
    #[cfg(all(feature = "tracing", feature = "openid-login"))]
    providers: LogLimit,
}

impl ErrorLog {
    /// Logs the error of a response. Server failures are logged at ERROR, at most ten times a
    /// minute for each cause. Further failures and all other errors are logged at DEBUG.
    #[cfg(feature = "tracing")]
    pub(crate) fn write(&self, error: &OAuthError) {
        let (code, reason, cause) = (error.kind.code(), error.reason(), error.cause.as_deref());
        if !error.is_failure() {
            tracing::debug!(code, reason, cause, "request refused");
            return;
        }
        let limit = match error.kind {
            OAuthErrorKind::Unavailable => &self.store,
            OAuthErrorKind::AccountsFailed => &self.accounts,
            OAuthErrorKind::TooManyClaims => &self.claims,
            _ => &self.server,
        };
        if let Some(Loud { suppressed }) = limit.admit() {
            tracing::error!(code, reason, cause, suppressed, "request failed");
        } else {
            tracing::debug!(code, reason, cause, "request failed");
        }
    }

    /// Logs a failed login at an OpenID or OAuth provider. The number of lines at ERROR is limited
    /// for each cause. Failures with the same cause share one limit, even if they belong to
    /// different providers.
    #[cfg(all(feature = "tracing", feature = "openid-login"))]
    pub(crate) fn write_login_failure(
        &self,
        code: &str,
        reason: &str,
        provider: Option<&str>,
        cause: LoginFailureCause,
    ) {
        let limit = match cause {
            LoginFailureCause::Client => {
                tracing::debug!(code, reason, provider, "login refused");
                return;
            }
            LoginFailureCause::Callback => &self.callbacks,
            LoginFailureCause::Server => &self.providers,
        };
        if let Some(Loud { suppressed }) = limit.admit() {
            tracing::error!(code, reason, provider, suppressed, "login failed");
        } else {
            tracing::debug!(code, reason, provider, "login failed");
        }
    }

    #[cfg(all(not(feature = "tracing"), feature = "openid-login"))]
    pub(crate) fn write_login_failure(
        &self,
        _: &str,
        _: &str,
        _: Option<&str>,
        _: LoginFailureCause,
    ) {
    }

    #[cfg(not(feature = "tracing"))]
    pub(crate) fn write(&self, error: &OAuthError) {
        let _ = &error.cause;
    }
}
