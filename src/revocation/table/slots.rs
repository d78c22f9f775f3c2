//! A set of fingerprints that any number of threads read while one writes, without a lock.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use crate::clock::UnixTime;
use crate::revocation::table::fingerprint::Fingerprint;
use crate::revocation::table::mark::{Mark, Sort};

/// Open addressing with linear probing. A slot is taken once and for all: what is to be forgotten
/// is left out of the next table, which then takes this one's place.
pub(crate) struct Table {
    slots: Box<[Slot]>,
    mask: usize,
    /// Eight bits for each slot, of which a fingerprint sets two in one word. Nearly all names are
    /// not there, and this says so from little memory and without a branch that is hard to foresee.
    filter: Box<[AtomicU64]>,
    filter_mask: usize,
    /// A bit for each sort that was ever put in, so that readers need not look for the others.
    sorts: AtomicU32,
    len: AtomicUsize,
    by_sort: [AtomicUsize; Sort::COUNT],
}

#[derive(Default)]
struct Slot {
    /// Zero where nothing is.
    print: AtomicU64,
    mark: AtomicU64,
}

/// With its part of the filter.
pub(crate) const SLOT_BYTES: usize = size_of::<Slot>() + 1;

impl Table {
    /// `slots` must be a power of two, and 8 or more.
    pub(crate) fn with_slots(slots: usize) -> Self {
        let words = slots >> 3;
        Self {
            filter: std::iter::repeat_with(AtomicU64::default).take(words).collect(),
            filter_mask: words.saturating_sub(1),
            slots: std::iter::repeat_with(Slot::default).take(slots).collect(),
            mask: slots.saturating_sub(1),
            sorts: AtomicU32::new(0),
            len: AtomicUsize::new(0),
            by_sort: Default::default(),
        }
    }

    #[inline]
    pub(crate) fn sorts(&self) -> Sorts {
        Sorts(self.sorts.load(Ordering::Acquire))
    }

    #[inline]
    pub(crate) fn find(&self, print: Fingerprint) -> Option<Mark> {
        let (word, bits) = self.filter_bits(print);
        if word?.load(Ordering::Acquire) & bits != bits {
            return None;
        }
        self.look_up(print)
    }

    fn look_up(&self, print: Fingerprint) -> Option<Mark> {
        for slot in self.probe(print) {
            let taken = slot.print.load(Ordering::Acquire);
            if taken == print.get() {
                return Some(Mark::from_word(slot.mark.load(Ordering::Acquire)));
            }
            if taken == 0 {
                return None;
            }
        }
        None
    }

    /// Changes the entry that there is, if there is one. One writer at a time.
    pub(crate) fn update(&self, print: Fingerprint, mark: Mark) -> bool {
        let mut probed = self.probe(print);
        let slot = probed.find(|slot| {
            let taken = slot.print.load(Ordering::Relaxed);
            taken == 0 || taken == print.get()
        });
        let Some(slot) = slot.filter(|slot| slot.print.load(Ordering::Relaxed) != 0) else {
            return false;
        };
        let before = Mark::from_word(slot.mark.load(Ordering::Relaxed));
        slot.mark.store(before.joined(mark).word(), Ordering::Release);
        true
    }

