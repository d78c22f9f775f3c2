//! The table of known revocations, with a limit for its memory.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use crate::clock::UnixTime;
use crate::revocation::message::Revocation;
use crate::revocation::table::fingerprint::{Fingerprint, FingerprintKeys};
use crate::revocation::table::fingerprint_map::{BUCKET_BYTES, EntryKinds, FingerprintMap};
use crate::revocation::table::mark::{self, EntryKind, IssuerMatch, Mark};
use crate::revocation::target::RevocationKind;
use crate::revocation::token_names::TokenNames;

const FEWEST_BUCKETS: usize = 64;

/// The effect of applying a revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Applied {
    /// The revocation is remembered.
    Kept,
    /// The revocation is not remembered, because every token that it covers has expired.
    Expired,
    /// The table had no room for the revocation, and now contains a broader revocation instead. The
    /// field contains the kind of the broader revocation.
    Widened(RevocationKind),
}

pub(crate) struct RevocationTable {
    map: ArcSwap<FingerprintMap>,
    /// The [`Mark`] of the revocation that covers all tokens of all issuers, as an integer. Zero if
    /// there is no such revocation. The integer is kept outside the map, so it can be stored even
    /// if the map is full.
    everyone: AtomicU64,
    keys: FingerprintKeys,
    writer: Mutex<Writer>,
}

struct Writer {
    most_buckets: usize,
    /// The latest time at which the table removed an expired entry or ignored an expired
    /// revocation.
    forgot_at: UnixTime,
    /// The time of the last search for expired entries, if the map had its maximum size at that
    /// time.
    looked_at: Option<UnixTime>,
}

impl RevocationTable {
    pub(crate) fn new(max_bytes: usize) -> Self {
        let map = FingerprintMap::with_buckets(FEWEST_BUCKETS);
        let writer =
            Writer { most_buckets: FEWEST_BUCKETS, forgot_at: UnixTime::MIN, looked_at: None };
        let mut table = Self {
            map: ArcSwap::from_pointee(map),
            everyone: AtomicU64::new(0),
            keys: FingerprintKeys::default(),
            writer: Mutex::new(writer),
        };
        table.max_bytes(max_bytes);
        table
    }

    pub(crate) fn max_bytes(&mut self, bytes: usize) {
        // When a new map replaces the old map, both exist for a moment. Each may therefore use only
        // half of the memory.
        let buckets = bytes.checked_div(2 * BUCKET_BYTES).unwrap_or(0).max(FEWEST_BUCKETS);
        let is_exact = buckets.is_power_of_two();
        let above = buckets.checked_next_power_of_two().unwrap_or(buckets);
        self.writer().most_buckets = if is_exact { buckets } else { above >> 1 };
    }

    #[inline]
    pub(crate) fn refuses(&self, names: &TokenNames<'_>) -> bool {
        const OF_ONE_ISSUER: u32 = bits(IssuerMatch::One);
        const OF_ANY_ISSUER: u32 = bits(IssuerMatch::Any);
        let everyone = self.everyone.load(Ordering::Acquire);
        if everyone != 0 && Mark::from_word(everyone).refuses(names.issued_at) {
            return true;
        }
        let map = self.map.load();
        let kinds = map.kinds();
        if kinds.has_any(OF_ONE_ISSUER)
            && names.issuer.is_some()
            && self.has(&map, kinds, IssuerMatch::One, names)
        {
            return true;
        }
        kinds.has_any(OF_ANY_ISSUER) && self.has(&map, kinds, IssuerMatch::Any, names)
    }

    #[inline]
    fn has(
        &self,
        map: &FingerprintMap,
        kinds: EntryKinds,
        issuers: IssuerMatch,
        names: &TokenNames<'_>,
    ) -> bool {
        let of_issuer = self.keys.of_issuer(names.issuer.filter(|_| issuers == IssuerMatch::One));
        let refuses = |kind, name: Option<&[u8]>| {
            let kind = EntryKind::new(kind, issuers);
            let Some(name) = name.filter(|_| kinds.has(kind)) else { return false };
            let found = map.find(self.keys.of(of_issuer, kind, name));
            found.is_some_and(|mark| mark.kind() == kind && mark.refuses(names.issued_at))
        };
        refuses(RevocationKind::Token, names.id)
            || refuses(RevocationKind::Session, names.session)
            || refuses(RevocationKind::Subject, names.subject)
            || refuses(RevocationKind::Tenant, names.tenant)
            || refuses(RevocationKind::KeyId, names.key_id)
            || refuses(RevocationKind::Everyone, Some(b""))
    }

