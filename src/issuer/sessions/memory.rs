//! Sessions in this process.

use std::collections::{BTreeSet, HashMap};
use std::fmt::{self, Debug};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::clock::UnixTime;
use crate::issuer::sessions::id::SessionId;
use crate::issuer::sessions::store::{RefreshStore, StoreError, StoredSession};

const CAPACITY: usize = 100_000;

/// Keeps sessions in memory: for tests, and for one auth server whose users may log in again when
/// it restarts.
///
/// It holds at most so many sessions, 100,000 by default, of about 1 KiB each. When it is full,
/// nobody else can log in until some are pruned: it never ends one to make room for another.
pub struct MemoryStore {
    capacity: usize,
    rows: Mutex<Rows>,
}

#[derive(Default)]
struct Rows {
    by_id: HashMap<SessionId, StoredSession>,
    by_subject: HashMap<String, BTreeSet<SessionId>>,
}

impl MemoryStore {
    /// A store with room for 100,000 sessions.
    pub fn new() -> Self {
        Self::with_capacity(CAPACITY)
    }

    /// A store with room for so many sessions.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { capacity, rows: Mutex::default() }
    }

    /// How many sessions there are, those included that were not pruned yet.
    pub fn len(&self) -> usize {
        self.rows().by_id.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        // Nothing that could panic happens while it is held.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl RefreshStore for MemoryStore {
    async fn insert(&self, session: &StoredSession) -> Result<(), StoreError> {
        let mut rows = self.rows();
        if rows.by_id.contains_key(&session.id) {
            return Err(StoreError::because("there is a session of that name"));
        }
        if rows.by_id.len() >= self.capacity {
            return Err(StoreError::full());
        }
        rows.by_subject.entry(session.subject.clone()).or_default().insert(session.id.clone());
        rows.by_id.insert(session.id.clone(), session.clone());
        Ok(())
    }

    async fn load(&self, id: &SessionId) -> Result<Option<StoredSession>, StoreError> {
        Ok(self.rows().by_id.get(id).cloned())
    }

    async fn replace(&self, session: &StoredSession) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        let Some(row) = rows.by_id.get_mut(&session.id) else { return Ok(false) };
        if row.version != session.version.saturating_sub(1) {
            return Ok(false);
        }
        *row = session.clone();
        Ok(true)
    }

    async fn of_subject(&self, subject: &str) -> Result<Vec<StoredSession>, StoreError> {
        let rows = self.rows();
        let ids = rows.by_subject.get(subject).into_iter().flatten();
        Ok(ids.filter_map(|id| rows.by_id.get(id).cloned()).collect())
    }

    async fn prune(&self, now: UnixTime) -> Result<u64, StoreError> {
        let mut rows = self.rows();
        let before = rows.by_id.len();
        let Rows { by_id, by_subject } = &mut *rows;
        by_id.retain(|_, row| row.delete_after > now);
        by_subject.retain(|_, ids| {
            ids.retain(|id| by_id.contains_key(id));
            !ids.is_empty()
        });
        Ok(u64::try_from(before.saturating_sub(by_id.len())).unwrap_or(u64::MAX))
    }
}

impl Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}
