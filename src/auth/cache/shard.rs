//! One part of the table, without its lock.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use smallvec::SmallVec;

/// Values that left the shard. The caller drops them after the lock is released, since dropping a
/// value runs application code.
pub(crate) type Displaced<V> = SmallVec<[V; 2]>;

/// Values by their fingerprints, up to a limit in bytes.
///
/// Eviction uses the CLOCK algorithm: a hand moves round the slots, skips the values that were used
/// since its last round, and evicts the first other one. A token that is seen only once therefore
/// never displaces a token that is in use.
pub(crate) struct Shard<V> {
    places: HashMap<u64, usize, BuildHasherDefault<Unhashed>>,
    slots: Vec<Option<Slot<V>>>,
    /// The places of empty slots.
    free: Vec<usize>,
    hand: usize,
    /// The weight of all values.
    weight: usize,
    pub(crate) counters: Counters,
}

struct Slot<V> {
    fingerprint: u64,
    scope: u64,
    value: V,
    weight: usize,
    is_used: bool,
}

/// The counters of a shard. The lock protects them, so counting needs no atomic operation.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    pub(crate) evictions: u64,
}

impl<V> Shard<V> {
    /// The memory for a value besides its weight: a slot, and its place in `places` and `free`.
    /// Vectors and maps allocate up to twice the memory that they need.
    const OVERHEAD: usize = 3 * size_of::<Option<Slot<V>>>();

    /// Returns the part of a value that `pick` selects. `pick` returns `None` for a value that is
    /// not the wanted one.
    pub(crate) fn find<R>(
        &mut self,
        fingerprint: u64,
        scope: u64,
        pick: impl FnOnce(&V) -> Option<R>,
    ) -> Option<R> {
        let found = self.pick(fingerprint, scope, pick);
        let counter = match found {
            Some(_) => &mut self.counters.hits,
            None => &mut self.counters.misses,
        };
        *counter = counter.saturating_add(1);
        found
    }

    fn pick<R>(
        &mut self,
        fingerprint: u64,
        scope: u64,
        pick: impl FnOnce(&V) -> Option<R>,
    ) -> Option<R> {
        let place = *self.places.get(&fingerprint)?;
        let slot = self.slots.get_mut(place)?.as_mut().filter(|slot| slot.scope == scope)?;
        let picked = pick(&slot.value)?;
        slot.is_used = true;
        Some(picked)
    }

    /// Adds a value, or replaces the one with the same fingerprint. Returns the displaced values,
    /// which include a value that is too heavy for the shard.
    pub(crate) fn insert(
        &mut self,
        fingerprint: u64,
        scope: u64,
        value: V,
        weight: usize,
        limit: usize,
    ) -> Displaced<V> {
        let mut displaced = Displaced::new();
        // One value must not displace all others.
        if weight > limit / 4 {
            displaced.push(value);
            return displaced;
        }
        displaced.extend(self.remove(fingerprint));
        while self.bytes_with(weight) > limit {
            let Some(evicted) = self.evict() else {
                // Only empty slots are left, and the slots themselves take too much memory for this
                // value.
                (self.slots, self.free) = (Vec::new(), Vec::new());
                break;
            };
            self.counters.evictions = self.counters.evictions.saturating_add(1);
            displaced.push(evicted);
        }
        let slot = Some(Slot { fingerprint, scope, value, weight, is_used: false });
        let place = match self.free.pop() {
            Some(place) => place,
            None => {
                self.slots.push(None);
                self.slots.len().saturating_sub(1)
            }
        };
        if let Some(empty) = self.slots.get_mut(place) {
            *empty = slot;
            self.places.insert(fingerprint, place);
            self.weight = self.weight.saturating_add(weight);
        }
        displaced
    }

    /// Returns the number of values.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Returns the memory of the shard.
    pub(crate) fn bytes(&self) -> usize {
        self.weight.saturating_add(self.slots.len().saturating_mul(Self::OVERHEAD))
    }

    /// Returns the memory of the shard with one more value.
    fn bytes_with(&self, weight: usize) -> usize {
        let slot = if self.free.is_empty() { Self::OVERHEAD } else { 0 };
        self.bytes().saturating_add(slot).saturating_add(weight)
    }

    /// Removes the next value that was not used since the hand passed it.
    fn evict(&mut self) -> Option<V> {
        // In the first round the hand may pass every value; the second round then finds one.
        for _ in 0..self.slots.len().saturating_mul(2) {
            let place = if self.hand < self.slots.len() { self.hand } else { 0 };
            self.hand = place.saturating_add(1);
            match self.slots.get_mut(place).and_then(Option::as_mut) {
                Some(slot) if slot.is_used => slot.is_used = false,
                Some(slot) => {
                    let fingerprint = slot.fingerprint;
                    return self.remove(fingerprint);
                }
                None => {}
            }
        }
        None
    }

    fn remove(&mut self, fingerprint: u64) -> Option<V> {
        let place = self.places.remove(&fingerprint)?;
        let slot = self.slots.get_mut(place)?.take()?;
        self.free.push(place);
        self.weight = self.weight.saturating_sub(slot.weight);
        Some(slot.value)
    }
}

impl<V> Default for Shard<V> {
    fn default() -> Self {
        Self {
            places: HashMap::default(),
            slots: Vec::new(),
            free: Vec::new(),
            hand: 0,
            weight: 0,
            counters: Counters::default(),
        }
    }
}

