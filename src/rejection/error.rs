//! Why a request was refused.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use http::StatusCode;

use crate::bearer::{BadCredentials, Challenge};
use crate::jwt::{Misfit, TokenError, TokenErrorKind};

/// Why a request was refused. It holds nothing of the token.
///
/// It is in the extensions of every response that refuses, so that logs and metrics can count:
///
/// ```
/// use http::Response;
/// use tower_jwt_auth::AuthError;
///
/// fn count<B>(response: &Response<B>) {
///     if let Some(error) = response.extensions().get::<AuthError>() {
///         println!("refused: {} ({error})", error.code());
///     }
/// }
/// # count(&Response::new(()));
/// ```
#[derive(Clone, Debug)]
pub struct AuthError {
    kind: AuthErrorKind,
    token: Option<TokenError>,
    /// Required scopes, or what is misconfigured.
    text: Option<Arc<str>>,
}

/// The kind of an [`AuthError`]: one for each row of the table of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthErrorKind {
    /// No credentials, or none for this scheme.
    MissingCredentials,
    /// An `Authorization` header that is not one.
    MalformedRequest,
    /// Several credentials that differ.
    AmbiguousCredentials,
    /// A token longer than the limit.
    TokenTooLarge,
    /// Anything wrong with the token itself; [`AuthError::token_error`] says what.
    InvalidToken,
    /// A token that is right in all but its time.
    TokenExpired,
    /// The token lacks a scope.
    InsufficientScope,
    /// A guard refused for another reason than scope.
    InsufficientRole,
    /// A cookie came with a request that another site made.
    CrossSiteRequest,
    /// What is known to be revoked is too old to say whether the token is.
    RevocationUnavailable,
    /// A guard or an extractor without the layer it needs.
    Misconfigured,
    /// Code of the application panicked while it was asked about this request.
    InternalError,
}

impl AuthError {
    pub(crate) fn new(kind: AuthErrorKind) -> Self {
        Self { kind, token: None, text: None }
    }

    pub(crate) fn insufficient_scope(scopes: &[&str]) -> Self {
        let text = Some(Arc::from(scopes.join(" ")));
        Self { text, ..Self::new(AuthErrorKind::InsufficientScope) }
    }

    pub(crate) fn misconfigured(sentence: impl Into<Arc<str>>) -> Self {
        Self { text: Some(sentence.into()), ..Self::new(AuthErrorKind::Misconfigured) }
    }

    /// What kind of refusal this is.
    pub fn kind(&self) -> AuthErrorKind {
        self.kind
    }

    /// What was wrong with the token, where it was the token. For logs: a client is told no more
    /// than that it is invalid or expired.
    pub fn token_error(&self) -> Option<TokenErrorKind> {
        self.token.as_ref().map(TokenError::kind)
    }

    /// Which claim was wrong, if the token's claims do not fit their type, or a registered one is
    /// missing or of the wrong type. For logs as well; [`source`](Error::source) says both.
    pub fn misfit(&self) -> Option<&Misfit> {
        self.token.as_ref()?.misfit()
    }

