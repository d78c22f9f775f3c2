//! A map whose keys are the fingerprints of names. The value of each entry is a [`Mark`]. Any
//! number of threads can read the map without a lock while one thread writes.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use crate::clock::UnixTime;
use crate::revocation::table::fingerprint::Fingerprint;
use crate::revocation::table::mark::{EntryKind, Mark};

/// A hash map with open addressing and linear probing. A bucket is filled once and never emptied.
/// To remove expired entries, the whole map is replaced by a new map without them.
pub(crate) struct FingerprintMap {
    buckets: Box<[Bucket]>,
    mask: usize,
    /// A Bloom filter with eight bits for each bucket. A fingerprint sets two bits in one word.
    /// Almost every fingerprint that is looked up is not in the map. The filter usually shows that
    /// the fingerprint is missing, without a read of a bucket. The filter is small, and the
    /// processor can predict the branch on its result.
    filter: Box<[AtomicU64]>,
    filter_mask: usize,
    /// The kinds of all entries that were ever inserted, with one bit for each kind. Readers do not
    /// look for entries of other kinds.
    kinds: AtomicU32,
    len: AtomicUsize,
    by_kind: [AtomicUsize; EntryKind::COUNT],
}

#[derive(Default)]
struct Bucket {
    /// The fingerprint, or zero if the bucket is empty.
    print: AtomicU64,
    mark: AtomicU64,
}

/// The memory for one bucket: the bucket itself, and its eight bits in the filter.
pub(crate) const BUCKET_BYTES: usize = size_of::<Bucket>() + 1;

impl FingerprintMap {
    /// Creates an empty map. `buckets` must be a power of two, and at least 8.
    pub(crate) fn with_buckets(buckets: usize) -> Self {
        let words = buckets >> 3;
        Self {
            filter: std::iter::repeat_with(AtomicU64::default).take(words).collect(),
            filter_mask: words.saturating_sub(1),
            buckets: std::iter::repeat_with(Bucket::default).take(buckets).collect(),
            mask: buckets.saturating_sub(1),
            kinds: AtomicU32::new(0),
            len: AtomicUsize::new(0),
            by_kind: Default::default(),
        }
    }

    #[inline]
    pub(crate) fn kinds(&self) -> EntryKinds {
        EntryKinds(self.kinds.load(Ordering::Acquire))
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
        for bucket in self.probe(print) {
            let taken = bucket.print.load(Ordering::Acquire);
            if taken == print.get() {
                return Some(Mark::from_word(bucket.mark.load(Ordering::Acquire)));
            }
            if taken == 0 {
                return None;
            }
        }
        None
    }

    /// Merges `mark` into the entry for the fingerprint. Returns false if there is no such entry.
    /// The caller must be the only writer.
    pub(crate) fn update(&self, print: Fingerprint, mark: Mark) -> bool {
        let mut probed = self.probe(print);
        let bucket = probed.find(|bucket| {
            let taken = bucket.print.load(Ordering::Relaxed);
            taken == 0 || taken == print.get()
        });
        let Some(bucket) = bucket.filter(|bucket| bucket.print.load(Ordering::Relaxed) != 0) else {
            return false;
        };
        let before = Mark::from_word(bucket.mark.load(Ordering::Relaxed));
        bucket.mark.store(before.joined(mark).word(), Ordering::Release);
        true
    }

