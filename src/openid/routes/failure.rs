//! A failed login at a provider.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Debug, Display};

use http::StatusCode;

use crate::issuer::LoginError;
use crate::issuer::routes::oauth_error::{ErrorLog, LoginFailureCause, OAuthError, OAuthErrorKind};
use crate::issuer::{AccountsError, SessionError};
use crate::openid::provider::error::{ProviderError, ProviderErrorKind};
use crate::random::NoRandomness;

/// A failed login at a provider. It contains a sentence for the user's page, and a reason that is
/// meant for developers.
///
/// By default the user sees a small page with the [`sentence`](Self::sentence).
/// [`OpenIdLogin::with_error_page`](crate::openid::OpenIdLogin::with_error_page) replaces the page.
/// The failure is also in the extensions of the response, where layers around the routes can read
/// it.
///
/// `Display` shows the [`reason`](Self::reason).
#[derive(Clone)]
pub struct LoginFailure {
    /// Boxed, because few logins fail, and unboxed details would make every `Result` larger.
    details: Box<Details>,
}

#[derive(Clone)]
struct Details {
    kind: LoginFailureKind,
    reason: Cow<'static, str>,
    /// The application's message to the user, if the application refused the login.
    sentence: Option<String>,
    provider: Option<String>,
    return_to: Option<String>,
    /// The OAuth error from which the failure was created, if there is one. The route `/login`
    /// returns such an error to its client.
    login_error: Option<OAuthError>,
    is_logged: bool,
    /// True if the failure was read from the query of a callback request.
    is_reported: bool,
}

/// The kind of a [`LoginFailure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LoginFailureKind {
    /// The path names a provider that is not configured (404).
    UnknownProvider,
    /// The route does not support the method of the request (405).
    MethodNotAllowed,
    /// A page of another site began the login (403).
    CrossSite,
    /// A parameter is missing, is too long, occurs twice or has an invalid value (400).
    InvalidRequest,
    /// The page requested an unknown scope or audience, or one that is not granted to the user
    /// (400).
    AccessNotGranted,
    /// This browser has not begun the login, or has already finished it (400). An attacker may have
    /// tried to log the user in to the attacker's account.
    UnknownLogin,
    /// The login began more than ten minutes ago (400).
    Expired,
    /// The callback does not belong to the provider with which the login began (400).
    WrongProvider,
    /// The provider denied the login, for instance because the user did not consent (403).
    Denied,
    /// The provider rejected the code (400). It was used before, or has expired.
    CodeRejected,
    /// The provider reported an error. The status of this server's response is 502.
    ProviderFailed,
    /// The provider is down or slow, or too many logins are in progress (503).
    ProviderUnavailable,
    /// The provider's ID token or user info is invalid, or belongs to another login (502).
    InvalidIdentity,
    /// The configuration does not fit the provider (500).
    Misconfigured,
    /// The user must log in again to link an account (403): the browser has no session, the
    /// session's login is too old, or the link began in a different session.
    FreshLoginRequired,
    /// The application refused the login (403).
    Refused,
    /// The provider's tokens are too large for the session (500).
    TokensTooLarge,
    /// The application refused the login, since there were too many attempts (429).
    TooManyAttempts,
    /// The session store or the accounts cannot answer now (503).
    Unavailable,
    /// The server or the application's code failed (500).
    ServerError,
}

