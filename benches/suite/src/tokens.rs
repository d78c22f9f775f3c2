//! The tokens of all benchmarks.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tower_jwt_auth::jwt::Signer;
use tower_jwt_auth::{Clock, Key, Secret, SystemClock};

pub const SECRET: &[u8] = b"a secret for benchmarks, of 40+ bytes...";
pub const ISSUER: &str = "https://auth.shop.example";
pub const AUDIENCE: &str = "cart";
pub const KEY_ID: &str = "2026-11";
/// 3000-01-01. The tokens never expire, since most contenders use the system clock.
const FAR: u64 = 32_503_680_000;

/// The claims that a typical handler reads, as in the README.
#[derive(Clone, Debug, Deserialize)]
pub struct Shopper {
    pub sub: String,
    pub company: String,
}

/// All claims of the tokens. Small tokens have only `sub`, `company`, `exp` and `iat`.
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
    /// A token with the same claims and a `kid` in its header, which some contenders require.
    pub keyed: String,
    /// True if the token has an issuer and an audience, and the verifier requires them.
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

/// Returns a key with a `kid`.
pub fn keyed() -> Key {
    Key::hs256(secret()).with_id(KEY_ID).expect("short enough")
}

/// Returns the token with a wrong signature.
pub fn forged(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').expect("a token");
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{signed}.{first}{}", &signature[1..])
}

/// Returns the current time in seconds.
pub fn now() -> i64 {
    SystemClock.now().as_secs()
}

/// Returns the claims of an access token of the shop.
pub fn claims(subject: &str, id: &str, session: &str, issued_at: i64, expires_at: i64) -> Value {
    json!({
        "iss": ISSUER, "sub": subject, "jti": id, "sid": session, "iat": issued_at, "exp": expires_at,
        "scope": "cart:read cart:write pay", "company": "acme-europe",
    })
}

/// Returns a whole request with a token that was issued `age` seconds ago. The session has no other
/// token.
pub fn request(subject: &str, id: &str, age: i64) -> Vec<u8> {
    let claims = claims(subject, id, &session(id), now() - age, now() + 3600);
    let token = Signer::new(Key::hs256(secret())).sign(&claims).expect("claims serialize");
    format!("GET /cart HTTP/1.1\r\nHost: shop.example\r\nAuthorization: Bearer {token}\r\n\r\n")
        .into_bytes()
}

/// Returns the session of the token with this `jti`.
pub fn session(id: &str) -> String {
    format!("session-of-{id}")
}

/// Returns requests with tokens that are never revoked.
pub fn good() -> Vec<Vec<u8>> {
    (0..1000).map(|n| request(&format!("good {n}"), &format!("good-{n}"), 100)).collect()
}
