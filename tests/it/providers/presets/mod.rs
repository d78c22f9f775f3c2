//! Tests of the presets, with tokens and key sets in the form that each provider documents. The
//! tokens are signed with `aws-lc-rs` directly, so that they can have any header.

mod auth0;
mod clerk;
mod cognito;
mod entra;
mod firebase;
mod github_actions;
mod google;
mod keycloak;
mod kubernetes;
mod misuse;
mod okta;
mod supabase;
mod together;
mod workos;
mod zitadel;

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RsaKeyPair,
};
use serde_json::{Value, json};
use tower_jwt_auth::jwt::TokenErrorKind;
use tower_jwt_auth::{Algorithm, Issuer, JwtAuth, KeySet, Token};

use crate::kit::{self, NOW, b64};

/// A key pair.
pub(crate) enum Pair {
    Rs256(RsaKeyPair),
    Es256(EcdsaKeyPair),
}

impl Pair {
    /// Returns the key pair that all providers use for this algorithm.
    fn of_provider(alg: &str) -> &'static Self {
        static RS256: LazyLock<Pair> = LazyLock::new(Pair::rs256);
        static ES256: LazyLock<Pair> = LazyLock::new(Pair::es256);
        if alg == "ES256" { &ES256 } else { &RS256 }
    }

    /// Returns a key pair for this algorithm. No provider has these keys.
    fn of_stranger(alg: &str) -> &'static Self {
        static RS256: LazyLock<Pair> = LazyLock::new(Pair::rs256);
        static ES256: LazyLock<Pair> = LazyLock::new(Pair::es256);
        if alg == "ES256" { &ES256 } else { &RS256 }
    }

    fn rs256() -> Self {
        Self::Rs256(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    fn es256() -> Self {
        Self::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let padding = &signature::RSA_PKCS1_SHA256;
                pair.sign(padding, &random, message, &mut signature).unwrap();
                signature
            }
            Self::Es256(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
        }
    }

    /// Returns the members of a JWK that contain the public key.
    fn jwk(&self) -> Value {
        match self {
            Self::Rs256(pair) => {
                let key = PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({ "kty": "RSA", "n": b64(key.n), "e": b64(key.e) })
            }
            Self::Es256(pair) => {
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "x": b64(&point[1..33]), "y": b64(&point[33..]) })
            }
        }
    }
}

/// The preset of a provider, and the tokens and the key that the provider's documentation
/// describes.
pub(crate) struct Provider {
    pub(crate) preset: fn() -> Issuer,
    /// The header of the provider's tokens. Its `kid` names the provider's key.
    pub(crate) header: Value,
    /// The claims of an access token, except `exp` and `iat`, which are added later.
    pub(crate) claims: Value,
    /// The members of the provider's JWK besides `kid` and the key itself.
    pub(crate) jwk: Value,
}

