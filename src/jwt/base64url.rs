//! Base64url without padding (RFC 7515 section 2), where each sequence of bytes has exactly one
//! spelling.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::Simd;
use base64::engine::general_purpose::{NO_PAD, URL_SAFE_NO_PAD};

// `NO_PAD` refuses padding and non-zero trailing bits alike.
static ENGINE: LazyLock<Simd> = LazyLock::new(|| Simd::url_safe(NO_PAD));

/// Decodes into the front of `buffer` and returns the decoded bytes. Does not use SIMD, which saves
/// no time for input as short as signatures and headers.
pub(crate) fn decode_into<'b>(encoded: &[u8], buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    let written = URL_SAFE_NO_PAD.decode_slice_unchecked(encoded, buffer).ok()?;
    buffer.get(..written)
}

/// Decodes onto the end of `buffer`.
pub(crate) fn decode_onto(encoded: &[u8], buffer: &mut Vec<u8>) -> Option<()> {
    ENGINE.decode_vec(encoded, buffer).ok()
}

/// Encodes onto the end of `text`.
pub(crate) fn encode_onto(bytes: &[u8], text: &mut String) {
    ENGINE.encode_string(bytes, text);
}

/// Returns an upper bound for the length of `encoded` characters once they are decoded.
pub(crate) fn decoded_len(encoded: usize) -> usize {
    encoded.div_ceil(4).saturating_mul(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(encoded: &str) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        decode_onto(encoded.as_bytes(), &mut bytes)?;
        Some(bytes)
    }

    #[test]
    fn every_other_spelling_is_refused() {
        assert_eq!(decode("QQ"), Some(b"A".to_vec()));
        for encoded in ["QQ==", "QQ=", "QR", "QUF=", "Q", "QQ\n", " QQ", "Q+", "Q/", "Q.", "é"] {
            assert_eq!(decode(encoded), None, "{encoded:?}");
        }
    }

    #[test]
    fn trailing_bits_are_refused_at_every_length() {
        // The longest inputs reach the engine's vector code on every processor.
        for len in 0..200_usize {
            let bytes: Vec<u8> = (0..len).map(|i| (i * 7) as u8).collect();
            let mut encoded = String::new();
            encode_onto(&bytes, &mut encoded);
            assert_eq!(decode(&encoded).as_deref(), Some(&bytes[..]));
            if len % 3 != 0 {
                let last = encoded.pop().unwrap();
                let next = if last == 'z' { '0' } else { char::from(last as u8 + 1) };
                assert_eq!(decode(&format!("{encoded}{next}")), None, "{len}");
            }
        }
    }
}
