//! The entries: many readers, one writer at a time, a cap.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use crate::clock::UnixTime;
use crate::revocation::message::{Revocation, RevocationKind};
use crate::revocation::names::TokenNames;
use crate::revocation::table::fingerprint::{Fingerprint, Fingerprints};
use crate::revocation::table::mark::{self, Mark, Scope, Sort};
use crate::revocation::table::slots::{SLOT_BYTES, Sorts, Table};

const FEWEST_SLOTS: usize = 64;

/// What became of a revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Applied {
    /// It is remembered.
    Kept,
    /// Nothing that it covers is valid any more.
    Outlived,
    /// There was no room for it: something of this kind that covers it is remembered.
    Widened(RevocationKind),
}

pub(crate) struct Ledger {
    table: ArcSwap<Table>,
    /// The mark of everyone of any issuer, for which there is always room; zero if there is none.
    everyone: AtomicU64,
    prints: Fingerprints,
    writer: Mutex<Writer>,
}

struct Writer {
    most_slots: usize,
    /// The latest time by which something was forgotten.
    forgot_at: UnixTime,
    /// When a full table was last looked through for what can be forgotten.
    looked_at: Option<UnixTime>,
}

impl Ledger {
    pub(crate) fn new(max_bytes: usize) -> Self {
        let table = Table::with_slots(FEWEST_SLOTS);
        let writer = Writer {
            most_slots: FEWEST_SLOTS,
            forgot_at: UnixTime::from_nanos(i128::MIN),
            looked_at: None,
        };
        let mut ledger = Self {
            table: ArcSwap::from_pointee(table),
            everyone: AtomicU64::new(0),
            prints: Fingerprints::default(),
            writer: Mutex::new(writer),
        };
        ledger.max_bytes(max_bytes);
        ledger
    }

    pub(crate) fn max_bytes(&mut self, bytes: usize) {
        // While a table takes another's place there are both.
        let slots = bytes.checked_div(2 * SLOT_BYTES).unwrap_or(0).max(FEWEST_SLOTS);
        let is_exact = slots.is_power_of_two();
        let above = slots.checked_next_power_of_two().unwrap_or(slots);
        self.writer().most_slots = if is_exact { slots } else { above >> 1 };
    }

    #[inline]
    pub(crate) fn refuses(&self, names: &TokenNames<'_>) -> bool {
        const OF_ONE_ISSUER: u32 = bits(Scope::OneIssuer);
        const OF_ANY_ISSUER: u32 = bits(Scope::AnyIssuer);
        let everyone = self.everyone.load(Ordering::Acquire);
        if everyone != 0 && Mark::from_word(everyone).refuses(names.issued_at) {
            return true;
        }
        let table = self.table.load();
        let sorts = table.sorts();
        if sorts.has_any(OF_ONE_ISSUER)
            && names.issuer.is_some()
            && self.has(&table, sorts, Scope::OneIssuer, names)
        {
            return true;
        }
        sorts.has_any(OF_ANY_ISSUER) && self.has(&table, sorts, Scope::AnyIssuer, names)
    }

    #[inline]
    fn has(&self, table: &Table, sorts: Sorts, scope: Scope, names: &TokenNames<'_>) -> bool {
        let of_issuer = self.prints.of_issuer(names.issuer.filter(|_| scope == Scope::OneIssuer));
        let refuses = |kind, name: Option<&str>| {
            let sort = Sort::new(kind, scope);
            let Some(name) = name.filter(|_| sorts.has(sort)) else { return false };
            let found = table.find(self.prints.of(of_issuer, sort, name));
            found.is_some_and(|mark| mark.sort() == sort && mark.refuses(names.issued_at))
        };
        refuses(RevocationKind::Token, names.id)
            || refuses(RevocationKind::Session, names.session)
            || refuses(RevocationKind::Subject, names.subject)
            || refuses(RevocationKind::Tenant, names.tenant)
            || refuses(RevocationKind::KeyId, names.key_id)
            || refuses(RevocationKind::Everyone, Some(""))
    }

