//! What every store must hold, for authors of stores (feature `test-util`).
//!
//! A store is right if a test such as this one passes, on the runtime with several threads, against
//! the real thing. Here it is [`MemoryStore`](crate::issuer::MemoryStore); put your own in its place.
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
//! It leaves rows behind, of which most are of no use within the hour, so give it a database of its
//! own. It takes a few seconds, as some rows have to expire by the server's clock.
//!
//! What it cannot see is whether a row survives the server: a store should say that it kept a row
//! only after it synced it.

mod failure;
mod faults;
mod rotation;
mod rows;
mod scene;

use std::sync::Arc;

pub use self::failure::Failure;
use self::scene::Scene;
use crate::issuer::sessions::store::RefreshStore;

/// Checks a store.
#[derive(Debug)]
#[must_use]
pub struct Conformance<S> {
    store: Arc<S>,
    trials: usize,
}

impl<S: RefreshStore> Conformance<S> {
    /// A check of this store, with 50 trials.
    pub fn new(store: S) -> Self {
        Self { store: Arc::new(store), trials: 50 }
    }

    /// How often each race is run. 50 by default; take 1,000 before a release.
    pub fn trials(mut self, trials: usize) -> Self {
        self.trials = trials;
        self
    }

    /// Runs every check, up to the first that fails. To be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// What the store does not hold.
    pub async fn check(self) -> Result<(), Failure> {
        let scene = Scene { store: self.store, trials: self.trials };
        rows::check(&scene).await?;
        rotation::check(&scene).await?;
        faults::check(&scene).await
    }
}