    pub(crate) fn apply(&self, revocation: &Revocation, now: UnixTime) -> Applied {
        let mut writer = self.writer();
        let issuer = revocation.issuer.as_deref();
        let issuers = if issuer.is_some() { IssuerMatch::One } else { IssuerMatch::Any };
        let kind = EntryKind::new(revocation.kind(), issuers);
        let mark = Mark::of(revocation, kind);
        if mark.is_forgotten(now) {
            writer.forgot_at = writer.forgot_at.max(now);
            return Applied::Expired;
        }
        if revocation.kind() == RevocationKind::Everyone && issuer.is_none() {
            self.refuse_everyone(mark);
            return Applied::Kept;
        }
        let of_issuer = self.keys.of_issuer(issuer.map(str::as_bytes));
        let print = self.keys.of(of_issuer, kind, revocation.target.name().as_bytes());
        if self.put(&mut writer, print, mark, now, revocation.target.watermark().is_some()) {
            return Applied::Kept;
        }
        // The table has no room for this entry, so try watermarks that cover more tokens. No token
        // that the revocation covers was issued after `at`, so a watermark at that time covers all
        // of these tokens.
        let at = revocation.target.revoked_at().unwrap_or(now);
        let widened = |kind| {
            let kind = EntryKind::new(kind, issuers);
            (kind, Mark::watermark(kind, at, revocation.until))
        };
        if let Some(owner) = revocation.target.owner() {
            let (kind, mark) = widened(RevocationKind::Subject);
            let print = self.keys.of(of_issuer, kind, owner.as_bytes());
            if self.put(&mut writer, print, mark, now, true) {
                return Applied::Widened(RevocationKind::Subject);
            }
        }
        let (kind, mark) = widened(RevocationKind::Everyone);
        let print = self.keys.of(of_issuer, kind, b"");
        let is_put = issuer.is_some() && self.put(&mut writer, print, mark, now, true);
        if !is_put {
            self.refuse_everyone(mark);
        }
        Applied::Widened(RevocationKind::Everyone)
    }

    /// Replaces the map with a map that has no expired entries. Readers use the old map meanwhile.
    pub(crate) fn sweep(&self, now: UnixTime) {
        let mut writer = self.writer();
        let everyone = self.everyone.load(Ordering::Relaxed);
        let ends = everyone != 0 && Mark::from_word(everyone).is_forgotten(now);
        if ends {
            self.everyone.store(0, Ordering::Release);
        }
        let map = self.map.load_full();
        let live = map.count_live(now);
        let forgets = live < map.len();
        if forgets {
            let buckets = buckets_for(live).min(writer.most_buckets).max(FEWEST_BUCKETS);
            self.map.store(Arc::new(map.rebuilt(buckets, now)));
        }
        if ends || forgets {
            writer.forgot_at = writer.forgot_at.max(now);
        }
    }

    /// Returns true if the clock was set back to a time before the last removal of expired entries.
    /// The removed entries may be needed again. Each change of the clock is reported only once, so
    /// the next call returns false.
    pub(crate) fn is_set_back(&self, now: UnixTime) -> bool {
        let mut writer = self.writer();
        let is_set_back = now.saturating_add(mark::SLACK) < writer.forgot_at;
        if is_set_back {
            writer.forgot_at = now;
            writer.looked_at = None;
        }
        is_set_back
    }

    /// Returns [`Writer::forgot_at`].
    pub(crate) fn forgot_at(&self) -> UnixTime {
        self.writer().forgot_at
    }

    pub(crate) fn count(&self, kind: RevocationKind) -> usize {
        let map = self.map.load();
        let of = |issuers| map.count(EntryKind::new(kind, issuers));
        let is_one = kind == RevocationKind::Everyone && self.everyone.load(Ordering::Relaxed) != 0;
        of(IssuerMatch::One).saturating_add(of(IssuerMatch::Any)).saturating_add(is_one.into())
    }

    pub(crate) fn bytes(&self) -> usize {
        self.map.load().bytes()
    }

