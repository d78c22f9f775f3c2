//! The text of a token, which is the key of its entry in the token cache.

use subtle::ConstantTimeEq;

/// The number of signature characters that the fingerprint covers. They encode 96 bits.
const SAMPLE: usize = 16;
/// The length of the shortest signature, that of HS256.
const SHORTEST_SIGNATURE: usize = 43;
/// A token of at least this length counts as long. For a long token, the fingerprint covers the
/// beginning of the signature instead of the end. Every token with an ML-DSA signature is long, and
/// up to 112 characters at the end of such a signature vary little.
const LONG: usize = 3_000;

/// A token that is long enough to contain a signature.
#[derive(Clone, Copy)]
pub(crate) struct TokenText<'t> {
    token: &'t [u8],
    /// The part of the signature from which the fingerprint is computed.
    sample: &'t [u8; SAMPLE],
}

impl<'t> TokenText<'t> {
    /// Returns `None` if the token is shorter than the shortest signature.
    pub(crate) fn new(token: &'t [u8]) -> Option<Self> {
        let place = match token.len() {
            // In a valid token, the last 43 characters belong to the signature, so take the sample
            // from them. A search for the start of the signature would take longer than the rest of
            // this function.
            ..LONG => token.len().checked_sub(SHORTEST_SIGNATURE)?,
            _ => memchr::memrchr(b'.', token)?.saturating_add(1),
        };
        Some(Self { token, sample: token.get(place..)?.first_chunk()? })
    }

    /// Returns a keyed hash of the signature sample and of `scope`. The function combines each half
    /// of the sample with one half of the key, and multiplies the two results. It then combines
    /// both halves of the 128-bit product with `scope`.
    ///
    /// A cryptographic hash is not necessary. Only verified tokens are in the table, so an attacker
    /// cannot choose their signatures. An attacker does not know the `key`, and therefore cannot
    /// find signatures whose hashes collide. A collision costs no more than a miss, since each
    /// look-up compares the whole token.
    pub(crate) fn fingerprint(self, key: [u64; 2], scope: u64) -> u64 {
        let sample = u128::from_ne_bytes(*self.sample);
        let (high, low) = ((sample >> 64) as u64, sample as u64);
        let product = u128::from(high ^ key[0]).wrapping_mul(u128::from(low ^ key[1]));
        (product >> 64) as u64 ^ product as u64 ^ scope
    }

    /// Returns true if `token` is this token, byte for byte.
    ///
    /// The signature is the secret part of a token. A comparison that stops at the first difference
    /// would reveal how many characters of a guessed signature are right. The whole token is
    /// therefore compared in constant time, in words of 8 bytes. The differences of all words are
    /// collected without a branch, and `subtle` examines them together. If the length is not a
    /// multiple of 8, the last word overlaps the word before it.
    pub(crate) fn is(self, token: &[u8]) -> bool {
        let (Some(last), Some(own_last)) = (token.last_chunk(), self.token.last_chunk()) else {
            return false;
        };
        if token.len() != self.token.len() {
            return false;
        }
        let difference = |a: &[u8; 8], b: &[u8; 8]| u64::from_ne_bytes(*a) ^ u64::from_ne_bytes(*b);
        let words = token.as_chunks().0.iter().zip(self.token.as_chunks().0);
        let all = words.fold(difference(last, own_last), |all, (a, b)| all | difference(a, b));
        all.ct_eq(&0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &[u8] = b"header.payload.signature-of-43-characters-0123456789abcdef";

    fn text(token: &[u8]) -> TokenText<'_> {
        TokenText::new(token).unwrap()
    }

    #[test]
    fn tokens_that_differ_in_any_byte_or_in_length_are_not_the_same() {
        for len in 43..130 {
            let token = vec![b'A'; len];
            assert!(text(&token).is(&token.clone()), "{len}");
            for place in 0..len {
                let mut other = token.clone();
                other[place] ^= 1;
                assert!(!text(&token).is(&other) && !text(&other).is(&token), "{place} of {len}");
            }
            assert!(!text(&token).is(&vec![b'A'; len + 1]), "{len}");
            assert!(!text(&token).is(&vec![b'A'; len - 1]), "{len}");
        }
        assert!(!text(TOKEN).is(b"short"), "too short for a word");
    }

    #[test]
    fn the_sample_is_in_the_signature() {
        // The lengths of signatures, from HS256 to RS256 with a key of 16,384 bits.
        for len in [43, 64, 86, 128, 176, 342, 512, 683, 2_731] {
            let token = format!("header.payload.{}", "s".repeat(len));
            assert_eq!(text(token.as_bytes()).sample, &[b's'; SAMPLE], "{len}");
        }
    }

    #[test]
    fn the_sample_of_a_long_signature_is_at_its_start() {
        let token = format!("header.payload.{}{}", "s".repeat(3_000), "-".repeat(227));
        assert_eq!(text(token.as_bytes()).sample, &[b's'; SAMPLE]);
        // This token has a long payload and a short signature.
        let token = format!("header.{}.{}", "p".repeat(3_000), "s".repeat(43));
        assert_eq!(text(token.as_bytes()).sample, &[b's'; SAMPLE]);
    }

    #[test]
    fn text_that_is_too_short_for_a_signature_is_not_a_token() {
        for len in [0, 1, 16, 42] {
            assert!(TokenText::new(&vec![b'.'; len]).is_none(), "{len}");
        }
        let long = "a".repeat(3_000);
        for text in [long.clone(), format!("{long}.15-characters--")] {
            assert!(TokenText::new(text.as_bytes()).is_none());
        }
    }

    #[test]
    fn the_fingerprint_depends_on_the_signature_the_scope_and_the_key() {
        let forged = b"header.payload.Signature-of-43-characters-0123456789abcdef";
        let all = [
            text(TOKEN).fingerprint([1, 2], 1),
            text(forged).fingerprint([1, 2], 1),
            text(TOKEN).fingerprint([1, 2], 2),
            text(TOKEN).fingerprint([1, 3], 1),
            text(TOKEN).fingerprint([3, 2], 1),
        ];
        for (n, one) in all.iter().enumerate() {
            assert!(!all[n + 1..].contains(one), "{n}");
        }
        assert_eq!(all[0], text(TOKEN).fingerprint([1, 2], 1));
    }

    #[test]
    fn every_character_of_the_sample_changes_half_of_the_fingerprint_on_average() {
        let key = [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210];
        let whole = text(TOKEN).fingerprint(key, 0);
        let start = TOKEN.len() - SHORTEST_SIGNATURE;
        let changed: u32 = (0..SAMPLE * 6)
            .map(|n| {
                let mut other = TOKEN.to_vec();
                other[start + n / 6] ^= 1 << (n % 6);
                (text(&other).fingerprint(key, 0) ^ whole).count_ones()
            })
            .sum();
        assert!((25..39).contains(&(changed / 96)), "{changed}");
    }
}
