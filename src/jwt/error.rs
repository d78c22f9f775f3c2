//! Errors of keys and of claims to be signed.

use std::error::Error;
use std::fmt;

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
