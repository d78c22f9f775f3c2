//! A key for one algorithm.

use std::fmt::{self, Debug};
use std::sync::Arc;

use crate::jwt::error::{KeyError, KeyErrorKind};
use crate::jwt::keys::algorithm::Algorithm;
use crate::jwt::keys::mac::Mac;
use crate::jwt::keys::secret::Secret;

pub(crate) const MAX_ID_LEN: usize = 256;

/// A key for exactly one algorithm.
///
/// The algorithm is fixed when the key is created, so the header of a token cannot choose it (RFC
/// 8725 section 3.1). A key for HS256 rejects every token with `alg: HS512`.
///
/// ```
/// use tower_jwt_auth::{Key, Secret};
///
/// let key = Key::hs256(Secret::generate()?).with_id("2026-11")?;
/// assert_eq!(key.id(), Some("2026-11"));
/// # Ok::<_, tower_jwt_auth::KeyError>(())
/// ```
#[derive(Clone)]
pub struct Key {
    algorithm: Algorithm,
    id: Option<Arc<str>>,
    mac: Mac,
}

impl Key {
    /// Creates a key for HMAC with SHA-256. Every [`Secret`] is long enough for it.
    pub fn hs256(secret: Secret) -> Self {
        Self { algorithm: Algorithm::Hs256, id: None, mac: Mac::hs256(secret.as_bytes()) }
    }

    /// Creates a key for HMAC with SHA-384.
    ///
    /// # Errors
    ///
    /// Returns [`KeyErrorKind::TooShort`] for a secret of fewer than 48 bytes.
    pub fn hs384(secret: Secret) -> Result<Self, KeyError> {
        long_enough(&secret, 48, Algorithm::Hs384)?;
        Ok(Self { algorithm: Algorithm::Hs384, id: None, mac: Mac::hs384(secret.as_bytes()) })
    }

    /// Creates a key for HMAC with SHA-512.
    ///
    /// # Errors
    ///
    /// Returns [`KeyErrorKind::TooShort`] for a secret of fewer than 64 bytes.
    pub fn hs512(secret: Secret) -> Result<Self, KeyError> {
        long_enough(&secret, 64, Algorithm::Hs512)?;
        Ok(Self { algorithm: Algorithm::Hs512, id: None, mac: Mac::hs512(secret.as_bytes()) })
    }

    /// Sets the key's identifier, which becomes the `kid` of the tokens that the key signs. By
    /// default a key has none.
    ///
    /// A token with a `kid` is checked only against the key with this identifier. A key without an
    /// identifier verifies only tokens without a `kid`. Use a name or a date. Never use a hash of
    /// the secret: `kid` is public, and an attacker could test guesses of the secret against the
    /// hash.
    ///
    /// # Errors
    ///
    /// Returns [`KeyErrorKind::BadId`] if the identifier is empty or longer than 256 bytes.
    pub fn with_id(mut self, id: impl AsRef<str>) -> Result<Self, KeyError> {
        let id = id.as_ref();
        if id.is_empty() || id.len() > MAX_ID_LEN {
            let message =
                format!("a key's identifier has 1 to {MAX_ID_LEN} bytes, not {}", id.len());
            return Err(KeyError::new(KeyErrorKind::BadId, message));
        }
        self.id = Some(Arc::from(id));
        Ok(self)
    }

    /// Returns the identifier that tokens name in `kid`, if the key has one.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Returns the algorithm of the key.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(crate) fn shared_id(&self) -> Option<Arc<str>> {
        self.id.clone()
    }

    pub(crate) fn mac(&self) -> &Mac {
        &self.mac
    }

    /// Returns true if `signature`, in base64url, is the signature of `message` by this key.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.mac.verify(message, signature)
    }
}

impl Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("algorithm", &self.algorithm)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl From<Secret> for Key {
    /// Creates a key for HS256 without an identifier.
    fn from(secret: Secret) -> Self {
        Self::hs256(secret)
    }
}

fn long_enough(secret: &Secret, least: usize, algorithm: Algorithm) -> Result<(), KeyError> {
    let len = secret.as_bytes().len();
    if len >= least {
        return Ok(());
    }
    let message = format!(
        "the secret has {len} bytes and {algorithm} needs at least {least}: \
         make one with `openssl rand -base64 72`, or use HS256"
    );
    Err(KeyError::new(KeyErrorKind::TooShort, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(len: u8) -> Secret {
        Secret::new((0..len).collect::<Vec<u8>>()).unwrap()
    }

    #[test]
    fn a_key_is_at_least_as_long_as_its_hash() {
        assert!(Secret::new((0..31).collect::<Vec<u8>>()).is_err());
        assert_eq!(Key::hs384(secret(47)).unwrap_err().kind(), KeyErrorKind::TooShort);
        assert_eq!(Key::hs512(secret(63)).unwrap_err().kind(), KeyErrorKind::TooShort);
        assert!(Key::hs384(secret(48)).is_ok() && Key::hs512(secret(64)).is_ok());
    }

    #[test]
    fn debug_shows_no_key_material() {
        let key = Key::hs256(secret(32)).with_id("x").unwrap();
        assert_eq!(format!("{key:?}"), r#"Key { algorithm: Hs256, id: Some("x"), .. }"#);
    }
}
