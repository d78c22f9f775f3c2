//! Compiles the *Before* code of `docs/how-to/migrate-from-axum-jwt-auth.md`.
#![allow(dead_code, reason = "the code is only compiled")]

// The version that axum-jwt-auth uses.
extern crate jsonwebtoken_10 as jsonwebtoken;

fn main() {}

use std::sync::Arc;

use axum::{Router, extract::FromRef, routing::get};
use axum_jwt_auth::{Claims, Decoder, LocalDecoder};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};

#[derive(serde::Deserialize)]
struct Shopper {
    sub: String,
    company: String,
}

#[derive(Clone, FromRef)]
struct AppState {
    decoder: Decoder<Shopper>,
}

async fn cart(user: Claims<Shopper>) -> String {
    format!("cart of {} at {}", user.claims.sub, user.claims.company)
}

fn app(secret: &[u8]) -> Router {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&["https://auth.shop.example"]);
    validation.set_audience(&["cart"]);
    let decoder = LocalDecoder::builder()
        .keys(vec![DecodingKey::from_secret(secret)])
        .validation(validation)
        .build()
        .unwrap();
    Router::new().route("/cart", get(cart)).with_state(AppState { decoder: Arc::new(decoder) })
}
