//! Valid and invalid tokens for one key.

use serde_json::{Value, json};
use suite::tokens::{self, now};
use tower_jwt_auth::jwt::Signer;
use tower_jwt_auth::{Key, Secret};

/// The lifetime of a token in seconds.
pub(crate) const LIFETIME: i64 = 600;

pub(crate) fn key(generation: u64) -> Key {
    key_with_id(generation, generation)
}

fn key_with_id(generation: u64, id: u64) -> Key {
    let secret = Secret::new(format!("the secret of generation {generation}, of 40 bytes or more"));
    Key::hs256(secret.expect("long enough")).with_id(id.to_string()).expect("an id")
}

/// The tokens that the clients send while one key is current.
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
        // A token with the `kid` of the current key and the signature of another key.
        let forger = Signer::new(key_with_id(u64::MAX, generation));
        let forged = forger.sign(&claims(0, now + LIFETIME)).expect("claims serialize");
        Self { good, expired, forged, signer }
    }

    pub(crate) fn good(&self) -> String {
        self.good[fastrand::usize(..self.good.len())].clone()
    }

    /// Returns the value of an `Authorization` header that the server must reject with 400, 401 or
    /// 431.
    pub(crate) fn bad(&self) -> Option<String> {
        let bearer = |token: &str| Some(format!("Bearer {token}"));
        match fastrand::u8(..9) {
            0 => None,
            1 => bearer(&self.expired),
            2 => bearer(&self.forged),
            // A token with an unknown `kid`. The `kid` is different in every such token.
            3 => {
                let signer = Signer::new(key(fastrand::u64(1 << 40..)));
                bearer(&signer.sign(&claims(1, now() + LIFETIME)).expect("claims serialize"))
            }
            4 => bearer(&"A".repeat(fastrand::usize(8_193..12_000))),
            5 => Some(format!("Basic {}", letters(30))),
            6 => bearer(&format!("{}.{}.{}", letters(30), letters(200), letters(43))),
            // A valid token with one character changed.
            7 => {
                let mut token = self.good().into_bytes();
                let at = fastrand::usize(..token.len() - 1);
                token[at] = if token[at] == b'x' { b'y' } else { b'x' };
                bearer(std::str::from_utf8(&token).expect("letters"))
            }
            // A correctly signed token that lacks required claims.
            _ => bearer(&self.signer.sign(&json!({ "sub": letters(9) })).expect("claims")),
        }
    }
}

fn claims(n: u64, expires_at: i64) -> Value {
    let (subject, id) = (format!("user {n}"), format!("token {n} {expires_at}"));
    tokens::claims(&subject, &id, &letters(22), expires_at - LIFETIME, expires_at)
}

fn letters(count: usize) -> String {
    std::iter::repeat_with(fastrand::alphanumeric).take(count).collect()
}
