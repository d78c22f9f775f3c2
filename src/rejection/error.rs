//! The reason for a refusal.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::bearer::{BadCredentials, Challenge, Fault, OtherScheme, Sources};
use crate::jwt::{TokenError, TokenErrorKind};

/// The reason for a refusal. It contains nothing from the token and no text from the client.
///
/// An error has two texts. [`reason`](Self::reason) is for developers and logs: it names the claim,
/// the key, the scope or the setting that caused the refusal. `Display` is one short sentence per
/// [`kind`](Self::kind), which you may show to clients. A client could use more details to forge a
/// token, or to learn about the configuration of the server.
///
/// The error is in the extensions of every response that refuses a request. The following function
/// prints the code and the reason of this error:
///
/// ```
/// use http::Response;
/// use tower_jwt_auth::AuthError;
///
/// fn log<B>(response: Response<B>) -> Response<B> {
///     if let Some(error) = response.extensions().get::<AuthError>() {
///         eprintln!("{}: {}", error.code(), error.reason());
///     }
///     response
/// }
/// # log(Response::new(()));
/// // In axum, outside of the layer: `router.layer(auth).layer(axum::middleware::map_response(log))`
/// ```
///
/// [`guide::how_to::debug_a_401`](crate::guide::how_to::debug_a_401) lists the remedy for each
/// reason.
#[derive(Clone, Debug)]
pub struct AuthError {
    kind: AuthErrorKind,
    detail: AuthErrorDetail,
}

#[derive(Clone, Debug)]
enum AuthErrorDetail {
    None,
    Token(TokenError),
    /// The request has no credentials. Holds the sources that were searched. If the scheme in
    /// `Authorization` is not `Bearer`, also holds that scheme.
    Missing {
        sources: Arc<Sources>,
        other: Option<OtherScheme>,
    },
    /// Contains the scopes for the challenge, separated by spaces. Also contains a description of
    /// everything that the guard requires.
    Scope {
        scopes: Arc<str>,
        reason: Arc<str>,
    },
    Reason(Arc<str>),
    /// The keys could not be fetched. `retry_after` is the time until the next attempt.
    Keys {
        retry_after: Duration,
        reason: Arc<str>,
    },
}

/// The kind of an [`AuthError`]. The [table of answers](crate::guide::reference::answers) shows the
/// response for each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthErrorKind {
    /// The request has no credentials, or credentials of another scheme.
    MissingCredentials,
    /// The `Authorization` header, or another part of the request that can contain a token, is
    /// malformed.
    MalformedRequest,
    /// The request has several different credentials.
    AmbiguousCredentials,
    /// The token is longer than the limit.
    TokenTooLarge,
    /// The token is invalid for a reason other than expiry; [`AuthError::token_error`] returns the
    /// kind.
    InvalidToken,
    /// The token has expired and is valid in all other respects.
    TokenExpired,
    /// The token lacks a scope.
    InsufficientScope,
    /// A guard denied the request for a reason other than a missing scope.
    InsufficientRole,
    /// A cookie came with a request that another site made.
    CrossSiteRequest,
    /// The issuer's keys could not be fetched, so the signature could not be checked.
    KeysUnavailable,
    /// Revocation data is stale, so a revoked token could not be distinguished from a valid one.
    RevocationUnavailable,
    /// A guard or an extractor lacks the layer that it needs, or expects a different claims type.
    Misconfigured,
    /// Application code panicked while the request was checked.
    InternalError,
}

impl AuthError {
    pub(crate) fn new(kind: AuthErrorKind) -> Self {
        Self { kind, detail: AuthErrorDetail::None }
    }

    pub(crate) fn because(kind: AuthErrorKind, reason: impl Into<Arc<str>>) -> Self {
        Self { kind, detail: AuthErrorDetail::Reason(reason.into()) }
    }

    pub(crate) fn missing_credentials(sources: &Arc<Sources>, other: Option<OtherScheme>) -> Self {
        let detail = AuthErrorDetail::Missing { sources: Arc::clone(sources), other };
        Self { kind: AuthErrorKind::MissingCredentials, detail }
    }

