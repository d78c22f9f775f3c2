//! Conversions for applications that come from the `jsonwebtoken` crate. No other file names that
//! crate.

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{AlgorithmFamily, DecodingKey, EncodingKey};
use zeroize::Zeroizing;

use crate::jwt::error::{KeyError, KeyErrorKind};
use crate::jwt::keys::algorithm::Algorithm;
use crate::jwt::keys::key::Key;
use crate::jwt::keys::secret::Secret;

/// The algorithms that both crates have.
const ALGORITHMS: [(jsonwebtoken::Algorithm, Algorithm); 12] = [
    (jsonwebtoken::Algorithm::HS256, Algorithm::Hs256),
    (jsonwebtoken::Algorithm::HS384, Algorithm::Hs384),
    (jsonwebtoken::Algorithm::HS512, Algorithm::Hs512),
    (jsonwebtoken::Algorithm::RS256, Algorithm::Rs256),
    (jsonwebtoken::Algorithm::RS384, Algorithm::Rs384),
    (jsonwebtoken::Algorithm::RS512, Algorithm::Rs512),
    (jsonwebtoken::Algorithm::PS256, Algorithm::Ps256),
    (jsonwebtoken::Algorithm::PS384, Algorithm::Ps384),
    (jsonwebtoken::Algorithm::PS512, Algorithm::Ps512),
    (jsonwebtoken::Algorithm::ES256, Algorithm::Es256),
    (jsonwebtoken::Algorithm::ES384, Algorithm::Es384),
    (jsonwebtoken::Algorithm::EdDSA, Algorithm::EdDsa),
];

impl TryFrom<jsonwebtoken::Algorithm> for Algorithm {
    type Error = KeyError;

    /// # Errors
    ///
    /// Returns [`KeyErrorKind::Unsupported`] for an algorithm that this crate does not have.
    fn try_from(algorithm: jsonwebtoken::Algorithm) -> Result<Self, KeyError> {
        let known = ALGORITHMS.iter().find(|(theirs, _)| *theirs == algorithm);
        known.map(|(_, ours)| *ours).ok_or_else(unsupported)
    }
}

impl TryFrom<Algorithm> for jsonwebtoken::Algorithm {
    type Error = KeyError;

    /// # Errors
    ///
    /// Returns [`KeyErrorKind::Unsupported`] for an algorithm that `jsonwebtoken` does not have:
    /// ES512 and ML-DSA.
    fn try_from(algorithm: Algorithm) -> Result<Self, KeyError> {
        let known = ALGORITHMS.iter().find(|(_, ours)| *ours == algorithm);
        known.map(|(theirs, _)| *theirs).ok_or_else(unsupported)
    }
}

impl TryFrom<&DecodingKey> for Key {
    type Error = KeyError;

    /// Makes a key for HS256.
    ///
    /// # Errors
    ///
    /// Returns [`KeyErrorKind::Unsupported`] for a public key, and the errors of [`Secret::new`].
    fn try_from(key: &DecodingKey) -> Result<Self, KeyError> {
        match (key.family(), key.try_get_as_bytes()) {
            (AlgorithmFamily::Hmac, Ok(bytes)) => Secret::new(bytes).map(Self::hs256),
            _ => Err(not_hmac()),
        }
    }
}

impl TryFrom<&EncodingKey> for Key {
    type Error = KeyError;

    /// Makes a key for HS256.
    ///
    /// # Errors
    ///
    /// Returns [`KeyErrorKind::Unsupported`] for a private key, and the errors of [`Secret::new`].
    fn try_from(key: &EncodingKey) -> Result<Self, KeyError> {
        match key.family() {
            AlgorithmFamily::Hmac => Secret::new(key.as_bytes()).map(Self::hs256),
            _ => Err(not_hmac()),
        }
    }
}

impl TryFrom<&Jwk> for Key {
    type Error = KeyError;

    /// Converts a JWK by the rules of [`Key::from_jwk`].
    fn try_from(jwk: &Jwk) -> Result<Self, KeyError> {
        let json = serde_json::to_string(jwk).map(Zeroizing::new).map_err(|_| {
            KeyError::new(KeyErrorKind::Unreadable, "the JWK cannot be written as JSON")
        })?;
        Self::from_jwk(&json)
    }
}

fn unsupported() -> KeyError {
    KeyError::new(KeyErrorKind::Unsupported, "only one of the two crates has this algorithm")
}

fn not_hmac() -> KeyError {
    let message = "only HMAC converts: this is for public-key signatures";
    KeyError::new(KeyErrorKind::Unsupported, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_keys_of_jsonwebtoken_convert_and_others_do_not() {
        let bytes: Vec<u8> = (0..40).collect();
        assert!(Key::try_from(&DecodingKey::from_secret(&bytes)).is_ok());
        assert!(Key::try_from(&EncodingKey::from_secret(&bytes)).is_ok());
        assert!(Key::try_from(&DecodingKey::from_secret(&bytes[..8])).is_err());
        assert!(Key::try_from(&DecodingKey::from_rsa_der(&bytes)).is_err());
    }

    #[test]
    fn algorithms_convert_both_ways_if_both_crates_have_them() {
        for algorithm in Algorithm::ALL {
            let theirs = algorithm.as_str().parse::<jsonwebtoken::Algorithm>().ok();
            assert_eq!(jsonwebtoken::Algorithm::try_from(algorithm).ok(), theirs, "{algorithm}");
            if let Some(theirs) = theirs {
                assert_eq!(Algorithm::try_from(theirs).unwrap(), algorithm);
            }
        }
    }

    #[test]
    fn jwks_of_jsonwebtoken_convert_by_the_rules_of_from_jwk() {
        let convert = |more: &str| {
            let json = format!(
                r#"{{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T"{more}}}"#
            );
            let jwk: Jwk = serde_json::from_str(&json).unwrap();
            let converted = Key::try_from(&jwk).map_err(|error| error.kind());
            let direct = Key::from_jwk(&json).map_err(|error| error.kind());
            assert_eq!(format!("{converted:?}"), format!("{direct:?}"), "{json}");
            converted
        };
        let key = convert(r#","alg":"HS256","kid":"a","use":"sig","key_ops":["verify"]"#).unwrap();
        assert_eq!((key.id(), key.algorithm()), (Some("a"), Algorithm::Hs256));
        for (more, kind) in [
            ("", KeyErrorKind::Unsupported),
            (r#","alg":"RS256""#, KeyErrorKind::Contradictory),
            (r#","alg":"unknown""#, KeyErrorKind::Contradictory),
            (r#","alg":"HS256","use":"enc""#, KeyErrorKind::Contradictory),
            (r#","alg":"HS256","key_ops":["sign"]"#, KeyErrorKind::Contradictory),
            (r#","alg":"HS512""#, KeyErrorKind::TooShort),
        ] {
            assert_eq!(convert(more).unwrap_err(), kind, "{more}");
        }
    }
}
