//! Compiles the *Before* code of `docs/how-to/migrate-from-jwt-authorizer.md`.
#![allow(dead_code, reason = "the code is only compiled")]

// The version that jwt-authorizer uses.
extern crate axum_07 as axum;

fn main() {}

use axum::{Router, routing::get};
use jwt_authorizer::{Authorizer, IntoLayer, JwtAuthorizer, JwtClaims, Validation};

#[derive(Clone, serde::Deserialize)]
struct Shopper {
    sub: String,
    company: String,
    verified: bool,
}

async fn cart(JwtClaims(shopper): JwtClaims<Shopper>) -> String {
    format!("cart of {} at {}", shopper.sub, shopper.company)
}

async fn app(secret: &str) -> Router {
    let validation = Validation::new().iss(&["https://auth.shop.example"]).aud(&["cart"]);
    let auth: Authorizer<Shopper> = JwtAuthorizer::from_secret(secret)
        .validation(validation)
        .check(|shopper: &Shopper| shopper.verified)
        .build()
        .await
        .unwrap();
    Router::new().route("/cart", get(cart)).layer(auth.into_layer())
}
