//! The time limit for a call to a store.

use std::time::Duration;

use crate::issuer::sessions::store::StoreError;

/// The default time limit. It is shorter than the time of a database failover within a data center,
/// since a user is waiting and the client can try again.
pub(crate) const DEFAULT: Duration = Duration::from_secs(3);

/// The time limit for migrations. It is longer than the limit for a call, since a change to a large
/// table takes longer than a call.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) const MIGRATION_TIMEOUT: CallTimeout = CallTimeout(Duration::from_secs(600));

/// The time limit for each call to a store. A server that does not answer causes an error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallTimeout(pub(crate) Duration);

impl Default for CallTimeout {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

impl CallTimeout {
    pub(crate) async fn apply<T, E: Into<DatabaseError>>(
        self,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, StoreError> {
        match tokio::time::timeout(self.0, call).await {
            Ok(done) => done.map_err(|error| error.into().0),
            Err(_) => Err(StoreError::timed_out()),
        }
    }
}

/// Wraps a [`StoreError`]. The errors of database crates are converted to this private type, so
/// that the conversions are not part of the public API.
#[derive(Debug)]
pub(crate) struct DatabaseError(StoreError);

impl From<StoreError> for DatabaseError {
    fn from(error: StoreError) -> Self {
        Self(error)
    }
}

impl From<DatabaseError> for StoreError {
    fn from(error: DatabaseError) -> Self {
        error.0
    }
}