    /// Puts in what is not there yet. One writer at a time, and there must be a free slot.
    pub(crate) fn insert(&self, print: Fingerprint, mark: Mark) {
        let mut probed = self.probe(print);
        let Some(slot) = probed.find(|slot| slot.print.load(Ordering::Relaxed) == 0) else {
            return;
        };
        self.sorts.fetch_or(Sorts::bit(mark.sort()), Ordering::Release);
        // Whoever sees the fingerprint sees its mark.
        slot.mark.store(mark.word(), Ordering::Release);
        slot.print.store(print.get(), Ordering::Release);
        if let (Some(word), bits) = self.filter_bits(print) {
            word.fetch_or(bits, Ordering::Release);
        }
        self.len.fetch_add(1, Ordering::Relaxed);
        if let Some(count) = self.by_sort.get(mark.sort().index()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A table of so many slots with what is not forgotten.
    pub(crate) fn rebuilt(&self, slots: usize, now: UnixTime) -> Self {
        let table = Self::with_slots(slots);
        self.live(now).for_each(|(print, mark)| table.insert(print, mark));
        table
    }

    pub(crate) fn count_live(&self, now: UnixTime) -> usize {
        self.live(now).count()
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.slots.len().saturating_mul(SLOT_BYTES)
    }

    pub(crate) fn count(&self, sort: Sort) -> usize {
        self.by_sort.get(sort.index()).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    fn live(&self, now: UnixTime) -> impl Iterator<Item = (Fingerprint, Mark)> {
        let entries = self.slots.iter().filter_map(|slot| {
            let print = Fingerprint::new(slot.print.load(Ordering::Acquire))?;
            Some((print, Mark::from_word(slot.mark.load(Ordering::Acquire))))
        });
        entries.filter(move |(_, mark)| !mark.is_forgotten(now))
    }

    #[inline]
    fn filter_bits(&self, print: Fingerprint) -> (Option<&AtomicU64>, u64) {
        let print = print.get();
        // Shifts look at six bits alone: here the lowest and the highest. Those between choose the
        // word.
        let bits = 1_u64.wrapping_shl(print as u32) | 1_u64.wrapping_shl((print >> 58) as u32);
        let place = (print >> 32) as usize & self.filter_mask;
        (self.filter.get(place), bits)
    }

    /// The slots in which a fingerprint may be, each once.
    #[inline]
    fn probe(&self, print: Fingerprint) -> impl Iterator<Item = &Slot> {
        let start = print.get() as usize & self.mask;
        let (before, after) = self.slots.split_at_checked(start).unwrap_or_default();
        after.iter().chain(before)
    }
}

/// Which sorts of entry a table may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sorts(u32);

impl Sorts {
    #[inline]
    pub(crate) fn has(self, sort: Sort) -> bool {
        self.0 & Self::bit(sort) != 0
    }

    #[inline]
    pub(crate) fn has_any(self, mask: u32) -> bool {
        self.0 & mask != 0
    }

    #[inline]
    pub(crate) const fn bit(sort: Sort) -> u32 {
        1_u32.wrapping_shl(sort.byte() as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revocation::message::RevocationKind;
    use crate::revocation::table::mark::Scope;

    const SORT: Sort = Sort::new(RevocationKind::Token, Scope::AnyIssuer);

    fn mark(until: u64) -> Mark {
        Mark::watermark(SORT, UnixTime::EPOCH, UnixTime::from_secs(until))
    }

    #[test]
    fn a_full_table_finds_all_and_ends_the_search_for_another() {
        let table = Table::with_slots(8);
        for n in 1..=8 {
            // All begin at the same slot.
            let print = Fingerprint::new(n * 8).unwrap();
            assert!(!table.update(print, mark(n)));
            table.insert(print, mark(n * 1_000));
        }
        for n in 1..=8 {
            assert_eq!(table.find(Fingerprint::new(n * 8).unwrap()), Some(mark(n * 1_000)));
        }
        assert_eq!(table.find(Fingerprint::new(72).unwrap()), None);
        assert_eq!((table.len(), table.count(SORT)), (8, 8));
    }

    #[test]
    fn a_rebuilt_table_has_what_is_not_forgotten() {
        let table = Table::with_slots(8);
        for n in 1..=6 {
            table.insert(Fingerprint::new(n).unwrap(), mark(n * 1_000));
        }
        let now = UnixTime::from_secs(3_500);
        let rebuilt = table.rebuilt(16, now);
        assert_eq!((rebuilt.len(), rebuilt.slots()), (3, 16));
        assert_eq!(rebuilt.find(Fingerprint::new(3).unwrap()), None);
        assert_eq!(rebuilt.find(Fingerprint::new(4).unwrap()), Some(mark(4_000)));
        assert_eq!(table.count_live(now), 3);
    }
}
