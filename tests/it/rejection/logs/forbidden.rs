//! The values that must not appear in a log.

use std::collections::BTreeSet;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;

/// Values that must not appear in a log. For a long value, such as a token, any 16 consecutive
/// bytes of the value are forbidden too.
#[derive(Default)]
pub(super) struct Forbidden {
    pieces: BTreeSet<Vec<u8>>,
    values: BTreeSet<String>,
    /// Expiry times, which are allowed in a log.
    shown: BTreeSet<String>,
}

impl Forbidden {
    pub(super) fn add(&mut self, text: &[u8]) {
        self.pieces.extend(text.windows(16).map(<[u8]>::to_vec));
    }

    /// Forbids all sequences of 16 bytes that occur in the token or in its decoded parts. To forbid
    /// shorter claims too, call [`add_token`](Self::add_token).
    pub(super) fn add_credential(&mut self, token: &str) {
        self.add(token.as_bytes());
        for part in token.split('.') {
            self.add(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap_or_default());
        }
    }

    pub(super) fn add_token(&mut self, token: &str) {
        self.add_credential(token);
        for part in token.split('.') {
            let Ok(json) = BASE64_URL_SAFE_NO_PAD.decode(part) else { continue };
            match serde_json::from_slice(&json) {
                Ok(Value::Object(members)) => {
                    // Logs are allowed to contain the expiry, since the `Debug` output of `Token`
                    // shows it.
                    self.shown.extend(members.get("exp").map(Value::to_string));
                    members.values().for_each(|value| self.add_claim(value));
                }
                _ => continue,
            }
        }
    }

    /// Adds the strings and numbers in a claim to the forbidden values. Short strings and numbers
    /// are not added, since a log may contain them by chance. The tests therefore use long claims.
    fn add_claim(&mut self, value: &Value) {
        match value {
            Value::String(text) if text.len() >= 6 => {
                self.values.insert(text.clone());
            }
            Value::Array(values) => values.iter().for_each(|value| self.add_claim(value)),
            Value::Number(number) if number.to_string().len() >= 8 => {
                self.values.insert(number.to_string());
            }
            _ => {}
        }
    }

    /// Allows a configured value in the log, since the reasons for rejections contain configured
    /// values.
    pub(super) fn allow(&mut self, configured: &str) {
        for piece in format!("\"{configured}\"").as_bytes().windows(16) {
            self.pieces.remove(piece);
        }
        self.values.remove(configured);
    }

    pub(super) fn add_secret(&mut self, bytes: &[u8]) {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let list = format!("{bytes:?}");
        for form in [
            bytes,
            BASE64_STANDARD_NO_PAD.encode(bytes).as_bytes(),
            BASE64_URL_SAFE_NO_PAD.encode(bytes).as_bytes(),
            hex.as_bytes(),
            hex.to_uppercase().as_bytes(),
            list.as_bytes(),
        ] {
            self.add(form);
        }
    }

    #[track_caller]
    pub(super) fn is_not_in(&self, log: &str) {
        for piece in log.as_bytes().windows(16) {
            assert!(!self.pieces.contains(piece), "{:?} is logged", String::from_utf8_lossy(piece));
        }
        for value in self.values.difference(&self.shown) {
            assert!(!log.contains(value), "{value:?} is logged");
        }
    }
}
