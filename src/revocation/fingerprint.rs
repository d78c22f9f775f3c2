//! What the table knows names by.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::num::NonZeroU64;

use crate::revocation::mark::Sort;

/// A keyed hash of 64 bits. The key is random and this process' own, so nobody can look for names
/// that collide. Two that do so by chance make one entry, which refuses what either would if they are
/// of one kind, and else the first alone: at a million entries, once in 30 million tables.
pub(crate) type Fingerprint = NonZeroU64;

#[derive(Clone, Default)]
pub(crate) struct Fingerprints {
    key: RandomState,
}

impl Fingerprints {
    /// What begins the fingerprints of an issuer's names. `None`: of any issuer.
    #[inline]
    pub(crate) fn of_issuer(&self, issuer: Option<&str>) -> Prefix {
        let mut hasher = self.key.build_hasher();
        if let Some(issuer) = issuer {
            hasher.write(issuer.as_bytes());
            // No byte of UTF-8: the end of a text.
            hasher.write_u8(0xff);
        }
        Prefix(hasher)
    }
}

pub(crate) struct Prefix(<RandomState as BuildHasher>::Hasher);

impl Prefix {
    #[inline]
    pub(crate) fn of(&self, sort: Sort, name: &str) -> Fingerprint {
        let mut hasher = self.0.clone();
        hasher.write_u8(sort.byte());
        hasher.write(name.as_bytes());
        NonZeroU64::new(hasher.finish()).unwrap_or(NonZeroU64::MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revocation::mark::Scope;
    use crate::revocation::message::RevocationKind;

    #[test]
    fn what_differs_has_another_fingerprint() {
        let prints = Fingerprints::default();
        let sort = |kind| Sort::new(kind, Scope::OneIssuer);
        let token = sort(RevocationKind::Token);
        let any = Sort::new(RevocationKind::Token, Scope::AnyIssuer);
        let of = |issuer, sort, name| prints.of_issuer(issuer).of(sort, name);
        let all = [
            of(Some("a"), token, "b"),
            of(Some("ab"), token, ""),
            of(Some(""), token, "ab"),
            of(Some("a"), sort(RevocationKind::Session), "b"),
            of(None, any, "b"),
            Fingerprints::default().of_issuer(Some("a")).of(token, "b"),
        ];
        for (n, one) in all.iter().enumerate() {
            assert!(!all[n + 1..].contains(one), "{n}");
        }
        assert_eq!(all[0], of(Some("a"), token, "b"));
    }
}
