//! Public-key signatures with the crate `aws-lc-rs`. Other files use key pairs and public keys only
//! through this file.

use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPairComponents, KeySize};
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, Ed25519KeyPair,
    KeyPair as _, ParsedPublicKey, PqdsaKeyPair, PqdsaSigningAlgorithm, PqdsaVerificationAlgorithm,
    RsaKeyPair, RsaParameters, RsaPublicKeyComponents, RsaSignatureEncoding,
};

use zeroize::Zeroizing;

use crate::jwt::base64url;
use crate::jwt::error::{KeyError, KeyErrorKind, SignError};
use crate::jwt::keys::algorithm::{Algorithm, KeyType};
use crate::jwt::keys::der::{self, Form};
use crate::jwt::keys::public_components::{PublicComponents, invalid, other_algorithm};

/// The length of the longest signature of all algorithms except ML-DSA. It is the length of a
/// signature with an RSA key of 8192 bits.
const MAX_SHORT: usize = 1024;
/// The length of the longest ML-DSA signature.
const MAX_LONG: usize = 4627;

/// The parameters of an algorithm in aws-lc.
enum Scheme {
    Rsa(&'static RsaParameters, &'static RsaSignatureEncoding),
    Ecdsa(&'static EcdsaVerificationAlgorithm, &'static EcdsaSigningAlgorithm),
    Ed25519,
    MlDsa(&'static PqdsaVerificationAlgorithm, &'static PqdsaSigningAlgorithm),
}

impl Scheme {
    fn of(algorithm: Algorithm) -> Result<Self, KeyError> {
        use Scheme::{Ecdsa, MlDsa, Rsa};
        Ok(match algorithm {
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => {
                let message = format!(
                    "{algorithm} signs with a shared secret, not with a key pair: use `Secret`"
                );
                return Err(KeyError::new(KeyErrorKind::Contradictory, message));
            }
            Algorithm::Rs256 => {
                Rsa(&signature::RSA_PKCS1_2048_8192_SHA256, &signature::RSA_PKCS1_SHA256)
            }
            Algorithm::Rs384 => {
                Rsa(&signature::RSA_PKCS1_2048_8192_SHA384, &signature::RSA_PKCS1_SHA384)
            }
            Algorithm::Rs512 => {
                Rsa(&signature::RSA_PKCS1_2048_8192_SHA512, &signature::RSA_PKCS1_SHA512)
            }
            Algorithm::Ps256 => {
                Rsa(&signature::RSA_PSS_2048_8192_SHA256, &signature::RSA_PSS_SHA256)
            }
            Algorithm::Ps384 => {
                Rsa(&signature::RSA_PSS_2048_8192_SHA384, &signature::RSA_PSS_SHA384)
            }
            Algorithm::Ps512 => {
                Rsa(&signature::RSA_PSS_2048_8192_SHA512, &signature::RSA_PSS_SHA512)
            }
            Algorithm::Es256 => Ecdsa(
                &signature::ECDSA_P256_SHA256_FIXED,
                &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
            ),
            Algorithm::Es384 => Ecdsa(
                &signature::ECDSA_P384_SHA384_FIXED,
                &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
            ),
            Algorithm::Es512 => Ecdsa(
                &signature::ECDSA_P521_SHA512_FIXED,
                &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
            ),
            Algorithm::EdDsa => Self::Ed25519,
            Algorithm::MlDsa44 => MlDsa(&signature::ML_DSA_44, &signature::ML_DSA_44_SIGNING),
            Algorithm::MlDsa65 => MlDsa(&signature::ML_DSA_65, &signature::ML_DSA_65_SIGNING),
            Algorithm::MlDsa87 => MlDsa(&signature::ML_DSA_87, &signature::ML_DSA_87_SIGNING),
        })
    }
}

/// A public key for one algorithm. It is parsed once, and clones share it.
#[derive(Clone)]
pub(crate) struct PublicKey(Arc<Parsed>);

struct Parsed {
    key: ParsedPublicKey,
    components: PublicComponents,
    /// The length of a signature in base64url.
    encoded_len: usize,
    is_ml_dsa: bool,
}

