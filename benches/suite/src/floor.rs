//! A lower bound for the time that verification takes with the libraries used here: an HMAC with a
//! key that was prepared in advance, base64 decoding, and one parse of the payload into the claims
//! type. Only the signature is checked.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::{Simd, general_purpose::NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde::de::DeserializeOwned;
use sha2::Sha256;

static BASE64: LazyLock<Simd> = LazyLock::new(|| Simd::url_safe(NO_PAD));

pub struct Floor {
    mac: Hmac<Sha256>,
}

impl Floor {
    pub fn new(secret: &[u8]) -> Self {
        Self { mac: Hmac::new_from_slice(secret).expect("any length") }
    }

    pub fn verify<T: DeserializeOwned>(&self, token: &str) -> Option<T> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (_, payload) = signed.split_once('.')?;
        let mut tag = [0; 48];
        let len = BASE64.decode_slice_unchecked(signature, &mut tag).ok()?;
        self.mac.clone().chain_update(signed).verify_slice(&tag[..len]).ok()?;
        let mut stack = [0; 1024];
        if payload.len() <= 1024 {
            let len = BASE64.decode_slice_unchecked(payload, &mut stack).ok()?;
            return serde_json::from_str(std::str::from_utf8(&stack[..len]).ok()?).ok();
        }
        serde_json::from_str(std::str::from_utf8(&BASE64.decode(payload).ok()?).ok()?).ok()
    }
}
