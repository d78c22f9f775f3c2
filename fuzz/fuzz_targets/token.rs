//! Fuzzes whole tokens: arbitrary text, and valid tokens with one change. The verifier must accept
//! only the tokens that were issued.
#![no_main]

use std::sync::LazyLock;

use tower_jwt_auth::JwtAuth;
use tower_jwt_auth_fuzz::{TOKENS, auth, expand, target};

static AUTH: LazyLock<JwtAuth> = LazyLock::new(auth);

fn run(input: &[u8]) {
    if let Ok(text) = String::from_utf8(expand(input)) {
        assert_eq!(AUTH.verify(&text).is_ok(), TOKENS.is_valid(text.as_bytes()));
    }
    let [kind, high, low, rest @ ..] = input else { return };
    let token = TOKENS.valid.as_bytes();
    let at = usize::from(u16::from_be_bytes([*high, *low])) % token.len();
    let mut changed = token.to_vec();
    match kind % 5 {
        0 => changed[at] ^= 1 << (kind / 5 % 8),
        1 => drop(changed.splice(at..at, rest.iter().copied())),
        2 => drop(changed.remove(at)),
        3 => changed.truncate(at),
        _ => changed.extend_from_slice(rest),
    }
    if changed != token
        && let Ok(text) = std::str::from_utf8(&changed)
    {
        assert!(AUTH.verify(text).is_err(), "{text}");
    }
}

target!(run);