impl PublicKey {
    pub(crate) fn new(
        algorithm: Algorithm,
        components: PublicComponents,
    ) -> Result<Self, KeyError> {
        let scheme = Scheme::of(algorithm)?;
        components.check(algorithm)?;
        let parsed = match (&scheme, &components) {
            (Scheme::Rsa(parameters, _), PublicComponents::Rsa { n, e }) => {
                RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters)
            }
            (Scheme::Ecdsa(verifying, _), PublicComponents::Ec { x, y, .. }) => {
                ParsedPublicKey::new(*verifying, [&[4][..], x, y].concat())
            }
            (Scheme::Ed25519, PublicComponents::Ed25519 { x }) => {
                ParsedPublicKey::new(&signature::ED25519, x)
            }
            (Scheme::MlDsa(verifying, _), PublicComponents::MlDsa { public, .. }) => {
                ParsedPublicKey::new(*verifying, public)
            }
            // Not reachable: `check` returns an error if the type of the key does not fit the
            // algorithm.
            _ => return Err(invalid("the key is for another algorithm")),
        };
        let key = parsed.map_err(|_| invalid("the public key is not a valid key of its type"))?;
        Ok(Self(Arc::new(Parsed {
            key,
            encoded_len: components.signature_len().saturating_mul(4).div_ceil(3),
            is_ml_dsa: matches!(scheme, Scheme::MlDsa(..)),
            components,
        })))
    }

    pub(crate) fn components(&self) -> &PublicComponents {
        &self.0.components
    }

    /// Returns true if `signature`, in base64url, is the signature of `message`. Allocates nothing.
    // Never inlined, so that a function that also verifies HMACs does not reserve stack memory for
    // `buffer`.
    #[inline(never)]
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        if signature.len() != self.0.encoded_len {
            return false;
        }
        if self.0.is_ml_dsa {
            return self.verify_long(message, signature);
        }
        let mut buffer = [0; MAX_SHORT];
        self.verify_in(&mut buffer, message, signature)
    }

    #[inline(never)]
    fn verify_long(&self, message: &[u8], signature: &[u8]) -> bool {
        let mut buffer = [0; MAX_LONG];
        self.verify_in(&mut buffer, message, signature)
    }

    #[inline]
    fn verify_in(&self, buffer: &mut [u8], message: &[u8], signature: &[u8]) -> bool {
        base64url::decode_into(signature, buffer)
            .is_some_and(|signature| self.0.key.verify_sig(message, signature).is_ok())
    }
}

/// The private numbers of an RSA key (RFC 7518 section 6.3.2).
pub(crate) struct RsaPrivateNumbers {
    pub(crate) d: Zeroizing<Vec<u8>>,
    pub(crate) p: Zeroizing<Vec<u8>>,
    pub(crate) q: Zeroizing<Vec<u8>>,
    pub(crate) dp: Zeroizing<Vec<u8>>,
    pub(crate) dq: Zeroizing<Vec<u8>>,
    pub(crate) qi: Zeroizing<Vec<u8>>,
}

/// A private key with its public key, for one algorithm.
pub(crate) struct KeyPair {
    private: PrivateKey,
    public: PublicKey,
}