/// The hasher of fingerprints, which are hashes already.
#[derive(Clone, Copy, Default)]
struct Unhashed(u64);

impl Hasher for Unhashed {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, fingerprint: u64) {
        self.0 = fingerprint;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEIGHT: usize = 1_000;
    /// Room for ten values.
    const LIMIT: usize = 10 * (WEIGHT + Shard::<u64>::OVERHEAD);

    fn insert(shard: &mut Shard<u64>, value: u64) -> Vec<u64> {
        shard.insert(value, 0, value, WEIGHT, LIMIT).into_vec()
    }

    fn has(shard: &mut Shard<u64>, value: u64) -> bool {
        shard.find(value, 0, |value| Some(*value)).is_some()
    }

    fn filled() -> Shard<u64> {
        let mut shard = Shard::default();
        for value in 0..10 {
            assert!(insert(&mut shard, value).is_empty());
        }
        shard
    }

    #[test]
    fn a_full_shard_evicts_one_value_for_each_new_one() {
        let mut shard = filled();
        for value in 10..1_000 {
            assert_eq!(insert(&mut shard, value), [value - 10]);
            assert!(shard.bytes() <= LIMIT && shard.len() == 10);
        }
        assert_eq!(shard.counters.evictions, 990);
    }

    #[test]
    fn values_in_use_survive_a_flood_of_values_seen_once() {
        let mut shard = filled();
        for value in 10..1_000 {
            for hot in [0, 4, 9] {
                assert!(has(&mut shard, hot), "{hot} is lost at {value}");
            }
            assert_eq!(insert(&mut shard, value).len(), 1);
        }
    }

    #[test]
    fn if_every_value_is_in_use_one_is_evicted_still() {
        let mut shard = filled();
        assert!((0..10).all(|value| has(&mut shard, value)));
        assert_eq!(insert(&mut shard, 10), [0]);
        // The hand has marked all values as unused, so the next insertion evicts the next one.
        assert_eq!(insert(&mut shard, 11), [1]);
    }

    #[test]
    fn a_value_that_is_no_longer_used_is_evicted_after_one_round() {
        let mut shard = filled();
        assert!(has(&mut shard, 0));
        let evicted: Vec<_> = (10..22).flat_map(|value| insert(&mut shard, value)).collect();
        assert_eq!(evicted[..9], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(evicted[9], 0);
    }

    #[test]
    fn a_shard_with_room_for_one_value_evicts_it_even_if_it_is_in_use() {
        let limit = Shard::<u64>::OVERHEAD + 60;
        let mut shard = Shard::default();
        for value in 0..10_u64 {
            let displaced = shard.insert(value, 0, value, 40, limit).into_vec();
            assert_eq!(displaced, Vec::from_iter(value.checked_sub(1)));
            assert!(has(&mut shard, value) && shard.len() == 1 && shard.bytes() <= limit);
        }
    }

    #[test]
    fn a_fingerprint_is_its_own_hash_and_every_byte_counts() {
        let hash = |write: &dyn Fn(&mut Unhashed)| {
            let mut hasher = Unhashed::default();
            write(&mut hasher);
            hasher.finish()
        };
        assert_eq!(hash(&|hasher| hasher.write_u64(7)), 7);
        assert_eq!(hash(&|hasher| hasher.write(&[1, 2, 3])), 0x01_02_03);
        assert_eq!(hash(&|hasher| hasher.write(&[1, 0, 0, 0, 0, 0, 0, 0, 3])), 0x02);
    }

    #[test]
    fn the_same_fingerprint_replaces_its_value() {
        let mut shard = filled();
        assert_eq!(shard.insert(3, 0, 33, WEIGHT, LIMIT).into_vec(), [3]);
        assert_eq!(shard.find(3, 0, |value| Some(*value)), Some(33));
        assert_eq!((shard.len(), shard.counters.evictions), (10, 0));
    }

    #[test]
    fn a_value_is_found_only_in_its_scope() {
        let mut shard = filled();
        assert_eq!(shard.find(3, 1, |value| Some(*value)), None);
        assert_eq!(shard.find(3, 0, |value| Some(*value)), Some(3));
        let Counters { hits, misses, .. } = shard.counters;
        assert_eq!((hits, misses), (1, 1));
    }

    #[test]
    fn a_heavy_value_displaces_several_and_one_that_is_too_heavy_displaces_none() {
        let mut shard = filled();
        let displaced = shard.insert(50, 0, 50, LIMIT / 4 + 1, LIMIT);
        assert_eq!((displaced.into_vec(), shard.len()), (vec![50], 10));
        let displaced = shard.insert(50, 0, 50, LIMIT / 4, LIMIT).into_vec();
        assert!(displaced.len() > 1 && has(&mut shard, 50), "{displaced:?}");
        assert!(shard.bytes() <= LIMIT);
    }

    #[test]
    fn the_slots_of_light_values_do_not_keep_out_heavy_ones() {
        let mut shard = Shard::default();
        for value in 0..1_000 {
            shard.insert(value, 0, value, 0, LIMIT);
        }
        assert!(shard.bytes() <= LIMIT && shard.len() > 30);
        for value in 1_000..1_010 {
            shard.insert(value, 0, value, LIMIT / 4, LIMIT);
            assert!(has(&mut shard, value) && shard.bytes() <= LIMIT);
        }
    }
}