    pub(crate) fn apply(&self, revocation: &Revocation, now: UnixTime) -> Applied {
        let mut writer = self.writer();
        let issuer = revocation.issuer.as_deref();
        let scope = if issuer.is_some() { Scope::OneIssuer } else { Scope::AnyIssuer };
        let sort = Sort::new(revocation.kind(), scope);
        let mark = Mark::of(revocation, sort);
        if mark.is_forgotten(now) {
            writer.forgot_at = writer.forgot_at.max(now);
            return Applied::Outlived;
        }
        if revocation.kind() == RevocationKind::Everyone && issuer.is_none() {
            self.refuse_everyone(mark);
            return Applied::Kept;
        }
        let of_issuer = self.prints.of_issuer(issuer);
        let print = self.prints.of(of_issuer, sort, revocation.name());
        if self.put(&mut writer, print, mark, now, revocation.is_watermark()) {
            return Applied::Kept;
        }
        // Whatever it names was issued before it was revoked.
        let at = revocation.at.unwrap_or(now);
        let widened = |kind| {
            let sort = Sort::new(kind, scope);
            (sort, Mark::watermark(sort, at, revocation.until))
        };
        if let Some(owner) = &revocation.owner {
            let (sort, mark) = widened(RevocationKind::Subject);
            let print = self.prints.of(of_issuer, sort, owner);
            if self.put(&mut writer, print, mark, now, true) {
                return Applied::Widened(RevocationKind::Subject);
            }
        }
        let (sort, mark) = widened(RevocationKind::Everyone);
        let print = self.prints.of(of_issuer, sort, "");
        let is_put = issuer.is_some() && self.put(&mut writer, print, mark, now, true);
        if !is_put {
            self.refuse_everyone(mark);
        }
        Applied::Widened(RevocationKind::Everyone)
    }

    /// Leaves out what can be forgotten, while readers go on with the table as it was.
    pub(crate) fn sweep(&self, now: UnixTime) {
        let mut writer = self.writer();
        let everyone = self.everyone.load(Ordering::Relaxed);
        let ends = everyone != 0 && Mark::from_word(everyone).is_forgotten(now);
        if ends {
            self.everyone.store(0, Ordering::Release);
        }
        let table = self.table.load_full();
        let live = table.count_live(now);
        let forgets = live < table.len();
        if forgets {
            let slots = slots_for(live).min(writer.most_slots).max(FEWEST_SLOTS);
            self.table.store(Arc::new(table.rebuilt(slots, now)));
        }
        if ends || forgets {
            writer.forgot_at = writer.forgot_at.max(now);
        }
    }

    /// Whether something was forgotten at a time that is still to come, and may be needed again.
    pub(crate) fn is_set_back(&self, now: UnixTime) -> bool {
        let mut writer = self.writer();
        let is_set_back = now.saturating_add(mark::SLACK) < writer.forgot_at;
        if is_set_back {
            writer.forgot_at = now;
            writer.looked_at = None;
        }
        is_set_back
    }

    /// Until when something may have been forgotten.
    pub(crate) fn forgot_at(&self) -> UnixTime {
        self.writer().forgot_at
    }

    pub(crate) fn count(&self, kind: RevocationKind) -> usize {
        let table = self.table.load();
        let of = |scope| table.count(Sort::new(kind, scope));
        let is_one = kind == RevocationKind::Everyone && self.everyone.load(Ordering::Relaxed) != 0;
        of(Scope::OneIssuer).saturating_add(of(Scope::AnyIssuer)).saturating_add(is_one.into())
    }

    pub(crate) fn bytes(&self) -> usize {
        self.table.load().bytes()
    }

    /// Adds to the entry that there is, or makes one if there is room. The last part of the room
    /// is for watermarks, which stand for many.
    fn put(
        &self,
        writer: &mut Writer,
        print: Fingerprint,
        mark: Mark,
        now: UnixTime,
        is_watermark: bool,
    ) -> bool {
        let mut table = self.table.load_full();
        if table.update(print, mark) {
            return true;
        }
        if table.len() >= room(table.slots()) {
            match self.enlarged(writer, &table, now) {
                Some(other) => table = other,
                None if is_watermark && table.len() < reserved_room(table.slots()) => {}
                None => return false,
            }
        }
        table.insert(print, mark);
        true
    }

    /// A table with room, in the place of one without; `None` at the cap.
    fn enlarged(&self, writer: &mut Writer, table: &Table, now: UnixTime) -> Option<Arc<Table>> {
        let is_largest = table.slots() >= writer.most_slots;
        // Looking through a full table for each message would be slow.
        let looked = writer
            .looked_at
            .is_some_and(|then| then <= now && now.saturating_since(then).as_secs() < 1);
        if is_largest && looked {
            return None;
        }
        let live = table.count_live(now);
        writer.looked_at = is_largest.then_some(now);
        if live < table.len() {
            writer.forgot_at = writer.forgot_at.max(now);
        }
        let slots = slots_for(live.saturating_add(1)).min(writer.most_slots);
        if live >= room(slots) {
            return None;
        }
        let other = Arc::new(table.rebuilt(slots, now));
        self.table.store(Arc::clone(&other));
        Some(other)
    }

