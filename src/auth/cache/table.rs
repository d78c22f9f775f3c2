//! The table: shards, each behind its own lock.

use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::auth::cache::shard::{Counters, Displaced, Shard};
use crate::auth::cache::sync::Mutex;
use crate::auth::cache::token_text::TokenText;

/// A value of the table.
pub(crate) trait Cached {
    /// Returns the whole token.
    fn token(&self) -> &[u8];

    /// Returns the memory that the value occupies, in bytes.
    fn weight(&self) -> usize;
}

/// A table of verified tokens. Each value contains a token and the claims that a layer read from
/// it.
///
/// A look-up never waits: if another thread holds the lock of the shard, or panicked while it held
/// the lock, the look-up finds nothing, and the token is verified again.
pub(crate) struct Table<V, const SHARDS: usize> {
    /// The random key with which this table computes fingerprints. Each table has a different key.
    key: [u64; 2],
    shards: [Padded<Mutex<Shard<V>>>; SHARDS],
    /// The maximum size of one shard, in bytes.
    shard_limit: usize,
}

/// Puts each lock into a separate pair of cache lines, since some processors load two lines at a
/// time.
#[repr(align(128))]
struct Padded<T>(T);

/// The contents of a table.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TableStats {
    pub(crate) counters: Counters,
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
}

impl<V: Cached, const SHARDS: usize> Table<V, SHARDS> {
    pub(crate) fn new(max_bytes: usize) -> Self {
        let random = RandomState::new();
        Self::with_key(max_bytes, [random.hash_one(0), random.hash_one(1)])
    }

    /// Creates a table that computes fingerprints with this key. A model check needs the same key
    /// in every execution.
    pub(crate) fn with_key(max_bytes: usize, key: [u64; 2]) -> Self {
        let shards = std::array::from_fn(|_| Padded(Mutex::new(Shard::default())));
        let shard_limit = max_bytes.checked_div(SHARDS).unwrap_or(0);
        Self { key, shards, shard_limit }
    }

    pub(crate) fn max_bytes(&self) -> usize {
        self.shard_limit.saturating_mul(SHARDS)
    }

    /// Finds a token that was inserted for the same `scope`, and returns what `pick` returns for
    /// its value. `pick` runs under the lock, and returns `None` for a stale value.
    pub(crate) fn find<R>(
        &self,
        scope: u64,
        token: &[u8],
        pick: impl FnOnce(&V) -> Option<R>,
    ) -> Option<R> {
        let token = TokenText::new(token)?;
        let fingerprint = token.fingerprint(self.key, scope);
        let pick = |value: &V| if token.is(value.token()) { pick(value) } else { None };
        let mut shard = self.shard(fingerprint)?.try_lock().ok()?;
        shard.find(fingerprint, scope, pick)
    }

    /// Adds a verified token. Other tokens may be evicted to make room for it.
    pub(crate) fn insert(&self, scope: u64, value: V) {
        let Some(token) = TokenText::new(value.token()) else { return };
        let fingerprint = token.fingerprint(self.key, scope);
        let weight = value.weight();
        let displaced = {
            let Some(Ok(mut shard)) = self.shard(fingerprint).map(Mutex::try_lock) else { return };
            shard.insert(fingerprint, scope, value, weight, self.shard_limit)
        };
        drop_each(displaced);
    }

    /// Returns the counters and sizes of all shards, added up.
    pub(crate) fn stats(&self) -> TableStats {
        let mut sums = TableStats::default();
        for Padded(shard) in &self.shards {
            let Ok(shard) = shard.lock() else { continue };
            let add = |sum: &mut u64, of_shard| *sum = sum.saturating_add(of_shard);
            add(&mut sums.counters.hits, shard.counters.hits);
            add(&mut sums.counters.misses, shard.counters.misses);
            add(&mut sums.counters.evictions, shard.counters.evictions);
            sums.entries = sums.entries.saturating_add(shard.len());
            sums.bytes = sums.bytes.saturating_add(shard.bytes());
        }
        sums
    }

    /// Returns the shard for a fingerprint. A shard's map uses the fingerprint's lowest and highest
    /// bits, so the middle bits select the shard.
    fn shard(&self, fingerprint: u64) -> Option<&Mutex<Shard<V>>> {
        let index = usize::try_from(fingerprint >> 32).ok()?.checked_rem(SHARDS)?;
        self.shards.get(index).map(|Padded(shard)| shard)
    }
}

