//! Three sizes of token, and those that are refused.

use serde::Deserialize;
use serde_json::{Value, json};
use tower_jwt_auth::jwt::Signer;
use tower_jwt_auth::{JwtAuth, Key, Secret};

pub(crate) const SIZES: [&str; 3] = ["small", "typical", "large"];
pub(crate) const REFUSED: [&str; 3] = ["forged", "expired", "malformed"];

pub(crate) const ISSUER: &str = "https://auth.shop.example";

#[derive(Deserialize)]
pub(crate) struct Shopper {
    pub(crate) sub: String,
    pub(crate) company: String,
}

fn secret() -> Secret {
    Secret::new("a secret for benchmarks, of 40+ bytes...").expect("long enough")
}

pub(crate) fn auth() -> JwtAuth<Shopper> {
    JwtAuth::new(secret()).issuer(ISSUER).audience("cart").claims()
}

/// The token of a name in [`SIZES`] or [`REFUSED`].
pub(crate) fn token(name: &str) -> String {
    let mut claims = json!({
        "sub": "user-10482", "company": "acme-europe", "iss": ISSUER, "aud": "cart",
        "exp": 32_503_680_000_u64,
    });
    if name != "small" {
        claims["iat"] = json!(1_700_000_000);
        claims["jti"] = json!("8f2d1c3e9a5b4d60b7e1");
        claims["scope"] = json!("cart:read cart:write pay");
        claims["roles"] = json!(["admin", "buyer"]);
    }
    match name {
        "large" => {
            let permission = |n| json!(format!("warehouse:{n:03}:inventory:read-write"));
            claims["permissions"] = Value::from_iter((0..80).map(permission));
        }
        "expired" => claims["exp"] = json!(1_700_000_600),
        _ => {}
    }
    let token = Signer::new(Key::hs256(secret())).sign(&claims).expect("claims serialize");
    match name {
        "forged" => {
            let (signed, signature) = token.rsplit_once('.').expect("three parts");
            let other = if signature.starts_with('A') { 'B' } else { 'A' };
            format!("{signed}.{other}{}", &signature[1..])
        }
        "malformed" => token.replace('.', ","),
        _ => token,
    }
}