    /// The name that a client reads: the last part of `type` in the body.
    pub fn code(&self) -> &'static str {
        match self.kind {
            AuthErrorKind::MissingCredentials => "missing-credentials",
            AuthErrorKind::MalformedRequest => "malformed-request",
            AuthErrorKind::AmbiguousCredentials => "ambiguous-credentials",
            AuthErrorKind::TokenTooLarge => "token-too-large",
            AuthErrorKind::InvalidToken => "invalid-token",
            AuthErrorKind::TokenExpired => "token-expired",
            AuthErrorKind::InsufficientScope => "insufficient-scope",
            AuthErrorKind::InsufficientRole => "insufficient-role",
            AuthErrorKind::CrossSiteRequest => "cross-site-request",
            AuthErrorKind::RevocationUnavailable => "revocation-unavailable",
            AuthErrorKind::Misconfigured => "misconfigured",
            AuthErrorKind::InternalError => "internal-error",
        }
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        match self.kind {
            AuthErrorKind::MissingCredentials
            | AuthErrorKind::InvalidToken
            | AuthErrorKind::TokenExpired => StatusCode::UNAUTHORIZED,
            AuthErrorKind::MalformedRequest | AuthErrorKind::AmbiguousCredentials => {
                StatusCode::BAD_REQUEST
            }
            AuthErrorKind::TokenTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            AuthErrorKind::InsufficientScope
            | AuthErrorKind::InsufficientRole
            | AuthErrorKind::CrossSiteRequest => StatusCode::FORBIDDEN,
            AuthErrorKind::RevocationUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            AuthErrorKind::Misconfigured | AuthErrorKind::InternalError => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    pub(crate) fn challenge(&self) -> Option<Challenge> {
        match self.kind {
            AuthErrorKind::MissingCredentials => Some(Challenge::Bare),
            AuthErrorKind::MalformedRequest | AuthErrorKind::AmbiguousCredentials => {
                Some(Challenge::InvalidRequest)
            }
            AuthErrorKind::InvalidToken => Some(Challenge::InvalidToken),
            AuthErrorKind::TokenExpired => Some(Challenge::Expired),
            AuthErrorKind::InsufficientScope | AuthErrorKind::InsufficientRole => {
                Some(Challenge::InsufficientScope)
            }
            // A new token would change nothing about these.
            AuthErrorKind::TokenTooLarge
            | AuthErrorKind::CrossSiteRequest
            | AuthErrorKind::RevocationUnavailable
            | AuthErrorKind::Misconfigured
            | AuthErrorKind::InternalError => None,
        }
    }

    /// The scopes that the resource needs, separated by spaces.
    pub(crate) fn scopes(&self) -> &str {
        match self.kind {
            AuthErrorKind::InsufficientScope => self.text.as_deref().unwrap_or_default(),
            _ => "",
        }
    }

    /// What is misconfigured, in a sentence for whoever can mend it.
    pub(crate) fn sentence(&self) -> Option<&str> {
        self.text.as_deref().filter(|_| self.kind == AuthErrorKind::Misconfigured)
    }
}

impl From<BadCredentials> for AuthError {
    fn from(bad: BadCredentials) -> Self {
        Self::new(match bad {
            BadCredentials::Malformed => AuthErrorKind::MalformedRequest,
            BadCredentials::Ambiguous => AuthErrorKind::AmbiguousCredentials,
            BadCredentials::CrossSite => AuthErrorKind::CrossSiteRequest,
        })
    }
}

impl From<TokenError> for AuthError {
    fn from(token: TokenError) -> Self {
        let kind = match token.kind() {
            TokenErrorKind::TooLarge => AuthErrorKind::TokenTooLarge,
            TokenErrorKind::Expired => AuthErrorKind::TokenExpired,
            _ => AuthErrorKind::InvalidToken,
        };
        Self { token: Some(token), ..Self::new(kind) }
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            AuthErrorKind::MissingCredentials => "no credentials",
            AuthErrorKind::MalformedRequest => "the authorization header is malformed",
            AuthErrorKind::AmbiguousCredentials => "there are several credentials and they differ",
            AuthErrorKind::TokenTooLarge => "the token is too large",
            AuthErrorKind::InvalidToken => "the token is invalid",
            AuthErrorKind::TokenExpired => "the token has expired",
            AuthErrorKind::InsufficientScope => "the token lacks a scope",
            AuthErrorKind::InsufficientRole => "the token does not allow this",
            AuthErrorKind::CrossSiteRequest => "the request was made by another site",
            AuthErrorKind::RevocationUnavailable => "what is known to be revoked is too old",
            AuthErrorKind::Misconfigured => self.sentence().unwrap_or("misconfigured"),
            AuthErrorKind::InternalError => "code of the application panicked",
        })
    }
}

impl Error for AuthError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.token.as_ref().map(|token| token as _)
    }
}
