//! Public-key signatures. No other file names the crate that implements them.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, Ed25519KeyPair,
    KeyPair as _, ParsedPublicKey, PqdsaKeyPair, PqdsaSigningAlgorithm, PqdsaVerificationAlgorithm,
    RsaKeyPair, RsaParameters, RsaPublicKeyComponents, RsaSignatureEncoding,
};

use crate::jwt::base64url;
use crate::jwt::error::{KeyError, KeyErrorKind, SignError};
use crate::jwt::keys::algorithm::{Algorithm, KeyType};
use crate::jwt::keys::der;
use crate::jwt::keys::public_components::{PublicComponents, invalid};

/// The longest signature except for ML-DSA: that of an RSA key of 8192 bits.
const MAX_SHORT: usize = 1024;
/// The longest signature of ML-DSA.
const MAX_LONG: usize = 4627;

/// An algorithm in the terms of aws-lc.
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
            // `check` has compared the types.
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
    // Never inlined, so that HMAC does not pay for the buffer.
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
