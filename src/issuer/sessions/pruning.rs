//! Deletion of expired sessions during logins.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::UnixTime;

/// The maximum number of rows that a login deletes. While there is a backlog of expired rows, each
/// login deletes up to 100 rows and adds only one, so the deletion keeps up with the logins.
pub(crate) const BATCH: usize = 100;

/// The time between two deletions if there is no backlog.
const EVERY_SECS: i64 = 10;

/// The time at which expired sessions are to be deleted next. The first login that this process
/// handles at or after that time deletes them.
#[derive(Debug)]
pub(crate) struct Pruning {
    next: AtomicI64,
}

impl Pruning {
    /// Returns the initial state, in which the next login deletes expired sessions.
    pub(crate) fn new() -> Self {
        Self { next: AtomicI64::new(i64::MIN) }
    }

    /// Returns true if this login must delete expired sessions. This is true for only one login in
    /// each interval of 10 seconds ([`EVERY_SECS`]), unless there is a backlog.
    pub(crate) fn begin(&self, now: UnixTime) -> bool {
        let now = now.as_secs();
        let after = now.saturating_add(EVERY_SECS);
        let next = self.next.load(Ordering::Relaxed);
        // A clock that was set back must not delay the deletion for long.
        let is_due = now >= next || next > after;
        is_due
            && self.next.compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Ends the current interval, so that the next login also deletes expired sessions. Called if
    /// there may be a backlog of expired sessions.
    pub(crate) fn continues(&self) {
        self.next.store(i64::MIN, Ordering::Relaxed);
    }
}