    /// Merges the mark into the entry of this fingerprint, or adds an entry. Returns false if there
    /// is no room for an entry. Some room is reserved for watermarks, since each of them covers
    /// many tokens.
    fn put(
        &self,
        writer: &mut Writer,
        print: Fingerprint,
        mark: Mark,
        now: UnixTime,
        is_watermark: bool,
    ) -> bool {
        let mut map = self.map.load_full();
        if map.update(print, mark) {
            return true;
        }
        if map.len() >= room(map.buckets()) {
            match self.enlarged(writer, &map, now) {
                Some(other) => map = other,
                None if is_watermark && map.len() < reserved_room(map.buckets()) => {}
                None => return false,
            }
        }
        map.insert(print, mark);
        true
    }

    /// Replaces a full map with one that has room. Returns `None` if the memory limit is reached.
    fn enlarged(
        &self,
        writer: &mut Writer,
        map: &FingerprintMap,
        now: UnixTime,
    ) -> Option<Arc<FingerprintMap>> {
        let is_largest = map.buckets() >= writer.most_buckets;
        // Search a full map for expired entries at most once a second. A search for each message
        // would be slow.
        let looked = writer
            .looked_at
            .is_some_and(|then| then <= now && now.saturating_since(then).as_secs() < 1);
        if is_largest && looked {
            return None;
        }
        let live = map.count_live(now);
        writer.looked_at = is_largest.then_some(now);
        if live < map.len() {
            writer.forgot_at = writer.forgot_at.max(now);
        }
        let buckets = buckets_for(live.saturating_add(1)).min(writer.most_buckets);
        if live >= room(buckets) {
            return None;
        }
        let other = Arc::new(map.rebuilt(buckets, now));
        self.map.store(Arc::clone(&other));
        Some(other)
    }

