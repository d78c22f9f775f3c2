//! Where sessions are kept.

use std::error::Error;
use std::fmt::{self, Debug};
use std::sync::Arc;

use crate::clock::UnixTime;
use crate::issuer::sessions::id::SessionId;

/// A session as a store keeps it: a row, whose `state` is nobody's business but
/// [`Sessions`](crate::issuer::Sessions)'. It holds hashes of tokens, never a token.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredSession {
    /// The key.
    pub id: SessionId,
    /// Whose session it is: several sessions have the same.
    pub subject: String,
    /// 1 when inserted, and one more with every replacement.
    pub version: u64,
    /// JSON, at most about 12 KiB.
    pub state: String,
    /// From then on the row is of no use. Whole seconds.
    pub delete_after: UnixTime,
}

impl StoredSession {
    /// A row, as a store read it back.
    pub fn new(
        id: SessionId,
        subject: String,
        version: u64,
        state: String,
        delete_after: UnixTime,
    ) -> Self {
        Self { id, subject, version, state, delete_after }
    }
}

impl Debug for StoredSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSession")
            .field("id", &self.id)
            .field("version", &self.version)
            .field("delete_after", &self.delete_after)
            .finish_non_exhaustive()
    }
}

/// A place for sessions: a table with a key and a version.
///
/// All rules about tokens are in [`Sessions`](crate::issuer::Sessions); a store keeps rows. What
/// makes rotation safe is that [`replace`](Self::replace) is *one atomic step*: of several that
/// replace the same version at once, one succeeds. An answer is given only after the store said
/// that the row is kept, so it should be durable by then.
///
/// `conformance` (feature `test-util`) checks a store against this description.
pub trait RefreshStore: Send + Sync + 'static {
    /// Keeps a new row. Its `id` is random: an existing row of that key is an error.
    fn insert(
        &self,
        session: &StoredSession,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The row of this key, or `None`.
    fn load(
        &self,
        id: &SessionId,
    ) -> impl Future<Output = Result<Option<StoredSession>, StoreError>> + Send;

    /// Replaces the row of the same key if its version is `session.version - 1`, in one atomic
    /// step, and says whether it did. `false` also if there is no such row. The subject is that of
    /// the row.
    fn replace(
        &self,
        session: &StoredSession,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// The rows of a subject, in any order.
    fn of_subject(
        &self,
        subject: &str,
    ) -> impl Future<Output = Result<Vec<StoredSession>, StoreError>> + Send;

    /// Deletes the rows whose `delete_after` is `now` or earlier, and says how many. A store that
    /// forgets them by itself has nothing to do.
    fn prune(&self, now: UnixTime) -> impl Future<Output = Result<u64, StoreError>> + Send;
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

    fn prune(&self, now: UnixTime) -> impl Future<Output = Result<u64, StoreError>> + Send {
        S::prune(self, now)
    }
}

/// A store that could not do what it was asked to. Nothing is known of the outcome: a write may
/// have happened all the same.
#[derive(Debug)]
pub struct StoreError {
    message: &'static str,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StoreError {
    /// An error that something else caused.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { message: "the session store failed", source: Some(source.into()) }
    }

    /// The store did not answer in time.
    pub fn timed_out() -> Self {
        Self { message: "the session store did not answer in time", source: None }
    }

    /// The store has no room for another session.
    pub fn full() -> Self {
        Self { message: "the session store is full", source: None }
    }

    pub(crate) fn because(message: &'static str) -> Self {
        Self { message, source: None }
    }
}

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
impl StoreError {
    /// The store's server refused, and this is its code for why.
    pub(crate) fn answered(code: Option<&str>) -> Self {
        Self::new(format!("the server of the store answered with error {}", code.unwrap_or("?")))
    }

    /// What a store read back is not what was written.
    pub(crate) fn damaged() -> Self {
        Self::because("a row of the session store is damaged")
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
