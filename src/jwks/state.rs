//! The state that requests and the fetching task share.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use crate::jwks::error::{KeySourceError, KeySourceErrorKind};
#[cfg(feature = "tracing")]
use crate::jwks::events;
use crate::jwks::health::KeysHealth;
use crate::jwks::key_wait::KeyWait;
use crate::jwks::loaded_set::LoadedSet;
use crate::jwks::origin::Origin;
use crate::jwks::policy::{Answer, COOLDOWN, Jitter, RefreshPolicy};
use crate::jwks::source::FetchedKeys;
use crate::jwt::{Algorithm, KeySet, KeyStore};
use crate::random;

/// The maximum number of requests that wait for one fetch. Strangers can send requests with unknown
/// keys, so the memory for waiting requests must be bounded.
pub(crate) const MAX_WAITING: usize = 1_024;

const TIMEOUT: Duration = Duration::from_secs(5);

/// A key source: the settings, the keys, and the state of fetching keys.
pub(crate) struct SourceState {
    pub(crate) store: KeyStore,
    pub(crate) origin: Arc<Origin>,
    pub(crate) timeout: Duration,
    pub(crate) algorithms: Option<Vec<Algorithm>>,
    /// Wakes the task when a fetch is requested or the last handle is dropped.
    pub(crate) wake: Arc<Notify>,
    pub(crate) is_running: AtomicBool,
    created_at: Instant,
    /// The time at which the current set becomes too old, in milliseconds after `created_at`. The
    /// background task removes the set at this time. Each request also checks this time, because
    /// the task cannot remove the set while its runtime is not running.
    stale_at: AtomicU64,
    refresh: Mutex<Refresh>,
}

struct Refresh {
    policy: RefreshPolicy,
    /// The last set that was fetched successfully. It is kept even after it has become too old.
    set: Option<LoadedSet>,
    /// The identifiers of keys that an operator removed.
    forgotten: BTreeSet<String>,
    last_error: Option<KeySourceError>,
    waiting: Vec<oneshot::Sender<()>>,
    has_warned_of_age: bool,
    /// The time at which the task that fetches keys panicked. Panics of the key source are caught,
    /// and are not recorded here.
    panicked_at: Option<Instant>,
}

/// The decision about a token whose key is not in the store.
#[derive(Debug)]
pub(crate) enum UnknownKey {
    /// The issuer does not have the key, so the token is rejected.
    Rejected,
    /// It is unknown whether the issuer has the key. The status of the response is 503.
    Unavailable { retry_after: Duration, reason: String },
    /// A fetch is in flight, or is about to start. If the request cannot wait or has already
    /// waited, the response is 503, and `reason` explains it.
    Wait { wait: KeyWait, reason: String },
}

/// The next action of the task that fetches the key set.
#[derive(Debug)]
pub(crate) enum Step {
    Fetch,
    Sleep(Duration),
}

impl SourceState {
    pub(crate) fn new(origin: Origin) -> Self {
        Self {
            store: KeySet::empty().into(),
            origin: Arc::new(origin),
            timeout: TIMEOUT,
            algorithms: None,
            wake: Arc::default(),
            is_running: AtomicBool::new(false),
            created_at: now(),
            stale_at: AtomicU64::new(u64::MAX),
            refresh: Mutex::new(Refresh {
                policy: RefreshPolicy::new(),
                set: None,
                forgotten: BTreeSet::new(),
                last_error: None,
                waiting: Vec::new(),
                has_warned_of_age: false,
                panicked_at: None,
            }),
        }
    }

    pub(crate) fn max_staleness(&mut self, time: Duration) {
        self.refresh.get_mut().unwrap_or_else(PoisonError::into_inner).policy.max_staleness(time);
    }

    /// Decides what happens to a token whose key is not in the store. While the task that fetches
    /// keys is not running, the result is never [`UnknownKey::Wait`], since no fetch would end the
    /// wait.
    pub(crate) fn on_unknown_key(&self, kid: Option<&str>) -> UnknownKey {
        let now = now();
        let mut refresh = self.lock();
        if kid.is_some_and(|kid| refresh.forgotten.contains(kid)) {
            return UnknownKey::Rejected;
        }
        let answer = match self.is_running.load(Ordering::Acquire) {
            true => refresh.policy.on_unknown(kid, now),
            false => refresh.policy.without_fetch(now),
        };
        match answer {
            Answer::Rejected => UnknownKey::Rejected,
            Answer::Unavailable { retry_after } => {
                UnknownKey::Unavailable { retry_after, reason: self.outage(&refresh) }
            }
            Answer::Wait => match refresh.wait() {
                Some(wait) => {
                    let reason = self.outage(&refresh);
                    drop(refresh);
                    self.wake.notify_one();
                    UnknownKey::Wait { wait, reason }
                }
                None => UnknownKey::Unavailable {
                    retry_after: Duration::from_secs(1),
                    reason: format!("too many requests wait for the keys of {}", self.origin),
                },
            },
        }
    }

