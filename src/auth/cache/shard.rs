//! One part of the table, without its lock.

use smallvec::SmallVec;

/// Values that were removed from the shard. The caller drops them after it has released the lock,
/// since dropping a value runs application code.
pub(crate) type Displaced<V> = SmallVec<[V; 2]>;

/// A map from fingerprints to values, with a limit in bytes.
///
/// The slots are a hash table with linear probing. A fingerprint is a hash already, so it gives the
/// index at which the search for its value begins. A look-up usually reads a single slot, which
/// matters if there are many tokens: a look-up then spends most of its time on reading memory.
///
/// Eviction uses the CLOCK algorithm: a hand moves round the slots, skips each value that was used
/// since the hand last passed it, and evicts the first value that was not used. A token that is
/// seen only once therefore never displaces a token that is in use.
pub(crate) struct Shard<V> {
    /// The number of slots is zero or a power of two. At most three quarters of the slots are full.
    slots: Vec<Option<Slot<V>>>,
    len: usize,
    hand: usize,
    /// The total weight of all values.
    weight: usize,
    pub(crate) counters: Counters,
}

/// Aligned to a cache line of the processor, so that a look-up reads as few cache lines as
/// possible.
#[repr(align(64))]
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
    const FEWEST_SLOTS: usize = 4;

    /// Finds a value and returns what `pick` returns for it. `pick` returns `None` if the value is
    /// stale, or belongs to a different token with the same fingerprint.
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
        let place = self.place_of(fingerprint);
        let slot = self.slots.get_mut(place)?.as_mut().filter(|slot| slot.scope == scope)?;
        let picked = pick(&slot.value)?;
        slot.is_used = true;
        Some(picked)
    }

    /// Adds a value, or replaces the one with the same fingerprint. Returns the displaced values.
    /// If the new value is too heavy for the shard, returns the new value instead.
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
        displaced.extend(self.remove(self.place_of(fingerprint)));
        while self.bytes_with(weight) > limit {
            let Some(evicted) = self.evict() else {
                // Every slot is empty now, but the slots themselves leave too little memory for the
                // value.
                self.slots = Vec::new();
                break;
            };
            self.counters.evictions = self.counters.evictions.saturating_add(1);
            displaced.push(evicted);
        }
        self.resize(self.slots_with_one_more());
        self.fill(Slot { fingerprint, scope, value, weight, is_used: false });
        self.len = self.len.saturating_add(1);
        self.weight = self.weight.saturating_add(weight);
        displaced
    }

    /// Returns the number of values.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns the memory that the shard occupies, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        Self::bytes_of(self.slots.len()).saturating_add(self.weight)
    }

    /// Returns the memory that the shard would occupy with one more value of this weight.
    fn bytes_with(&self, weight: usize) -> usize {
        let slots = Self::bytes_of(self.slots_with_one_more());
        slots.saturating_add(self.weight).saturating_add(weight)
    }

    fn bytes_of(slots: usize) -> usize {
        slots.saturating_mul(size_of::<Option<Slot<V>>>())
    }

    /// Returns the number of slots that the shard needs to hold one more value.
    fn slots_with_one_more(&self) -> usize {
        let slots = self.slots.len();
        let is_enough = self.len < slots.saturating_sub(slots / 4);
        if is_enough { slots } else { Self::FEWEST_SLOTS.max(slots.saturating_mul(2)) }
    }

    /// Moves all values into a table with this number of slots.
    fn resize(&mut self, slots: usize) {
        if slots != self.slots.len() {
            let empty = std::iter::repeat_with(|| None).take(slots).collect();
            let full = std::mem::replace(&mut self.slots, empty);
            full.into_iter().flatten().for_each(|slot| self.fill(slot));
        }
    }

    /// Puts a value with a new fingerprint into an empty slot.
    fn fill(&mut self, slot: Slot<V>) {
        let place = self.place_of(slot.fingerprint);
        if let Some(empty) = self.slots.get_mut(place) {
            *empty = Some(slot);
        }
    }

    /// Returns the index of the slot with this fingerprint, or of the empty slot where the
    /// fingerprint can be added. A quarter of the slots is always empty, so the search ends. A
    /// shard without any slots has no such index: the result is then out of range.
    fn place_of(&self, fingerprint: u64) -> usize {
        let mut place = self.home_of(fingerprint);
        while let Some(Some(slot)) = self.slots.get(place)
            && slot.fingerprint != fingerprint
        {
            place = self.after(place);
        }
        place
    }

    /// Returns the index at which the search for a fingerprint begins.
    fn home_of(&self, fingerprint: u64) -> usize {
        fingerprint as usize & self.mask()
    }

    /// Returns the next index. After the last index comes the first.
    fn after(&self, place: usize) -> usize {
        place.wrapping_add(1) & self.mask()
    }

    fn mask(&self) -> usize {
        self.slots.len().wrapping_sub(1)
    }

    /// Removes the next value that was not used since the hand last passed it.
    fn evict(&mut self) -> Option<V> {
        // If all values were used, the hand marks each of them as unused in the first round, and
        // evicts one in the second.
        for _ in 0..self.slots.len().saturating_mul(2) {
            let place = self.hand & self.mask();
            match self.slots.get_mut(place).and_then(Option::as_mut) {
                // The hand stays at this slot, since `remove` may move another value into it.
                Some(slot) if !slot.is_used => return self.remove(place),
                Some(slot) => slot.is_used = false,
                None => {}
            }
            self.hand = self.after(place);
        }
        None
    }

    /// Removes the value at an index. A search ends at the first empty slot, so this function also
    /// moves the values that a search would otherwise no longer find.
    fn remove(&mut self, place: usize) -> Option<V> {
        let removed = self.slots.get_mut(place)?.take()?;
        self.len = self.len.saturating_sub(1);
        self.weight = self.weight.saturating_sub(removed.weight);
        let (mut empty, mut next) = (place, self.after(place));
        while let Some(Some(slot)) = self.slots.get(next) {
            let distance = |from: usize| next.wrapping_sub(from) & self.mask();
            if distance(self.home_of(slot.fingerprint)) >= distance(empty) {
                self.slots.swap(empty, next);
                empty = next;
            }
            next = self.after(next);
        }
        Some(removed.value)
    }
}