    // This is not an implementation of `From`, since only this crate may create the error.
    pub(crate) fn of_token(token: TokenError) -> Self {
        let kind = match token.kind() {
            TokenErrorKind::TooLarge => AuthErrorKind::TokenTooLarge,
            TokenErrorKind::Expired => AuthErrorKind::TokenExpired,
            TokenErrorKind::Panicked => AuthErrorKind::InternalError,
            _ => AuthErrorKind::InvalidToken,
        };
        Self { kind, detail: AuthErrorDetail::Token(token) }
    }

    pub(crate) fn insufficient_scope(scopes: &[&str], reason: impl Into<Arc<str>>) -> Self {
        let detail =
            AuthErrorDetail::Scope { scopes: scopes.join(" ").into(), reason: reason.into() };
        Self { kind: AuthErrorKind::InsufficientScope, detail }
    }

    pub(crate) fn keys_unavailable(retry_after: Duration, reason: impl Into<Arc<str>>) -> Self {
        let detail = AuthErrorDetail::Keys { retry_after, reason: reason.into() };
        Self { kind: AuthErrorKind::KeysUnavailable, detail }
    }

    /// Returns the value of the header `Retry-After`, in whole seconds. Only responses with the
    /// status 503 have this header.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        match (self.kind, &self.detail) {
            (_, AuthErrorDetail::Keys { retry_after, .. }) => {
                let secs = retry_after.as_secs();
                Some(if retry_after.subsec_nanos() > 0 {
                    secs.saturating_add(1)
                } else {
                    secs.max(1)
                })
            }
            (AuthErrorKind::RevocationUnavailable, _) => Some(1),
            _ => None,
        }
    }

    /// Returns the kind of the error.
    pub fn kind(&self) -> AuthErrorKind {
        self.kind
    }

    /// Returns the whole reason in one sentence, for developers and logs.
    ///
    /// The reason names claims, keys, scopes, roles, token sources, types and configured values,
    /// and says by how many seconds a time is off. It never contains a value from the token or text
    /// from the client. Do not send the reason to clients: see [`AuthError`].
    ///
    /// ```
    /// use tower_jwt_auth::{JwtAuth, Secret};
    ///
    /// let auth = JwtAuth::new(Secret::generate()?);
    /// let error = auth.verify("not.a.token").unwrap_err();
    /// assert_eq!(error.to_string(), "the token is invalid");
    /// assert!(error.reason().contains("malformed"));
    /// # Ok::<_, tower_jwt_auth::KeyError>(())
    /// ```
    pub fn reason(&self) -> Cow<'_, str> {
        match &self.detail {
            AuthErrorDetail::Token(error) => error.to_string().into(),
            AuthErrorDetail::Missing { sources, other } => {
                let found = match other {
                    None => "the request has no access token".into(),
                    Some(OtherScheme::Known(scheme)) => {
                        format!("`Authorization` has the scheme `{scheme}` and not `Bearer`")
                    }
                    Some(OtherScheme::Unknown) => {
                        "`Authorization` has another scheme than `Bearer`".into()
                    }
                    Some(OtherScheme::Missing) => {
                        "`Authorization` has a value without `Bearer` and a space before it".into()
                    }
                };
                format!("{found}; searched: {sources}").into()
            }
            AuthErrorDetail::Scope { reason, .. }
            | AuthErrorDetail::Keys { reason, .. }
            | AuthErrorDetail::Reason(reason) => Cow::Borrowed(reason),
            AuthErrorDetail::None => Cow::Borrowed(match self.kind {
                AuthErrorKind::InternalError => {
                    "code of the application panicked: a token source, a clock, a guard, a claims \
                     type or the body of a refusal; the panic's own message says where"
                }
                kind => kind.summary(),
            }),
        }
    }

    /// Returns the [`TokenError`], if a rejected token caused the refusal. Use it only in logs and
    /// metrics: a client learns only that the token is invalid or expired.
    pub fn token_error(&self) -> Option<&TokenError> {
        match &self.detail {
            AuthErrorDetail::Token(error) => Some(error),
            _ => None,
        }
    }

    /// Returns the kind of `Authorization` header that the request has instead of a token: a header
    /// with a scheme other than `Bearer`, or a header without a scheme. Returns `None` in all other
    /// cases.
    pub fn other_scheme(&self) -> Option<OtherScheme> {
        match self.detail {
            AuthErrorDetail::Missing { other, .. } => other,
            _ => None,
        }
    }

    /// Returns the code for clients. The default body contains it as the member `code`, and as the
    /// fragment of the URL in the member `type`.
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
            AuthErrorKind::KeysUnavailable => "keys-unavailable",
            AuthErrorKind::RevocationUnavailable => "revocation-unavailable",
            AuthErrorKind::Misconfigured => "misconfigured",
            AuthErrorKind::InternalError => "internal-error",
        }
    }

    /// Returns the status of the response.
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
            AuthErrorKind::KeysUnavailable | AuthErrorKind::RevocationUnavailable => {
                StatusCode::SERVICE_UNAVAILABLE
            }
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
            // A new token would not help with these errors.
            AuthErrorKind::TokenTooLarge
            | AuthErrorKind::CrossSiteRequest
            | AuthErrorKind::KeysUnavailable
            | AuthErrorKind::RevocationUnavailable
            | AuthErrorKind::Misconfigured
            | AuthErrorKind::InternalError => None,
        }
    }

    /// Returns the scopes that the resource requires, separated by spaces.
    pub(crate) fn scopes(&self) -> &str {
        match &self.detail {
            AuthErrorDetail::Scope { scopes, .. } => scopes,
            _ => "",
        }
    }
}

