//! Counters for operators.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::revocation::message::RevocationKind;
use crate::revocation::table::revocation_table::RevocationTable;

/// What a server knows and has done, for metrics.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct RevocationStats {
    by_kind: [usize; RevocationKind::ALL.len()],
    /// What the entries take, with the room for more that is made already.
    pub bytes: usize,
    /// Revocations that were remembered, or were outlived already.
    pub applied: u64,
    /// Those for which there was no room, so that more than they name was revoked.
    pub widened: u64,
    /// Messages that could not be read.
    pub unreadable: u64,
    /// Failed attempts to read the feed.
    pub feed_failures: u64,
    /// Tokens that were refused because they are revoked.
    pub refused: u64,
    /// Tokens that were refused because what is known is too old.
    pub refused_as_stale: u64,
    /// Tokens that were accepted although what is known is too old.
    pub accepted_as_stale: u64,
}

impl RevocationStats {
    /// How many entries there are of this kind.
    pub fn entries(&self, kind: RevocationKind) -> usize {
        self.by_kind.get(kind as usize).copied().unwrap_or(0)
    }

    /// How many entries there are.
    pub fn total_entries(&self) -> usize {
        self.by_kind.iter().sum()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) applied: AtomicU64,
    pub(crate) widened: AtomicU64,
    pub(crate) unreadable: AtomicU64,
    pub(crate) feed_failures: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) refused_as_stale: AtomicU64,
    pub(crate) accepted_as_stale: AtomicU64,
}

impl Counters {
    pub(crate) fn read(&self, table: &RevocationTable) -> RevocationStats {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RevocationStats {
            by_kind: RevocationKind::ALL.map(|kind| table.count(kind)),
            bytes: table.bytes(),
            applied: of(&self.applied),
            widened: of(&self.widened),
            unreadable: of(&self.unreadable),
            feed_failures: of(&self.feed_failures),
            refused: of(&self.refused),
            refused_as_stale: of(&self.refused_as_stale),
            accepted_as_stale: of(&self.accepted_as_stale),
        }
    }
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
