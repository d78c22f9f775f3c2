//! The keyed hash by which the revocation table finds a name, such as a `jti`, a `sid` or a `sub`.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::num::NonZeroU64;

use crate::revocation::table::mark::EntryKind;

/// A 64-bit keyed hash. The keys are random and differ in each process, so nobody can search for
/// names that collide. Two names that collide by chance share one entry. If both names are of the
/// same kind, the entry rejects the tokens of both names. Otherwise it rejects only the tokens of
/// the name that was inserted first. With a million entries, one table in 30 million has a
/// collision.
pub(crate) type Fingerprint = NonZeroU64;

/// The hash keys: one for each kind of name, and one for issuers. Since each kind has its own key,
/// the hashed bytes do not contain the kind. Since issuers have their own key, the issuer of a
/// token is hashed only once for all names in the token.
#[derive(Clone, Default)]
pub(crate) struct FingerprintKeys {
    of_issuers: RandomState,
    of_names: [RandomState; EntryKind::COUNT],
}

/// The part of a fingerprint that depends on the issuer.
#[derive(Clone, Copy)]
pub(crate) struct IssuerFingerprint(u64);

impl FingerprintKeys {
    /// Returns the part of a fingerprint that depends on the issuer. `issuer` is `None` for a
    /// revocation that covers the tokens of every issuer.
    #[inline]
    pub(crate) fn of_issuer(&self, issuer: Option<&[u8]>) -> IssuerFingerprint {
        IssuerFingerprint(issuer.map_or(0, |issuer| hash(&self.of_issuers, issuer)))
    }

    #[inline]
    pub(crate) fn of(
        &self,
        issuer: IssuerFingerprint,
        kind: EntryKind,
        name: &[u8],
    ) -> Fingerprint {
        let of_name = self.of_names.get(kind.index()).map_or(0, |key| hash(key, name));
        NonZeroU64::new(of_name ^ issuer.0).unwrap_or(NonZeroU64::MIN)
    }
}

#[inline]
fn hash(key: &RandomState, text: &[u8]) -> u64 {
    let mut hasher = key.build_hasher();
    hasher.write(text);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revocation::table::mark::IssuerMatch;
    use crate::revocation::target::RevocationKind;

    #[test]
    fn every_bit_of_a_fingerprint_depends_on_the_name() {
        let keys = FingerprintKeys::default();
        let kind = EntryKind::new(RevocationKind::Token, IssuerMatch::One);
        let print =
            |n: u32| keys.of(keys.of_issuer(Some(b"a")), kind, n.to_string().as_bytes()).get();
        assert_eq!((0..1_000).map(print).fold(u64::MAX, |all, print| all & print), 0);
        assert_eq!((0..1_000).map(print).fold(0, |any, print| any | print), u64::MAX);
    }

    #[test]
    fn different_names_have_different_fingerprints() {
        let [keys, other] = [FingerprintKeys::default(), FingerprintKeys::default()];
        let kind = |kind| EntryKind::new(kind, IssuerMatch::One);
        let token = kind(RevocationKind::Token);
        let any = EntryKind::new(RevocationKind::Token, IssuerMatch::Any);
        let of = |issuer: Option<&str>, kind, name: &str| {
            keys.of(keys.of_issuer(issuer.map(str::as_bytes)), kind, name.as_bytes())
        };
        let all = [
            of(Some("a"), token, "b"),
            of(Some("ab"), token, ""),
            of(Some(""), token, "ab"),
            of(Some("a"), kind(RevocationKind::Session), "b"),
            of(None, any, "b"),
            other.of(other.of_issuer(Some(b"a")), token, b"b"),
        ];
        for (n, one) in all.iter().enumerate() {
            assert!(!all[n + 1..].contains(one), "{n}");
        }
        assert_eq!(all[0], of(Some("a"), token, "b"));
    }
}
