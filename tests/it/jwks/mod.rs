//! Tests of remote key sets against real servers on loopback. Time stands still unless a test moves
//! it, so no test depends on the speed of the machine.

mod discovery;
#[cfg(feature = "tracing")]
mod events;
mod faults;
mod flood;
mod provider;
mod time;
mod tls;

use serde_json::{Value, json};
use tower_jwt_auth::jwks::RemoteKeys;
use tower_jwt_auth::jwt::Signer;
use tower_jwt_auth::{Algorithm, Issuer, JwtAuth, Key};

use crate::kit::{self, NOW};

const ISSUER: &str = "https://login.shop.example";

fn pair(id: &str) -> Key {
    Key::generate(Algorithm::EdDsa).unwrap().with_id(id).unwrap()
}

fn jwk(key: &Key) -> Value {
    serde_json::from_str(&key.to_jwk().unwrap()).unwrap()
}

/// Returns a JWK set with the public halves of `keys`.
fn set(keys: &[&Key]) -> String {
    json!({ "keys": keys.iter().map(|key| jwk(key)).collect::<Vec<_>>() }).to_string()
}

fn token(key: &Key) -> String {
    let claims = json!({ "iss": ISSUER, "aud": "cart", "sub": "alice", "exp": NOW + 600 });
    Signer::new(key.clone()).sign(&claims).unwrap()
}

/// Returns a layer with these keys.
fn auth(keys: &RemoteKeys) -> JwtAuth {
    JwtAuth::from(Issuer::new(ISSUER, keys.clone()).audience("cart")).with_clock(kit::at(NOW))
}

fn accepts(keys: &RemoteKeys, key: &Key) -> bool {
    auth(keys).verify(&token(key)).is_ok()
}
