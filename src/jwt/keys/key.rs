//! A key for one algorithm.

use std::fmt::{self, Debug};
use std::sync::Arc;

use crate::jwt::error::{KeyError, KeyErrorKind, SignError};
use crate::jwt::keys::algorithm::Algorithm;
#[cfg(feature = "asymmetric")]
use crate::jwt::keys::asymmetric::{KeyPair, PublicKey};
use crate::jwt::keys::mac::Mac;
#[cfg(feature = "asymmetric")]
use crate::jwt::keys::public_components::PublicComponents;
use crate::jwt::keys::secret::Secret;

pub(crate) const MAX_ID_LEN: usize = 256;

/// A key for exactly one algorithm.
///
/// The algorithm is fixed when the key is created, so the header of a token cannot choose it (RFC
/// 8725 section 3.1). A key for HS256 rejects every token with `alg: HS512`.
///
/// A key from a [`Secret`] signs and verifies. With the feature `asymmetric`, a key can also be a
/// *key pair*, which signs and verifies, or a *public key*, which only verifies.
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
    material: Material,
}

#[derive(Clone)]
#[cfg_attr(
    feature = "asymmetric",
    expect(clippy::large_enum_variant, reason = "HMAC is so fast that a pointer to it would show")
)]
enum Material {
    Mac(Mac),
    #[cfg(feature = "asymmetric")]
    Public(PublicKey),
    #[cfg(feature = "asymmetric")]
    Pair(Arc<KeyPair>),
}

impl Key {
    /// Creates a key for HMAC with SHA-256. Every [`Secret`] is long enough for it.
    pub fn hs256(secret: Secret) -> Self {
        Self::hmac(Algorithm::Hs256, Mac::hs256(secret.as_bytes()))
    }

    /// Creates a key for HMAC with SHA-384.
    ///
    /// # Errors
    ///
    /// Returns [`KeyErrorKind::TooShort`] for a secret of fewer than 48 bytes.
    pub fn hs384(secret: Secret) -> Result<Self, KeyError> {
        long_enough(&secret, 48, Algorithm::Hs384)?;
        Ok(Self::hmac(Algorithm::Hs384, Mac::hs384(secret.as_bytes())))
    }

    /// Creates a key for HMAC with SHA-512.
    ///
    /// # Errors
    ///
    /// Returns [`KeyErrorKind::TooShort`] for a secret of fewer than 64 bytes.
    pub fn hs512(secret: Secret) -> Result<Self, KeyError> {
        long_enough(&secret, 64, Algorithm::Hs512)?;
        Ok(Self::hmac(Algorithm::Hs512, Mac::hs512(secret.as_bytes())))
    }

    fn hmac(algorithm: Algorithm, mac: Mac) -> Self {
        Self { algorithm, id: None, material: Material::Mac(mac) }
    }

