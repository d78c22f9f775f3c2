//! A conformance check for authors of session stores (feature `test-util`).
//!
//! A store is correct if a test like this one passes, on a multi-threaded runtime and against a
//! real server. The example checks [`MemoryStore`](crate::issuer::MemoryStore); put your own store
//! in its place.
//!
//! ```
//! use tower_jwt_auth::issuer::MemoryStore;
//! use tower_jwt_auth::issuer::conformance::{Conformance, Failure};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Failure> {
//!     let store = MemoryStore::new();
//!     Conformance::new(store).trials(5).check().await
//! }
//! ```
//!
//! Use a separate database, since the check leaves rows behind. Most of these rows expire within an
//! hour. The check takes a few seconds, since it waits until some rows have expired by the server's
//! clock.
//!
//! The check cannot test whether a row survives a server crash. For rows to survive a crash, a
//! store call should return only after the row was synced to disk. The check counts rows and calls,
//! but does not measure time. It therefore cannot detect a store that scans all ended sessions to
//! find the live ones. To prevent such a scan, add an index on the live sessions.

mod faults;
mod growth;
mod rotation;
mod rows;
mod scene;

use std::sync::Arc;

use self::scene::Scene;
pub use crate::failure::Failure;
use crate::issuer::sessions::store::RefreshStore;

/// A conformance check for a store.
#[derive(Debug)]
#[must_use]
pub struct Conformance<S> {
    store: Arc<S>,
    trials: usize,
}

impl<S: RefreshStore> Conformance<S> {
    /// Creates a check of this store with 50 trials.
    pub fn new(store: S) -> Self {
        Self { store: Arc::new(store), trials: 50 }
    }

    /// Sets the number of runs of each check that depends on timing. 50 by default. Before you
    /// release your store, set 1,000.
    pub fn trials(mut self, trials: usize) -> Self {
        self.trials = trials;
        self
    }

    /// Runs the checks one after another, and stops at the first check that fails. This method
    /// needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// Returns the first rule that the store breaks.
    pub async fn check(self) -> Result<(), Failure> {
        let scene = Scene { store: self.store, trials: self.trials };
        // The futures are boxed, since they may be large and the stack of a test is small.
        Box::pin(rows::check(&scene)).await?;
        Box::pin(rotation::check(&scene)).await?;
        Box::pin(faults::check(&scene)).await?;
        Box::pin(growth::check(&scene)).await
    }
}
