//! Encryption of values that leave this server and come back. Only this file uses the crate that
//! implements the encryption.

use std::fmt::{self, Debug};
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use zeroize::Zeroizing;

use crate::jwt::Secret;
use crate::jwt::base64url;
use crate::jwt::keys::mac;
use crate::random::NoRandomness;

/// The version of the format. Every sealed value begins with the version. The nonce, the ciphertext
/// and the tag follow in base64url.
const VERSION: &str = "v1.";
const TAG_BYTES: usize = 16;
const KEY_BYTES: usize = 32;

/// Seals values for one purpose. The cipher is AES-256-GCM with a random nonce of 96 bits.
///
/// The key is derived from a [`Secret`] by HKDF-SHA256, with the purpose in `info`. A value can be
/// opened only with the purpose, the secret and the context with which it was sealed. The context
/// is a list of strings that the caller passes to [`seal`](Self::seal) and [`open`](Self::open).
///
/// With random nonces, one key is safe for 2^32 values (NIST SP 800-38D section 8.3). A server that
/// seals 100 values a second reaches this number after 16 months, and should then have a new
/// secret.
#[derive(Clone)]
pub(crate) struct Sealer {
    purpose: &'static str,
    current: Arc<RandomizedNonceKey>,
    /// Keys that are used only to open values, not to seal them.
    previous: Vec<Arc<RandomizedNonceKey>>,
}

impl Sealer {
    pub(crate) fn new(secret: &Secret, purpose: &'static str) -> Self {
        Self { purpose, current: derive(secret, purpose), previous: Vec::new() }
    }

    /// Also opens values that were sealed with this secret.
    pub(crate) fn add_previous(&mut self, secret: &Secret) {
        self.previous.push(derive(secret, self.purpose));
    }

    /// Encrypts and authenticates `plain`. [`open`](Self::open) returns `plain` only for the same
    /// `context`.
    pub(crate) fn seal(&self, plain: &[u8], context: &[&str]) -> Result<String, NoRandomness> {
        // With this capacity, the buffer never moves and leaves no copy of `plain` behind.
        let mut sealed = Vec::with_capacity(plain.len().saturating_add(TAG_BYTES));
        sealed.extend_from_slice(plain);
        let aad = Aad::from(self.associated_data(context));
        // The cipher fails only for values of more than 64 GiB, so any error here comes from the
        // source of random numbers.
        let nonce =
            self.current.seal_in_place_append_tag(aad, &mut sealed).map_err(|_| NoRandomness)?;
        let mut text = VERSION.to_owned();
        base64url::encode_onto(&[nonce.as_ref().as_slice(), &sealed].concat(), &mut text);
        Ok(text)
    }

    /// Returns the value, or `None` if it was not sealed by [`seal`](Self::seal) with the same
    /// purpose, context and secret. The result is the same for every kind of failure.
    pub(crate) fn open(&self, sealed: &str, context: &[&str]) -> Option<Zeroizing<Vec<u8>>> {
        let mut bytes = Vec::new();
        base64url::decode_onto(sealed.strip_prefix(VERSION)?.as_bytes(), &mut bytes)?;
        let (nonce, ciphertext) = bytes.split_at_checked(NONCE_LEN)?;
        let aad = self.associated_data(context);
        std::iter::once(&self.current).chain(&self.previous).find_map(|key| {
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
            let mut buffer = Zeroizing::new(ciphertext.to_vec());
            let len = key.open_in_place(nonce, Aad::from(&aad), &mut buffer).ok()?.len();
            buffer.truncate(len);
            Some(buffer)
        })
    }

    /// Returns the purpose and the parts of the context, each preceded by its length in 4 bytes.
    fn associated_data(&self, context: &[&str]) -> Vec<u8> {
        let mut data = Vec::new();
        for part in [self.purpose].iter().chain(context) {
            data.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            data.extend(part.as_bytes());
        }
        data
    }
}

#[expect(clippy::expect_used, reason = "the key has the length that the cipher needs")]
fn derive(secret: &Secret, purpose: &str) -> Arc<RandomizedNonceKey> {
    let info = format!("tower-jwt-auth/openid/{purpose}/v1");
    let derived = mac::hkdf_sha256(secret.as_bytes(), info.as_bytes());
    let key = derived.get(..KEY_BYTES).unwrap_or_default();
    Arc::new(RandomizedNonceKey::new(&AES_256_GCM, key).expect("a key of 32 bytes is accepted"))
}

impl Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("purpose", &self.purpose)
            .field("previous", &self.previous.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        Secret::generate().unwrap()
    }

    fn opened(sealer: &Sealer, sealed: &str, context: &[&str]) -> Option<Vec<u8>> {
        sealer.open(sealed, context).map(|plain| plain.to_vec())
    }

    #[test]
    fn a_sealed_value_opens_and_shows_nothing() {
        let sealer = Sealer::new(&secret(), "test");
        for plain in [&b""[..], b"a", &[7; 5_000]] {
            let sealed = sealer.seal(plain, &["a", "b"]).unwrap();
            assert_eq!(opened(&sealer, &sealed, &["a", "b"]).unwrap(), plain);
            assert_ne!(sealer.seal(plain, &["a", "b"]).unwrap(), sealed, "the nonce is random");
            assert!(sealed.starts_with("v1."));
            assert!(sealed.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)));
        }
        assert!(!format!("{sealer:?}").contains("key"));
    }

    #[test]
    fn no_changed_value_opens() {
        let sealer = Sealer::new(&secret(), "test");
        let sealed = sealer.seal(b"plain", &[]).unwrap();
        for place in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(sealer.open(&changed, &[]), None, "{place}");
            assert_eq!(sealer.open(&sealed[..place], &[]), None, "{place}");
        }
        for text in ["", "v1.", "v2.AAAA", "v1.AAAA", &format!("{sealed}A"), &sealed[3..]] {
            assert_eq!(sealer.open(text, &[]), None, "{text}");
        }
    }

    #[test]
    fn a_value_opens_only_for_its_purpose_its_context_and_its_secret() {
        let secret = secret();
        let sealer = Sealer::new(&secret, "test");
        let sealed = sealer.seal(b"plain", &["ab", "c"]).unwrap();
        for context in [&["a", "bc"][..], &["abc"], &["ab"], &["ab", "c", ""], &[]] {
            assert_eq!(sealer.open(&sealed, context), None, "{context:?}");
        }
        assert_eq!(Sealer::new(&secret, "other").open(&sealed, &["ab", "c"]), None);
        let other = Sealer::new(&Secret::generate().unwrap(), "test");
        assert_eq!(other.open(&sealed, &["ab", "c"]), None);
    }

    #[test]
    fn a_previous_secret_opens_and_does_not_seal() {
        let (old, new) = (secret(), secret());
        let before = Sealer::new(&old, "test");
        let mut after = Sealer::new(&new, "test");
        after.add_previous(&old);
        let sealed = before.seal(b"plain", &[]).unwrap();
        assert_eq!(opened(&after, &sealed, &[]).unwrap(), b"plain");
        assert_eq!(before.open(&after.seal(b"plain", &[]).unwrap(), &[]), None);
    }
}
