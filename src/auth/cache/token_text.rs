//! The text of a token as the key of the table.

use std::hash::{BuildHasher, Hasher};

use subtle::{Choice, ConstantTimeEq};

/// The number of signature characters that the fingerprint covers: 96 bits.
const SAMPLE: usize = 16;

/// A token, split at the last dot.
#[derive(Clone, Copy)]
pub(crate) struct TokenText<'t> {
    /// Header and payload.
    signed: &'t [u8],
    signature: &'t [u8],
    /// The first characters of the signature. The last characters of some algorithms' signatures
    /// vary little.
    sample: &'t [u8; SAMPLE],
}

impl<'t> TokenText<'t> {
    /// Splits a token. Returns `None` if the signature is shorter than that of any algorithm.
    pub(crate) fn split(token: &'t [u8]) -> Option<Self> {
        let (signed, signature) = token.split_at_checked(memchr::memrchr(b'.', token)?)?;
        let signature = signature.get(1..)?;
        Some(Self { signed, signature, sample: signature.first_chunk()? })
    }

    /// Returns a keyed hash of the signature and of the `scope`. Nobody who lacks the key can
    /// choose tokens that collide, or find out from look-up times which tokens are in the table.
    pub(crate) fn fingerprint(self, key: &impl BuildHasher, scope: u64) -> u64 {
        let mut hasher = key.build_hasher();
        hasher.write_u64(scope);
        hasher.write(self.sample);
        hasher.finish()
    }

    /// Returns true if both tokens are equal, byte for byte.
    ///
    /// The signature is the secret part of a token, so it is compared in constant time. Otherwise
    /// the time would reveal how many characters of a guessed signature are right. The second
    /// comparison reveals nothing to anyone who lacks the whole signature.
    pub(crate) fn is_same(self, other: Self) -> bool {
        is_same_secret(self.signature, other.signature) && self.signed == other.signed
    }
}

/// Compares whole words, since `subtle` takes as long for a byte as for a word.
fn is_same_secret(a: &[u8], b: &[u8]) -> bool {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    if a.len() != b.len() {
        return false;
    }
    let words = a.iter().map(|word| u64::from_ne_bytes(*word));
    let words = words.zip(b.iter().map(|word| u64::from_ne_bytes(*word)));
    let same = words.fold(Choice::from(1), |same, (a, b)| same & a.ct_eq(&b));
    (same & a_rest.ct_eq(b_rest)).into()
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
        assert!(split(TOKEN).is_same(split(TOKEN)));
        for place in 0..TOKEN.len() {
            let mut other = TOKEN.to_vec();
            other[place] ^= 1;
            let is_same = TokenText::split(&other).is_some_and(|it| it.is_same(split(TOKEN)));
            assert!(!is_same, "{place}");
        }
        for other in [&TOKEN[1..], &TOKEN[..TOKEN.len() - 1], &[TOKEN, b"A"].concat()] {
            assert!(!split(other).is_same(split(TOKEN)));
        }
    }

    #[test]
    fn every_length_of_a_signature_is_compared_to_its_end() {
        for len in 0..40 {
            let signature = vec![b'A'; len];
            assert!(is_same_secret(&signature, &signature.clone()), "{len}");
            for place in 0..len {
                let mut other = signature.clone();
                other[place] = b'B';
                assert!(!is_same_secret(&signature, &other), "{place} of {len}");
            }
            assert!(!is_same_secret(&signature, &vec![b'A'; len + 1]), "{len}");
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
