//! A shard: a part of the cache's table, with a limit in bytes.

use std::sync::{Arc, PoisonError};

use crate::auth::cache::slots::{Entry, Slots};
use crate::auth::cache::sync::{ArcSwapOption, Mutex};

/// A map from fingerprints to values. The size of the map in bytes is limited.
///
/// A look-up takes no lock. The first look-up that finds an entry after the entry was added or last
/// copied writes to the entry, and later look-ups only read it. Look-ups on different processors
/// therefore rarely wait for each other. Adding a value takes a lock, so only one thread at a time
/// can add a value.
///
/// If there is no room for a new value, a quarter of the memory is freed in one step: the values
/// that were not used for the longest time are evicted, and all others are copied to new slots.
/// Tokens that are presented only once are therefore evicted before tokens that are in use.
pub(crate) struct Shard<V> {
    slots: ArcSwapOption<Slots<V>>,
    contents: Padded<Mutex<Contents>>,
    /// The maximum size, in bytes.
    limit: usize,
}

/// The counters of a shard. Only insertions change them.
#[derive(Debug, Default)]
struct Contents {
    entries: usize,
    /// The total weight of all entries.
    weight: usize,
    evictions: u64,
}

/// Keeps two kinds of data on separate cache lines: the data that look-ups read, and the data that
/// insertions change. The alignment is two cache lines, since some processors load two lines at a
/// time.
#[repr(align(128))]
struct Padded<T>(T);

/// The number of entries in a shard, their total size, and the number of entries that were evicted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ShardStats {
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
    pub(crate) evictions: u64,
}

impl<V: Clone> Shard<V> {
    pub(crate) fn new(limit: usize) -> Self {
        let contents = Padded(Mutex::new(Contents::default()));
        Self { slots: ArcSwapOption::empty(), contents, limit }
    }

    /// Calls `pick` with each value that has this fingerprint and scope, and returns the first
    /// result that is not `None`. `pick` returns `None` if the value is stale, or belongs to a
    /// different token with the same fingerprint.
    #[inline]
    pub(crate) fn find<R>(
        &self,
        fingerprint: u64,
        scope: u64,
        mut pick: impl FnMut(&V) -> Option<R>,
    ) -> Option<R> {
        let slots = self.slots.load();
        slots.as_ref()?.find(fingerprint, scope).find_map(|entry| {
            let picked = pick(entry.value()?)?;
            entry.mark_used();
            Some(picked)
        })
    }

    /// Adds a value. Other values may be evicted to make room. Does nothing if the value is too
    /// heavy for the shard, or if another thread is adding a value.
    pub(crate) fn insert(&self, fingerprint: u64, scope: u64, value: V, weight: usize) {
        // Reject a value that would use more than a quarter of the memory, so that a single value
        // cannot displace all others.
        if weight > self.limit / 4 {
            return;
        }
        let Ok(weight) = u32::try_from(weight) else { return };
        let former = self.add(Entry::new(fingerprint, scope, value, weight));
        // Dropping a value runs application code. The former slots are therefore dropped only now,
        // after `add` has released the lock.
        drop(former);
    }

    /// Adds an entry. If the slots have no room for the entry, replaces the slots and returns the
    /// former ones.
    fn add(&self, entry: Entry<V>) -> Option<Arc<Slots<V>>> {
        let mut contents = self.contents.0.try_lock().ok()?;
        let slots = self.slots.load();
        let weight = contents.weight.saturating_add(entry.weight());
        let bytes = slots.as_deref().map_or(0, Slots::bytes).saturating_add(weight);
        let has_memory = bytes <= self.limit;
        if let Some(slots) = slots.as_ref()
            && has_memory
            && contents.entries < slots.most_entries()
        {
            slots.add(entry);
            contents.entries = contents.entries.saturating_add(1);
            contents.weight = weight;
            return None;
        }
        let limit = if has_memory { self.limit } else { self.limit.saturating_sub(self.limit / 4) };
        let (kept, weight) = kept(slots.as_deref(), entry.weight(), limit);
        let evicted = contents.entries.saturating_sub(kept.len()) as u64;
        let evictions = contents.evictions.saturating_add(evicted);
        let entries = kept.len().saturating_add(1);
        let new = Slots::for_entries(entries);
        kept.iter().for_each(|kept| new.add(kept.copy()));
        new.add(entry);
        *contents = Contents { entries, weight, evictions };
        drop(slots);
        self.slots.swap(Some(Arc::new(new)))
    }

    /// Returns the size of the shard. Waits for an insertion that is under way.
    pub(crate) fn stats(&self) -> ShardStats {
        let contents = self.contents.0.lock().unwrap_or_else(PoisonError::into_inner);
        let slots = self.slots.load();
        ShardStats {
            entries: contents.entries,
            bytes: slots.as_deref().map_or(0, Slots::bytes).saturating_add(contents.weight),
            evictions: contents.evictions,
        }
    }

