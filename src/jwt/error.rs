//! Errors in keys, and in claims that are to be signed.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// The reason why key material was rejected.
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
#[derive(Clone, Debug)]
pub struct KeyError {
    kind: KeyErrorKind,
    message: String,
    /// The cause of the error. It is in an `Arc` so that the error can be cloned.
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// The kind of a [`KeyError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyErrorKind {
    /// The secret has fewer bytes than the hash of the algorithm (RFC 7518 section 3.2), or the RSA
    /// key has fewer than 2048 bits (section 3.3).
    TooShort,
    /// The secret has too few different bytes. For example, it is a repeated character, zeroes, or
    /// a placeholder.
    Predictable,
    /// The text is not a secret but a key of another kind: PEM, DER, a JWK or an SSH public key.
    NotASecret,
    /// The constructor cannot read its input: invalid base64, an unset variable, an unreadable
    /// file.
    Unreadable,
    /// The key's algorithm or type is not supported.
    Unsupported,
    /// The members of a JWK contradict each other, the JWK does not allow signatures with the key,
    /// or the key is for another algorithm.
    Contradictory,
    /// The numbers do not form a valid key. Examples are a point that is not on its curve, an RSA
    /// exponent of 1, and a private key that does not belong to its public key.
    Invalid,
    /// A key identifier is empty, longer than 256 bytes, or used by another key of the set with the
    /// same algorithm.
    BadId,
    /// A key set contains no keys or more than 64 keys.
    BadSetSize,
    /// The system's random number generator failed.
    NoRandomness,
}

impl KeyError {
    pub(crate) fn new(kind: KeyErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// Adds the cause, whose messages must not contain key material.
    pub(crate) fn caused_by(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// Prefixes the message with the key's origin.
    pub(crate) fn read_from(mut self, origin: &str) -> Self {
        self.message = format!("{origin}: {}", self.message);
        self
    }

    /// Returns the kind of this error.
    pub fn kind(&self) -> KeyErrorKind {
        self.kind
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for KeyError {
    /// Returns the operating system's error, for an unreadable file.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as _)
    }
}

/// The reason why claims could not be signed.
///
/// ```
/// use tower_jwt_auth::{Key, Secret, jwt::{SignErrorKind, Signer}};
///
/// let signer = Signer::new(Key::hs256(Secret::generate()?));
/// assert_eq!(signer.sign("a text").unwrap_err().kind(), SignErrorKind::NotAnObject);
/// # Ok::<_, tower_jwt_auth::KeyError>(())
/// ```
#[derive(Debug)]
pub struct SignError {
    kind: SignErrorKind,
    source: Option<serde_json::Error>,
}

/// The kind of a [`SignError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignErrorKind {
    /// The claims serialize to JSON that is not an object.
    NotAnObject,
    /// The `Serialize` implementation of the claims failed; `source()` returns its error.
    Unserializable,
    /// The key is a public key, which can only verify.
    NoPrivateKey,
    /// The signature could not be computed, for example because the random number generator failed.
    Failed,
}

impl SignError {
    pub(crate) fn not_an_object() -> Self {
        Self { kind: SignErrorKind::NotAnObject, source: None }
    }

    pub(crate) fn no_private_key() -> Self {
        Self { kind: SignErrorKind::NoPrivateKey, source: None }
    }

    #[cfg(feature = "asymmetric")]
    pub(crate) fn failed() -> Self {
        Self { kind: SignErrorKind::Failed, source: None }
    }

    pub(crate) fn unserializable(source: serde_json::Error) -> Self {
        Self { kind: SignErrorKind::Unserializable, source: Some(source) }
    }

    /// Returns the kind of this error.
    pub fn kind(&self) -> SignErrorKind {
        self.kind
    }
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            SignErrorKind::NotAnObject => {
                "claims must serialize to a JSON object: use a struct or a map"
            }
            SignErrorKind::Unserializable => "the claims could not be serialized",
            SignErrorKind::NoPrivateKey => {
                "a public key cannot sign: use the key pair that it belongs to"
            }
            SignErrorKind::Failed => "the signature could not be computed",
        })
    }
}

impl Error for SignError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
