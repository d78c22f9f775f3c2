//! Shared code of the fuzz targets: one key, one point in time, a few tokens, and reference
//! implementations. Each reference implementation follows only the text of `docs/reference`, and is
//! as simple as possible.

pub mod answer;
pub mod challenge;
pub mod claims;
pub mod json;
#[cfg(feature = "targets")]
pub mod oracle;
pub mod payload;
pub mod rules;
pub mod types;
pub mod wire;

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tower_jwt_auth::{JwtAuth, Key, ManualClock, Secret, UnixTime};

/// The current time in all fuzz targets, in seconds since 1970.
pub const NOW: i64 = 1_700_000_000;
pub const SECRET: &[u8] = b"the fixed secret of the fuzz targets, 0123456789";
pub const KEY_ID: &str = "k1";
pub const ISSUER: &str = "https://i.example";
pub const AUDIENCE: &str = "cart";

/// The time limit for one input.
const LIMIT: Duration = Duration::from_millis(10);

/// Returns the key that all fuzz targets share.
pub fn key() -> Key {
    static KEY: LazyLock<Key> = LazyLock::new(|| {
        let secret = Secret::new(SECRET).expect("the secret is long enough");
        Key::hs256(secret).with_id(KEY_ID).expect("the identifier is short")
    });
    KEY.clone()
}

pub fn clock() -> ManualClock {
    ManualClock::new(UnixTime::from_secs(NOW))
}

/// Returns a configuration that accepts the valid tokens in [`Tokens`].
pub fn auth() -> JwtAuth {
    JwtAuth::new(key()).issuer(ISSUER).audience(AUDIENCE).with_clock(clock())
}

/// Signs any header and payload, with a MAC and an encoder that are independent of the crate.
pub fn sign(header: &[u8], payload: &[u8]) -> String {
    static MAC: LazyLock<Hmac<Sha256>> =
        LazyLock::new(|| Hmac::new_from_slice(SECRET).expect("HMAC takes a key of any length"));
    let mut token = BASE64_URL_SAFE_NO_PAD.encode(header);
    token.push('.');
    BASE64_URL_SAFE_NO_PAD.encode_string(payload, &mut token);
    let tag = MAC.clone().chain_update(&token).finalize().into_bytes();
    token.push('.');
    BASE64_URL_SAFE_NO_PAD.encode_string(tag, &mut token);
    token
}

/// Signed tokens. An input contains placeholders, which are replaced with these tokens, since a
/// fuzzer cannot find a valid signature.
pub struct Tokens {
    /// The token that replaces the placeholder `{T}`. It is valid and has no roles.
    pub valid: String,
    /// The token that replaces the placeholder `{A}`. It is valid, and has the `admin` role and the
    /// `pay` scope.
    pub admin: String,
    /// The token that replaces the placeholder `{E}`. It has expired.
    pub expired: String,
    /// The token that replaces the placeholder `{W}`. It is for another service.
    pub foreign: String,
}

impl Tokens {
    pub fn is_valid(&self, token: &[u8]) -> bool {
        token == self.valid.as_bytes() || token == self.admin.as_bytes()
    }
}

pub static TOKENS: LazyLock<Tokens> = LazyLock::new(|| {
    let token = |audience: &str, exp: i64, more: &str| {
        let header = r#"{"alg":"HS256","typ":"JWT","kid":"k1"}"#;
        let payload = format!(r#"{{"iss":"{ISSUER}","aud":"{audience}","exp":{exp}{more}}}"#);
        sign(header.as_bytes(), payload.as_bytes())
    };
    Tokens {
        valid: token(AUDIENCE, NOW + 60, r#","sub":"a""#),
        admin: token(AUDIENCE, NOW + 60, r#","roles":["admin"],"scope":"read pay""#),
        expired: token(AUDIENCE, NOW - 60, ""),
        foreign: token("payment", NOW + 60, ""),
    }
});

/// Replaces the placeholders in `input` with tokens.
pub fn expand(mut input: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(input.len());
    while let Some((first, rest)) = input.split_first() {
        let token = match input {
            [b'{', b'T', b'}', ..] => &TOKENS.valid,
            [b'{', b'A', b'}', ..] => &TOKENS.admin,
            [b'{', b'E', b'}', ..] => &TOKENS.expired,
            [b'{', b'W', b'}', ..] => &TOKENS.foreign,
            _ => {
                text.push(*first);
                input = rest;
                continue;
            }
        };
        text.extend_from_slice(token.as_bytes());
        input = &input[3..];
    }
    text
}

/// Runs a target on one input and panics if the run exceeds [`LIMIT`].
///
/// libFuzzer's `-timeout` counts whole seconds, so this function measures the time itself. The code
/// is instrumented and therefore slower than in production. An input fails only if it is slow
/// twenty times in a row, since the machine may be busy and the first run may include
/// initialization.
pub fn within_limit(run: impl Fn()) {
    let time = || {
        let start = Instant::now();
        run();
        start.elapsed()
    };
    let mut fastest = time();
    for _ in 0..19 {
        if fastest <= LIMIT {
            return;
        }
        fastest = fastest.min(time());
    }
    assert!(fastest <= LIMIT, "this input takes {fastest:?}, twenty times in a row");
}

/// Defines a fuzz target. `target!(run)` calls `fn run(input: &[u8])` for each input.
///
/// libFuzzer's panic hook ends the process. A panic that the crate would catch (`catch_unwind`
/// around application code) is therefore a finding too.
#[macro_export]
macro_rules! target {
    ($run:path) => {
        libfuzzer_sys::fuzz_target!(|input: &[u8]| $crate::within_limit(|| $run(input)));
    };
}
