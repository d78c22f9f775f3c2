//! How long a store may take.

use std::time::Duration;

use crate::issuer::sessions::store::StoreError;

/// Longer than a database takes to fail over within a data centre would be too long for a user who
/// waits, and a client may try again.
pub(crate) const DEFAULT: Duration = Duration::from_secs(3);

/// Changing a large table takes longer than a call may take.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) const MIGRATION_TIMEOUT: CallTimeout = CallTimeout(Duration::from_secs(600));

/// What bounds each call of a store, so that a server that is there and does not answer is an
/// error and not a hang.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallTimeout(pub(crate) Duration);

impl Default for CallTimeout {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

impl CallTimeout {
    pub(crate) async fn apply<T, E: Into<StoreError>>(
        self,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, StoreError> {
        match tokio::time::timeout(self.0, call).await {
            Ok(done) => done.map_err(Into::into),
            Err(_) => Err(StoreError::timed_out()),
        }
    }
}
