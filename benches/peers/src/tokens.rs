//! Three sizes of token.

use serde::{Deserialize, Serialize};
use tower_jwt_auth::{Key, Secret, jwt::Signer};

pub const SECRET: &[u8] = b"a secret for benchmarks, of 40+ bytes...";
pub const ISSUER: &str = "https://auth.shop.example";
pub const AUDIENCE: &str = "cart";
pub const KEY_ID: &str = "2026-11";
/// 3000-01-01: no contender but one can be given a clock.
const FAR: u64 = 32_503_680_000;

/// What most handlers ask for: the README's type.
#[derive(Clone, Debug, Deserialize)]
pub struct Shopper {
    pub sub: String,
    pub company: String,
}

/// Every member of the tokens, of which small ones have the first few only.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Everything {
    pub sub: String,
    pub company: String,
    pub exp: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aud: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iat: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<String>,
}

pub struct Size {
    pub name: &'static str,
    pub token: String,
    /// The same claims, and the header has a `kid`, which some require.
    pub keyed: String,
    /// Whether the token names issuer and audience, and a verifier requires them.
    pub parties: bool,
}

pub fn sizes() -> Vec<Size> {
    let small = Everything {
        sub: "user-10482".into(),
        company: "acme-europe".into(),
        exp: FAR,
        iss: None,
        aud: None,
        iat: Some(1_700_000_000),
        jti: None,
        scope: None,
        roles: Vec::new(),
        permissions: Vec::new(),
    };
    let typical = Everything {
        iss: Some(ISSUER.into()),
        aud: Some(AUDIENCE.into()),
        jti: Some("8f2d1c3e9a5b4d60b7e1".into()),
        scope: Some("cart:read cart:write pay".into()),
        roles: vec!["admin".into(), "buyer".into()],
        ..small.clone()
    };
    let large = Everything {
        permissions: (0..80).map(|n| format!("warehouse:{n:03}:inventory:read-write")).collect(),
        ..typical.clone()
    };
    let signer = Signer::new(Key::hs256(secret()));
    let keyed = Signer::new(keyed());
    let size = |name, claims: &Everything| Size {
        name,
        token: signer.sign(claims).expect("claims serialize"),
        keyed: keyed.sign(claims).expect("claims serialize"),
        parties: claims.iss.is_some(),
    };
    vec![size("small", &small), size("typical", &typical), size("large", &large)]
}

pub fn secret() -> Secret {
    Secret::new(SECRET).expect("long enough")
}

/// The key of the tokens with a `kid`.
pub fn keyed() -> Key {
    Key::hs256(secret()).with_id(KEY_ID).expect("short enough")
}

/// The same token with a signature of another key.
pub fn forged(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').expect("a token");
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{signed}.{first}{}", &signature[1..])
}