impl AuthErrorKind {
    fn summary(self) -> &'static str {
        match self {
            Self::MissingCredentials => "no credentials",
            Self::MalformedRequest => "the authorization header is malformed",
            Self::AmbiguousCredentials => "there are several credentials and they differ",
            Self::TokenTooLarge => "the token is too large",
            Self::InvalidToken => "the token is invalid",
            Self::TokenExpired => "the token has expired",
            Self::InsufficientScope => "the token lacks a scope",
            Self::InsufficientRole => "the token does not allow this",
            Self::CrossSiteRequest => "the request was made by another site",
            Self::KeysUnavailable => "the keys of the issuer are not available",
            Self::RevocationUnavailable => "revocation data is stale",
            Self::Misconfigured => "the server is misconfigured",
            Self::InternalError => "the server failed",
        }
    }
}

impl From<Fault> for AuthError {
    fn from(fault: Fault) -> Self {
        let kind = match fault.bad {
            BadCredentials::Malformed => AuthErrorKind::MalformedRequest,
            BadCredentials::Ambiguous => AuthErrorKind::AmbiguousCredentials,
            BadCredentials::CrossSite => AuthErrorKind::CrossSiteRequest,
        };
        Self::because(kind, &*fault.reason)
    }
}

/// Writes one short sentence, which is the same for all errors of a kind and may be shown to
/// clients.
impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.summary())
    }
}

impl Error for AuthError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.token_error().map(|error| error as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(other: Option<OtherScheme>) -> String {
        AuthError::missing_credentials(&Arc::default(), other).reason().into_owned()
    }

    #[test]
    fn a_wrong_or_missing_scheme_differs_from_a_missing_header() {
        let expected = "the request has no access token; searched: `Authorization: Bearer`";
        assert_eq!(missing(None), expected);
        let basic = missing(Some(OtherScheme::Known("Basic")));
        assert!(basic.starts_with("`Authorization` has the scheme `Basic` and not"), "{basic}");
        let reasons =
            [basic, missing(Some(OtherScheme::Unknown)), missing(Some(OtherScheme::Missing))];
        assert!(reasons[0] != reasons[1] && reasons[1] != reasons[2]);
    }

    #[test]
    fn display_says_less_than_the_reason() {
        let error = AuthError::because(AuthErrorKind::Misconfigured, "`Claims<shop::Shopper>`");
        assert_eq!(error.to_string(), "the server is misconfigured");
        assert_eq!(error.reason(), "`Claims<shop::Shopper>`");
        let error = AuthError::of_token(TokenError::new(TokenErrorKind::BadSignature));
        assert_eq!(error.to_string(), "the token is invalid");
        assert!(error.reason().contains("signature"));
        assert!(AuthError::new(AuthErrorKind::InternalError).reason().contains("panicked"));
    }
}