    /// Inserts a new entry. The caller must be the only writer, and there must be a free bucket.
    pub(crate) fn insert(&self, print: Fingerprint, mark: Mark) {
        let mut probed = self.probe(print);
        let Some(bucket) = probed.find(|bucket| bucket.print.load(Ordering::Relaxed) == 0) else {
            return;
        };
        self.kinds.fetch_or(EntryKinds::bit(mark.kind()), Ordering::Release);
        // Store the mark before the fingerprint, since a reader that sees the fingerprint must also
        // see the mark.
        bucket.mark.store(mark.word(), Ordering::Release);
        bucket.print.store(print.get(), Ordering::Release);
        if let (Some(word), bits) = self.filter_bits(print) {
            word.fetch_or(bits, Ordering::Release);
        }
        self.len.fetch_add(1, Ordering::Relaxed);
        if let Some(count) = self.by_kind.get(mark.kind().index()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns a new map with this number of buckets. It contains the entries of this map that have
    /// not expired.
    pub(crate) fn rebuilt(&self, buckets: usize, now: UnixTime) -> Self {
        let map = Self::with_buckets(buckets);
        self.live(now).for_each(|(print, mark)| map.insert(print, mark));
        map
    }

    pub(crate) fn count_live(&self, now: UnixTime) -> usize {
        self.live(now).count()
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    pub(crate) fn buckets(&self) -> usize {
        self.buckets.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.buckets.len().saturating_mul(BUCKET_BYTES)
    }

    pub(crate) fn count(&self, kind: EntryKind) -> usize {
        self.by_kind.get(kind.index()).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    fn live(&self, now: UnixTime) -> impl Iterator<Item = (Fingerprint, Mark)> {
        let entries = self.buckets.iter().filter_map(|bucket| {
            let print = Fingerprint::new(bucket.print.load(Ordering::Acquire))?;
            Some((print, Mark::from_word(bucket.mark.load(Ordering::Acquire))))
        });
        entries.filter(move |(_, mark)| !mark.is_forgotten(now))
    }

    #[inline]
    fn filter_bits(&self, print: Fingerprint) -> (Option<&AtomicU64>, u64) {
        let print = print.get();
        // The bits in the middle of the fingerprint choose a word. The lowest six bits and the
        // highest six bits each choose one bit of that word.
        let bits = 1_u64.wrapping_shl(print as u32) | 1_u64.wrapping_shl((print >> 58) as u32);
        let place = (print >> 32) as usize & self.filter_mask;
        (self.filter.get(place), bits)
    }

    /// Returns the buckets that may contain a fingerprint, each of them once.
    #[inline]
    fn probe(&self, print: Fingerprint) -> impl Iterator<Item = &Bucket> {
        let start = print.get() as usize & self.mask;
        let (before, after) = self.buckets.split_at_checked(start).unwrap_or_default();
        after.iter().chain(before)
    }
}

/// The kinds of the entries in a map. Each kind is one bit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntryKinds(u32);

impl EntryKinds {
    #[inline]
    pub(crate) fn has(self, kind: EntryKind) -> bool {
        self.0 & Self::bit(kind) != 0
    }

    #[inline]
    pub(crate) fn has_any(self, mask: u32) -> bool {
        self.0 & mask != 0
    }

    #[inline]
    pub(crate) const fn bit(kind: EntryKind) -> u32 {
        1_u32.wrapping_shl(kind.byte() as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revocation::table::mark::IssuerMatch;
    use crate::revocation::target::RevocationKind;

    const KIND: EntryKind = EntryKind::new(RevocationKind::Token, IssuerMatch::Any);

    fn mark(until: i64) -> Mark {
        Mark::watermark(KIND, UnixTime::EPOCH, UnixTime::from_secs(until))
    }

    #[test]
    fn a_full_map_finds_every_entry_and_ends_the_search_for_another_one() {
        let map = FingerprintMap::with_buckets(8);
        for n in 1..=8 {
            // The search for each of these fingerprints begins at the same bucket.
            let print = Fingerprint::new(n * 8).unwrap();
            assert!(!map.update(print, mark(n as i64)));
            map.insert(print, mark(n as i64 * 1_000));
        }
        for n in 1..=8 {
            assert_eq!(map.find(Fingerprint::new(n * 8).unwrap()), Some(mark(n as i64 * 1_000)));
        }
        assert_eq!(map.find(Fingerprint::new(72).unwrap()), None);
        assert_eq!((map.len(), map.count(KIND)), (8, 8));
    }

    #[test]
    fn a_map_has_only_the_kinds_that_were_inserted() {
        let map = FingerprintMap::with_buckets(8);
        let other = EntryKind::new(RevocationKind::Subject, IssuerMatch::Any);
        assert!(!map.kinds().has(KIND) && !map.kinds().has_any(EntryKinds::bit(KIND)));
        map.insert(Fingerprint::new(1).unwrap(), mark(1_000));
        assert!(map.kinds().has(KIND) && map.kinds().has_any(EntryKinds::bit(KIND)));
        assert!(!map.kinds().has(other) && !map.kinds().has_any(EntryKinds::bit(other)));
        assert_eq!((map.count(KIND), map.count(other)), (1, 0));
    }

    /// The filter makes most look-ups in the buckets unnecessary: only a name that passes the
    /// filter is looked up.
    #[test]
    fn the_filter_rules_out_most_names_that_the_map_lacks() {
        let map = FingerprintMap::with_buckets(1_024);
        assert_eq!(map.filter.len(), 128, "eight bits for each bucket");
        let print = |n: u64| Fingerprint::new(n.wrapping_mul(0x9E37_79B9_7F4A_7C15)).unwrap();
        (1..=512).for_each(|n| map.insert(print(n), mark(1_000)));
        let passes = |n: &u64| {
            let (word, bits) = map.filter_bits(print(*n));
            assert_ne!(bits, 0, "a name without bits would always pass");
            word.unwrap().load(Ordering::Relaxed) & bits == bits
        };
        assert!((1..=512).all(|n| passes(&n)));
        let passed = (513..=10_512).filter(passes).count();
        assert!(passed < 120, "{passed} of 10,000 names pass");
    }

    #[test]
    fn a_rebuilt_map_has_the_entries_that_have_not_expired() {
        let map = FingerprintMap::with_buckets(8);
        for n in 1..=6 {
            map.insert(Fingerprint::new(n).unwrap(), mark(n as i64 * 1_000));
        }
        let now = UnixTime::from_secs(3_500);
        let rebuilt = map.rebuilt(16, now);
        assert_eq!((rebuilt.len(), rebuilt.buckets()), (3, 16));
        assert_eq!(rebuilt.find(Fingerprint::new(3).unwrap()), None);
        assert_eq!(rebuilt.find(Fingerprint::new(4).unwrap()), Some(mark(4_000)));
        assert_eq!(map.count_live(now), 3);
    }
}
