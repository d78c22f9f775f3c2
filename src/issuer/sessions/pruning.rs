//! Expired sessions are deleted by the logins, a few at a time.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::UnixTime;

/// A login deletes at most this many rows. More rows than a login adds, so that logins keep up.
pub(crate) const BATCH: usize = 100;

/// Without a backlog, one login in this many seconds deletes rows.
const EVERY_SECS: i64 = 10;

/// The next time at which a login of this process deletes expired sessions.
#[derive(Debug)]
pub(crate) struct Pruning {
    next: AtomicI64,
}

impl Pruning {
    /// Deletion is due at the first login.
    pub(crate) fn new() -> Self {
        Self { next: AtomicI64::new(i64::MIN) }
    }

    /// Returns true for one of the logins of a time.
    pub(crate) fn begin(&self, now: UnixTime) -> bool {
        let now = now.as_secs();
        let after = now.saturating_add(EVERY_SECS);
        let next = self.next.load(Ordering::Relaxed);
        // A clock that jumped back must not put off deletion for long.
        let is_due = now >= next || next > after;
        is_due
            && self.next.compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// There are more rows to delete: the next login goes on.
    pub(crate) fn continues(&self) {
        self.next.store(i64::MIN, Ordering::Relaxed);
    }
}
