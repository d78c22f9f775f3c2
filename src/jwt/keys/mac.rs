//! HMAC and HKDF. Only this file uses the crates that implement them.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac as _};
use sha2::{Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use crate::jwt::base64url;

/// An HMAC whose key has been set. Setting a key hashes two blocks, so the key is set only once,
/// and the HMAC is cloned for each token.
#[derive(Clone)]
pub(crate) enum Mac {
    Hs256(Hmac<Sha256>),
    Hs384(Hmac<Sha384>),
    Hs512(Hmac<Sha512>),
}

#[expect(clippy::expect_used, reason = "RFC 2104 section 3: HMAC takes a key of any length")]
fn keyed<M: KeyInit>(secret: &[u8]) -> M {
    M::new_from_slice(secret).expect("HMAC takes a key of any length")
}

impl Mac {
    pub(crate) fn hs256(secret: &[u8]) -> Self {
        Self::Hs256(keyed(secret))
    }

    pub(crate) fn hs384(secret: &[u8]) -> Self {
        Self::Hs384(keyed(secret))
    }

    pub(crate) fn hs512(secret: &[u8]) -> Self {
        Self::Hs512(keyed(secret))
    }

    /// Returns true if `signature`, in base64url, is the tag of `message`. The comparison takes
    /// constant time, and a truncated tag is rejected.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let mut buffer = [0; 64];
        let Some(tag) = base64url::decode_into(signature, &mut buffer) else { return false };
        match self {
            Self::Hs256(mac) => mac.clone().chain_update(message).verify_slice(tag).is_ok(),
            Self::Hs384(mac) => mac.clone().chain_update(message).verify_slice(tag).is_ok(),
            Self::Hs512(mac) => mac.clone().chain_update(message).verify_slice(tag).is_ok(),
        }
    }

    /// Returns true if both keys have the same secret and the same hash function.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let mut text = String::new();
        self.sign_onto(&mut text);
        other.verify(b"", text.trim_start_matches('.').as_bytes())
    }

    /// Signs `text` and appends a dot and the tag in base64url.
    pub(crate) fn sign_onto(&self, text: &mut String) {
        let message = text.as_bytes();
        let tag = match self {
            Self::Hs256(mac) => mac.clone().chain_update(message).finalize().into_bytes().to_vec(),
            Self::Hs384(mac) => mac.clone().chain_update(message).finalize().into_bytes().to_vec(),
            Self::Hs512(mac) => mac.clone().chain_update(message).finalize().into_bytes().to_vec(),
        };
        text.push('.');
        base64url::encode_onto(&tag, text);
    }
}

/// Returns the SHA-256 hash of the bytes.
#[cfg(any(feature = "asymmetric", feature = "issuer"))]
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    Sha256::digest(bytes).into()
}

/// Compares two hashes in constant time.
#[cfg(feature = "issuer")]
pub(crate) fn same_hash(a: &[u8; 32], b: &[u8; 32]) -> bool {
    type Tag = hmac::digest::CtOutput<Hmac<Sha256>>;
    Tag::from(hmac::digest::array::Array(*a)) == Tag::from(hmac::digest::array::Array(*b))
}

/// Derives 64 bytes from `secret` and `info` by HKDF-SHA256 with an empty salt.
pub(crate) fn hkdf_sha256(secret: &[u8], info: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(vec![0; 64]);
    // This fails only for more than 255 blocks of output. The 64 bytes here are only two blocks.
    let expanded = Hkdf::<Sha256>::new(None, secret).expand(info, &mut out);
    debug_assert!(expanded.is_ok());
    out
}

#[cfg(test)]
mod tests {
    use crate::jwt::keys::secret::Secret;

    use super::*;
    use crate::jwt::error::KeyErrorKind;

    fn hex(text: &str) -> Vec<u8> {
        let digits = text.as_bytes().chunks(2).map(|two| std::str::from_utf8(two).unwrap());
        digits.map(|two| u8::from_str_radix(two, 16).unwrap()).collect()
    }

    fn base64url(bytes: &[u8]) -> Vec<u8> {
        let mut text = String::new();
        base64url::encode_onto(bytes, &mut text);
        text.into_bytes()
    }

    /// Cases 163 to 168 are skipped. Their keys have only 16 bytes, so [`Secret`] rejects them.
    /// [`Secret`] accepts the keys of all other cases.
    #[test]
    fn wycheproof_hmac_sha256_cases_get_their_verdicts() {
        let file = include_str!("../../../tests/data/wycheproof/hmac_sha256_test.json");
        let file: serde_json::Value = serde_json::from_str(file).unwrap();
        let (mut whole, mut truncated, mut short) = (0, 0, 0);
        for group in file["testGroups"].as_array().unwrap() {
            for case in group["tests"].as_array().unwrap() {
                let id = &case["tcId"];
                let [key, message, tag] =
                    ["key", "msg", "tag"].map(|name| hex(case[name].as_str().unwrap()));
                let secret = match Secret::new(&key) {
                    Ok(secret) => secret,
                    Err(error) => {
                        assert_eq!((error.kind(), key.len()), (KeyErrorKind::TooShort, 16), "{id}");
                        short += 1;
                        continue;
                    }
                };
                let accepted = Mac::hs256(secret.as_bytes()).verify(&message, &base64url(&tag));
                if group["tagSize"] == 256 {
                    assert_eq!(accepted, case["result"] == "valid", "{id}");
                    whole += 1;
                } else {
                    // JWS has no truncated tags (RFC 7518 section 3.2).
                    assert!(!accepted && tag.len() == 16, "{id}");
                    truncated += 1;
                }
            }
        }
        assert_eq!((whole, truncated, short), (84, 84, 6));
    }

    #[test]
    fn hkdf_is_that_of_rfc_5869() {
        // The example in RFC 5869 section A.3 has an empty salt and an empty info, and an output of
        // 42 bytes. A longer output starts with the same bytes.
        let expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d\
                        9d201395faa4b61a96c8";
        assert_eq!(hkdf_sha256(&[0x0B; 22], &[])[..42], hex(expected));
    }

    #[test]
    fn a_tag_is_compared_at_its_full_length_only() {
        let secret = Secret::new((0..64).collect::<Vec<u8>>()).unwrap();
        for mac in [
            Mac::hs256(secret.as_bytes()),
            Mac::hs384(secret.as_bytes()),
            Mac::hs512(secret.as_bytes()),
        ] {
            let mut signed = "message".to_owned();
            mac.sign_onto(&mut signed);
            let tag = signed.strip_prefix("message.").unwrap().as_bytes();
            assert!(mac.verify(b"message", tag));
            for len in 0..tag.len() {
                assert!(!mac.verify(b"message", &tag[..len]), "{len}");
            }
            for more in [&b"A"[..], b"AA", b"AAA", b"AAAA", b"="] {
                assert!(!mac.verify(b"message", &[tag, more].concat()));
            }
        }
    }
}
