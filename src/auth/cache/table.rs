//! The table of verified tokens. The table is divided into shards, and counts its look-ups.

use std::hash::{BuildHasher, RandomState};

use crate::auth::cache::counters::HitCounters;
use crate::auth::cache::shard::Shard;
use crate::auth::cache::token_text::TokenText;

/// A value that a [`Table`] can contain.
pub(crate) trait Cached: Clone {
    /// Returns the complete text of the token.
    fn token(&self) -> &[u8];

    /// Returns the memory that the value occupies, in bytes.
    fn weight(&self) -> usize;
}

/// A table of verified tokens. Each value contains a token and the claims that a layer read from
/// it.
///
/// A look-up takes no lock. An insertion never waits: if another thread is adding a token to the
/// same shard, the new token is not added.
pub(crate) struct Table<V, const SHARDS: usize> {
    /// The random key with which this table computes fingerprints. Each table has a different key.
    key: [u64; 2],
    shards: [Shard<V>; SHARDS],
    counters: HitCounters,
}

/// Counters of a table, and the current size of its contents.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TableStats {
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    pub(crate) evictions: u64,
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
}

impl<V: Cached, const SHARDS: usize> Table<V, SHARDS> {
    pub(crate) fn new(max_bytes: usize) -> Self {
        let random = RandomState::new();
        Self::with_key(max_bytes, [random.hash_one(0), random.hash_one(1)])
    }

    /// Creates a table that computes fingerprints with this key. A model check runs the same code
    /// many times, and needs the same key in every run.
    pub(crate) fn with_key(max_bytes: usize, key: [u64; 2]) -> Self {
        let shard_limit = max_bytes.checked_div(SHARDS).unwrap_or(0);
        let shards = std::array::from_fn(|_| Shard::new(shard_limit));
        Self { key, shards, counters: HitCounters::default() }
    }

    pub(crate) fn max_bytes(&self) -> usize {
        self.shards.iter().map(Shard::limit).fold(0, usize::saturating_add)
    }

    /// Finds a token that was inserted with the same `scope`. Returns the result of `pick` for the
    /// value of the token. `pick` returns `None` for a stale value.
    pub(crate) fn find<R>(
        &self,
        scope: u64,
        token: &[u8],
        mut pick: impl FnMut(&V) -> Option<R>,
    ) -> Option<R> {
        let token = TokenText::new(token)?;
        let fingerprint = token.fingerprint(self.key, scope);
        let pick = |value: &V| if token.is(value.token()) { pick(value) } else { None };
        let found = self.shard(fingerprint)?.find(fingerprint, scope, pick);
        self.counters.count(found.is_some());
        found
    }

    /// Adds a verified token. Other tokens may be evicted to make room for it.
    pub(crate) fn insert(&self, scope: u64, value: V) {
        let Some(token) = TokenText::new(value.token()) else { return };
        let fingerprint = token.fingerprint(self.key, scope);
        let weight = value.weight();
        if let Some(shard) = self.shard(fingerprint) {
            shard.insert(fingerprint, scope, value, weight);
        }
    }

    /// Returns the statistics of the whole table.
    pub(crate) fn stats(&self) -> TableStats {
        let (hits, misses) = (self.counters.hits(), self.counters.misses());
        let sums = TableStats { hits, misses, ..TableStats::default() };
        self.shards.iter().map(Shard::stats).fold(sums, |sums, shard| TableStats {
            evictions: sums.evictions.saturating_add(shard.evictions),
            entries: sums.entries.saturating_add(shard.entries),
            bytes: sums.bytes.saturating_add(shard.bytes),
            ..sums
        })
    }

    /// Returns the shard for a fingerprint. The middle bits of the fingerprint select the shard.
    /// The lowest bits select the slot at which a search in the shard begins.
    fn shard(&self, fingerprint: u64) -> Option<&Shard<V>> {
        let index = usize::try_from(fingerprint >> 32).ok()?.checked_rem(SHARDS)?;
        self.shards.get(index)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::thread;

    use super::*;

    const KIB: usize = 1 << 10;

    #[derive(Clone)]
    struct Text(String);

    impl Cached for Text {
        fn token(&self) -> &[u8] {
            self.0.as_bytes()
        }

        fn weight(&self) -> usize {
            self.0.len()
        }
    }

    /// Returns a text that looks like a token. Texts for different numbers have entirely different
    /// signatures, as tokens do. If the signatures differed in only a few characters, some hash
    /// keys would spread the fingerprints unevenly.
    fn text(n: usize) -> String {
        let digits = (n as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        format!("header.{n}.{digits:_<43x}")
    }

    fn has<const SHARDS: usize>(table: &Table<Text, SHARDS>, n: usize) -> bool {
        table.find(0, text(n).as_bytes(), |text| Some(text.0.clone())) == Some(text(n))
    }

    #[test]
    fn a_token_is_found_in_its_scope_if_it_is_current() {
        let table = Table::<_, 64>::new(64 * KIB);
        table.insert(7, Text(text(1)));
        let found = |scope, n| table.find(scope, text(n).as_bytes(), |_| Some(())).is_some();
        assert!(found(7, 1) && !found(8, 1) && !found(7, 2));
        assert!(table.find(7, text(1).as_bytes(), |_| None::<()>).is_none());
        let TableStats { entries, hits, misses, .. } = table.stats();
        assert_eq!((entries, hits, misses), (1, 1, 3));
    }

    #[test]
    fn the_bytes_of_all_shards_stay_below_the_limit() {
        let table = Table::<_, 64>::new(256 * KIB);
        for n in 0..20_000 {
            table.insert(0, Text(text(n)));
        }
        let stats = table.stats();
        assert!(stats.bytes <= table.max_bytes() && stats.bytes > 180 * KIB, "{stats:?}");
        assert_eq!(stats.evictions as usize + stats.entries, 20_000);
    }

    #[test]
    fn fingerprints_spread_over_the_shards() {
        let table = Table::<_, 64>::new(64 * KIB * KIB);
        (0..6_400).for_each(|n| table.insert(0, Text(text(n))));
        let lens: Vec<_> = table.shards.iter().map(|shard| shard.stats().entries).collect();
        assert!(lens.iter().all(|len| (50..200).contains(len)), "{lens:?}");
    }

    #[test]
    fn a_panic_of_a_look_up_breaks_nothing() {
        let table = Table::<_, 1>::new(64 * KIB);
        table.insert(0, Text(text(1)));
        let pick = |_: &Text| -> Option<()> { panic!("in a look-up") };
        let panics = || table.find(0, text(1).as_bytes(), pick);
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
        table.insert(0, Text(text(2)));
        assert!(has(&table, 1) && has(&table, 2));
    }

    #[test]
    fn threads_find_only_what_was_inserted() {
        let table = Table::<_, 4>::new(32 * KIB);
        thread::scope(|scope| {
            for start in 0..4 {
                let table = &table;
                scope.spawn(move || {
                    for n in (0..5_000).map(|n| (n * 7 + start * 13) % 300) {
                        let found =
                            table.find(0, text(n).as_bytes(), |own: &Text| Some(own.0.clone()));
                        match found {
                            Some(found) => assert_eq!(found, text(n)),
                            None => table.insert(0, Text(text(n))),
                        }
                    }
                });
            }
        });
        assert!(table.stats().bytes <= 32 * KIB);
        assert!(table.stats().hits > 0);
    }
}
