//! A hash table that threads read without a lock.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::auth::cache::sync::OnceLock;

/// Entries by their fingerprints. A fingerprint is a hash already, so it gives the index at which
/// the search for its entry begins (linear probing). A search usually reads a single slot, which
/// matters if there are many tokens: a look-up then spends most of its time on reading memory.
///
/// A slot is filled once and never changes afterward. Threads can therefore search while another
/// thread adds an entry. Entries are removed by copying all other entries to new slots.
pub(crate) struct Slots<V> {
    /// The number of slots is a power of two.
    slots: Box<[OnceLock<Entry<V>>]>,
}

/// A value in a slot.
///
/// An entry is dropped by the request that displaces it. If other requests are still searching the
/// slots, the last of them drops the entry instead. If dropping the value panics, the panic is
/// caught, since a request must not fail because of a token that it did not present.
pub(crate) struct Entry<V> {
    fingerprint: u64,
    scope: u64,
    weight: u32,
    is_used: AtomicBool,
    /// A measure of how long the entry has gone unused. A new entry has zero. When the entry is
    /// copied to new [`Slots`], the copy has zero if a request has used the old entry. Otherwise,
    /// the number of the copy is one higher than that of the old entry.
    idle_rounds: u8,
    /// The cached value. It becomes `None` only when the entry is dropped.
    value: Option<V>,
}

impl<V> Slots<V> {
    const FEWEST: usize = 8;

    /// Creates empty slots for at least this number of entries.
    pub(crate) fn for_entries(entries: usize) -> Self {
        Self {
            slots: std::iter::repeat_with(OnceLock::new).take(Self::number_for(entries)).collect(),
        }
    }

    /// Returns the size, in bytes, of the slots that [`for_entries`](Self::for_entries) creates.
    pub(crate) fn bytes_for(entries: usize) -> usize {
        Self::number_for(entries).saturating_mul(size_of::<OnceLock<Entry<V>>>())
    }

    /// Returns the number of slots for this number of entries. The entries fill at most two thirds
    /// of the slots, so that more entries can be added later.
    fn number_for(entries: usize) -> usize {
        entries.saturating_add(entries / 2).max(Self::FEWEST).next_power_of_two()
    }

    /// Returns the memory that the slots occupy, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.slots)
    }

    /// Returns the maximum number of entries: three quarters of the slots. The other slots stay
    /// empty, since a search ends at an empty slot.
    pub(crate) fn most_entries(&self) -> usize {
        self.slots.len().saturating_sub(self.slots.len() / 4)
    }

    /// Returns the entries with this fingerprint and scope.
    #[inline]
    pub(crate) fn find(&self, fingerprint: u64, scope: u64) -> impl Iterator<Item = &Entry<V>> {
        let entries = self.slots_from_home_of(fingerprint).map_while(OnceLock::get);
        entries.filter(move |entry| entry.fingerprint == fingerprint && entry.scope == scope)
    }

    /// Adds an entry. Only one thread may add entries at a time.
    pub(crate) fn add(&self, entry: Entry<V>) {
        let empty = self.slots_from_home_of(entry.fingerprint).find(|slot| slot.get().is_none());
        if let Some(slot) = empty {
            let _ = slot.set(entry);
        }
    }

    /// Returns all entries.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry<V>> {
        self.slots.iter().filter_map(OnceLock::get)
    }

    /// Returns all slots, from the one at which the search for a fingerprint begins. After the last
    /// slot of the table, continues with the first.
    #[inline]
    fn slots_from_home_of(&self, fingerprint: u64) -> impl Iterator<Item = &OnceLock<Entry<V>>> {
        let mask = self.slots.len().wrapping_sub(1);
        let home = fingerprint as usize;
        (0..self.slots.len()).filter_map(move |n| self.slots.get(home.wrapping_add(n) & mask))
    }
}

impl<V> Entry<V> {
    pub(crate) fn new(fingerprint: u64, scope: u64, value: V, weight: u32) -> Self {
        let is_used = AtomicBool::new(false);
        Self { fingerprint, scope, weight, is_used, idle_rounds: 0, value: Some(value) }
    }

    pub(crate) fn value(&self) -> Option<&V> {
        self.value.as_ref()
    }

