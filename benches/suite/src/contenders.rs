//! Token verification without HTTP.

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::de::DeserializeOwned;
use tower_jwt_auth::{JwtAuth, KeyStore};

use crate::tokens::{AUDIENCE, ISSUER, SECRET, secret};

pub fn ours<T: DeserializeOwned + Send + Sync + 'static>(parties: bool) -> JwtAuth<T> {
    ours_with(secret(), parties)
}

pub fn ours_with<T: DeserializeOwned + Send + Sync + 'static>(
    keys: impl Into<KeyStore>,
    parties: bool,
) -> JwtAuth<T> {
    let auth = JwtAuth::new(keys).claims::<T>();
    if parties { auth.issuer(ISSUER).audience(AUDIENCE) } else { auth }
}

/// `jsonwebtoken`, used as in its documentation.
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

    pub fn verify<T: DeserializeOwned>(&self, token: &str) -> Option<T> {
        Some(jsonwebtoken::decode(token, &self.key, &self.validation).ok()?.claims)
    }
}
