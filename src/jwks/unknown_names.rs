//! The names of keys (the `kid` of tokens) that a fetch did not find.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

/// The maximum number of names. Anyone can send tokens with arbitrary `kid` values, so the number
/// must be limited.
pub(crate) const MAX_NAMES: usize = 1_024;
/// The time for which a key counts as missing after a fetch did not find it. During this time, a
/// token with the `kid` of this key cannot start another fetch.
pub(crate) const REMEMBERED_FOR: Duration = Duration::from_secs(300);

/// The names of missing keys. The name of a key is its `kid`. If a fetch did not find a key, a
/// token with the `kid` of this key cannot start another fetch for five minutes, or until the set
/// changes.
///
/// Only hashes of the names are kept, so that a stranger cannot fill the memory with long names.
/// The hash function has a random key, so that a stranger cannot find two names with the same hash.
/// All tokens without a `kid` share one name.
#[derive(Debug, Default)]
pub(crate) struct UnknownNames {
    hasher: RandomState,
    /// The names that were recorded after the last fetch began.
    asking: HashSet<u64>,
    /// The names that were recorded before the current fetch began. After the fetch, they are
    /// remembered as missing. A name that is recorded during the fetch is not remembered as
    /// missing, since the key with this name may be newer than the fetched set.
    fetching: HashSet<u64>,
    /// The names that a fetch did not find, and the time until which they are remembered.
    missing: HashMap<u64, Instant>,
}

impl UnknownNames {
    /// Records the name of a missing key for which a fetch was requested. If too many names are
    /// recorded already, this name is not recorded, and a token that needs this key can start
    /// another fetch after the cooldown.
    pub(crate) fn ask(&mut self, name: Option<&str>) {
        if self.len() < MAX_NAMES {
            self.asking.insert(self.hasher.hash_one(name));
        }
    }

    /// Returns true if a fetch within the last five minutes did not find the key with this name.
    pub(crate) fn is_missing(&self, name: Option<&str>, now: Instant) -> bool {
        self.missing.get(&self.hasher.hash_one(name)).is_some_and(|until| now < *until)
    }

    pub(crate) fn fetch_started(&mut self) {
        self.fetching = std::mem::take(&mut self.asking);
    }

    /// Records every name of the set `fetching` as missing, even if the fetched key set contains
    /// the name. This does no harm, since the caller only asks about names that the key set lacks.
    pub(crate) fn fetch_succeeded(&mut self, set_changed: bool, now: Instant) {
        if set_changed {
            self.missing.clear();
        }
        self.missing.retain(|_, until| now < *until);
        if let Some(until) = now.checked_add(REMEMBERED_FOR) {
            self.missing.extend(self.fetching.drain().map(|name| (name, until)));
        }
    }

    pub(crate) fn fetch_failed(&mut self) {
        self.fetching.clear();
    }

    pub(crate) fn len(&self) -> usize {
        let pending = self.asking.len().saturating_add(self.fetching.len());
        pending.saturating_add(self.missing.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_names_are_recorded() {
        let mut names = UnknownNames::default();
        for n in 0..MAX_NAMES + 10 {
            names.ask(Some(&n.to_string()));
            assert_eq!(names.len(), MAX_NAMES.min(n + 1));
        }
    }

    #[test]
    fn missing_names_are_forgotten_after_five_minutes() {
        let mut names = UnknownNames::default();
        let start = Instant::now();
        names.ask(Some("a"));
        names.fetch_started();
        names.fetch_succeeded(false, start);
        let second = Duration::from_secs(1);
        for (now, is_missing) in [
            (start, true),
            (start + REMEMBERED_FOR - second, true),
            (start + REMEMBERED_FOR, false),
        ] {
            assert_eq!(names.is_missing(Some("a"), now), is_missing);
            names.fetch_started();
            names.fetch_succeeded(false, now);
            assert_eq!(names.len(), usize::from(is_missing));
        }
    }

    #[test]
    fn a_failed_fetch_finds_no_name_missing() {
        let mut names = UnknownNames::default();
        names.ask(Some("a"));
        names.fetch_started();
        names.fetch_failed();
        assert!(!names.is_missing(Some("a"), Instant::now()));
        assert_eq!(names.len(), 0);
    }
}
