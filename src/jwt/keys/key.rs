//! One key, for one algorithm.

use std::fmt::{self, Debug};
use std::sync::Arc;

use jsonwebtoken::jwk::{self, AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey};

use crate::jwt::error::{KeyError, KeyErrorKind};
use crate::jwt::keys::mac::Mac;
use crate::jwt::keys::secret::Secret;

pub(crate) const MAX_ID_LEN: usize = 256;

/// A key and the one algorithm it is for.
///
/// The algorithm is fixed when the key is made, so a token's header can never choose it (RFC 8725
/// section 3.1): a key for HS256 refuses a token that says HS512, whoever signed it.
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
    /// A key for HMAC with SHA-256. Every [`Secret`] is long enough for it.
    pub fn hs256(secret: Secret) -> Self {
        Self { algorithm: Algorithm::HS256, id: None, mac: Mac::hs256(secret.as_bytes()) }
    }

    /// A key for HMAC with SHA-384.
    ///
    /// # Errors
    ///
    /// A secret of fewer than 48 bytes.
    pub fn hs384(secret: Secret) -> Result<Self, KeyError> {
        long_enough(&secret, 48, "HS384")?;
        Ok(Self { algorithm: Algorithm::HS384, id: None, mac: Mac::hs384(secret.as_bytes()) })
    }

    /// A key for HMAC with SHA-512.
    ///
    /// # Errors
    ///
    /// A secret of fewer than 64 bytes.
    pub fn hs512(secret: Secret) -> Result<Self, KeyError> {
        long_enough(&secret, 64, "HS512")?;
        Ok(Self { algorithm: Algorithm::HS512, id: None, mac: Mac::hs512(secret.as_bytes()) })
    }

    /// The key in a JWK (RFC 7517), with its `kid` if it has one. `alg` is required: without it
    /// the key would not say which algorithm it is for.
    ///
    /// # Errors
    ///
    /// Anything but an `oct` key; no `alg`, or one that is not HS256, HS384 or HS512; `use` other
    /// than `sig`; `key_ops` without `verify`; and as [`Secret::new`].
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, KeyError> {
        let AlgorithmParameters::OctetKey(parameters) = &jwk.algorithm else {
            let message =
                "this JWK is no shared secret: it needs `kty` of `oct` and the secret in `k`";
            return Err(KeyError::new(KeyErrorKind::Unsupported, message));
        };
        let common = &jwk.common;
        let contradiction = |message: &str| KeyError::new(KeyErrorKind::Contradictory, message);
        if common
            .public_key_use
            .as_ref()
            .is_some_and(|r#use| *r#use != jwk::PublicKeyUse::Signature)
        {
            return Err(contradiction("the JWK's `use` is not `sig`"));
        }
        if common
            .key_operations
            .as_ref()
            .is_some_and(|ops| !ops.contains(&jwk::KeyOperations::Verify))
        {
            return Err(contradiction("the JWK's `key_ops` have no `verify`"));
        }
        let secret = Secret::from_base64(&parameters.value)?;
        let key = match common.key_algorithm {
            Some(jwk::KeyAlgorithm::HS256) => Self::hs256(secret),
            Some(jwk::KeyAlgorithm::HS384) => Self::hs384(secret)?,
            Some(jwk::KeyAlgorithm::HS512) => Self::hs512(secret)?,
            Some(_) => return Err(contradiction("the JWK's `alg` is not one of its `kty`")),
            None => {
                let message = "the JWK has no `alg`: add \"alg\":\"HS256\" or what its issuer uses";
                return Err(KeyError::new(KeyErrorKind::Unsupported, message));
            }
        };
        match &common.key_id {
            Some(id) => key.with_id(id),
            None => Ok(key),
        }
    }

    /// The same key under an identifier: the `kid` of the tokens that it signs.
    ///
    /// A token with a `kid` is checked against the key of that identifier and no other; a key
    /// without one serves only tokens without one. Take a name or a date. Never derive it from
    /// the secret by a plain hash: `kid` is public, and a hash can be guessed against.
    ///
    /// # Errors
    ///
    /// An identifier that is empty or over 256 bytes.
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

    /// The identifier that tokens name in `kid`, if the key has one.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The algorithm that the key is for.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(crate) fn shared_id(&self) -> Option<Arc<str>> {
        self.id.clone()
    }

    pub(crate) fn mac(&self) -> &Mac {
        &self.mac
    }

    /// Whether `signature`, base64url, is this key's over `message`.
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
    /// A key for HS256 without an identifier.
    fn from(secret: Secret) -> Self {
        Self::hs256(secret)
    }
}

impl TryFrom<&DecodingKey> for Key {
    type Error = KeyError;

    /// The HS256 key that a `jsonwebtoken` user already holds.
    fn try_from(key: &DecodingKey) -> Result<Self, KeyError> {
        match (key.family(), key.try_get_as_bytes()) {
            (AlgorithmFamily::Hmac, Ok(bytes)) => Secret::new(bytes).map(Self::hs256),
            _ => Err(not_hmac()),
        }
    }
}

impl TryFrom<&EncodingKey> for Key {
    type Error = KeyError;

    /// The HS256 key that a `jsonwebtoken` user already holds.
    fn try_from(key: &EncodingKey) -> Result<Self, KeyError> {
        match key.family() {
            AlgorithmFamily::Hmac => Secret::new(key.as_bytes()).map(Self::hs256),
            _ => Err(not_hmac()),
        }
    }
}

fn not_hmac() -> KeyError {
    let message = "only HMAC keys convert: this one is for public-key signatures";
    KeyError::new(KeyErrorKind::Unsupported, message)
}

fn long_enough(secret: &Secret, least: usize, algorithm: &str) -> Result<(), KeyError> {
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
    fn contradictory_jwks_are_refused() {
        let k = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let parse = |rest: &str| {
            let jwk: Jwk =
                serde_json::from_str(&format!(r#"{{"kty":"oct","k":"{k}"{rest}}}"#)).unwrap();
            Key::from_jwk(&jwk).map_err(|error| error.kind())
        };
        assert_eq!(parse(r#","alg":"HS512","kid":"a""#).unwrap().id(), Some("a"));
        assert_eq!(parse("").unwrap_err(), KeyErrorKind::Unsupported);
        for rest in [
            r#","alg":"RS256""#,
            r#","alg":"HS256","use":"enc""#,
            r#","alg":"HS256","key_ops":["sign"]"#,
        ] {
            assert_eq!(parse(rest).unwrap_err(), KeyErrorKind::Contradictory, "{rest}");
        }
    }

    #[test]
    fn debug_shows_no_key_material() {
        let key = Key::hs256(secret(32)).with_id("x").unwrap();
        assert_eq!(format!("{key:?}"), r#"Key { algorithm: HS256, id: Some("x"), .. }"#);
    }

    #[test]
    fn hmac_keys_of_jsonwebtoken_convert_and_others_do_not() {
        let bytes: Vec<u8> = (0..40).collect();
        assert!(Key::try_from(&DecodingKey::from_secret(&bytes)).is_ok());
        assert!(Key::try_from(&EncodingKey::from_secret(&bytes)).is_ok());
        assert!(Key::try_from(&DecodingKey::from_secret(&bytes[..8])).is_err());
        assert!(Key::try_from(&DecodingKey::from_rsa_der(&bytes)).is_err());
    }
}
