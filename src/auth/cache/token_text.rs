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

/// Compares secrets of at least 16 bytes in constant time. Compares words of 16 bytes, since
/// `subtle` takes as long for a byte as for a word. The last word overlaps the word before it.
fn is_same_secret(a: &[u8], b: &[u8]) -> bool {
    fn words(secret: &[u8]) -> impl Iterator<Item = u128> {
        let last = secret.last_chunk::<16>();
        let words = secret.as_chunks::<16>().0.iter().chain(last);
        words.map(|word| u128::from_ne_bytes(*word))
    }
    let same = |same, (a, b): (u128, u128)| same & a.ct_eq(&b);
    a.len() == b.len() && a.len() >= 16 && words(a).zip(words(b)).fold(Choice::from(1), same).into()
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