impl LoginFailureKind {
    pub(crate) fn because(self, reason: impl Into<Cow<'static, str>>) -> LoginFailure {
        let details = Details {
            kind: self,
            reason: reason.into(),
            sentence: None,
            provider: None,
            return_to: None,
            login_error: None,
            is_logged: false,
            is_reported: false,
        };
        LoginFailure { details: Box::new(details) }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::UnknownProvider => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::InvalidRequest
            | Self::AccessNotGranted
            | Self::UnknownLogin
            | Self::Expired
            | Self::WrongProvider
            | Self::CodeRejected => StatusCode::BAD_REQUEST,
            Self::CrossSite | Self::Denied | Self::FreshLoginRequired | Self::Refused => {
                StatusCode::FORBIDDEN
            }
            Self::TooManyAttempts => StatusCode::TOO_MANY_REQUESTS,
            Self::ProviderFailed | Self::InvalidIdentity => StatusCode::BAD_GATEWAY,
            Self::ProviderUnavailable | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Misconfigured | Self::TokensTooLarge | Self::ServerError => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::UnknownProvider => "unknown_provider",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::CrossSite => "cross_site_request",
            Self::InvalidRequest => "invalid_request",
            Self::AccessNotGranted => "access_not_granted",
            Self::UnknownLogin => "unknown_login",
            Self::Expired => "login_expired",
            Self::WrongProvider => "wrong_provider",
            Self::Denied => "access_denied",
            Self::CodeRejected => "code_rejected",
            Self::ProviderFailed => "provider_failed",
            Self::ProviderUnavailable => "provider_unavailable",
            Self::InvalidIdentity => "invalid_identity",
            Self::Misconfigured => "provider_misconfigured",
            Self::FreshLoginRequired => "fresh_login_required",
            Self::Refused => "login_refused",
            Self::TokensTooLarge => "tokens_too_large",
            Self::TooManyAttempts => "too_many_attempts",
            Self::Unavailable => "temporarily_unavailable",
            Self::ServerError => "server_error",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::UnknownProvider => "There is no such way to log in here.",
            Self::MethodNotAllowed => "This address cannot be used in this way.",
            Self::CrossSite => {
                "Another website tried to start this login. If you want to log in, start on our own \
                 page."
            }
            Self::InvalidRequest => "The request to log in is not valid. Please log in again.",
            Self::AccessNotGranted => "Your account does not have the access that was asked for.",
            Self::UnknownLogin => {
                "This login was not started in this browser, is already finished, or took longer \
                 than ten minutes. Please log in again."
            }
            Self::Expired => "The login took longer than ten minutes. Please log in again.",
            Self::WrongProvider => {
                "The answer came from another service than the one you chose. Please log in again."
            }
            Self::Denied => "You are not logged in, because access was not granted.",
            Self::CodeRejected => "The login has expired or was already used. Please log in again.",
            Self::ProviderFailed => {
                "The service that you log in with reported an error. Please try again later."
            }
            Self::ProviderUnavailable => {
                "The service that you log in with does not answer. Please try again in a moment."
            }
            Self::InvalidIdentity => {
                "The answer of the service that you log in with cannot be trusted. Please log in \
                 again."
            }
            Self::Misconfigured => {
                "This way to log in does not work at the moment. Please try another one."
            }
            Self::FreshLoginRequired => {
                "Please log in to your account again, and then connect the other account within \
                 five minutes."
            }
            Self::Refused => "You cannot log in with this account.",
            Self::TokensTooLarge | Self::ServerError => {
                "The login failed because of an error on our side."
            }
            Self::TooManyAttempts => "Too many attempts. Please try again later.",
            Self::Unavailable => "We cannot log you in at the moment. Please try again.",
        }
    }
}

impl LoginFailure {
    /// Returns the kind of the failure.
    pub fn kind(&self) -> LoginFailureKind {
        self.details.kind
    }

    /// Returns the status of the built-in page.
    pub fn status(&self) -> StatusCode {
        self.details.kind.status()
    }

