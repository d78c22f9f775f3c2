//! Counters for operators.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::revocation::table::revocation_table::RevocationTable;
use crate::revocation::target::RevocationKind;

/// The counters of a server, for metrics.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct RevocationStats {
    by_kind: [usize; RevocationKind::ALL.len()],
    /// The memory for entries, including memory that is allocated but not filled yet, in bytes.
    pub bytes: usize,
    /// Revocations that were applied exactly as requested. A revocation that has already expired is
    /// counted, too, although it changes nothing.
    pub applied: u64,
    /// Revocations that were replaced by a broader revocation, since there was no room for an exact
    /// entry. The broader revocation also covers other tokens.
    pub widened: u64,
    /// Messages that revoke nothing on this server: malformed, too long, or of a different version.
    pub unreadable: u64,
    /// Failed attempts to read the feed.
    pub feed_failures: u64,
    /// Tokens that were rejected because they are revoked.
    pub refused: u64,
    /// Tokens that were rejected because revocation data was missing or stale.
    pub refused_as_stale: u64,
    /// Tokens that were accepted although revocation data was missing or stale.
    pub accepted_as_stale: u64,
}

impl RevocationStats {
    /// Returns the number of entries of this kind.
    pub fn entries(&self, kind: RevocationKind) -> usize {
        self.by_kind.get(kind as usize).copied().unwrap_or(0)
    }

    /// Returns the total number of entries.
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