    /// Returns the maximum size of the shard, in bytes.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }
}

/// Chooses the entries to keep when an entry of this weight is added. The kept entries, the new
/// entry and their slots together take at most `limit` bytes, unless the new entry alone is larger.
/// Returns the kept entries, and the total weight of the kept entries and the new entry.
fn kept<V>(slots: Option<&Slots<V>>, weight: usize, limit: usize) -> (Vec<&Entry<V>>, usize) {
    let mut kept: Vec<_> = slots.into_iter().flat_map(Slots::entries).collect();
    // Read the idleness of each entry only once, since a concurrent look-up may change it during
    // the sort.
    kept.sort_by_cached_key(|entry| entry.idleness());
    let mut total = kept.iter().map(|entry| entry.weight()).fold(weight, usize::saturating_add);
    while Slots::<V>::bytes_for(kept.len().saturating_add(1)).saturating_add(total) > limit {
        let Some(evicted) = kept.pop() else { break };
        total = total.saturating_sub(evicted.weight());
    }
    (kept, total)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;
    use crate::auth::cache::sync::OnceLock;

    const WEIGHT: usize = 1_000;
    /// The memory, in bytes, that 40 values and 64 slots occupy.
    const LIMIT: usize = 40 * WEIGHT + 64 * size_of::<OnceLock<Entry<u64>>>();

    /// Turns a small number into a fingerprint. The results are spread over all 64-bit numbers, as
    /// the fingerprints of tokens are.
    fn fingerprint(value: u64) -> u64 {
        value.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn insert(shard: &Shard<u64>, value: u64) {
        shard.insert(fingerprint(value), 0, value, WEIGHT);
    }

    fn has(shard: &Shard<u64>, value: u64) -> bool {
        shard.find(fingerprint(value), 0, |found| Some(*found)) == Some(value)
    }

    /// Returns the values in the shard, without marking their entries as used.
    fn values(shard: &Shard<u64>) -> Vec<u64> {
        let slots = shard.slots.load();
        slots.as_ref().unwrap().entries().map(|entry| *entry.value().unwrap()).collect()
    }

    fn filled() -> Shard<u64> {
        let shard = Shard::new(LIMIT);
        (0..40).for_each(|value| insert(&shard, value));
        assert_eq!((shard.stats().entries, shard.stats().bytes), (40, LIMIT));
        shard
    }

    #[test]
    fn a_full_shard_evicts_a_quarter_of_its_values_at_once() {
        let shard = filled();
        for value in 40..1_000 {
            insert(&shard, value);
            assert!(has(&shard, value));
            let ShardStats { entries, bytes, evictions } = shard.stats();
            assert_eq!((entries as u64 + evictions, values(&shard).len()), (value + 1, entries));
            assert!(bytes <= LIMIT && entries > 24, "{entries} entries, {bytes} bytes");
            assert!(value > 40 || bytes <= LIMIT - LIMIT / 4);
        }
    }

    #[test]
    fn values_in_use_survive_a_flood_of_values_seen_once() {
        let shard = filled();
        for value in 40..4_000 {
            for hot in [0, 4, 9, 17, 38] {
                assert!(has(&shard, hot), "{hot} is lost at {value}");
            }
            insert(&shard, value);
        }
    }

    #[test]
    fn new_values_are_kept_longer_than_old_values_that_are_not_in_use() {
        let shard = filled();
        (40..60).for_each(|value| insert(&shard, value));
        let values = values(&shard);
        assert!((50..60).all(|value| values.contains(&value)), "{values:?}");
        assert!(values.iter().filter(|value| **value < 40).count() < 20, "{values:?}");
    }

    #[test]
    fn if_every_value_is_in_use_some_are_evicted_still() {
        let shard = filled();
        assert!((0..40).all(|value| has(&shard, value)));
        insert(&shard, 40);
        assert!(has(&shard, 40) && shard.stats().evictions > 8);
    }

    #[test]
    fn a_value_that_is_no_longer_used_is_evicted() {
        let shard = filled();
        assert!(has(&shard, 0));
        insert(&shard, 40);
        assert!(values(&shard).contains(&0));
        (41..100).for_each(|value| insert(&shard, value));
        assert!(!values(&shard).contains(&0));
    }

    #[test]
    fn a_value_is_found_only_in_its_scope() {
        let shard = filled();
        assert_eq!(shard.find(fingerprint(3), 1, |value| Some(*value)), None);
        assert_eq!(shard.find(fingerprint(3), 0, |value| Some(*value)), Some(3));
    }

    #[test]
    fn a_value_is_found_behind_a_stale_one_with_the_same_fingerprint() {
        let shard = filled();
        shard.insert(fingerprint(3), 0, 33, WEIGHT);
        let find = |wanted| shard.find(fingerprint(3), 0, |value| (*value == wanted).then_some(()));
        assert!(find(33).is_some() && find(34).is_none());
    }

    #[test]
    fn a_stale_value_does_not_count_as_used() {
        let shard = filled();
        for value in 0..40 {
            assert!(shard.find(fingerprint(value), 0, |_| None::<()>).is_none());
        }
        (0..10).for_each(|value| assert!(has(&shard, value)));
        (40..50).for_each(|value| insert(&shard, value));
        let values = values(&shard);
        assert!((0..10).all(|value| values.contains(&value)), "{values:?}");
    }

    #[test]
    fn a_heavy_value_displaces_several_and_one_that_is_too_heavy_displaces_none() {
        let shard = filled();
        shard.insert(fingerprint(50), 0, 50, LIMIT / 4 + 1);
        assert_eq!((shard.stats().entries, has(&shard, 50)), (40, false));
        shard.insert(fingerprint(50), 0, 50, LIMIT / 4);
        assert!(has(&shard, 50) && shard.stats().entries < 25 && shard.stats().bytes <= LIMIT);
    }

    /// Inserts many values of weight 1. The slots of these values take more memory than the values
    /// themselves.
    #[test]
    fn the_slots_count_as_memory() {
        let shard = Shard::new(LIMIT);
        for value in 0..5_000 {
            shard.insert(fingerprint(value), 0, value, 1);
            assert!(has(&shard, value) && shard.stats().bytes <= LIMIT);
        }
        for value in 5_000..5_010 {
            shard.insert(fingerprint(value), 0, value, LIMIT / 4);
            assert!(has(&shard, value) && shard.stats().bytes <= LIMIT);
        }
    }

    #[test]
    fn the_slots_are_replaced_only_when_they_have_no_room() {
        let shard = Shard::new(LIMIT);
        insert(&shard, 0);
        let mut slots = shard.slots.load_full().unwrap();
        let mut replacements = vec![];
        for value in 1..40 {
            insert(&shard, value);
            let now = shard.slots.load_full().unwrap();
            if !Arc::ptr_eq(&slots, &now) {
                replacements.push(value);
            }
            slots = now;
        }
        // 8, 16 and 32 slots have room for 6, 12 and 24 entries.
        assert_eq!(replacements, [6, 12, 24]);
    }

    #[test]
    fn values_may_take_exactly_the_memory_of_the_shard() {
        let entries = 7;
        let shard = Shard::new(Slots::<u64>::bytes_for(entries) + entries * WEIGHT);
        (0..7).for_each(|value| insert(&shard, value));
        assert_eq!((shard.stats().entries, shard.stats().bytes), (entries, shard.limit()));
    }

    #[test]
    fn a_look_up_needs_no_lock_and_an_insertion_does_not_wait_for_one() {
        let shard = filled();
        let lock = shard.contents.0.lock().unwrap();
        thread::scope(|scope| {
            scope.spawn(|| assert!(has(&shard, 1)));
            scope.spawn(|| insert(&shard, 40));
        });
        drop(lock);
        assert!(has(&shard, 1) && !has(&shard, 40));
    }

    /// A value whose `drop` always panics. Before the panic, `drop` increments `drops`. If the lock
    /// is held, `drop` also increments `drops_under_lock`.
    struct Watch {
        shard: Arc<Shard<Arc<Watch>>>,
        drops: Arc<AtomicUsize>,
        drops_under_lock: Arc<AtomicUsize>,
    }

    impl Drop for Watch {
        fn drop(&mut self) {
            self.drops.fetch_add(1, Ordering::Relaxed);
            if self.shard.contents.0.try_lock().is_err() {
                self.drops_under_lock.fetch_add(1, Ordering::Relaxed);
            }
            panic!("in `Drop`");
        }
    }

    #[test]
    fn values_are_dropped_after_the_lock_is_released_and_may_panic() {
        let shard = Arc::new(Shard::new(LIMIT));
        let [drops, drops_under_lock] = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
        for n in 0..500 {
            let watch = Arc::new(Watch {
                shard: Arc::clone(&shard),
                drops: Arc::clone(&drops),
                drops_under_lock: Arc::clone(&drops_under_lock),
            });
            shard.insert(fingerprint(n), 0, watch, WEIGHT);
        }
        assert_eq!(drops.load(Ordering::Relaxed), 500 - shard.stats().entries);
        assert_eq!(drops_under_lock.load(Ordering::Relaxed), 0);
    }
}
