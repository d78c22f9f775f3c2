//! The signature algorithms for `jsonwebtoken`, implemented with aws-lc. The feature `aws_lc_rs` of
//! `jsonwebtoken` implements them in the same way.

use std::sync::Once;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    self as aws, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{self, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey};

/// Installs the signature algorithms. Call this function in each test, before
/// `jsonwebtoken::decode` or `encode`.
pub(crate) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| PROVIDER.install_default().expect("no test installs another"));
}

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Checks or creates signatures of one algorithm with one key.
struct Crypto<F> {
    algorithm: Algorithm,
    compute: F,
}

type Verify = Box<dyn Fn(&[u8], &[u8]) -> bool>;
type Sign = Box<dyn Fn(&[u8]) -> Vec<u8>>;

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    if !key.family().algorithms().contains(algorithm) {
        return Err(ErrorKind::InvalidKeyFormat.into());
    }
    let compute: Verify = match (key.family(), key.kind()) {
        (AlgorithmFamily::Hmac, DecodingKeyKind::SecretOrDer(secret)) => {
            let key = hmac::Key::new(hash(*algorithm), secret);
            Box::new(move |message, tag| hmac::verify(&key, message, tag).is_ok())
        }
        (AlgorithmFamily::Rsa, DecodingKeyKind::RsaModulusExponent { n, e }) => {
            let key = RsaPublicKeyComponents { n: n.clone(), e: e.clone() };
            let parameters = rsa(*algorithm);
            Box::new(move |message, signed| key.verify(parameters, message, signed).is_ok())
        }
        (_, DecodingKeyKind::SecretOrDer(bytes)) => {
            let parameters: &'static dyn VerificationAlgorithm = match algorithm {
                Algorithm::ES256 => &aws::ECDSA_P256_SHA256_FIXED,
                Algorithm::ES384 => &aws::ECDSA_P384_SHA384_FIXED,
                _ => &aws::ED25519,
            };
            let key = UnparsedPublicKey::new(parameters, bytes.clone());
            Box::new(move |message, signed| key.verify(message, signed).is_ok())
        }
        _ => return Err(ErrorKind::InvalidKeyFormat.into()),
    };
    Ok(Box::new(Crypto { algorithm: *algorithm, compute }))
}

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    let bytes = key.as_bytes().to_vec();
    let random = SystemRandom::new();
    let compute: Sign = match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => {
            let key = hmac::Key::new(hash(*algorithm), &bytes);
            Box::new(move |message| hmac::sign(&key, message).as_ref().to_vec())
        }
        Algorithm::ES256 | Algorithm::ES384 => {
            let parameters = match algorithm {
                Algorithm::ES256 => &aws::ECDSA_P256_SHA256_FIXED_SIGNING,
                _ => &aws::ECDSA_P384_SHA384_FIXED_SIGNING,
            };
            let key = EcdsaKeyPair::from_pkcs8(parameters, &bytes).unwrap();
            Box::new(move |message| key.sign(&random, message).unwrap().as_ref().to_vec())
        }
        Algorithm::EdDSA => {
            let key = Ed25519KeyPair::from_pkcs8(&bytes).unwrap();
            Box::new(move |message| key.sign(message).as_ref().to_vec())
        }
        _ => {
            let encoding = match algorithm {
                Algorithm::RS256 => &aws::RSA_PKCS1_SHA256,
                Algorithm::RS384 => &aws::RSA_PKCS1_SHA384,
                Algorithm::RS512 => &aws::RSA_PKCS1_SHA512,
                Algorithm::PS256 => &aws::RSA_PSS_SHA256,
                Algorithm::PS384 => &aws::RSA_PSS_SHA384,
                _ => &aws::RSA_PSS_SHA512,
            };
            let key = RsaKeyPair::from_pkcs8(&bytes).unwrap();
            Box::new(move |message| {
                let mut signed = vec![0; key.public_modulus_len()];
                key.sign(encoding, &random, message, &mut signed).unwrap();
                signed
            })
        }
    };
    Ok(Box::new(Crypto { algorithm: *algorithm, compute }))
}

fn hash(algorithm: Algorithm) -> hmac::Algorithm {
    match algorithm {
        Algorithm::HS256 => hmac::HMAC_SHA256,
        Algorithm::HS384 => hmac::HMAC_SHA384,
        _ => hmac::HMAC_SHA512,
    }
}

fn rsa(algorithm: Algorithm) -> &'static RsaParameters {
    match algorithm {
        Algorithm::RS256 => &aws::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::RS384 => &aws::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::RS512 => &aws::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::PS256 => &aws::RSA_PSS_2048_8192_SHA256,
        Algorithm::PS384 => &aws::RSA_PSS_2048_8192_SHA384,
        _ => &aws::RSA_PSS_2048_8192_SHA512,
    }
}

impl JwtVerifier for Crypto<Verify> {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl Verifier<Vec<u8>> for Crypto<Verify> {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        if (self.compute)(message, signature) { Ok(()) } else { Err(signature::Error::new()) }
    }
}

impl JwtSigner for Crypto<Sign> {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl Signer<Vec<u8>> for Crypto<Sign> {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok((self.compute)(message))
    }
}
