//! The state of a key source, for operators.

use std::time::Duration;

use crate::jwks::error::KeySourceError;

/// The state of [`RemoteKeys`](crate::jwks::RemoteKeys), for metrics and health checks.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KeysHealth {
    /// The age of the key set, counted from the start of the last successful fetch. `None` if no
    /// set is loaded, because no fetch has succeeded yet or because the last set became too old. In
    /// that state, each request with a token gets 503.
    pub age: Option<Duration>,
    /// The number of keys in use.
    pub keys: usize,
    /// The number of keys in the last fetched set that were skipped because they cannot verify a
    /// token. Keys that were [forgotten](crate::jwks::RemoteKeys::forget) are not counted.
    pub skipped: usize,
    /// The reasons why keys were skipped. Only the first eight skipped keys are listed. Each reason
    /// names the position of the key in the set and the start of its `kid`.
    pub skip_reasons: Vec<String>,
    /// The error of the last fetch. `None` if it succeeded, or if no fetch has ended yet.
    pub last_error: Option<KeySourceError>,
    /// The number of failed fetches in a row. The number restarts at zero when a fetch succeeds,
    /// and when a key set is discarded because it is too old.
    pub failures: u32,
    /// True while a fetch is in flight.
    pub is_fetching: bool,
    /// The time until the next scheduled fetch. A token with an unknown key can start a fetch
    /// earlier.
    pub next_fetch: Duration,
}
