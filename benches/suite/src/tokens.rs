//! The tokens of all benchmarks.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD as BASE64, Engine};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;
use tower_jwt_auth::jwt::Signer;
use tower_jwt_auth::{Algorithm, Clock, Key, Secret, SystemClock};

use crate::key_pairs::key_pair;

pub const SECRET: &[u8] = b"a secret for benchmarks, of 40+ bytes...";
pub const ISSUER: &str = "https://auth.shop.example";
pub const AUDIENCE: &str = "cart";
pub const KEY_ID: &str = "2026-11";
/// 3000-01-01. Most contenders compare `exp` with the system clock, so `exp` is far in the future.
const FAR: u64 = 32_503_680_000;

/// The claims that a typical handler reads. The example in the README has the same type.
#[derive(Clone, Debug, Deserialize)]
pub struct Shopper {
    pub sub: String,
    pub company: String,
}

/// The claims of a token that the benchmarks verify. A small token has only `sub`, `company`, `exp`
/// and `iat`: its other fields are empty, and empty fields are left out of the JSON.
#[derive(Clone, Serialize)]
struct Everything {
    sub: &'static str,
    company: &'static str,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'static str>,
    iat: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    roles: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    permissions: Vec<String>,
}

/// A token of one size and algorithm, and its variants.
pub struct TokenKind {
    pub name: &'static str,
    pub algorithm: Algorithm,
    /// The length of the token in bytes.
    pub bytes: usize,
    /// True if the token has an issuer and an audience, and the verifier requires them.
    pub parties: bool,
    payload: String,
}

/// Returns the small, the typical and the large token for HS256, and the typical token for each
/// public-key algorithm.
pub fn token_kinds() -> [TokenKind; 7] {
    let small = Everything {
        sub: "user-10482",
        company: "acme-europe",
        exp: FAR,
        iss: None,
        aud: None,
        iat: 1_700_000_000,
        jti: None,
        scope: None,
        roles: Vec::new(),
        permissions: Vec::new(),
    };
    let typical = Everything {
        iss: Some(ISSUER),
        aud: Some(AUDIENCE),
        jti: Some("8f2d1c3e9a5b4d60b7e18f2d1c3e9a"),
        scope: Some("cart:read cart:write pay"),
        roles: vec!["admin", "buyer"],
        ..small.clone()
    };
    let large = Everything {
        permissions: (0..80).map(|n| format!("warehouse:{n:03}:inventory:read-write")).collect(),
        ..typical.clone()
    };
    [
        ("small", Algorithm::Hs256, &small),
        ("typical", Algorithm::Hs256, &typical),
        ("large", Algorithm::Hs256, &large),
        ("RS256", Algorithm::Rs256, &typical),
        ("ES256", Algorithm::Es256, &typical),
        ("EdDSA", Algorithm::EdDsa, &typical),
        ("ML-DSA-44", Algorithm::MlDsa44, &typical),
    ]
    .map(|(name, algorithm, claims)| {
        let payload = serde_json::to_string(claims).expect("claims serialize");
        let bytes = signed(algorithm, None, &payload).len();
        TokenKind { name, algorithm, bytes, parties: claims.iss.is_some(), payload }
    })
}

/// The token that a measured request presents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variant {
    Good,
    /// A token with a wrong signature.
    Forged,
    Expired,
    OtherIssuer,
    /// No token at all.
    Missing,
    /// A valid token of one of several users. The value is the user's number.
    Of(u32),
    /// A valid token with an additional integer claim.
    Integer,
    Float,
    Negative,
    Exponent,
    /// Like `Integer`, but the claim's name contains an escape (`\u0069`).
    EscapedName,
}

impl TokenKind {
    pub fn payload(&self) -> &str {
        &self.payload
    }

    /// Returns the token, or `None` for [`Variant::Missing`].
    pub fn token(&self, variant: Variant, key_id: Option<&str>) -> Option<String> {
        let replaced = |from: &str, to: &str| self.payload.replace(from, to);
        // Insert the member before the closing brace.
        let with = |member: &str| format!("{},{member}}}", &self.payload[..self.payload.len() - 1]);
        let payload = match variant {
            Variant::Missing => return None,
            Variant::Good | Variant::Forged => self.payload.clone(),
            Variant::Expired => replaced(&FAR.to_string(), "1700000100"),
            Variant::OtherIssuer => replaced(ISSUER, "https://auth.another.example"),
            Variant::Of(user) => replaced("user-10482", &format!("user-{user:05}")),
            // All of these members have the same length.
            Variant::Integer => with(r#""limit":1250"#),
            Variant::Float => with(r#""limit":12.5"#),
            Variant::Negative => with(r#""limit":-125"#),
            Variant::Exponent => with(r#""limit":12e5"#),
            Variant::EscapedName => with(r#""l\u0069m":5"#),
        };
        let token = signed(self.algorithm, key_id, &payload);
        Some(if variant == Variant::Forged { forged(&token) } else { token })
    }
}

/// Signs the payload bytes without changing them.
fn signed(algorithm: Algorithm, key_id: Option<&str>, payload: &str) -> String {
    let key_id = key_id.map(|id| format!(r#","kid":"{id}""#)).unwrap_or_default();
    let header = format!(r#"{{"alg":"{algorithm}","typ":"JWT"{key_id}}}"#);
    let [header, payload] = [header.as_str(), payload].map(|part| BASE64.encode(part));
    let message = format!("{header}.{payload}");
    let signature = match key_pair(algorithm) {
        Some(pair) => pair.sign(message.as_bytes()),
        None => {
            let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).expect("any length");
            mac.update(message.as_bytes());
            mac.finalize().into_bytes().to_vec()
        }
    };
    format!("{message}.{}", BASE64.encode(signature))
}

pub fn secret() -> Secret {
    Secret::new(SECRET).expect("long enough")
}

/// Returns the key that verifies the tokens signed with this algorithm.
pub fn verifying_key(algorithm: Algorithm) -> Key {
    match key_pair(algorithm) {
        // Tokens without a `kid` are checked against all keys of their algorithm.
        Some(pair) => Key::from_jwk(&pair.jwk_text()).expect("a JWK"),
        None => Key::hs256(secret()),
    }
}

/// Returns a key with a `kid`.
pub fn keyed() -> Key {
    Key::hs256(secret()).with_id(KEY_ID).expect("short enough")
}

/// Returns `token` with a wrong signature.
fn forged(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').expect("a token");
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{signed}.{first}{}", &signature[1..])
}

/// Returns the current time in seconds.
pub fn now() -> i64 {
    SystemClock.now().as_secs()
}

/// Returns the claims of a typical access token.
pub fn claims(subject: &str, id: &str, session: &str, issued_at: i64, expires_at: i64) -> Value {
    json!({
        "iss": ISSUER, "sub": subject, "jti": id, "sid": session, "iat": issued_at, "exp": expires_at,
        "scope": "cart:read cart:write pay", "company": "acme-europe",
    })
}

/// Returns a whole request with a token that was issued `age` seconds ago. Each token has a
/// separate session.
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