    fn refuse_everyone(&self, mark: Mark) {
        let before = self.everyone.load(Ordering::Relaxed);
        let joined = if before == 0 { mark } else { Mark::from_word(before).joined(mark) };
        self.everyone.store(joined.word(), Ordering::Release);
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        // Nothing that could panic happens while it is held.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many entries of any kind so many slots take.
fn room(slots: usize) -> usize {
    reserved_room(slots).saturating_sub(slots >> 5)
}

/// How many they take with the part that is kept for watermarks.
fn reserved_room(slots: usize) -> usize {
    slots.saturating_sub(slots >> 2)
}

/// Slots for so many entries and nearly as many again.
fn slots_for(entries: usize) -> usize {
    entries.saturating_mul(2).checked_next_power_of_two().unwrap_or(usize::MAX).max(FEWEST_SLOTS)
}

const fn bits(scope: Scope) -> u32 {
    use RevocationKind::{Everyone, KeyId, Session, Subject, Tenant, Token};
    Sorts::bit(Sort::new(Token, scope))
        | Sorts::bit(Sort::new(Session, scope))
        | Sorts::bit(Sort::new(Subject, scope))
        | Sorts::bit(Sort::new(Tenant, scope))
        | Sorts::bit(Sort::new(KeyId, scope))
        | Sorts::bit(Sort::new(Everyone, scope))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(secs: u64) -> UnixTime {
        UnixTime::from_secs(secs)
    }

    fn id(n: u64) -> String {
        format!("token {n}")
    }

    fn has(ledger: &Ledger, n: u64) -> bool {
        ledger.refuses(&TokenNames {
            id: Some(&id(n)),
            issued_at: Some(secs(9_999)),
            ..TokenNames::default()
        })
    }

    #[test]
    fn the_table_grows_shrinks_and_stays_under_its_cap() {
        let ledger = Ledger::new(2_048 * 2 * SLOT_BYTES);
        let mut kept = 0_u64;
        while ledger.apply(&Revocation::token(id(kept), secs(1_000)), secs(0)) == Applied::Kept {
            kept += 1;
            assert!(ledger.bytes() <= 2_048 * SLOT_BYTES, "with the next one twice that");
        }
        assert_eq!(kept, room(2_048) as u64);
        assert!((0..kept).all(|n| has(&ledger, n)));
        // All of them can be forgotten, and make room without being asked to.
        let late = secs(10_000);
        assert_eq!(ledger.apply(&Revocation::token(id(kept), secs(20_000)), late), Applied::Kept);
        assert!(has(&ledger, kept) && !has(&ledger, 0));
        ledger.sweep(late);
        assert_eq!(ledger.bytes(), FEWEST_SLOTS * SLOT_BYTES);
    }

    #[test]
    fn at_the_cap_more_is_revoked_and_never_less() {
        let ledger = Ledger::new(0);
        let now = secs(500);
        let full = (0..).find(|n| {
            let applied = ledger.apply(&Revocation::session(id(*n), secs(1_000)).issuer("i"), now);
            applied == Applied::Widened(RevocationKind::Everyone)
        });
        assert_eq!(full, Some(room(FEWEST_SLOTS) as u64));
        let of = |issuer, subject, issued_at| TokenNames {
            issuer: Some(issuer),
            subject: Some(subject),
            issued_at: Some(secs(issued_at)),
            ..TokenNames::default()
        };
        assert!(ledger.refuses(&of("i", "anyone", 500)));
        assert!(!ledger.refuses(&of("i", "anyone", 501)) && !ledger.refuses(&of("j", "anyone", 1)));
        let alices = Revocation::token("t", secs(1_000)).issuer("j").of_subject("alice", secs(400));
        assert_eq!(ledger.apply(&alices, now), Applied::Widened(RevocationKind::Subject));
        assert!(ledger.refuses(&of("j", "alice", 400)));
        assert!(!ledger.refuses(&of("j", "alice", 401)) && !ledger.refuses(&of("j", "bob", 1)));
        // What is kept for watermarks comes to its end too, and then everyone is meant.
        for n in 0..100 {
            ledger.apply(&Revocation::tenant(id(n), secs(300)), now);
        }
        assert!(
            ledger.refuses(&of("k", "anyone", 300)) && !ledger.refuses(&of("k", "anyone", 301))
        );
        assert_eq!(ledger.bytes(), FEWEST_SLOTS * SLOT_BYTES);
    }

    #[test]
    fn a_clock_that_is_set_back_after_something_was_forgotten_is_noticed_once() {
        let ledger = Ledger::new(0);
        ledger.apply(&Revocation::token("a", secs(1_000)), secs(0));
        assert!(!ledger.is_set_back(secs(0)));
        ledger.sweep(secs(5_000));
        assert!(!ledger.is_set_back(secs(5_000)) && !ledger.is_set_back(secs(4_940)));
        assert!(ledger.is_set_back(secs(4_939)) && !ledger.is_set_back(secs(4_939)));
        ledger.apply(&Revocation::token("b", secs(1_000)), secs(5_000));
        assert!(ledger.is_set_back(secs(0)));
    }
}
