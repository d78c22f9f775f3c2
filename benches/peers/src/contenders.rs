//! Verifying by itself, without HTTP.

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use tower_jwt_auth::JwtAuth;

use crate::tokens::{AUDIENCE, ISSUER, SECRET, Shopper, secret};

pub fn ours(parties: bool) -> JwtAuth<Shopper> {
    let auth = JwtAuth::new(secret()).claims::<Shopper>();
    if parties { auth.issuer(ISSUER).audience(AUDIENCE) } else { auth }
}

/// `jsonwebtoken`, as its documentation has it.
pub struct Decode {
    key: DecodingKey,
    validation: Validation,
}

impl Decode {
    pub fn new(parties: bool) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        if parties {
            validation.set_issuer(&[ISSUER]);
            validation.set_audience(&[AUDIENCE]);
        }
        Self { key: DecodingKey::from_secret(SECRET), validation }
    }

    pub fn verify(&self, token: &str) -> Option<Shopper> {
        Some(jsonwebtoken::decode(token, &self.key, &self.validation).ok()?.claims)
    }
}