enum PrivateKey {
    Rsa(RsaKeyPair, &'static RsaSignatureEncoding),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    MlDsa(PqdsaKeyPair),
}

impl KeyPair {
    /// Generates a key pair. RSA keys have 2048 bits.
    pub(crate) fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let failed =
            |_| KeyError::new(KeyErrorKind::NoRandomness, "the key could not be generated");
        let private = match Scheme::of(algorithm)? {
            Scheme::Rsa(_, encoding) => {
                PrivateKey::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?, encoding)
            }
            Scheme::Ecdsa(_, signing) => {
                PrivateKey::Ecdsa(EcdsaKeyPair::generate(signing).map_err(failed)?)
            }
            Scheme::Ed25519 => PrivateKey::Ed25519(Ed25519KeyPair::generate().map_err(failed)?),
            Scheme::MlDsa(_, signing) => {
                PrivateKey::MlDsa(PqdsaKeyPair::generate(signing).map_err(failed)?)
            }
        };
        Self::new(algorithm, private)
    }

    /// Reads a private key in one of the three private-key formats.
    pub(crate) fn from_der(algorithm: Algorithm, form: Form, der: &[u8]) -> Result<Self, KeyError> {
        let scheme = Scheme::of(algorithm)?;
        der::check_private_key(form, der, algorithm)?;
        let private = match (scheme, form) {
            (Scheme::Rsa(_, encoding), Form::Pkcs8) => {
                RsaKeyPair::from_pkcs8(der).map(|pair| PrivateKey::Rsa(pair, encoding))
            }
            (Scheme::Rsa(_, encoding), Form::RsaPrivate) => {
                RsaKeyPair::from_der(der).map(|pair| PrivateKey::Rsa(pair, encoding))
            }
            (Scheme::Ecdsa(_, signing), Form::Pkcs8) => {
                EcdsaKeyPair::from_pkcs8(signing, der).map(PrivateKey::Ecdsa)
            }
            (Scheme::Ecdsa(_, signing), Form::EcPrivate) => {
                EcdsaKeyPair::from_private_key_der(signing, der).map(PrivateKey::Ecdsa)
            }
            (Scheme::Ed25519, Form::Pkcs8) => {
                Ed25519KeyPair::from_pkcs8(der).map(PrivateKey::Ed25519)
            }
            (Scheme::MlDsa(_, signing), Form::Pkcs8) => {
                PqdsaKeyPair::from_pkcs8(signing, der).map(PrivateKey::MlDsa)
            }
            // The key is in SEC 1 form, but the algorithm is not ECDSA. `check_private_key` has
            // already refused all other private keys that do not match.
            _ => return Err(other_algorithm("a key on an elliptic curve", algorithm)),
        };
        Self::new(algorithm, private.map_err(rejected)?)
    }

    /// Creates an RSA key pair from the numbers of a JWK.
    pub(crate) fn from_rsa_numbers(
        algorithm: Algorithm,
        n: &[u8],
        e: &[u8],
        numbers: &RsaPrivateNumbers,
    ) -> Result<Self, KeyError> {
        let Scheme::Rsa(_, encoding) = Scheme::of(algorithm)? else {
            return Err(other_algorithm("an RSA key", algorithm));
        };
        let RsaPrivateNumbers { d, p, q, dp, dq, qi } = numbers;
        // A private number that is longer than the modulus cannot belong to the key. Checking such
        // a number would be slow.
        if [d, p, q, dp, dq, qi].into_iter().any(|number| number.len() > n.len()) {
            return Err(invalid("a private number of the RSA key is longer than its modulus"));
        }
        let components = KeyPairComponents {
            public_key: RsaPublicKeyComponents { n, e },
            d: d.as_slice(),
            p: p.as_slice(),
            q: q.as_slice(),
            dP: dp.as_slice(),
            dQ: dq.as_slice(),
            qInv: qi.as_slice(),
        };
        let pair = RsaKeyPair::from_components(&components).map_err(rejected)?;
        Self::new(algorithm, PrivateKey::Rsa(pair, encoding))
    }

    /// Creates a key pair from its private number or seed. Supports every type except RSA. Checks
    /// that the public key belongs to the private key.
    pub(crate) fn from_scalar(
        algorithm: Algorithm,
        public: &PublicComponents,
        private: &[u8],
    ) -> Result<Self, KeyError> {
        public.check(algorithm)?;
        let pair = match (Scheme::of(algorithm)?, public) {
            (Scheme::Ecdsa(_, signing), PublicComponents::Ec { curve, x, y }) => {
                // Require the full length. Without its leading zeros, the private number would be a
                // second encoding of the same key.
                if private.len() != curve.coordinate_len() {
                    return Err(invalid("the private number of the key has the wrong length"));
                }
                let point = [&[4][..], x, y].concat();
                EcdsaKeyPair::from_private_key_and_public_key(signing, private, &point)
                    .map(PrivateKey::Ecdsa)
            }
            (Scheme::Ed25519, PublicComponents::Ed25519 { x }) if private.len() == 32 => {
                Ed25519KeyPair::from_seed_and_public_key(private, x).map(PrivateKey::Ed25519)
            }
            (Scheme::MlDsa(_, signing), PublicComponents::MlDsa { .. }) => {
                PqdsaKeyPair::from_seed(signing, private).map(PrivateKey::MlDsa)
            }
            _ => return Err(invalid("the private number of the key has the wrong length")),
        };
        let pair = Self::new(algorithm, pair.map_err(rejected)?)?;
        if pair.public.components() != public {
            return Err(invalid("the private key does not belong to the public key"));
        }
        Ok(pair)
    }

    /// Encodes the private key as PKCS #8. Returns `None` if encoding fails, for example for an
    /// ML-DSA key that was read without its seed.
    pub(crate) fn to_pkcs8(&self) -> Option<Zeroizing<Vec<u8>>> {
        let copy = |bytes: &[u8]| Some(Zeroizing::new(bytes.to_vec()));
        match &self.private {
            PrivateKey::Rsa(pair, _) => {
                let der: Pkcs8V1Der<'_> = pair.as_der().ok()?;
                copy(der.as_ref())
            }
            PrivateKey::Ecdsa(pair) => copy(pair.to_pkcs8v1().ok()?.as_ref()),
            PrivateKey::Ed25519(pair) => copy(pair.to_pkcs8v1().ok()?.as_ref()),
            PrivateKey::MlDsa(pair) => copy(pair.to_pkcs8v1().ok()?.as_ref()),
        }
    }

    fn new(algorithm: Algorithm, private: PrivateKey) -> Result<Self, KeyError> {
        let components = match (&private, algorithm.key_type()) {
            (PrivateKey::Rsa(pair, _), _) => der::rsa_public_key(pair.public_key().as_ref())?,
            (PrivateKey::Ecdsa(pair), KeyType::Ec(curve)) => {
                PublicComponents::of_point(curve, pair.public_key().as_ref())?
            }
            (PrivateKey::Ed25519(pair), _) => {
                PublicComponents::Ed25519 { x: pair.public_key().as_ref().to_vec() }
            }
            (PrivateKey::MlDsa(pair), _) => {
                PublicComponents::MlDsa { algorithm, public: pair.public_key().as_ref().to_vec() }
            }
            _ => return Err(invalid("the key is for another algorithm")),
        };
        Ok(Self { public: PublicKey::new(algorithm, components)?, private })
    }

    pub(crate) fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs `text` and appends a dot and the signature in base64url.
    pub(crate) fn sign_onto(&self, text: &mut String) -> Result<(), SignError> {
        let signed = self.sign(text.as_bytes()).map_err(|_| SignError::failed())?;
        text.push('.');
        base64url::encode_onto(&signed, text);
        Ok(())
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, aws_lc_rs::error::Unspecified> {
        Ok(match &self.private {
            PrivateKey::Rsa(pair, encoding) => {
                let mut signed = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &SystemRandom::new(), message, &mut signed)?;
                signed
            }
            PrivateKey::Ecdsa(pair) => pair.sign(&SystemRandom::new(), message)?.as_ref().to_vec(),
            PrivateKey::Ed25519(pair) => pair.try_sign(message)?.as_ref().to_vec(),
            PrivateKey::MlDsa(pair) => {
                let mut signed = vec![0; pair.algorithm().signature_len()];
                pair.sign(message, &mut signed)?;
                signed
            }
        })
    }
}

