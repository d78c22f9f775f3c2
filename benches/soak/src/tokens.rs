//! Good tokens and bad ones, of one key.

use serde_json::{Value, json};
use tower_jwt_auth::jwt::Signer;
use tower_jwt_auth::{Clock, Key, Secret, SystemClock};

pub(crate) const ISSUER: &str = "https://auth.shop.example";
/// As the tokens of an access server: minutes.
pub(crate) const LIFETIME: i64 = 600;

pub(crate) fn key(generation: u64) -> Key {
    let secret = Secret::new(format!("the secret of generation {generation}, of 40 bytes or more"));
    Key::hs256(secret.expect("long enough")).with_id(generation.to_string()).expect("an id")
}

/// What clients have while a key is the current one.
pub(crate) struct Generation {
    signer: Signer,
    good: Vec<String>,
    expired: String,
    forged: String,
}

impl Generation {
    pub(crate) fn new(generation: u64) -> Self {
        let signer = Signer::new(key(generation));
        let now = now();
        let good = (0..200).map(|n| {
            let mut claims = claims(n, now + LIFETIME);
            if n % 10 == 0 {
                claims["permissions"] = Value::from_iter((0..60).map(|n| format!("warehouse:{n}")));
            }
            signer.sign(&claims).expect("claims serialize")
        });
        let good: Vec<_> = good.collect();
        let expired = signer.sign(&claims(0, now - 1_000)).expect("claims serialize");
        let forged = Signer::new(key(u64::MAX)).sign(&claims(0, now + LIFETIME));
        let forged = forged.expect("claims serialize");
        // Under a key that there is, signed by another.
        let forged = format!("{}.{}", before(&good[0], 1), after(&forged, 1));
        Self { good, expired, forged, signer }
    }

    pub(crate) fn good(&self) -> String {
        self.good[fastrand::usize(..self.good.len())].clone()
    }

    /// The value of a header that is refused with 401, 400 or 431.
    pub(crate) fn bad(&self) -> Option<String> {
        let bearer = |token: &str| Some(format!("Bearer {token}"));
        match fastrand::u8(..9) {
            0 => None,
            1 => bearer(&self.expired),
            2 => bearer(&self.forged),
            // A key that nobody knows, another each time.
            3 => {
                let signer = Signer::new(key(fastrand::u64(1 << 40..)));
                bearer(&signer.sign(&claims(1, now() + LIFETIME)).expect("claims serialize"))
            }
            4 => bearer(&"A".repeat(fastrand::usize(8_193..12_000))),
            5 => Some(format!("Basic {}", letters(30))),
            6 => bearer(&format!("{}.{}.{}", letters(30), letters(200), letters(43))),
            // A good one with one letter changed.
            7 => {
                let mut token = self.good().into_bytes();
                let at = fastrand::usize(..token.len() - 1);
                token[at] = if token[at] == b'x' { b'y' } else { b'x' };
                bearer(std::str::from_utf8(&token).expect("letters"))
            }
            // Without the dates and names that are wanted.
            _ => bearer(&self.signer.sign(&json!({ "sub": letters(9) })).expect("claims")),
        }
    }
}

fn claims(n: u64, expires_at: i64) -> Value {
    json!({
        "iss": ISSUER, "sub": format!("user {n}"), "jti": format!("token {n} {expires_at}"),
        "sid": letters(22), "iat": expires_at - LIFETIME, "exp": expires_at,
        "scope": "cart:read cart:write pay", "company": "acme-europe",
    })
}

fn now() -> i64 {
    SystemClock.now().as_secs()
}

fn letters(count: usize) -> String {
    std::iter::repeat_with(fastrand::alphanumeric).take(count).collect()
}

fn before(token: &str, parts: usize) -> &str {
    let at = token.match_indices('.').nth(parts).expect("three parts").0;
    &token[..at]
}

fn after(token: &str, parts: usize) -> &str {
    let at = token.match_indices('.').nth(parts).expect("three parts").0;
    &token[at + 1..]
}
