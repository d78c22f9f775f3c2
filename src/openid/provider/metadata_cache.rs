//! The metadata of a provider, fetched when a login needs it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::jwks::remote_url::RemoteUrl;
use crate::jwks::{KeySourceError, KeySourceErrorKind};
use crate::openid::provider::error::ProviderError;
use crate::openid::provider::metadata::{Metadata, SERVER};

/// The time after which the metadata is fetched again.
pub(super) const MAX_AGE: Duration = Duration::from_secs(3_600);
/// The minimum time between the starts of two fetches.
pub(super) const COOLDOWN: Duration = Duration::from_secs(5);
/// The maximum time for which a login waits for a fetch.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The metadata of one provider.
///
/// A separate task fetches the metadata, so a client that disconnects cannot cancel the fetch.
/// Anyone can start logins. The time between the starts of two fetches is therefore at least
/// [`COOLDOWN`], even if there are many logins. If a fetch fails, the metadata of the last
/// successful fetch stays in use.
pub(super) struct MetadataCache {
    shared: Arc<Shared>,
}

struct Shared {
    issuer: String,
    url: RemoteUrl,
    allow_http: bool,
    timeout: Duration,
    state: Mutex<State>,
    /// The signal that a fetch has ended. It wakes the logins that wait for the fetch.
    ended: Notify,
}

struct State {
    loaded: Option<Loaded>,
    /// The time at which the last fetch began.
    started_at: Option<Instant>,
    is_fetching: bool,
    error: Option<ProviderError>,
}

struct Loaded {
    metadata: Arc<Metadata>,
    /// The time at which the fetch started. The age of the metadata counts from this time.
    at: Instant,
}

impl MetadataCache {
    pub(super) fn new(issuer: String, url: RemoteUrl, allow_http: bool, timeout: Duration) -> Self {
        let state = State { loaded: None, started_at: None, is_fetching: false, error: None };
        let (state, ended) = (Mutex::new(state), Notify::new());
        Self { shared: Arc::new(Shared { issuer, url, allow_http, timeout, state, ended }) }
    }

    /// Returns the metadata. Starts a fetch if the metadata is old or missing. Waits for the fetch
    /// only if the metadata is missing.
    pub(super) async fn get(&self) -> Result<Arc<Metadata>, ProviderError> {
        let ended = {
            let mut state = self.shared.lock();
            if state.needs_fetch(Instant::now()) {
                self.start(&mut state)?;
            }
            if let Some(loaded) = &state.loaded {
                return Ok(Arc::clone(&loaded.metadata));
            }
            if !state.is_fetching {
                return Err(state.error());
            }
            // This future waits for the end of the fetch. It is created before the lock is
            // released, so it cannot miss that end.
            self.shared.ended.notified()
        };
        let in_time = timeout(LONGEST_WAIT, ended).await.is_ok();
        let state = self.shared.lock();
        match &state.loaded {
            Some(loaded) => Ok(Arc::clone(&loaded.metadata)),
            None if in_time => Err(state.error()),
            None => Err(timed_out()),
        }
    }

    /// Starts a fetch in a task.
    fn start(&self, state: &mut State) -> Result<(), ProviderError> {
        let runtime = Handle::try_current()
            .map_err(|_| ProviderError::misconfigured("a login needs a tokio runtime"))?;
        let now = Instant::now();
        state.is_fetching = true;
        state.started_at = Some(now);
        let running = Running(Arc::clone(&self.shared));
        runtime.spawn(async move {
            let Shared { issuer, url, allow_http, timeout: limit, .. } = &*running.0;
            let fetch = Metadata::fetch(issuer, url, *allow_http);
            let fetched = timeout(*limit, fetch).await.unwrap_or_else(|_| Err(timed_out()));
            let mut state = running.0.lock();
            match fetched {
                Ok(metadata) => {
                    state.loaded = Some(Loaded { metadata: Arc::new(metadata), at: now });
                    state.error = None;
                }
                Err(error) => state.error = Some(error),
            }
        });
        Ok(())
    }
}

/// Records the end of the fetch when this value is dropped. The value is dropped even if the
/// runtime shuts down, since the runtime then drops its tasks.
struct Running(Arc<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.lock().is_fetching = false;
        self.0.ended.notify_waiters();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn needs_fetch(&self, now: Instant) -> bool {
        let age = |at: Instant| now.saturating_duration_since(at);
        let is_fresh = self.loaded.as_ref().is_some_and(|loaded| age(loaded.at) < MAX_AGE);
        let is_cooling = self.started_at.is_some_and(|at| age(at) < COOLDOWN);
        !(is_fresh || is_cooling || self.is_fetching)
    }

    fn error(&self) -> ProviderError {
        self.error.clone().unwrap_or_else(|| {
            ProviderError::unavailable("the fetch of the discovery document ended without a result")
        })
    }
}

fn timed_out() -> ProviderError {
    let error = KeySourceError::from(KeySourceErrorKind::TimedOut);
    ProviderError::unavailable(error.about(SERVER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_fetched_at_its_maximum_age_and_once_in_each_cooldown() {
        let just_before = Duration::from_nanos(1);
        let start = Instant::now();
        let mut state = State { loaded: None, started_at: None, is_fetching: false, error: None };
        assert!(state.needs_fetch(start));
        state.started_at = Some(start);
        assert!(!state.needs_fetch(start + COOLDOWN - just_before));
        assert!(state.needs_fetch(start + COOLDOWN));
        let url = || RemoteUrl::parse("https://login.example/a").unwrap();
        let metadata = Metadata {
            authorization: url(),
            token: url(),
            user_info: None,
            auth_methods: None,
            names_issuer_in_response: false,
        };
        state.loaded = Some(Loaded { metadata: Arc::new(metadata), at: start });
        assert!(!state.needs_fetch(start + MAX_AGE - just_before));
        assert!(state.needs_fetch(start + MAX_AGE));
        state.is_fetching = true;
        assert!(!state.needs_fetch(start + MAX_AGE));
    }
}