impl<V> Default for Shard<V> {
    fn default() -> Self {
        Self { slots: Vec::new(), len: 0, hand: 0, weight: 0, counters: Counters::default() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const WEIGHT: usize = 1_000;
    /// Room for ten values.
    const LIMIT: usize = 10 * WEIGHT + 16 * size_of::<Option<Slot<u64>>>();

    /// Turns a small number into a fingerprint. The results are spread over all 64-bit numbers, as
    /// the fingerprints of tokens are.
    fn fingerprint(value: u64) -> u64 {
        value.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn insert(shard: &mut Shard<u64>, value: u64) -> Vec<u64> {
        shard.insert(fingerprint(value), 0, value, WEIGHT, LIMIT).into_vec()
    }

    fn has(shard: &mut Shard<u64>, value: u64) -> bool {
        shard.find(fingerprint(value), 0, |found| Some(*found)) == Some(value)
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
            assert_eq!(insert(&mut shard, value).len(), 1);
            assert!(shard.bytes() <= LIMIT && shard.len() == 10);
            assert!(has(&mut shard, value));
        }
        assert_eq!(shard.counters.evictions, 990);
    }

    #[test]
    fn values_in_use_survive_a_flood_of_values_seen_once() {
        let mut shard = filled();
        for hot in [0, 4, 9] {
            assert!(has(&mut shard, hot));
        }
        for value in 10..1_000 {
            assert_eq!(insert(&mut shard, value).len(), 1);
            for hot in [0, 4, 9] {
                assert!(has(&mut shard, hot), "{hot} is lost at {value}");
            }
        }
    }

    #[test]
    fn if_every_value_is_in_use_one_is_evicted_still() {
        let mut shard = filled();
        assert!((0..10).all(|value| has(&mut shard, value)));
        let mut evicted = insert(&mut shard, 10);
        // The hand has marked all values as unused, so the next insertion evicts one at once.
        evicted.extend(insert(&mut shard, 11));
        assert_eq!((evicted.len(), shard.len()), (2, 10));
    }

    #[test]
    fn a_value_that_is_no_longer_used_is_evicted_after_one_round() {
        let mut shard = filled();
        assert!(has(&mut shard, 0));
        let evicted: Vec<_> = (10..50).flat_map(|value| insert(&mut shard, value)).collect();
        let of_first_ten: Vec<_> = evicted.into_iter().filter(|value| *value < 10).collect();
        assert_eq!((of_first_ten.len(), of_first_ten.last()), (10, Some(&0)));
    }

    #[test]
    fn a_shard_with_room_for_one_value_evicts_it_even_if_it_is_in_use() {
        let limit = 4 * size_of::<Option<Slot<u64>>>() + 99;
        let mut shard = Shard::default();
        for value in 0..10_u64 {
            let displaced = shard.insert(fingerprint(value), 0, value, 60, limit).into_vec();
            assert_eq!(displaced, Vec::from_iter(value.checked_sub(1)));
            assert!(has(&mut shard, value) && shard.len() == 1 && shard.bytes() <= limit);
        }
    }

    /// Compares the shard with a map. The fingerprints are chosen so that many searches begin at
    /// the same slot.
    #[test]
    fn values_are_found_whatever_was_removed_between_them() {
        let mut random = 1_u64;
        for homes in [1, 2, 5, 64] {
            let mut shard = Shard::default();
            let mut all = BTreeMap::new();
            for _ in 0..2_000 {
                random = fingerprint(random ^ (random >> 29)).wrapping_add(1);
                let fingerprint = (random >> 8) % 40 * 64 + random % homes;
                if random >> 63 == 0 {
                    shard.insert(fingerprint, 0, random, 1, usize::MAX);
                    all.insert(fingerprint, random);
                } else {
                    assert_eq!(shard.remove(shard.place_of(fingerprint)), all.remove(&fingerprint));
                }
                assert_eq!(shard.len(), all.len());
                for (fingerprint, value) in &all {
                    assert_eq!(shard.find(*fingerprint, 0, |value| Some(*value)), Some(*value));
                }
            }
        }
    }

    #[test]
    fn a_slot_of_the_cache_is_one_line() {
        assert_eq!(size_of::<Option<Slot<[usize; 4]>>>(), 64);
    }

    #[test]
    fn the_same_fingerprint_replaces_its_value() {
        let mut shard = filled();
        assert_eq!(shard.insert(fingerprint(3), 0, 33, WEIGHT, LIMIT).into_vec(), [3]);
        assert_eq!(shard.find(fingerprint(3), 0, |value| Some(*value)), Some(33));
        assert_eq!((shard.len(), shard.counters.evictions), (10, 0));
    }

    #[test]
    fn a_value_is_found_only_in_its_scope() {
        let mut shard = filled();
        assert_eq!(shard.find(fingerprint(3), 1, |value| Some(*value)), None);
        assert_eq!(shard.find(fingerprint(3), 0, |value| Some(*value)), Some(3));
        let Counters { hits, misses, .. } = shard.counters;
        assert_eq!((hits, misses), (1, 1));
    }

    #[test]
    fn a_heavy_value_displaces_several_and_one_that_is_too_heavy_displaces_none() {
        let mut shard = filled();
        let displaced = shard.insert(fingerprint(50), 0, 50, LIMIT / 4 + 1, LIMIT);
        assert_eq!((displaced.into_vec(), shard.len()), (vec![50], 10));
        let displaced = shard.insert(fingerprint(50), 0, 50, LIMIT / 4, LIMIT).into_vec();
        assert!(displaced.len() > 1 && has(&mut shard, 50), "{displaced:?}");
        assert!(shard.bytes() <= LIMIT);
    }

    #[test]
    fn the_slots_of_light_values_do_not_keep_out_heavy_ones() {
        let mut shard = Shard::default();
        for value in 0..1_000 {
            shard.insert(fingerprint(value), 0, value, 0, LIMIT);
        }
        assert!(shard.bytes() <= LIMIT && shard.len() > 30);
        for value in 1_000..1_010 {
            shard.insert(fingerprint(value), 0, value, LIMIT / 4, LIMIT);
            assert!(has(&mut shard, value) && shard.bytes() <= LIMIT);
        }
    }
}
