//! The text of a token as the key of the table.

use std::hash::{BuildHasher, Hasher};

use subtle::{Choice, ConstantTimeEq};

/// The number of signature characters that the fingerprint covers: 96 bits.
const SAMPLE: usize = 16;
/// The length of a dot and an HS256 signature.
const DOT_AND_HS256: usize = 44;

/// A token, split before its last dot.
#[derive(Clone, Copy)]
pub(crate) struct TokenText<'t> {
    /// Header and payload.
    signed: &'t [u8],
    /// The dot and the signature.
    signature: &'t [u8],
    /// The first characters of the signature. The last characters of some algorithms' signatures
    /// vary little.
    sample: &'t [u8; SAMPLE],
}

impl<'t> TokenText<'t> {
    /// Splits a token. Returns `None` if the signature is shorter than that of any algorithm.
    pub(crate) fn split(token: &'t [u8]) -> Option<Self> {
        // Most signatures have the same length. Checking for a dot at that distance is faster than
        // searching for it.
        let usual = token.len().checked_sub(DOT_AND_HS256);
        let usual = usual.filter(|place| token.get(*place) == Some(&b'.'));
        let dot = usual.or_else(|| memchr::memrchr(b'.', token))?;
        let (signed, signature) = token.split_at_checked(dot)?;
        Some(Self { signed, signature, sample: signature.get(1..)?.first_chunk()? })
    }

    /// Returns a keyed hash of the signature and of the `scope`. Nobody who lacks the key can
    /// choose tokens that collide, or find out from look-up times which tokens are in the table.
    pub(crate) fn fingerprint(self, key: &impl BuildHasher, scope: u64) -> u64 {
        let mut hasher = key.build_hasher();
        hasher.write(self.sample);
        hasher.finish() ^ scope
    }

    /// Returns true if `token` is this token, byte for byte.
    ///
    /// The signature is the secret part of a token, so it is compared in constant time. Otherwise
    /// the time would reveal how many characters of a guessed signature are right. The second
    /// comparison reveals nothing to anyone who lacks the whole signature.
    pub(crate) fn is(self, token: &[u8]) -> bool {
        token.split_at_checked(self.signed.len()).is_some_and(|(signed, signature)| {
            is_same_secret(signature, self.signature) && signed == self.signed
        })
    }
}

/// Compares secrets of at least 16 bytes in constant time.
///
/// `subtle` takes as long for a byte as for a word of 16 bytes. The differences of up to four words
/// are therefore collected first, without a branch, and `subtle` looks at all of them at once. The
/// last word overlaps the word before it.
fn is_same_secret(a: &[u8], b: &[u8]) -> bool {
    let (Some(last_of_a), Some(last_of_b)) = (a.last_chunk(), b.last_chunk()) else { return false };
    if a.len() != b.len() {
        return false;
    }
    let differences = |a: &[[u8; 16]], b: &[[u8; 16]]| {
        let words = a.iter().zip(b).map(|(a, b)| u128::from_ne_bytes(*a) ^ u128::from_ne_bytes(*b));
        words.fold(0, |all, word| all | word).ct_eq(&0)
    };
    let blocks = a.as_chunks().0.chunks(4).zip(b.as_chunks().0.chunks(4));
    let same = blocks.fold(Choice::from(1), |same, (a, b)| same & differences(a, b));
    (same & differences(&[*last_of_a], &[*last_of_b])).into()
}

#[cfg(test)]
mod tests {
    use std::hash::RandomState;

    use super::*;

    const TOKEN: &[u8] = b"header.payload.signature-of-27-characters";

    fn split(token: &[u8]) -> TokenText<'_> {
        TokenText::split(token).unwrap()
    }

    #[test]
    fn tokens_that_differ_in_any_byte_or_in_length_are_not_the_same() {
        assert!(split(TOKEN).is(TOKEN));
        for place in 0..TOKEN.len() {
            let mut other = TOKEN.to_vec();
            other[place] ^= 1;
            assert!(!split(TOKEN).is(&other), "{place}");
            assert!(!TokenText::split(&other).is_some_and(|other| other.is(TOKEN)), "{place}");
        }
        for other in [&TOKEN[1..], &TOKEN[..TOKEN.len() - 1], &[TOKEN, b"A"].concat()] {
            assert!(!split(other).is(TOKEN) && !split(TOKEN).is(other));
        }
    }

    #[test]
    fn every_length_of_a_signature_is_compared_to_its_end() {
        for len in 16..70 {
            let signature = vec![b'A'; len];
            assert!(is_same_secret(&signature, &signature.clone()), "{len}");
            for place in 0..len {
                let mut other = signature.clone();
                other[place] = b'B';
                assert!(!is_same_secret(&signature, &other), "{place} of {len}");
            }
            assert!(!is_same_secret(&signature, &vec![b'A'; len + 1]), "{len}");
        }
        assert!(!is_same_secret(b"short", b"short"), "too short for a word");
    }

    #[test]
    fn a_signature_of_any_length_is_split_at_its_dot() {
        for len in [16, 42, 43, 44, 64, 86, 342] {
            let token = format!("header.payload.{}", "s".repeat(len));
            let TokenText { signed, signature, .. } = split(token.as_bytes());
            assert_eq!((signed, signature.len()), (&b"header.payload"[..], len + 1));
        }
    }

    #[test]
    fn text_without_a_whole_signature_is_not_a_token() {
        for text in ["", "no dots", "a.b.", "a.b.15-characters--", "a.b.16-characters---."] {
            assert!(TokenText::split(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn the_fingerprint_depends_on_the_signature_the_scope_and_the_key() {
        let [key, other] = [RandomState::new(), RandomState::new()];
        let forged = b"header.payload.Signature-of-27-characters";
        let all = [
            split(TOKEN).fingerprint(&key, 1),
            split(forged).fingerprint(&key, 1),
            split(TOKEN).fingerprint(&key, 2),
            split(TOKEN).fingerprint(&other, 1),
        ];
        for (n, one) in all.iter().enumerate() {
            assert!(!all[n + 1..].contains(one), "{n}");
        }
        assert_eq!(all[0], split(TOKEN).fingerprint(&key, 1));
    }
}
