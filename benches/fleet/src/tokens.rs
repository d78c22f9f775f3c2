//! Tokens of a shop.

use serde_json::json;
use tower_jwt_auth::jwt::Signer;
use tower_jwt_auth::{Clock, Key, Secret, SystemClock};

pub(crate) const ISSUER: &str = "https://auth.shop.example";

pub(crate) fn secret() -> Secret {
    Secret::new(b"a secret for benchmarks, of 40+ bytes...").expect("long enough")
}

pub(crate) fn now() -> i64 {
    SystemClock.now().as_secs()
}

/// The whole request of a client with a token that was issued `age` seconds ago, the only one of its
/// session.
pub(crate) fn request(subject: &str, id: &str, age: i64) -> Vec<u8> {
    let (signer, now) = (Signer::new(Key::hs256(secret())), now());
    let claims = json!({
        "iss": ISSUER, "sub": subject, "jti": id, "sid": session(id),
        "iat": now - age, "exp": now + 3600,
        "scope": "cart:read cart:write pay", "company": "acme-europe",
    });
    let token = signer.sign(&claims).expect("claims serialize");
    format!("GET /cart HTTP/1.1\r\nHost: shop.example\r\nAuthorization: Bearer {token}\r\n\r\n")
        .into_bytes()
}

/// The session of the token with this `jti`.
pub(crate) fn session(id: &str) -> String {
    format!("session-of-{id}")
}

/// Tokens that nobody revokes.
pub(crate) fn good() -> Vec<Vec<u8>> {
    (0..1000).map(|n| request(&format!("good {n}"), &format!("good-{n}"), 100)).collect()
}
