//! Key pairs for public-key algorithms, and a function that checks only a signature.

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair as _, ML_DSA_44, ML_DSA_44_SIGNING, ParsedPublicKey, PqdsaKeyPair,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD as BASE64, Engine};
use serde_json::{Value, json};
use tower_jwt_auth::Algorithm;

/// A key pair for one algorithm.
pub struct KeyPair {
    private: PrivateKey,
    /// The parsed public key. aws-lc verifies faster with it than with the encoded key.
    parsed: ParsedPublicKey,
    /// The public key as a JWK, without a `kid`.
    jwk: Value,
}

enum PrivateKey {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    MlDsa(PqdsaKeyPair),
}

/// Returns the key pair for an algorithm, or `None` for HS256. Each key pair is generated only once
/// per process.
pub fn key_pair(algorithm: Algorithm) -> Option<&'static KeyPair> {
    static RS256: LazyLock<KeyPair> = LazyLock::new(KeyPair::rs256);
    static ES256: LazyLock<KeyPair> = LazyLock::new(KeyPair::es256);
    static EDDSA: LazyLock<KeyPair> = LazyLock::new(KeyPair::eddsa);
    static ML_DSA_44: LazyLock<KeyPair> = LazyLock::new(KeyPair::ml_dsa_44);
    match algorithm {
        Algorithm::Hs256 => None,
        Algorithm::Rs256 => Some(&RS256),
        Algorithm::Es256 => Some(&ES256),
        Algorithm::EdDsa => Some(&EDDSA),
        Algorithm::MlDsa44 => Some(&ML_DSA_44),
        other => panic!("no key pair for {other}"),
    }
}

impl KeyPair {
    fn rs256() -> Self {
        let private = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key pair");
        let public = private.public_key();
        let [n, e] = [public.modulus(), public.exponent()]
            .map(|number| BASE64.encode(number.big_endian_without_leading_zero()));
        let parsed = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public.as_ref());
        Self {
            parsed: parsed.expect("a public key"),
            private: PrivateKey::Rsa(private),
            jwk: json!({ "kty": "RSA", "alg": "RS256", "use": "sig", "n": n, "e": e }),
        }
    }

    fn es256() -> Self {
        let private = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key pair");
        let point = private.public_key().as_ref().to_vec();
        // The public key is the byte 4, followed by two coordinates of 32 bytes.
        let [x, y] = [&point[1..33], &point[33..]].map(|number| BASE64.encode(number));
        Self {
            parsed: ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).expect("a public key"),
            private: PrivateKey::Ecdsa(private),
            jwk: json!({ "kty": "EC", "alg": "ES256", "use": "sig", "crv": "P-256", "x": x, "y": y }),
        }
    }

    fn eddsa() -> Self {
        let private = Ed25519KeyPair::generate().expect("a key pair");
        let public = private.public_key().as_ref().to_vec();
        let x = BASE64.encode(&public);
        Self {
            parsed: ParsedPublicKey::new(&ED25519, public).expect("a public key"),
            private: PrivateKey::Ed25519(private),
            jwk: json!({ "kty": "OKP", "alg": "EdDSA", "use": "sig", "crv": "Ed25519", "x": x }),
        }
    }

    fn ml_dsa_44() -> Self {
        let private = PqdsaKeyPair::generate(&ML_DSA_44_SIGNING).expect("a key pair");
        let public = private.public_key().as_ref().to_vec();
        let encoded = BASE64.encode(&public);
        Self {
            parsed: ParsedPublicKey::new(&ML_DSA_44, public).expect("a public key"),
            private: PrivateKey::MlDsa(private),
            jwk: json!({ "kty": "AKP", "alg": "ML-DSA-44", "use": "sig", "pub": encoded }),
        }
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.private {
            PrivateKey::Rsa(private) => {
                let mut signature = vec![0; private.public_modulus_len()];
                let random = SystemRandom::new();
                private.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("signed");
                signature
            }
            PrivateKey::Ecdsa(private) => {
                private.sign(&SystemRandom::new(), message).expect("signed").as_ref().to_vec()
            }
            PrivateKey::Ed25519(private) => private.sign(message).as_ref().to_vec(),
            PrivateKey::MlDsa(private) => {
                let mut signature = vec![0; private.algorithm().signature_len()];
                private.sign(message, &mut signature).expect("signed");
                signature
            }
        }
    }

    /// Checks a signature and does nothing else. A verifier that uses aws-lc cannot be faster than
    /// this.
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        self.parsed.verify_sig(message, signature).is_ok()
    }

    /// Returns the public key as a JWK.
    pub fn jwk<T: serde::de::DeserializeOwned>(&self) -> T {
        serde_json::from_value(self.jwk.clone()).expect("a JWK")
    }

    /// Returns the public key as the text of a JWK.
    pub fn jwk_text(&self) -> String {
        self.jwk.to_string()
    }

    /// Returns the text of a JWK set with only this public key.
    pub fn jwk_set_text(&self) -> String {
        json!({ "keys": [self.jwk] }).to_string()
    }
}