    pub(crate) fn weight(&self) -> usize {
        self.weight as usize
    }

    /// Returns zero if a request used the entry in the current table ([`Slots`]), one if the last
    /// use was in the previous table, and so on. The entries with the highest numbers are evicted
    /// first.
    pub(crate) fn idleness(&self) -> u8 {
        if self.is_used.load(Ordering::Relaxed) { 0 } else { self.idle_rounds.saturating_add(1) }
    }

    /// Records that the entry was used. Writes nothing if a use is already recorded, since each
    /// write forces the other processors to load this memory again.
    #[inline]
    pub(crate) fn mark_used(&self) {
        if !self.is_used.load(Ordering::Relaxed) {
            self.is_used.store(true, Ordering::Relaxed);
        }
    }
}

impl<V: Clone> Entry<V> {
    /// Returns a copy of the entry, to be put into new slots. The copy counts as unused until a
    /// request uses it.
    pub(crate) fn copy(&self) -> Self {
        Self {
            fingerprint: self.fingerprint,
            scope: self.scope,
            weight: self.weight,
            is_used: AtomicBool::new(false),
            idle_rounds: self.idleness(),
            value: self.value.clone(),
        }
    }
}

impl<V> Drop for Entry<V> {
    fn drop(&mut self) {
        let value = self.value.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(value)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(slots: &Slots<u64>, fingerprint: u64) -> Vec<u64> {
        slots.find(fingerprint, 0).map(|entry| *entry.value().unwrap()).collect()
    }

    /// The fingerprints are chosen so that many searches begin at the same slot.
    #[test]
    fn all_values_are_found_by_their_fingerprints() {
        for homes in [1, 2, 5, 64] {
            let slots = Slots::for_entries(1_000);
            for n in 0..1_000 {
                let fingerprint = n / homes * 2_048 + 2_040 + n % homes;
                assert!(values(&slots, fingerprint).is_empty());
                slots.add(Entry::new(fingerprint, 0, n, 0));
            }
            for n in 0..1_000 {
                assert_eq!(values(&slots, n / homes * 2_048 + 2_040 + n % homes), [n]);
            }
        }
    }

    #[test]
    fn every_value_with_the_same_fingerprint_is_found() {
        let slots = Slots::for_entries(4);
        (0..3).for_each(|n| slots.add(Entry::new(7, 0, n, 0)));
        slots.add(Entry::new(7, 1, 3, 0));
        assert_eq!(values(&slots, 7), [0, 1, 2]);
    }

    #[test]
    fn full_slots_take_no_entry_and_a_search_ends() {
        let slots = Slots::for_entries(0);
        (0..9).for_each(|n| slots.add(Entry::new(n, 0, n, 0)));
        assert_eq!(slots.entries().count(), Slots::<u64>::FEWEST);
        assert!(values(&slots, 8).is_empty());
    }

    #[test]
    fn slots_have_room_for_more_entries_than_requested() {
        for entries in [0, 1, 7, 8, 9, 100, 127, 128, 1_000] {
            let slots = Slots::<u64>::for_entries(entries);
            assert!(slots.most_entries() > entries, "{entries}");
            assert_eq!(slots.bytes(), Slots::<u64>::bytes_for(entries));
        }
    }

    #[test]
    fn a_quarter_of_the_slots_stays_empty() {
        for (entries, most) in [(0, 6), (6, 12), (40, 48)] {
            assert_eq!(Slots::<u64>::for_entries(entries).most_entries(), most, "{entries}");
        }
    }

    #[test]
    fn an_entry_grows_idle_with_every_copy_until_it_is_used() {
        let entry = Entry::new(1, 0, 'a', 0);
        assert_eq!(entry.idleness(), 1);
        let copy = entry.copy().copy();
        assert_eq!((copy.idleness(), copy.value()), (3, Some(&'a')));
        copy.mark_used();
        assert_eq!(copy.idleness(), 0);
        assert_eq!(copy.copy().idleness(), 1);
    }

    #[test]
    fn dropping_an_entry_does_not_panic() {
        struct Panics;
        impl Drop for Panics {
            fn drop(&mut self) {
                panic!("in `Drop`");
            }
        }
        drop(Entry::new(1, 0, Panics, 0));
    }
}
