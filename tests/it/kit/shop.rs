//! The shop that the tests protect: its secret, clock, claims and tokens.

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};
use tower_jwt_auth::jwt::Signer;
use tower_jwt_auth::{JwtAuth, Key, ManualClock, Secret, UnixTime};

/// The time that the tests' clock shows.
pub(crate) const NOW: i64 = 1_700_000_000;
pub(crate) const ISSUER: &str = "https://auth.shop.example";
pub(crate) const REALM: &str = "shop";
/// A unique text, which cannot occur in a log or a response by chance.
pub(crate) const SUBJECT: &str = "alice-7f3a9c51e08b42d6";
pub(crate) const COMPANY: &str = "acme-d41d8cd98f00b204";

#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub(crate) struct Shopper {
    pub(crate) sub: String,
    pub(crate) company: String,
}

pub(crate) fn secret() -> Secret {
    Secret::new((0..32).collect::<Vec<u8>>()).unwrap()
}

pub(crate) fn other_secret() -> Secret {
    Secret::new((100..132).collect::<Vec<u8>>()).unwrap()
}

pub(crate) fn clock() -> ManualClock {
    ManualClock::new(UnixTime::from_secs(NOW))
}

/// Returns the layer of the shop.
pub(crate) fn auth() -> JwtAuth<Shopper> {
    JwtAuth::new(secret()).issuer(ISSUER).audience("cart").realm(REALM).with_clock(clock()).claims()
}

/// Returns the claims of a valid token for the shop, with `changes` applied. A `null` removes a
/// claim.
pub(crate) fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": "cart", "sub": SUBJECT, "company": COMPANY,
        "iat": NOW - 10, "exp": NOW + 600, "roles": ["customer"], "scope": "cart:read",
    });
    for (name, value) in changes.as_object().into_iter().flatten() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

pub(crate) fn token(changes: &Value) -> String {
    sign(&Key::hs256(secret()), changes)
}

pub(crate) fn sign(key: &Key, changes: &Value) -> String {
    Signer::new(key.clone()).sign(&claims(changes)).unwrap()
}

/// Returns a token that is accepted.
pub(crate) fn good() -> String {
    token(&json!({}))
}

/// Returns an accepted token of another user.
pub(crate) fn other() -> String {
    token(&json!({ "sub": "bob-2c624232cdd221771" }))
}

pub(crate) fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// Returns a GET request for `path` with this token.
pub(crate) fn request(path: &str, token: &str) -> Request<Body> {
    Request::get(path).header("authorization", bearer(token)).body(Body::empty()).unwrap()
}

/// Returns a GET request for `path` without a token.
pub(crate) fn anonymous(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}
