//! The trait for session stores.

pub(crate) mod memory;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "redis")]
pub(crate) mod redis;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) mod sql;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
pub(crate) mod timeout;

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Debug};
use std::sync::Arc;

use crate::clock::UnixTime;
use crate::issuer::sessions::id::SessionId;

/// A session's row in a store. Only [`Sessions`](crate::issuer::Sessions) reads its `state`. The
/// row contains hashes of tokens, never a token.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredSession {
    /// The key of the row.
    pub id: SessionId,
    /// The session's user. A user may have several sessions.
    pub subject: String,
    /// The version of the row. An insertion sets it to 1, and each replacement increases it by 1.
    pub version: u64,
    /// The state in JSON. The state and the subject together take at most 12 KiB.
    pub state: String,
    /// The time from which the row may be deleted, in whole seconds.
    pub delete_after: UnixTime,
    /// True once the session has ended. An ended session stays ended. [`RefreshStore::of_subject`]
    /// omits ended sessions.
    pub ended: bool,
}

impl StoredSession {
    /// Creates a row from the values that a store has read.
    pub fn new(
        id: SessionId,
        subject: String,
        version: u64,
        state: String,
        delete_after: UnixTime,
        ended: bool,
    ) -> Self {
        Self { id, subject, version, state, delete_after, ended }
    }
}

impl Debug for StoredSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSession")
            .field("id", &self.id)
            .field("version", &self.version)
            .field("delete_after", &self.delete_after)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// A session store: a table in which each row has a key and a version.
///
/// All rules about tokens are in [`Sessions`](crate::issuer::Sessions); a store only keeps rows.
/// Rotation is safe because [`replace`](Self::replace) is *one atomic step*: if several calls
/// replace the same version at the same time, one of them succeeds. A client gets its response only
/// after the store has returned, so the row should be durable by then.
///
/// The cost of a call must not grow with the number of sessions that ended: a user who logs in and
/// out all day must not slow anything down.
///
/// `conformance` (feature `test-util`) checks a store against this description.
pub trait RefreshStore: Send + Sync + 'static {
    /// Inserts a new row. The row's `id` is random, so it is an error if a row with the same `id`
    /// exists.
    fn insert(
        &self,
        session: &StoredSession,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Returns the row with this key, or `None`.
    fn load(
        &self,
        id: &SessionId,
    ) -> impl Future<Output = Result<Option<StoredSession>, StoreError>> + Send;

    /// Replaces the row that has the same key as `session`, if the version of that row is
    /// `session.version - 1`. The comparison and the write are one atomic step. Returns true if the
    /// row was replaced, and false if the row has another version or does not exist. The subject
    /// never changes.
    fn replace(
        &self,
        session: &StoredSession,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Returns the rows of a subject in any order, except the rows of [ended](StoredSession::ended)
    /// sessions.
    fn of_subject(
        &self,
        subject: &str,
    ) -> impl Future<Output = Result<Vec<StoredSession>, StoreError>> + Send;

    /// Deletes up to `at_most` rows whose `delete_after` is `now` or earlier, and returns the
    /// number of deleted rows. A store whose rows expire by themselves returns 0.
    ///
    /// [`Sessions`](crate::issuer::Sessions) calls this method after logins. The cost of a call
    /// must depend only on `at_most`, which is a small number, and not on the size of the table.
    fn prune(
        &self,
        now: UnixTime,
        at_most: usize,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;
}

impl<S: RefreshStore> RefreshStore for Arc<S> {
    fn insert(
        &self,
        session: &StoredSession,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        S::insert(self, session)
    }

    fn load(
        &self,
        id: &SessionId,
    ) -> impl Future<Output = Result<Option<StoredSession>, StoreError>> + Send {
        S::load(self, id)
    }

    fn replace(
        &self,
        session: &StoredSession,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        S::replace(self, session)
    }

    fn of_subject(
        &self,
        subject: &str,
    ) -> impl Future<Output = Result<Vec<StoredSession>, StoreError>> + Send {
        S::of_subject(self, subject)
    }

    fn prune(
        &self,
        now: UnixTime,
        at_most: usize,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send {
        S::prune(self, now, at_most)
    }
}

/// A failed call to a store. The outcome is unknown: a write may still have happened.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    /// The text of the error. It never contains a value from a row.
    message: Cow<'static, str>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The kind of a [`StoreError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The store failed, or refused the call.
    Failed,
    /// The store did not answer in time.
    TimedOut,
    /// The store has no room for another session.
    Full,
}

impl StoreError {
    /// Creates an error of kind [`Failed`](StoreErrorKind::Failed) with this cause, which may be a
    /// string.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..Self::because("the session store failed") }
    }

    /// Creates an error of kind [`TimedOut`](StoreErrorKind::TimedOut).
    pub fn timed_out() -> Self {
        let message = "the session store did not answer in time";
        Self { kind: StoreErrorKind::TimedOut, ..Self::because(message) }
    }

    /// Creates an error of kind [`Full`](StoreErrorKind::Full). A login that gets this error
    /// deletes expired sessions and tries once more.
    pub fn full() -> Self {
        Self { kind: StoreErrorKind::Full, ..Self::because("the session store is full") }
    }

    /// Returns the kind of the error.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    pub(crate) fn because(message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind: StoreErrorKind::Failed, message: message.into(), source: None }
    }
}

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
impl StoreError {
    /// Creates the error for an error code that the store's server returned.
    pub(crate) fn answered(code: Option<&str>) -> Self {
        let code = code.unwrap_or("?");
        Self::because(format!("the server of the session store answered with error {code}"))
    }

    /// Creates the error for a damaged row, which no longer has the content that was written.
    pub(crate) fn damaged() -> Self {
        Self::because("a row of the session store is damaged")
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
