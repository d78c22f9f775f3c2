//! Conversions for applications that migrate from the `jsonwebtoken` crate. Only this file uses
//! that crate.

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey};
use zeroize::Zeroizing;

use crate::jwt::error::{KeyError, KeyErrorKind};
use crate::jwt::keys::algorithm::Algorithm;
use crate::jwt::keys::key::Key;
use crate::jwt::keys::secret::Secret;

/// The algorithms that both crates support.
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
    /// Returns [`KeyErrorKind::Unsupported`] for an algorithm that this crate does not support.
    fn try_from(algorithm: jsonwebtoken::Algorithm) -> Result<Self, KeyError> {
        let known = ALGORITHMS.iter().find(|(theirs, _)| *theirs == algorithm);
        known.map(|(_, ours)| *ours).ok_or_else(unsupported)
    }
}

impl TryFrom<Algorithm> for jsonwebtoken::Algorithm {
    type Error = KeyError;

    /// # Errors
    ///
    /// Returns [`KeyErrorKind::Unsupported`] for ES512 and ML-DSA, which `jsonwebtoken` does not
    /// support.
    fn try_from(algorithm: Algorithm) -> Result<Self, KeyError> {
        let known = ALGORITHMS.iter().find(|(_, ours)| *ours == algorithm);
        known.map(|(theirs, _)| *theirs).ok_or_else(unsupported)
    }
}

impl TryFrom<&DecodingKey> for Key {
    type Error = KeyError;

    /// Creates a key that can verify. The algorithm of a shared secret is HS256, and that of an RSA
    /// key is RS256. A key on a curve has the only algorithm of that curve. For another algorithm,
    /// use `Key::from_pem`.
    ///
    /// The identifier of a public key is its thumbprint. If the tokens have a different `kid`, pass
    /// that `kid` to [`with_id`](Self::with_id).
    ///
    /// # Errors
    ///
    /// For a secret, returns the same errors as [`Secret::new`]. For a public key, returns the same
    /// errors as `Key::from_der`. Without the feature `asymmetric`, returns
    /// [`KeyErrorKind::Unsupported`] for a public key.
    fn try_from(key: &DecodingKey) -> Result<Self, KeyError> {
        match (key.family(), key.kind()) {
            (AlgorithmFamily::Hmac, DecodingKeyKind::SecretOrDer(bytes)) => {
                Secret::new(bytes).map(Self::hs256)
            }
            #[cfg(feature = "asymmetric")]
            (family, kind) => public_keys::verifying(family, kind),
            #[cfg(not(feature = "asymmetric"))]
            _ => Err(not_hmac()),
        }
    }
}

impl TryFrom<&EncodingKey> for Key {
    type Error = KeyError;

    /// Creates a key that can sign. The algorithm of a shared secret is HS256, and that of an RSA
    /// key is RS256. A key on a curve has the only algorithm of that curve.
    ///
    /// # Errors
    ///
    /// For a secret, returns the same errors as [`Secret::new`]. For a private key, returns the
    /// same errors as `Key::from_der`. Without the feature `asymmetric`, returns
    /// [`KeyErrorKind::Unsupported`] for a private key.
    fn try_from(key: &EncodingKey) -> Result<Self, KeyError> {
        match key.family() {
            AlgorithmFamily::Hmac => Secret::new(key.as_bytes()).map(Self::hs256),
            #[cfg(feature = "asymmetric")]
            family => public_keys::signing(family, key.as_bytes()),
            #[cfg(not(feature = "asymmetric"))]
            _ => Err(not_hmac()),
        }
    }
}

#[cfg(feature = "asymmetric")]
mod public_keys {
    use super::{Algorithm, AlgorithmFamily, DecodingKeyKind, Key, KeyError, KeyErrorKind};
    use crate::jwt::keys::algorithm::Curve;
    use crate::jwt::keys::der::{self, Form};
    use crate::jwt::keys::public_components::PublicComponents;

    pub(super) fn verifying(
        family: AlgorithmFamily,
        kind: &DecodingKeyKind,
    ) -> Result<Key, KeyError> {
        let components = match (family, kind) {
            (AlgorithmFamily::Rsa, DecodingKeyKind::RsaModulusExponent { n, e }) => {
                PublicComponents::Rsa { n: n.clone(), e: e.clone() }
            }
            // `jsonwebtoken` stores a key as a point if it read the key from PEM text or a JWK, and
            // otherwise as DER.
            (AlgorithmFamily::Ec, DecodingKeyKind::SecretOrDer(bytes)) => match bytes.len() {
                65 => PublicComponents::of_point(Curve::P256, bytes)?,
                97 => PublicComponents::of_point(Curve::P384, bytes)?,
                _ => der::public_key(Form::of(bytes)?, bytes)?,
            },
            (AlgorithmFamily::Ed, DecodingKeyKind::SecretOrDer(x)) if x.len() == 32 => {
                PublicComponents::Ed25519 { x: x.clone() }
            }
            (_, DecodingKeyKind::SecretOrDer(bytes)) => der::public_key(Form::of(bytes)?, bytes)?,
            _ => return Err(other_family()),
        };
        let algorithm = components.default_algorithm();
        check_family(family, algorithm)?;
        Key::of_public(algorithm, components)
    }