fn rejected(_: aws_lc_rs::error::KeyRejected) -> KeyError {
    invalid("the private key is not a valid key of its type")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwt::keys::public_components::encoded;

    fn hex(text: &str) -> Vec<u8> {
        let digits = text.as_bytes().chunks(2).map(|two| std::str::from_utf8(two).unwrap());
        digits.map(|two| u8::from_str_radix(two, 16).unwrap()).collect()
    }

    /// Runs the cases of a file. Returns three counts: valid cases, invalid cases, and cases with a
    /// rejected key.
    fn verdicts(file: &str, algorithm: Algorithm) -> [usize; 3] {
        let file: serde_json::Value = serde_json::from_str(file).unwrap();
        let mut counts = [0; 3];
        for group in file["testGroups"].as_array().unwrap() {
            let der = hex(group["publicKeyDer"].as_str().unwrap());
            let key = Form::of(&der).and_then(|form| der::public_key(form, &der));
            let key = key.and_then(|components| PublicKey::new(algorithm, components));
            for case in group["tests"].as_array().unwrap() {
                let [message, signature] =
                    ["msg", "sig"].map(|name| hex(case[name].as_str().unwrap()));
                let id = &case["tcId"];
                let Ok(key) = &key else {
                    counts[2] += 1;
                    continue;
                };
                // The result "acceptable" marks signatures that some implementations accept by
                // mistake.
                let is_valid = case["result"] == "valid";
                let accepted = key.verify(&message, encoded(&signature).as_bytes());
                assert_eq!(accepted, is_valid, "{id} {}", case["comment"]);
                counts[usize::from(!is_valid)] += 1;
            }
        }
        counts
    }

    #[test]
    fn wycheproof_cases_for_ecdsa_get_their_verdicts() {
        let file =
            include_str!("../../../tests/data/wycheproof/ecdsa_secp256r1_sha256_p1363_test.json");
        assert_eq!(verdicts(file, Algorithm::Es256), [173, 89, 0]);
    }

    #[test]
    fn wycheproof_cases_for_ed25519_get_their_verdicts() {
        let file = include_str!("../../../tests/data/wycheproof/ed25519_test.json");
        assert_eq!(verdicts(file, Algorithm::EdDsa), [88, 63, 0]);
    }

    #[test]
    fn wycheproof_cases_for_rsa_get_their_verdicts() {
        let file =
            include_str!("../../../tests/data/wycheproof/rsa_signature_2048_sha256_test.json");
        assert_eq!(verdicts(file, Algorithm::Rs256), [9, 250, 0]);
        let file =
            include_str!("../../../tests/data/wycheproof/rsa_pss_2048_sha256_mgf1_32_test.json");
        assert_eq!(verdicts(file, Algorithm::Ps256), [63, 45, 0]);
    }
}