    /// Generates a key for this algorithm. The key can sign and verify. An RSA key has 2048 bits.
    ///
    /// The identifier of a key pair is its thumbprint (RFC 7638). A generated key for HMAC has no
    /// identifier, and no method returns its secret. If several servers need the same secret,
    /// create the secret with [`Secret::generate`].
    ///
    #[cfg_attr(feature = "asymmetric", doc = "```")]
    #[cfg_attr(not(feature = "asymmetric"), doc = "```ignore")]
    /// use tower_jwt_auth::{Algorithm, JwtAuth, Key, jwt::Signer};
    ///
    /// let pair = Key::generate(Algorithm::EdDsa)?;
    /// let public = pair.public().expect("a key pair has a public key");
    ///
    /// let token = Signer::new(pair).sign(&serde_json::json!({ "exp": 32_503_680_000_u64 }))?;
    /// assert!(JwtAuth::new(public).verify(&token).is_ok());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`KeyErrorKind::NoRandomness`] if the random number generator fails, and
    /// [`KeyErrorKind::Unsupported`] for a key pair without the feature `asymmetric`.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        match algorithm {
            Algorithm::Hs256 => Secret::generate().map(Self::hs256),
            Algorithm::Hs384 => Self::hs384(Secret::generate()?),
            Algorithm::Hs512 => Self::hs512(Secret::generate()?),
            #[cfg(feature = "asymmetric")]
            _ => KeyPair::generate(algorithm).map(|pair| Self::of_pair(algorithm, pair)),
            #[cfg(not(feature = "asymmetric"))]
            _ => Err(KeyError::new(
                KeyErrorKind::Unsupported,
                format!("{algorithm} needs the feature `asymmetric` of tower-jwt-auth"),
            )),
        }
    }

    /// Creates a key pair. Its identifier is its thumbprint.
    #[cfg(feature = "asymmetric")]
    pub(crate) fn of_pair(algorithm: Algorithm, pair: KeyPair) -> Self {
        let id = pair.public().components().thumbprint();
        Self { algorithm, id: Some(id.into()), material: Material::Pair(Arc::new(pair)) }
    }

    /// Creates a public key. Its identifier is its thumbprint.
    #[cfg(feature = "asymmetric")]
    pub(crate) fn of_public(
        algorithm: Algorithm,
        components: PublicComponents,
    ) -> Result<Self, KeyError> {
        let id = components.thumbprint();
        let material = Material::Public(PublicKey::new(algorithm, components)?);
        Ok(Self { algorithm, id: Some(id.into()), material })
    }

    /// Returns the public key of a key pair, with the same identifier. Returns a public key
    /// unchanged, and `None` for a shared secret.
    #[cfg(feature = "asymmetric")]
    pub fn public(&self) -> Option<Self> {
        let public = self.public_key()?.clone();
        Some(Self { material: Material::Public(public), ..self.clone() })
    }

    #[cfg(feature = "asymmetric")]
    fn public_key(&self) -> Option<&PublicKey> {
        match &self.material {
            Material::Mac(_) => None,
            Material::Public(public) => Some(public),
            Material::Pair(pair) => Some(pair.public()),
        }
    }

    #[cfg(feature = "asymmetric")]
    pub(crate) fn public_components(&self) -> Option<&PublicComponents> {
        self.public_key().map(PublicKey::components)
    }

    #[cfg(feature = "asymmetric")]
    pub(crate) fn key_pair(&self) -> Option<&KeyPair> {
        match &self.material {
            Material::Pair(pair) => Some(pair),
            _ => None,
        }
    }

    /// Returns true if the key can sign, that is, if it is a key pair or a shared secret. A public
    /// key can only verify.
    pub fn can_sign(&self) -> bool {
        match &self.material {
            Material::Mac(_) => true,
            #[cfg(feature = "asymmetric")]
            Material::Public(_) => false,
            #[cfg(feature = "asymmetric")]
            Material::Pair(_) => true,
        }
    }

    /// Sets the key's identifier, which becomes the `kid` of the tokens that the key signs. By
    /// default, the identifier of a key pair or a public key is its thumbprint (RFC 7638), and a
    /// shared secret has no identifier.
    ///
    /// A token with a `kid` is checked only against keys whose identifier equals the `kid`. A key
    /// without an identifier verifies only tokens without a `kid`. For a shared secret, use a name
    /// or a date, and never a hash of the secret: `kid` is public, and an attacker could test
    /// guesses of the secret against the hash.
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

    /// Returns true if both keys have the same algorithm, identifier and key material. A key pair
    /// counts as the same key as its public key.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let is_same_material = match (&self.material, &other.material) {
            (Material::Mac(one), Material::Mac(other)) => one.is_same(other),
            #[cfg(feature = "asymmetric")]
            _ => match (self.public_key(), other.public_key()) {
                (Some(one), Some(other)) => one.components() == other.components(),
                _ => false,
            },
        };
        is_same_material && self.algorithm == other.algorithm && self.id == other.id
    }

    /// Signs `text`, and appends a dot and the base64url signature to it.
    pub(crate) fn sign_onto(&self, text: &mut String) -> Result<(), SignError> {
        match &self.material {
            Material::Mac(mac) => mac.sign_onto(text),
            #[cfg(feature = "asymmetric")]
            Material::Public(_) => return Err(SignError::no_private_key()),
            #[cfg(feature = "asymmetric")]
            Material::Pair(pair) => pair.sign_onto(text)?,
        }
        Ok(())
    }

    /// Returns true if `signature`, in base64url, is the signature of `message` by this key.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Mac(mac) => mac.verify(message, signature),
            #[cfg(feature = "asymmetric")]
            Material::Public(public) => public.verify(message, signature),
            #[cfg(feature = "asymmetric")]
            Material::Pair(pair) => pair.public().verify(message, signature),
        }
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
    /// Creates a key for HS256. The key has no identifier.
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
