//! Sessions in the memory of this process.

use std::collections::{BTreeSet, HashMap};
use std::fmt::{self, Debug};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::clock::UnixTime;
use crate::issuer::sessions::family::Family;
use crate::issuer::sessions::id::SessionId;
use crate::issuer::sessions::store::{RefreshStore, StoreError, StoredSession};

const MAX_SESSIONS: usize = 100_000;

/// Keeps sessions in memory, for tests, and for a single auth server whose users can log in again
/// after a restart.
///
/// The store holds 100,000 sessions by default. A session takes about 1 KiB, and at most 12 KiB. To
/// make room, a full store deletes an ended session. If possible, it chooses a session whose end
/// has been published in the revocation feed. Of several such sessions, it chooses the one that
/// expires first. The store never deletes a live session to make room for another. If all sessions
/// are live, nobody else can log in until one of them ends or expires.
pub struct MemoryStore {
    max_sessions: usize,
    rows: Mutex<MemoryRows>,
}

#[derive(Default)]
struct MemoryRows {
    by_id: HashMap<SessionId, StoredSession>,
    /// Each user's live sessions.
    by_subject: HashMap<String, BTreeSet<SessionId>>,
    by_deletion: BTreeSet<(UnixTime, SessionId)>,
    /// The ended sessions, in the order in which a full store deletes them. The `bool` is true if
    /// the end of the session has not been published yet.
    ended: BTreeSet<(bool, UnixTime, SessionId)>,
}

impl MemoryRows {
    fn add(&mut self, row: StoredSession) {
        if row.ended {
            self.ended.insert(place_of_ended(&row));
        } else {
            let of_subject = self.by_subject.entry(row.subject.clone()).or_default();
            of_subject.insert(row.id.clone());
        }
        self.by_deletion.insert((row.delete_after, row.id.clone()));
        self.by_id.insert(row.id.clone(), row);
    }

    fn remove(&mut self, id: &SessionId) {
        let Some(row) = self.by_id.remove(id) else { return };
        if let Some(of_subject) = self.by_subject.get_mut(&row.subject) {
            of_subject.remove(id);
            if of_subject.is_empty() {
                self.by_subject.remove(&row.subject);
            }
        }
        if row.ended {
            self.ended.remove(&place_of_ended(&row));
        }
        self.by_deletion.remove(&(row.delete_after, row.id));
    }
}

fn place_of_ended(row: &StoredSession) -> (bool, UnixTime, SessionId) {
    let family = serde_json::from_str::<Family>(&row.state);
    let is_due = family.is_ok_and(|family| !family.is_announced());
    (is_due, row.delete_after, row.id.clone())
}

impl MemoryStore {
    /// Creates an empty store.
    pub fn new() -> Self {
        Self { max_sessions: MAX_SESSIONS, rows: Mutex::default() }
    }

    /// Sets the maximum number of sessions. 100,000 by default.
    #[must_use]
    pub fn max_sessions(mut self, sessions: usize) -> Self {
        self.max_sessions = sessions;
        self
    }

    /// Returns the number of sessions, including expired sessions that have not been deleted.
    pub fn len(&self) -> usize {
        self.rows().by_id.len()
    }

    /// Returns true if there are no sessions.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn rows(&self) -> MutexGuard<'_, MemoryRows> {
        // Ignore poisoning: no code that could panic runs while the lock is held.
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
        while rows.by_id.len() >= self.max_sessions {
            let Some((_, _, id)) = rows.ended.first().cloned() else {
                return Err(StoreError::full());
            };
            rows.remove(&id);
        }
        rows.add(session.clone());
        Ok(())
    }

    async fn load(&self, id: &SessionId) -> Result<Option<StoredSession>, StoreError> {
        Ok(self.rows().by_id.get(id).cloned())
    }

    async fn replace(&self, session: &StoredSession) -> Result<bool, StoreError> {
        let mut rows = self.rows();
        let version = rows.by_id.get(&session.id).map(|row| row.version);
        if version != Some(session.version.saturating_sub(1)) {
            return Ok(false);
        }
        rows.remove(&session.id);
        rows.add(session.clone());
        Ok(true)
    }

    async fn of_subject(&self, subject: &str) -> Result<Vec<StoredSession>, StoreError> {
        let rows = self.rows();
        let ids = rows.by_subject.get(subject).into_iter().flatten();
        Ok(ids.filter_map(|id| rows.by_id.get(id).cloned()).collect())
    }

    async fn prune(&self, now: UnixTime, at_most: usize) -> Result<u64, StoreError> {
        let mut rows = self.rows();
        let outdated = rows.by_deletion.iter().take_while(|(end, _)| *end <= now).take(at_most);
        let outdated: Vec<_> = outdated.map(|(_, id)| id.clone()).collect();
        for id in &outdated {
            rows.remove(id);
        }
        Ok(u64::try_from(outdated.len()).unwrap_or(u64::MAX))
    }
}

impl Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("max_sessions", &self.max_sessions)
            .finish_non_exhaustive()
    }
}