    /// Returns the error code, such as `access_denied` or `invalid_scope`.
    pub fn code(&self) -> &'static str {
        match (self.details.kind, &self.details.login_error) {
            (LoginFailureKind::AccessNotGranted, Some(error)) => error.kind().code(),
            (kind, _) => kind.code(),
        }
    }

    /// Returns a sentence for the user, in English. If the application refused the login, returns
    /// the application's sentence from
    /// [`LoginDecision::Refuse`](crate::openid::LoginDecision::Refuse) instead. The sentence is
    /// plain text, which a page must escape. The sentences of this crate contain nothing from the
    /// request.
    pub fn sentence(&self) -> &str {
        self.details.sentence.as_deref().unwrap_or(self.details.kind.sentence())
    }

    /// Returns the reason for the failure, which is meant for developers. The reason is also in the
    /// log. Do not show it to the user. It contains no code, token, secret or claim value.
    pub fn reason(&self) -> &str {
        &self.details.reason
    }

    /// Returns the name of the provider, or `None` if the path does not name a configured provider.
    pub fn provider(&self) -> Option<&str> {
        self.details.provider.as_deref()
    }

    /// Returns the path to which the browser would have returned after the login. Returns `None` if
    /// the path is unknown, for example because another browser began the login. A page can offer a
    /// new login with the same path. The path belongs to this site. A page must escape it, since it
    /// may contain quotes.
    pub fn return_to(&self) -> Option<&str> {
        self.details.return_to.as_deref()
    }

    /// Returns the number of seconds after which a repeated login may succeed, for `Retry-After`.
    pub fn retry_after_secs(&self) -> Option<u64> {
        match (self.details.kind, &self.details.login_error) {
            (LoginFailureKind::ProviderUnavailable, _) => Some(1),
            (_, error) => error.as_ref()?.kind().retry_after_secs(),
        }
    }

    pub(crate) fn refused(sentence: String) -> Self {
        let mut failure = LoginFailureKind::Refused.because("`log_in_with` refused the login");
        failure.details.sentence = Some(sentence).filter(|sentence| !sentence.is_empty());
        failure
    }

    /// Returns the failure for application code that panicked.
    pub(crate) fn panicked() -> Self {
        LoginFailureKind::ServerError.because("code of the application panicked")
    }

    /// Marks a failure that was read from the query of a callback request. Any client can send such
    /// a query, so the log has a separate limit for these failures.
    pub(crate) fn reported(mut self) -> Self {
        self.details.is_reported = true;
        self
    }

    pub(crate) fn at_provider(mut self, provider: &str) -> Self {
        self.details.provider = Some(provider.to_owned());
        self
    }

    pub(crate) fn returning_to(mut self, path: &str) -> Self {
        self.details.return_to = Some(path.to_owned());
        self
    }

    /// Logs the failure, unless the routes have logged it already.
    pub(crate) fn log(&self, log: &ErrorLog) {
        match &self.details.login_error {
            _ if self.details.is_logged => {}
            Some(error) => log.write(error),
            None => {
                let cause = if !self.status().is_server_error() {
                    LoginFailureCause::Client
                } else if self.details.is_reported {
                    LoginFailureCause::Callback
                } else {
                    LoginFailureCause::Server
                };
                log.write_login_failure(self.code(), &self.details.reason, self.provider(), cause);
            }
        }
    }
}

/// Conversions of errors whose types are public. These are not `From` implementations, since
/// applications could then create a failure.
impl LoginFailure {
    pub(crate) fn of_login(error: LoginError) -> Self {
        let mut failure = Self::from(error.0);
        failure.details.is_logged = true;
        failure
    }

    pub(crate) fn of_accounts(error: AccountsError) -> Self {
        OAuthError::from(error).into()
    }

    pub(crate) fn of_session(error: SessionError) -> Self {
        if error.is_refusal() {
            let reason = format!("the browser has no live session to link to: {error}");
            return LoginFailureKind::FreshLoginRequired.because(reason);
        }
        OAuthError::from(error).into()
    }
}

impl From<OAuthError> for LoginFailure {
    fn from(error: OAuthError) -> Self {
        let kind = match error.kind() {
            OAuthErrorKind::CrossSite => LoginFailureKind::CrossSite,
            OAuthErrorKind::InvalidRequest => LoginFailureKind::InvalidRequest,
            OAuthErrorKind::InvalidScope
            | OAuthErrorKind::InvalidTarget
            | OAuthErrorKind::InvalidClient => LoginFailureKind::AccessNotGranted,
            OAuthErrorKind::TooManyAttempts { .. } => LoginFailureKind::TooManyAttempts,
            OAuthErrorKind::Unavailable | OAuthErrorKind::AccountsFailed => {
                LoginFailureKind::Unavailable
            }
            _ => LoginFailureKind::ServerError,
        };
        let mut failure = kind.because(error.reason().to_owned());
        failure.details.login_error = Some(error);
        failure
    }
}

impl From<ProviderError> for LoginFailure {
    fn from(error: ProviderError) -> Self {
        let kind = match error.kind() {
            ProviderErrorKind::Unavailable => LoginFailureKind::ProviderUnavailable,
            ProviderErrorKind::CodeRefused => LoginFailureKind::CodeRejected,
            ProviderErrorKind::IdTokenRejected | ProviderErrorKind::UserInfoRejected => {
                LoginFailureKind::InvalidIdentity
            }
            ProviderErrorKind::WrongIssuer => LoginFailureKind::WrongProvider,
            ProviderErrorKind::Misconfigured => LoginFailureKind::Misconfigured,
        };
        kind.because(error.reason().to_owned())
    }
}

impl From<NoRandomness> for LoginFailure {
    fn from(error: NoRandomness) -> Self {
        LoginFailureKind::ServerError.because(error.to_string())
    }
}

impl Display for LoginFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.details.reason)
    }
}

impl Debug for LoginFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginFailure")
            .field("kind", &self.details.kind)
            .field("provider", &self.details.provider)
            .field("reason", &self.details.reason)
            .finish_non_exhaustive()
    }
}

impl Error for LoginFailure {}