/// Drops values one by one, and catches panics. A panic in the `Drop` implementation of a claims
/// type must not fail the request that displaced the value, since that request has a different
/// token.
fn drop_each<V>(displaced: Displaced<V>) {
    for value in displaced {
        let _ = catch_unwind(AssertUnwindSafe(|| drop(value)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    const KIB: usize = 1 << 10;

    struct Text(String);

    impl Cached for Text {
        fn token(&self) -> &[u8] {
            self.0.as_bytes()
        }

        fn weight(&self) -> usize {
            self.0.len()
        }
    }

    fn text(n: usize) -> String {
        format!("header.{n}.{n:_<43}")
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
        let TableStats { counters, entries, .. } = table.stats();
        assert_eq!((entries, counters.hits, counters.misses), (1, 1, 3));
    }

    #[test]
    fn the_bytes_of_all_shards_stay_below_the_limit() {
        let table = Table::<_, 64>::new(256 * KIB);
        for n in 0..20_000 {
            table.insert(0, Text(text(n)));
        }
        let stats = table.stats();
        assert!(stats.bytes <= table.max_bytes() && stats.bytes > 200 * KIB, "{stats:?}");
        assert_eq!(stats.counters.evictions as usize + stats.entries, 20_000);
    }

    #[test]
    fn fingerprints_spread_over_the_shards() {
        let table = Table::<_, 64>::new(64 * KIB * KIB);
        (0..6_400).for_each(|n| table.insert(0, Text(text(n))));
        let lens: Vec<_> = table.shards.iter().map(|shard| shard.0.lock().unwrap().len()).collect();
        assert!(lens.iter().all(|len| (50..200).contains(len)), "{lens:?}");
    }

    #[test]
    fn a_taken_lock_is_a_miss() {
        let table = Table::<_, 1>::new(64 * KIB);
        table.insert(0, Text(text(1)));
        let guard = table.shards[0].0.lock().unwrap();
        thread::scope(|scope| {
            scope.spawn(|| assert!(!has(&table, 1)));
            scope.spawn(|| table.insert(0, Text(text(2))));
        });
        drop(guard);
        assert!(has(&table, 1) && !has(&table, 2));
    }

    #[test]
    fn a_poisoned_lock_is_a_miss() {
        let table = Table::<_, 1>::new(64 * KIB);
        table.insert(0, Text(text(1)));
        let pick = |_: &Text| -> Option<()> { panic!("under the lock") };
        let poison = || table.find(0, text(1).as_bytes(), pick);
        assert!(catch_unwind(AssertUnwindSafe(poison)).is_err());
        assert!(!has(&table, 1));
        table.insert(0, Text(text(2)));
        assert!(!has(&table, 2));
        assert_eq!(table.stats().entries, 0);
    }

    /// A value whose `Drop` implementation looks up the newest token and then panics.
    struct Recursive {
        n: usize,
        shared: Arc<Shared>,
        token: String,
    }

    struct Shared {
        table: Table<Recursive, 1>,
        newest: AtomicUsize,
        misses: AtomicUsize,
    }

    impl Cached for Recursive {
        fn token(&self) -> &[u8] {
            self.token.as_bytes()
        }

        fn weight(&self) -> usize {
            KIB
        }
    }

    impl Drop for Recursive {
        fn drop(&mut self) {
            let newest = text(self.shared.newest.load(Ordering::Relaxed));
            // While this thread holds the lock, the look-up finds nothing.
            if self.shared.table.find(0, newest.as_bytes(), |_| Some(())).is_none() {
                self.shared.misses.fetch_add(1, Ordering::Relaxed);
            }
            panic!("a panic of `Drop`, for {}", self.n);
        }
    }

    #[test]
    fn values_are_dropped_after_the_lock_is_released_and_may_panic() {
        let table = Table::new(8 * KIB);
        let (newest, misses) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let shared = Arc::new(Shared { table, newest, misses });
        // Each token is inserted twice. The second value replaces the first.
        for n in (0..50).flat_map(|n| [n, n]) {
            shared.newest.store(n, Ordering::Relaxed);
            shared.table.insert(0, Recursive { n, shared: Arc::clone(&shared), token: text(n) });
        }
        assert!(shared.table.stats().counters.evictions > 40);
        assert_eq!(shared.misses.load(Ordering::Relaxed), 0);
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
        assert!(table.stats().counters.hits > 0);
    }
}
