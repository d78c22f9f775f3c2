//! Base64url without padding (RFC 7515 section 2). Each sequence of bytes has exactly one encoding.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::Simd;
use base64::engine::general_purpose::NO_PAD;

// `NO_PAD` rejects both padding and non-zero trailing bits.
static ENGINE: LazyLock<Simd> = LazyLock::new(|| Simd::url_safe(NO_PAD));

/// The length of the longest input that is decoded with the tables in [`BITS`]. Longer input is
/// decoded with [`ENGINE`], which is faster for such input.
const MAX_SHORT: usize = 128;

/// The bit that marks an invalid character in [`BITS`]. The 24 bits below it are for the three
/// decoded bytes.
const INVALID: u32 = 1 << 24;

/// Four tables, one for each position in a group of four characters. Each table maps a character to
/// the bits that the character contributes to the three decoded bytes, or to [`INVALID`]. The first
/// decoded byte is in the lowest 8 bits.
static BITS: [[u32; 256]; 4] = [bits_at(0), bits_at(1), bits_at(2), bits_at(3)];

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "runs in the compiler"
)]
const fn bits_at(place: u32) -> [u32; 256] {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bits = [INVALID; 256];
    let mut value = 0;
    while value < 64 {
        let big_endian = (value as u32) << (26 - 6 * place);
        bits[ALPHABET[value] as usize] = big_endian.swap_bytes();
        value += 1;
    }
    bits
}

/// Writes the decoded bytes to the beginning of `buffer`, and returns them. Returns `None` if
/// `encoded` is malformed, or if the bytes do not fit.
///
/// For short input, such as an HS256 signature, this function executes half as many instructions as
/// the engines of `base64`. The tables of this function are indexed by characters that the client
/// sent, never by secret bytes of the server.
pub(crate) fn decode_into<'b>(encoded: &[u8], buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    let bytes = buffer.get_mut(..encoded.len().saturating_mul(3) / 4)?;
    if encoded.len() > MAX_SHORT {
        ENGINE.decode_slice(encoded, bytes).ok()?;
        return Some(bytes);
    }
    let (groups, rest) = encoded.as_chunks::<4>();
    let (triples, tail) = bytes.as_chunks_mut::<3>();
    let mut seen = 0;
    for (group, triple) in groups.iter().zip(triples) {
        *triple = decode_group(*group, &mut seen);
    }
    // Complete the group with `A`, the character for six bits that are zero. Nonzero bits after the
    // last byte are rejected. Otherwise the same bytes would have several encodings.
    let last = match *rest {
        [] => *b"AAAA",
        [a, b] => [a, b, b'A', b'A'],
        [a, b, c] => [a, b, c, b'A'],
        _ => return None,
    };
    let [x, y, z] = decode_group(last, &mut seen);
    let trailing = match tail {
        [] => 0,
        [first] => {
            *first = x;
            y | z
        }
        [first, second] => {
            (*first, *second) = (x, y);
            z
        }
        _ => return None,
    };
    (trailing == 0 && seen & INVALID == 0).then_some(bytes)
}

/// Decodes four characters, and sets [`INVALID`] in `seen` if a character is invalid.
#[inline]
fn decode_group(group: [u8; 4], seen: &mut u32) -> [u8; 3] {
    let [a, b, c, d] = group.map(usize::from);
    let [at_0, at_1, at_2, at_3] = &BITS;
    let of = |table: &[u32; 256], char| table.get(char).copied().unwrap_or(INVALID);
    let bits = of(at_0, a) | of(at_1, b) | of(at_2, c) | of(at_3, d);
    *seen |= bits;
    let [x, y, z, _] = bits.to_le_bytes();
    [x, y, z]
}

/// Decodes `encoded` and appends the bytes to `buffer`.
pub(crate) fn decode_onto(encoded: &[u8], buffer: &mut Vec<u8>) -> Option<()> {
    ENGINE.decode_vec(encoded, buffer).ok()
}

/// Encodes `bytes` and appends the characters to `text`.
pub(crate) fn encode_onto(bytes: &[u8], text: &mut String) {
    ENGINE.encode_string(bytes, text);
}