/// The name of a case, a JSON merge patch for the claims, and the expected error for a token with
/// the changed claims.
pub(crate) type Change = (&'static str, Value, TokenErrorKind);

impl Provider {
    fn alg(&self) -> &str {
        self.header["alg"].as_str().unwrap()
    }

    /// Returns the provider's key set. It also contains two keys that a verifier must skip: a key
    /// for encryption, and a key of an unknown type.
    pub(crate) fn key_set(&self) -> Value {
        let pair = Pair::of_provider(self.alg());
        let mut key = pair.jwk();
        patch(&mut key, &self.jwk);
        key["kid"] = self.header["kid"].clone();
        let mut encryption = Pair::of_stranger("RS256").jwk();
        patch(&mut encryption, &json!({ "kid": "e", "use": "enc", "alg": "RSA-OAEP" }));
        let unknown = json!({ "kty": "OKP", "crv": "X448", "x": "AA", "kid": "x" });
        json!({ "keys": [encryption, unknown, key] })
    }

    pub(crate) fn issuer(&self) -> Issuer {
        (self.preset)().with_keys(KeySet::from_jwks(&self.key_set().to_string()).unwrap())
    }

    pub(crate) fn auth(&self) -> JwtAuth {
        JwtAuth::from(self.issuer()).with_clock(kit::at(NOW))
    }

    /// Returns a token of the provider. `change` states how its claims differ from the usual
    /// claims.
    pub(crate) fn token(&self, change: &Value) -> String {
        self.sign(Pair::of_provider(self.alg()), &self.header, change)
    }

    fn sign(&self, pair: &Pair, header: &Value, change: &Value) -> String {
        let mut claims = json!({ "iat": NOW - 10, "exp": NOW + 300 });
        patch(&mut claims, &self.claims);
        patch(&mut claims, change);
        let message = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
        format!("{message}.{}", b64(pair.sign(message.as_bytes())))
    }

    /// Returns the verdict of a layer on a token with changed claims.
    pub(crate) fn fault_with(&self, auth: &JwtAuth, change: &Value) -> Option<TokenErrorKind> {
        kit::fault(auth, &self.token(change))
    }

    /// Checks that the preset accepts the token, and rejects it after each of the changes. Returns
    /// the accepted token.
    pub(crate) fn check(&self, changes: &[Change]) -> Token {
        let auth = self.auth();
        for (what, change, expected) in changes {
            assert_eq!(self.fault_with(&auth, change), Some(*expected), "{what}: {change}");
        }
        self.check_common(&auth);
        let accepted = auth.verify(&self.token(&json!({})));
        accepted.unwrap_or_else(|error| panic!("{}", error.reason())).token().clone()
    }

    /// Checks the rules that hold for every provider.
    fn check_common(&self, auth: &JwtAuth) {
        let with = |change: Value| self.fault_with(auth, &change);
        assert_eq!(with(json!({ "exp": NOW - 60 })), Some(TokenErrorKind::Expired));
        assert_eq!(with(json!({ "exp": null })), Some(TokenErrorKind::MissingClaim));
        let name = self.claims["iss"].as_str().unwrap();
        for other in [format!("{name}/"), format!("{name}x"), format!("x{name}"), String::new()] {
            let fault = with(json!({ "iss": other }));
            assert_eq!(fault, Some(TokenErrorKind::WrongIssuer), "{other}");
        }
        assert_eq!(with(json!({ "iss": null })), Some(TokenErrorKind::WrongIssuer));
        let bound = with(json!({ "cnf": { "jkt": "x" } }));
        assert_eq!(bound, Some(TokenErrorKind::SenderConstrained));

        let stranger = Pair::of_stranger(self.alg());
        let forged = self.sign(stranger, &self.header, &json!({}));
        assert_eq!(kit::fault(auth, &forged), Some(TokenErrorKind::BadSignature), "the same `kid`");
        let mut header = self.header.clone();
        header["kid"] = json!("another");
        let forged = self.sign(stranger, &header, &json!({}));
        assert_eq!(kit::fault(auth, &forged), Some(TokenErrorKind::UnknownKeyId));

        // Use the public key as the secret of an HMAC.
        let mut header = self.header.clone();
        header["alg"] = json!("HS256");
        let secret = Pair::of_provider(self.alg()).jwk().to_string();
        let token = self.token(&json!({}));
        let payload = kit::unb64(token.split('.').nth(1).unwrap());
        let forged = kit::sign_as(Algorithm::Hs256, secret.as_bytes(), header.to_string(), payload);
        assert_eq!(kit::fault(auth, &forged), Some(TokenErrorKind::WrongAlgorithm));
    }
}

/// Applies a JSON merge patch (RFC 7396).
fn patch(target: &mut Value, change: &Value) {
    let Value::Object(changes) = change else { return *target = change.clone() };
    if !target.is_object() {
        *target = json!({});
    }
    for (name, change) in changes {
        match change {
            Value::Null => drop(target.as_object_mut().unwrap().remove(name)),
            _ => patch(&mut target[name], change),
        }
    }
}

pub(crate) fn roles(token: &Token) -> Vec<&str> {
    token.roles().collect()
}

pub(crate) fn scopes(token: &Token) -> Vec<&str> {
    token.scopes().collect()
}