    fn refuse_everyone(&self, mark: Mark) {
        let before = self.everyone.load(Ordering::Relaxed);
        let joined = if before == 0 { mark } else { Mark::from_word(before).joined(mark) };
        self.everyone.store(joined.word(), Ordering::Release);
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        // No code that could panic runs while the lock is held.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the number of entries, of any kind, that fit into these buckets.
fn room(buckets: usize) -> usize {
    reserved_room(buckets).saturating_sub(buckets >> 5)
}

/// Returns the number of entries that fit into these buckets, including the room that is reserved
/// for watermarks.
fn reserved_room(buckets: usize) -> usize {
    buckets.saturating_sub(buckets >> 2)
}

/// Returns how many buckets a map needs so that this number of entries fills at most half of it.
fn buckets_for(entries: usize) -> usize {
    entries.saturating_mul(2).checked_next_power_of_two().unwrap_or(usize::MAX).max(FEWEST_BUCKETS)
}

const fn bits(issuers: IssuerMatch) -> u32 {
    use RevocationKind::{Everyone, KeyId, Session, Subject, Tenant, Token};
    EntryKinds::bit(EntryKind::new(Token, issuers))
        | EntryKinds::bit(EntryKind::new(Session, issuers))
        | EntryKinds::bit(EntryKind::new(Subject, issuers))
        | EntryKinds::bit(EntryKind::new(Tenant, issuers))
        | EntryKinds::bit(EntryKind::new(KeyId, issuers))
        | EntryKinds::bit(EntryKind::new(Everyone, issuers))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn secs(secs: i64) -> UnixTime {
        UnixTime::from_secs(secs)
    }

    fn id(n: u64) -> String {
        format!("token {n}")
    }

    fn has(table: &RevocationTable, n: u64) -> bool {
        table.refuses(&TokenNames::new().id(id(n).as_str()).issued_at(secs(9_999)))
    }

    #[test]
    fn the_table_grows_shrinks_and_stays_within_its_limit() {
        let table = RevocationTable::new(2_048 * 2 * BUCKET_BYTES);
        let mut kept = 0_u64;
        while table.apply(&Revocation::token(id(kept), secs(1_000)), secs(0)) == Applied::Kept {
            kept += 1;
            assert!(
                table.bytes() <= 2_048 * BUCKET_BYTES,
                "half of the limit, since two maps exist while one replaces the other"
            );
        }
        assert_eq!(kept, room(2_048) as u64);
        assert!((0..kept).all(|n| has(&table, n)));
        // All entries have expired at the time in the variable `late`. A new entry therefore fits
        // even before `sweep` is called.
        let late = secs(10_000);
        assert_eq!(table.apply(&Revocation::token(id(kept), secs(20_000)), late), Applied::Kept);
        assert!(has(&table, kept) && !has(&table, 0));
        table.sweep(late);
        assert_eq!(table.bytes(), FEWEST_BUCKETS * BUCKET_BYTES);
    }

    #[test]
    fn a_full_table_revokes_more_and_never_less() {
        let table = RevocationTable::new(0);
        let now = secs(500);
        let full = (0..).find(|n| {
            let applied = table.apply(&Revocation::session(id(*n), secs(1_000)).issuer("i"), now);
            applied == Applied::Widened(RevocationKind::Everyone)
        });
        assert_eq!(full, Some(room(FEWEST_BUCKETS) as u64));
        let of = |issuer, subject, issued_at| {
            TokenNames::new().issuer(issuer).subject(subject).issued_at(secs(issued_at))
        };
        assert!(table.refuses(&of("i", "anyone", 500)));
        assert!(!table.refuses(&of("i", "anyone", 501)) && !table.refuses(&of("j", "anyone", 1)));
        let alices = Revocation::token("t", secs(1_000)).issuer("j").of_subject("alice", secs(400));
        assert_eq!(table.apply(&alices, now), Applied::Widened(RevocationKind::Subject));
        assert!(table.refuses(&of("j", "alice", 400)));
        assert!(!table.refuses(&of("j", "alice", 401)) && !table.refuses(&of("j", "bob", 1)));
        // The table now has no room for the revocation of a tenant. Such a revocation is therefore
        // replaced by a revocation of all tokens.
        let everyone = Applied::Widened(RevocationKind::Everyone);
        for n in 0..100 {
            assert_eq!(table.apply(&Revocation::tenant(id(n), secs(300)), now), everyone);
        }
        assert!(table.refuses(&of("k", "anyone", 300)) && !table.refuses(&of("k", "anyone", 301)));
        assert_eq!(table.bytes(), FEWEST_BUCKETS * BUCKET_BYTES);
    }

    #[test]
    fn a_full_table_looks_for_expired_entries_once_a_second() {
        let table = RevocationTable::new(0);
        let at = |millis| secs(1_119).saturating_add(Duration::from_millis(millis));
        for n in 0..room(FEWEST_BUCKETS) as u64 {
            // The table can drop an entry two minutes after its token has expired.
            assert_eq!(table.apply(&Revocation::token(id(n), secs(1_000)), at(0)), Applied::Kept);
        }
        let apply = |millis| table.apply(&Revocation::token("new", secs(9_000)), at(millis));
        let everyone = Applied::Widened(RevocationKind::Everyone);
        assert_eq!((apply(500), table.forgot_at()), (everyone, UnixTime::MIN));
        assert_eq!((apply(1_499), table.forgot_at()), (everyone, UnixTime::MIN));
        assert_eq!((apply(1_500), table.forgot_at()), (Applied::Kept, at(1_500)));
    }

    #[test]
    fn a_revocation_of_all_tokens_is_forgotten_after_its_end_only() {
        let table = RevocationTable::new(0);
        table.sweep(secs(5_000));
        assert!(!table.is_set_back(secs(0)), "nothing was forgotten");
        table.apply(&Revocation::everyone(secs(100)).forget_at(secs(1_000)), secs(100));
        let names = TokenNames::new().issued_at(secs(100));
        table.sweep(secs(1_000));
        assert!(table.refuses(&names) && table.count(RevocationKind::Everyone) == 1);
        assert!(!table.is_set_back(secs(0)), "nothing was forgotten");
        table.sweep(secs(1_200));
        assert!(!table.refuses(&names) && table.count(RevocationKind::Everyone) == 0);
        assert!(table.is_set_back(secs(0)));
    }

    #[test]
    fn a_clock_that_is_set_back_after_an_entry_was_forgotten_is_noticed_once() {
        let table = RevocationTable::new(0);
        table.apply(&Revocation::token("a", secs(1_000)), secs(0));
        assert!(!table.is_set_back(secs(0)));
        table.sweep(secs(5_000));
        assert!(!table.is_set_back(secs(5_000)) && !table.is_set_back(secs(4_940)));
        assert!(table.is_set_back(secs(4_939)) && !table.is_set_back(secs(4_939)));
        table.apply(&Revocation::token("b", secs(1_000)), secs(5_000));
        assert!(table.is_set_back(secs(0)));
    }
}