/// Returns an upper bound for the decoded length of a text with `encoded` characters.
pub(crate) fn decoded_len(encoded: usize) -> usize {
    encoded.div_ceil(4).saturating_mul(3)
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD;

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

    /// Compares [`decode_into`] with the engine of `base64`.
    fn assert_same(encoded: &[u8]) {
        let mut buffer = [0xAA; 64];
        let expected = URL_SAFE_NO_PAD.decode(encoded).ok();
        assert_eq!(decode_into(encoded, &mut buffer), expected.as_deref(), "{encoded:?}");
    }

    #[test]
    fn every_byte_at_every_place_is_decoded_as_by_the_engine() {
        // The last three lengths are those of encoded HS256, HS384 and HS512 signatures. The other
        // lengths include every possible length of the last base64 group.
        for len in (0..=9).chain([43, 64, 86]) {
            let bytes: Vec<u8> = (0..len).map(|i| (i * 37 + 11) as u8).collect();
            let encoded = URL_SAFE_NO_PAD.encode(bytes);
            for place in 0..len {
                for byte in 0..=255 {
                    let mut encoded = encoded.as_bytes()[..len].to_vec();
                    encoded[place] = byte;
                    assert_same(&encoded);
                }
            }
        }
    }

    #[test]
    fn every_last_group_is_decoded_as_by_the_engine() {
        for first in 0..=255 {
            assert_same(&[first]);
            for second in 0..=255 {
                assert_same(&[first, second]);
                assert_same(&[b'x', first, second]);
                assert_same(&[b'x', b'y', first, second]);
            }
        }
    }

    #[test]
    fn invalid_characters_in_two_groups_are_refused() {
        for encoded in ["!AAA!AAA", "AA!AA!AA", "AAA!AAAA!A", "!AAAAAA!AAA"] {
            assert_same(encoded.as_bytes());
        }
    }

    #[test]
    fn decoded_bytes_that_do_not_fit_are_refused() {
        for len in 0..=66 {
            let encoded = URL_SAFE_NO_PAD.encode(vec![7; len]);
            let mut buffer = [0; 64];
            assert_eq!(decode_into(encoded.as_bytes(), &mut buffer).is_some(), len <= 64, "{len}");
        }
    }

    #[test]
    fn input_that_is_too_long_for_the_tables_is_decoded_by_the_same_rules() {
        // The lengths from 342 on are the encoded lengths of RSA and ML-DSA signatures.
        for len in (120..180).chain([342, 512, 683, 1366, 3227, 4412, 6170]).filter(|n| n % 4 != 1)
        {
            let bytes: Vec<u8> = (0..len * 3 / 4).map(|i| (i * 37 + 11) as u8).collect();
            let encoded = URL_SAFE_NO_PAD.encode(&bytes).into_bytes();
            assert_eq!(encoded.len(), len);
            let mut exact = vec![0; bytes.len()];
            assert_eq!(decode_into(&encoded, &mut exact), Some(&bytes[..]), "{len}");
            assert_eq!(decode_into(&encoded, &mut exact[1..]), None, "{len}");
            for place in [0, 1, 31, 64, len / 2, len - 5, len - 1] {
                for byte in *b"!+/=. \n\x80\0" {
                    let mut wrong = encoded.clone();
                    wrong[place] = byte;
                    assert_eq!(decode_into(&wrong, &mut exact), None, "{byte} at {place} of {len}");
                }
            }
            if len % 4 != 0 {
                let mut wrong = encoded.clone();
                // The last character `B` sets the lowest bit, which is not part of any byte and
                // must be zero.
                *wrong.last_mut().unwrap() = b'B';
                assert_eq!(decode_into(&wrong, &mut exact), None, "{len}");
            }
        }
    }

    #[test]
    fn trailing_bits_are_refused_at_every_length() {
        // The long inputs of this test are long enough for the vector instructions of `base64` on
        // every processor.
        for len in 0..200_usize {
            let bytes: Vec<u8> = (0..len).map(|i| (i * 7) as u8).collect();
            let mut encoded = String::new();
            encode_onto(&bytes, &mut encoded);
            assert_eq!(decode(&encoded).as_deref(), Some(&bytes[..]));
            assert!((len..len + 4).contains(&decoded_len(encoded.len())), "{len}");
            if len % 3 != 0 {
                let last = encoded.pop().unwrap();
                let next = if last == 'z' { '0' } else { char::from(last as u8 + 1) };
                assert_eq!(decode(&format!("{encoded}{next}")), None, "{len}");
            }
        }
    }
}