    /// Returns a receiver that resolves when the current fetch ends. If no fetch is in flight, the
    /// receiver resolves when the next fetch ends. Returns `None` if a key set is already loaded.
    pub(crate) fn first_set(&self) -> Option<oneshot::Receiver<()>> {
        let mut refresh = self.lock();
        if refresh.policy.is_loaded() {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        refresh.waiting.push(sender);
        Some(receiver)
    }

    pub(crate) fn last_error(&self) -> Option<KeySourceError> {
        self.lock().last_error.clone()
    }

    /// Decides what the task does next. If the task fetches next, records the start of the fetch.
    pub(crate) fn next_step(&self) -> Step {
        let now = now();
        let mut refresh = self.lock();
        let has_expired = self.expire(&mut refresh, now);
        let until_half = refresh.policy.until_half_stale(now);
        let until_half = until_half.filter(|_| !refresh.has_warned_of_age);
        let is_half_stale = until_half.is_some_and(|left| left.is_zero());
        refresh.has_warned_of_age |= is_half_stale;
        let until_fetch = refresh.policy.until_fetch(now);
        let step = if until_fetch.is_zero() {
            refresh.policy.fetch_started(now);
            Step::Fetch
        } else {
            let until_stale = refresh.policy.until_stale(now);
            let until_half = until_half.filter(|left| !left.is_zero());
            let others = [until_stale, until_half].into_iter().flatten();
            Step::Sleep(others.fold(until_fetch, Duration::min))
        };
        #[cfg(feature = "tracing")]
        {
            let (age, last_error) = (refresh.policy.age(now), refresh.last_error.clone());
            drop(refresh);
            if has_expired {
                events::expired(&self.origin, last_error.as_ref());
            } else if is_half_stale {
                events::half_stale(&self.origin, age.unwrap_or_default(), last_error.as_ref());
            }
        }
        #[cfg(not(feature = "tracing"))]
        let _ = has_expired;
        step
    }

    /// Removes the current set if it is too old, and returns true in that case. The background task
    /// also removes such a set, but this task does not run after its runtime has been shut down, or
    /// while no thread drives the runtime.
    #[inline]
    pub(crate) fn remove_stale_keys(&self) -> bool {
        let age = now().saturating_duration_since(self.created_at);
        let are_stale = age.as_millis() >= self.stale_at.load(Ordering::Relaxed).into();
        if are_stale {
            self.remove_keys();
        }
        are_stale
    }

    #[cold]
    fn remove_keys(&self) {
        let mut refresh = self.lock();
        let has_expired = self.expire(&mut refresh, now());
        #[cfg(feature = "tracing")]
        {
            let last_error = refresh.last_error.clone();
            drop(refresh);
            if has_expired {
                events::expired(&self.origin, last_error.as_ref());
            }
        }
        if has_expired {
            self.wake.notify_one();
        }
    }

    /// Discards the current set if it is too old, and returns true in that case.
    fn expire(&self, refresh: &mut Refresh, now: Instant) -> bool {
        let has_expired = refresh.policy.expire(now);
        if has_expired {
            self.store.replace(KeySet::empty());
            self.note_staleness(refresh, now);
        }
        has_expired
    }

    fn note_staleness(&self, refresh: &Refresh, now: Instant) {
        let age = now.saturating_duration_since(self.created_at);
        let left = refresh.policy.until_stale(now);
        let at = left.and_then(|left| u64::try_from(age.saturating_add(left).as_millis()).ok());
        self.stale_at.store(at.unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Records the result of a fetch, and lets all waiting requests continue.
    pub(crate) fn fetch_ended(&self, fetched: Result<FetchedKeys, KeySourceError>) {
        let parsed = fetched.and_then(|fetched| {
            let set = LoadedSet::parse(fetched.json(), self.algorithms.as_deref())?;
            Ok((set, fetched.fresh_for()))
        });
        let (now, jitter) = (now(), jitter());
        let mut refresh = self.lock();
        #[cfg(feature = "tracing")]
        let failures = refresh.policy.failures();
        let ended = match parsed {
            Ok((set, max_age)) => {
                let is_same = refresh.set.as_ref().is_some_and(|last| last.has_same_keys(&set));
                let was_loaded = refresh.policy.is_loaded();
                refresh.policy.fetch_succeeded(max_age, !is_same, now, jitter);
                self.note_staleness(&refresh, now);
                refresh.last_error = None;
                refresh.has_warned_of_age = false;
                refresh.set = Some(set);
                // If the keys are the same, they are not published again, since that would
                // invalidate all cached tokens.
                if !is_same || !was_loaded {
                    self.publish(&refresh);
                }
                Ok(!is_same)
            }
            Err(error) => {
                refresh.policy.fetch_failed(now, jitter);
                refresh.last_error = Some(error.clone());
                Err(error)
            }
        };
        let waiting = std::mem::take(&mut refresh.waiting);
        #[cfg(feature = "tracing")]
        let health = self.health_of(&refresh, now);
        drop(refresh);
        for waiting in waiting {
            // Ignore the error. It means that the client has disconnected and its request no longer
            // waits.
            let _ = waiting.send(());
        }
        #[cfg(feature = "tracing")]
        match ended {
            Ok(is_new) => events::fetched(&self.origin, &health, is_new || failures > 0),
            Err(error) => events::failed(&self.origin, &health, &error),
        }
        #[cfg(not(feature = "tracing"))]
        let _ = ended;
    }

    /// Records that the task that fetches keys ended without a result, and lets all waiting
    /// requests continue.
    pub(crate) fn task_ended(&self, has_panicked: bool) {
        let now = now();
        let mut refresh = self.lock();
        if has_panicked {
            refresh.panicked_at = Some(now);
            refresh.last_error = Some(KeySourceErrorKind::Panicked.into());
        }
        refresh.policy.fetch_dropped();
        let waiting = std::mem::take(&mut refresh.waiting);
        drop(refresh);
        self.is_running.store(false, Ordering::Release);
        drop(waiting);
    }

    /// Returns true if the task may be started: it has not panicked within the last 30 seconds.
    /// Without this pause after a panic, each request would restart a task that panics, and each
    /// panic would be logged.
    pub(crate) fn may_start(&self) -> bool {
        let panicked_at = self.lock().panicked_at;
        panicked_at.is_none_or(|at| now().saturating_duration_since(at) >= COOLDOWN)
    }

    pub(crate) fn forget(&self, kid: String) {
        let mut refresh = self.lock();
        if refresh.forgotten.insert(kid) {
            self.publish(&refresh);
        }
    }

    pub(crate) fn unforget(&self, kid: &str) {
        let mut refresh = self.lock();
        if refresh.forgotten.remove(kid) {
            self.publish(&refresh);
        }
    }

    pub(crate) fn health(&self) -> KeysHealth {
        self.remove_stale_keys();
        let refresh = self.lock();
        self.health_of(&refresh, now())
    }

    /// Puts the loaded keys into the store, except those that an operator removed.
    fn publish(&self, refresh: &Refresh) {
        if let Some(set) = refresh.set.as_ref().filter(|_| refresh.policy.is_loaded()) {
            self.store.replace(set.without(&refresh.forgotten));
        }
    }

    fn health_of(&self, refresh: &Refresh, now: Instant) -> KeysHealth {
        let is_loaded = refresh.policy.is_loaded();
        KeysHealth {
            age: refresh.policy.age(now),
            keys: if is_loaded { self.store.peek().iter().count() } else { 0 },
            skipped: refresh.set.as_ref().map_or(0, LoadedSet::skipped),
            skip_reasons: refresh
                .set
                .as_ref()
                .map_or_else(Vec::new, |set| set.skip_reasons().to_vec()),
            last_error: refresh.last_error.clone(),
            failures: refresh.policy.failures(),
            is_fetching: refresh.policy.is_fetching(),
            next_fetch: refresh.policy.until_fetch(now),
        }
    }

    /// Returns the reason for a response with the status 503.
    #[cold]
    fn outage(&self, refresh: &Refresh) -> String {
        let origin = &self.origin;
        let state = match (&refresh.set, refresh.policy.is_loaded()) {
            (_, true) => format!("the key is unknown, and the keys of {origin} may have changed"),
            (Some(_), false) => format!("the keys of {origin} are too old"),
            (None, false) => format!("the keys of {origin} have not been fetched yet"),
        };
        match &refresh.last_error {
            Some(error) => format!("{state}: {}", error.with_causes()),
            None if !self.is_running.load(Ordering::Acquire) => {
                format!("{state}: the layer was not used within a tokio runtime")
            }
            None => format!("{state}: a fetch is in flight"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Refresh> {
        self.refresh.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Refresh {
    /// Registers a request that waits for a fetch of the keys. Returns `None` if too many requests
    /// already wait.
    fn wait(&mut self) -> Option<KeyWait> {
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.retain(|waiting| !waiting.is_closed());
        }
        if self.waiting.len() >= MAX_WAITING {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        self.waiting.push(sender);
        Some(KeyWait::new(receiver))
    }
}

/// Ends the task when the last handle is dropped.
impl Drop for SourceState {
    fn drop(&mut self) {
        self.wake.notify_one();
    }
}

/// Returns the monotonic time. In tests, it is tokio's time, which can be paused.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

fn jitter() -> Jitter {
    let mut bytes = [0; 2];
    // If no random bytes are available, use zeros. The worst result is that several servers fetch
    // at the same time.
    let _ = random::fill(&mut bytes);
    Jitter::new(u16::from_ne_bytes(bytes))
}
