//! What can be wrong with a key, with a token, and with claims to be signed.

use std::error::Error;
use std::fmt;

use crate::jwt::misfit::Misfit;

/// Why key material was refused.
///
/// ```
/// use tower_jwt_auth::{Secret, jwt::KeyErrorKind};
///
/// let error = Secret::new(b"too short").unwrap_err();
/// assert_eq!(error.kind(), KeyErrorKind::TooShort);
/// assert_eq!(
///     error.to_string(),
///     "the secret has 9 bytes and needs at least 32: make one with `openssl rand -base64 48`",
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyError {
    kind: KeyErrorKind,
    message: String,
}

/// The kind of a [`KeyError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyErrorKind {
    /// Fewer bytes than the hash of the algorithm puts out (RFC 7518 section 3.2).
    TooShort,
    /// Too few different bytes: a repeated character, zeroes, a placeholder.
    Predictable,
    /// Text that holds a key of another kind: PEM, DER, a JWK, an SSH public key.
    NotASecret,
    /// Not what the constructor reads: invalid base64, an unset variable, an unreadable file.
    Unreadable,
    /// An algorithm or a key type that cannot be used here.
    Unsupported,
    /// Members of a JWK that contradict each other or the use for signatures.
    Contradictory,
    /// A key identifier that is empty, over 256 bytes, or taken by another key of the set.
    BadId,
    /// A set without a key, or with more than 64.
    BadSetSize,
    /// The system's random number generator failed.
    NoRandomness,
}

impl KeyError {
    pub(crate) fn new(kind: KeyErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// What kind of error this is.
    pub fn kind(&self) -> KeyErrorKind {
        self.kind
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for KeyError {}

/// Why a token was refused. It holds nothing of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenError {
    kind: TokenErrorKind,
    misfit: Option<Misfit>,
}

/// The kind of a [`TokenError`], for logs and metrics; a client is told far less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenErrorKind {
    /// Longer than the configured limit.
    TooLarge,
    /// Not three base64url parts, or JSON that breaks a rule: encoding, UTF-8, a duplicate
    /// member, depth, a claim of the wrong type.
    Malformed,
    /// A header that asks for what is never done: `crit`, `b64`, `zip`, `enc`, a foreign `cty`.
    UnsupportedHeader,
    /// `typ` says that this is another kind of token.
    WrongType,
    /// No key has the token's `kid`, or none is for its `alg`.
    UnknownKey,
    /// The signature is not that of any key that may have made it: a forgery, or a server with the
    /// wrong secret. A derived one is base64: read it with `Secret::from_env_base64`.
    BadSignature,
    /// `iss` is not the configured issuer.
    WrongIssuer,
    /// `aud` names none of the configured audiences, or is there while none is configured.
    WrongAudience,
    /// A claim that is required is not there.
    MissingClaim,
    /// `exp` has come.
    Expired,
    /// `nbf` is still to come.
    NotYetValid,
    /// `iat` is still to come.
    IssuedInFuture,
    /// Valid for longer than the configured lifetime, or no `iat` to tell.
    LifetimeTooLong,
    /// `cnf` binds the token to a proof that is not checked here (RFC 7800, RFC 8705, RFC 9449).
    SenderConstrained,
    /// The claims do not fit the type they are read into; [`TokenError::misfit`] says which member.
    ClaimsMismatch,
    /// The token was revoked, or its session, or what its subject or key had.
    Revoked,
}

impl TokenError {
    pub(crate) fn with(kind: TokenErrorKind, misfit: Option<Misfit>) -> Self {
        Self { kind, misfit }
    }

    /// What kind of error this is.
    pub fn kind(&self) -> TokenErrorKind {
        self.kind
    }

    /// Which claim it was, if claims do not fit their type, or a registered one is missing or of
    /// the wrong type, and it could be found out.
    pub fn misfit(&self) -> Option<Misfit> {
        self.misfit
    }
}

impl From<TokenErrorKind> for TokenError {
    fn from(kind: TokenErrorKind) -> Self {
        Self { kind, misfit: None }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            TokenErrorKind::TooLarge => "the token is longer than the limit",
            TokenErrorKind::Malformed => "the token is malformed",
            TokenErrorKind::UnsupportedHeader => "the token's header asks for what is not done",
            TokenErrorKind::WrongType => "the token is of another type",
            TokenErrorKind::UnknownKey => "no key for the token's kid and alg",
            TokenErrorKind::BadSignature => "the signature does not match",
            TokenErrorKind::WrongIssuer => "the token is from another issuer",
            TokenErrorKind::WrongAudience => {
                "the token is for another audience, or for one at all while none is configured"
            }
            TokenErrorKind::MissingClaim => "a required claim is missing",
            TokenErrorKind::Expired => "the token has expired",
            TokenErrorKind::NotYetValid => "the token is not valid yet",
            TokenErrorKind::IssuedInFuture => "the token was issued in the future",
            TokenErrorKind::LifetimeTooLong => "the token is valid for too long",
            TokenErrorKind::SenderConstrained => "the token is bound to a proof not checked here",
            TokenErrorKind::ClaimsMismatch => "the claims do not fit their type",
            TokenErrorKind::Revoked => "the token is revoked",
        })?;
        self.misfit.map_or(Ok(()), |misfit| write!(f, ": {misfit}"))
    }
}

impl Error for TokenError {}

/// Why claims could not be signed: they are not a JSON object, or a member failed to serialize.
#[derive(Debug)]
pub struct SignError {
    source: Option<serde_json::Error>,
}

impl SignError {
    pub(crate) fn not_an_object() -> Self {
        Self { source: None }
    }
}

impl From<serde_json::Error> for SignError {
    fn from(source: serde_json::Error) -> Self {
        Self { source: Some(source) }
    }
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.source {
            None => "claims must serialize to a JSON object: use a struct or a map",
            Some(_) => "the claims could not be serialized",
        })
    }
}

impl Error for SignError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