    pub(super) fn signing(family: AlgorithmFamily, bytes: &[u8]) -> Result<Key, KeyError> {
        let algorithms = [Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa];
        let mut fitting = algorithms.into_iter().filter(|one| check_family(family, *one).is_ok());
        let read = |algorithm| Key::from_der(algorithm, bytes);
        let first = fitting.next().ok_or_else(other_family).and_then(read);
        let key = fitting.fold(first, |key, algorithm| key.or_else(|_| read(algorithm)))?;
        if key.can_sign() {
            return Ok(key);
        }
        Err(KeyError::new(KeyErrorKind::Unsupported, "this is a public key, which cannot sign"))
    }

    fn check_family(family: AlgorithmFamily, algorithm: Algorithm) -> Result<(), KeyError> {
        let theirs = jsonwebtoken::Algorithm::try_from(algorithm)?;
        if family.algorithms().contains(&theirs) { Ok(()) } else { Err(other_family()) }
    }

    fn other_family() -> KeyError {
        let message = "the key is for another family of algorithms than it says";
        KeyError::new(KeyErrorKind::Contradictory, message)
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

#[cfg(not(feature = "asymmetric"))]
fn not_hmac() -> KeyError {
    let message = "this is not a shared secret: other keys need the feature `asymmetric` of \
                   tower-jwt-auth";
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
        assert!(Key::try_from(&EncodingKey::from_rsa_der(&bytes)).is_err());
    }

    #[cfg(feature = "asymmetric")]
    fn to_der(pem: &str) -> Vec<u8> {
        use base64::Engine;
        use base64::prelude::BASE64_STANDARD;

        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        BASE64_STANDARD.decode(body).unwrap()
    }

    #[cfg(feature = "asymmetric")]
    #[test]
    fn public_keys_in_der_convert() {
        let rsa = to_der(include_str!("../../../tests/data/keys/rsa_public.pem"));
        let key = Key::try_from(&DecodingKey::from_rsa_der(&rsa)).unwrap();
        assert_eq!((key.algorithm(), key.can_sign()), (Algorithm::Rs256, false));

        // RFC 8410 section 10.1.
        let ed = to_der("MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=");
        let key = Key::try_from(&DecodingKey::from_ed_der(&ed)).unwrap();
        assert_eq!((key.algorithm(), key.can_sign()), (Algorithm::EdDsa, false));
    }

    #[cfg(feature = "asymmetric")]
    #[test]
    fn public_and_private_keys_of_jsonwebtoken_convert() {
        for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa] {
            let pair = Key::generate(algorithm).unwrap();
            let der = to_der(&pair.dangerous_to_pem().unwrap());
            let jwk: Jwk = serde_json::from_str(&pair.to_jwk().unwrap()).unwrap();
            let decoding = DecodingKey::from_jwk(&jwk).unwrap();
            let encoding = match algorithm {
                Algorithm::Rs256 => EncodingKey::from_rsa_der(&der),
                Algorithm::EdDsa => EncodingKey::from_ed_der(&der),
                _ => EncodingKey::from_ec_der(&der),
            };
            let public = Key::try_from(&decoding).unwrap();
            assert_eq!((public.id(), public.can_sign()), (pair.id(), false), "{algorithm}");
            assert_eq!(Key::try_from(&jwk).unwrap().thumbprint(), public.thumbprint());
            let private = Key::try_from(&encoding).unwrap();
            assert_eq!((private.id(), private.can_sign()), (pair.id(), true), "{algorithm}");
            assert_eq!((public.algorithm(), private.algorithm()), (algorithm, algorithm));

            // A key of the wrong family is rejected, and so is a private key in a `DecodingKey`.
            let wrong = EncodingKey::from_secret(&der);
            assert!(Key::try_from(&wrong).is_err());
            let wrong = match algorithm {
                Algorithm::Rs256 => EncodingKey::from_ed_der(&der),
                _ => EncodingKey::from_rsa_der(&der),
            };
            assert_eq!(Key::try_from(&wrong).unwrap_err().kind(), KeyErrorKind::Contradictory);
            assert!(Key::try_from(&DecodingKey::from_rsa_der(&der)).is_err());
            assert!(Key::try_from(&DecodingKey::from_ed_der(&der)).is_err());
        }
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
