//! The events that the `tracing` feature logs.
//!
//! These events need no rate limit: at most one fetch starts every 30 seconds while keys are
//! loaded, and clients cannot make fetches more frequent. Text from the network is escaped and
//! shortened.

use std::time::Duration;

use crate::jwks::error::KeySourceError;
use crate::jwks::health::KeysHealth;
use crate::jwks::origin::Origin;

/// Logs a successful fetch. The level is INFO if the keys changed or if the previous fetch failed,
/// and DEBUG otherwise.
pub(crate) fn fetched(source: &Origin, health: &KeysHealth, is_news: bool) {
    let (keys, skipped) = (health.keys, health.skipped);
    let next_secs = health.next_fetch.as_secs();
    if is_news {
        tracing::info!(%source, keys, skipped, next_secs, "keys fetched");
    } else {
        tracing::debug!(%source, keys, skipped, next_secs, "keys fetched");
    }
    for reason in &health.skip_reasons {
        tracing::debug!(%source, reason, "key skipped");
    }
}

pub(crate) fn failed(source: &Origin, health: &KeysHealth, error: &KeySourceError) {
    let age_secs = health.age.map(|age| age.as_secs());
    let next_secs = health.next_fetch.as_secs();
    let (failures, error) = (health.failures, error.with_causes());
    tracing::warn!(%source, error, failures, age_secs, next_secs, "keys could not be fetched");
}

/// Warns that the last set that was fetched successfully has reached half of its maximum age.
pub(crate) fn half_stale(source: &Origin, age: Duration, error: Option<&KeySourceError>) {
    let error = error.map(KeySourceError::with_causes);
    let age_secs = age.as_secs();
    tracing::warn!(%source, error, age_secs, "keys are half as old as they may become");
}

pub(crate) fn expired(source: &Origin, error: Option<&KeySourceError>) {
    let error = error.map(KeySourceError::with_causes);
    tracing::error!(%source, error, "keys are too old: requests get 503 until a fetch succeeds");
}
