//! The handle to the keys of a remote issuer.

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::jwks::error::{KeySourceError, KeySourceErrorKind};
use crate::jwks::health::KeysHealth;
use crate::jwks::origin::Origin;
use crate::jwks::policy::SHORTEST_MAX_AGE;
use crate::jwks::source::KeySource;
use crate::jwks::state::{SourceState, UnknownKey};
use crate::jwks::task;
use crate::jwt::{Algorithm, KeyStore};
use crate::misuse;

/// The maximum time that [`RemoteKeys::ready`] waits.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// The keys of an issuer, fetched and refreshed in the background. This is a handle: clones share
/// the same keys.
///
/// The background task starts when a layer is applied to a service within a tokio runtime, when
/// [`ready`](Self::ready) is called, or at the latest with the first request. It fetches the keys
/// immediately, and again after 80 % of their lifetime. A request whose key is known never waits
/// for a fetch. A request with an unknown key can start a fetch, and waits at most 2 seconds for
/// the result. While keys are loaded, at most one fetch starts every 30 seconds, whatever tokens
/// strangers send.
///
/// If a fetch fails, the last fetched keys stay in use for 24 hours
/// ([`max_staleness`](Self::max_staleness)). After that time, requests get 503. Requests also get
/// 503 until the first fetch has succeeded.
/// [`guide::explanation::key_sets`](crate::guide::explanation::key_sets) describes the whole
/// policy.
///
/// ```
/// use tower_jwt_auth::jwks::RemoteKeys;
///
/// let keys = RemoteKeys::discover("https://auth.shop.example");
/// assert_eq!(keys.health().age, None); // nothing was fetched yet
/// ```
#[derive(Clone)]
#[must_use]
pub struct RemoteKeys {
    state: Arc<SourceState>,
}

impl RemoteKeys {
    /// Fetches the key set from this URL, such as
    /// `https://auth.shop.example/.well-known/jwks.json`.
    ///
    /// The server's certificate must chain to one of the system's root certificates. Redirects are
    /// not followed, compressed responses are rejected, and no proxy is used. If you need other
    /// root certificates, redirects, compression or a proxy, use [`new`](Self::new).
    ///
    /// # Panics
    ///
    /// Panics if `url` is not an absolute `https` URL, or if it contains a user name, a password or
    /// a fragment. This method accepts a plain `http` URL on a loopback address, but the layer
    /// panics unless [`dangerous_allow_http`](Self::dangerous_allow_http) is called too.
    #[track_caller]
    pub fn jwks(url: impl AsRef<str>) -> Self {
        Self::with_origin(Origin::key_set(url.as_ref()))
    }

    /// Reads the URL of the key set from the issuer's discovery document, each time that the keys
    /// are fetched.
    ///
    /// `issuer` is the exact `iss` of the issuer's tokens. The discovery document is at
    /// `{issuer}/.well-known/openid-configuration` (OpenID Connect Discovery). If the server
    /// responds with a status of 4xx, the path of RFC 8414 is tried:
    /// `/.well-known/oauth-authorization-server`, inserted between the host and the path of the
    /// issuer. In the document, the member `issuer` must equal the argument `issuer` character for
    /// character. The member `jwks_uri` must be an `https` URL, on any host.
    ///
    /// # Panics
    ///
    /// Panics if `issuer` has a query, and in the cases in which [`jwks`](Self::jwks) panics.
    #[track_caller]
    pub fn discover(issuer: impl AsRef<str>) -> Self {
        Self::with_origin(Origin::discovery(issuer.as_ref()))
    }

    /// Fetches the keys with your own client: see [`KeySource`].
    pub fn new(source: impl KeySource) -> Self {
        Self::with_origin(Origin::custom(source))
    }

    fn with_origin(origin: Origin) -> Self {
        Self { state: Arc::new(SourceState::new(origin)) }
    }

    /// Accepts keys for these algorithms only. By default, a key is accepted for the algorithm that
    /// its `alg` names. If `alg` is absent, an RSA key is accepted for RS256, and any other key for
    /// the only algorithm of its curve.
    ///
    /// # Panics
    ///
    /// Panics if there are no algorithms, if one of them is for shared secrets, or if this method
    /// is called twice.
    #[track_caller]
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        let algorithms: Vec<_> = algorithms.into_iter().collect();
        let state = self.state_mut();
        if algorithms.is_empty() {
            misuse::refuse("RemoteKeys::algorithms needs at least one algorithm");
        }
        if let Some(secret) = algorithms.iter().find(|algorithm| algorithm.is_hmac()) {
            misuse::refuse(format_args!(
                "RemoteKeys::algorithms: {secret} has a shared secret, which is never published: name \
                 the public-key algorithms of the issuer"
            ));
        }
        if state.algorithms.is_some() {
            misuse::refuse(
                "RemoteKeys::algorithms is called twice: give all in one call, such as \
                 `.algorithms([Algorithm::Rs256, Algorithm::Es256])`",
            );
        }
        state.algorithms = Some(algorithms);
        self
    }

    /// Sets the time for which the last fetched keys are used while fetches fail. 24 hours by
    /// default, so that an outage during a night does not end every session. After that time, each
    /// request with a token gets 503. The keys are refreshed after 80 % of this time at the latest.
    ///
    /// # Panics
    ///
    /// Panics if the time is less than 5 minutes.
    ///
    /// # Security
    ///
    /// If the issuer withdraws a key while the issuer's server cannot be reached, the key stays in
    /// use for the time that this method sets. [`forget`](Self::forget) removes a key immediately.
    #[track_caller]
    pub fn max_staleness(mut self, time: Duration) -> Self {
        if time < SHORTEST_MAX_AGE {
            misuse::refuse(
                "RemoteKeys::max_staleness of less than 5 minutes would end with the first outage \
                 of the issuer: give a longer time",
            );
        }
        self.state_mut().max_staleness(time);
        self
    }

    /// Sets the time limit for a whole fetch, including the discovery document. 5 seconds by
    /// default.
    ///
    /// # Panics
    ///
    /// Panics if `limit` is zero.
    #[track_caller]
    pub fn timeout(mut self, limit: Duration) -> Self {
        if limit.is_zero() {
            misuse::refuse("RemoteKeys::timeout of zero would end every fetch: give a time");
        }
        self.state_mut().timeout = limit;
        self
    }

    /// Accepts plain `http` URLs on loopback addresses (`127.0.0.1`, `[::1]`, `localhost`), for
    /// tests with an identity provider on the same machine. The client connects to a loopback
    /// address even if `localhost` resolves to another address. By default every URL must be
    /// `https`.
    ///
    /// # Security
    ///
    /// The process that listens on the port in the URL chooses the keys, and can therefore sign
    /// tokens. Any process on this machine may be able to listen on that port.
    ///
    /// # Panics
    ///
    /// Panics if the keys come from your own [`KeySource`].
    #[track_caller]
    pub fn dangerous_allow_http(mut self) -> Self {
        let state = self.state_mut();
        match Arc::get_mut(&mut state.origin) {
            Some(origin) => origin.allow_http(),
            None => refuse_late_configuration(),
        }
        self
    }

    /// Waits until a key set is loaded. Use this method if your service should not accept requests
    /// before the keys are loaded. Starts the background task if it is not running.
    ///
    /// # Errors
    ///
    /// Returns the error of the last fetch if no set is loaded after 10 seconds. If no fetch has
    /// failed by then, the error has the kind `TimedOut`. The background task continues, so a
    /// service can log the error and start anyway.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime, and in a runtime without a timer.
    pub async fn ready(&self) -> Result<(), KeySourceError> {
        let loaded = async {
            loop {
                self.start();
                let Some(ended) = self.state.first_set() else { return };
                // Ignore the result. The state has changed in either case: the sender has sent a
                // value, or was dropped.
                let _ = ended.await;
            }
        };
        let in_time = tokio::time::timeout(READY_WITHIN, loaded).await;
        in_time.map_err(|_| {
            self.state.last_error().unwrap_or_else(|| KeySourceErrorKind::TimedOut.into())
        })
    }

    /// Returns the state of the source, for metrics and health checks.
    pub fn health(&self) -> KeysHealth {
        self.state.health()
    }

    /// Removes a compromised key immediately. From then on, tokens with this `kid` are rejected,
    /// even if the issuer still publishes the key or publishes another one with the same `kid`.
    ///
    /// The key is rejected until [`unforget`](Self::unforget) is called, or until the process ends.
    /// Other servers still use the key: call this method on all of them, and make the issuer
    /// withdraw the key.
    pub fn forget(&self, kid: impl Into<String>) {
        self.state.forget(kid.into());
    }

    /// Undoes [`forget`](Self::forget). The key is used again if the last fetched set has it.
    pub fn unforget(&self, kid: impl AsRef<str>) {
        self.state.unforget(kid.as_ref());
    }

    #[track_caller]
    fn state_mut(&mut self) -> &mut SourceState {
        match Arc::get_mut(&mut self.state) {
            Some(state) => state,
            None => refuse_late_configuration(),
        }
    }
}

/// The methods that the layer uses.
impl RemoteKeys {
    /// Returns true if both handles share the same keys.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.state, &other.state)
    }

    /// Returns the store into which the background task puts the fetched keys.
    pub(crate) fn store(&self) -> &KeyStore {
        &self.state.store
    }

    /// Starts the task in the current tokio runtime if the task is not running. Does nothing
    /// outside of a runtime.
    #[inline]
    pub(crate) fn start(&self) {
        if !self.state.is_running.load(Ordering::Acquire) {
            task::start(&self.state);
        }
    }

    /// Prepares the key store for the verification of a token: calls [`start`](Self::start), and
    /// removes keys that are too old. Returns true if keys were removed.
    #[inline]
    pub(crate) fn prepare(&self) -> bool {
        self.start();
        self.state.remove_stale_keys()
    }

    /// Decides what happens to a token whose key is not in the store. While no key set is loaded,
    /// no key is in the store. If this method returns [`UnknownKey::Wait`], the caller must wait,
    /// and then look for the key in the store again. If the key is still missing, the caller must
    /// call this method a second time. If the second call also returns `Wait`, it is still unknown
    /// whether the issuer has the key.
    pub(crate) fn on_unknown_key(&self, kid: Option<&str>) -> UnknownKey {
        self.state.on_unknown_key(kid)
    }

    /// Panics if the URL is a plain `http` URL and
    /// [`dangerous_allow_http`](Self::dangerous_allow_http) was not called. This check is made when
    /// the layer is built, so that the configuration methods can be called in any order.
    #[track_caller]
    pub(crate) fn refuse_forbidden_url(&self) {
        if self.state.origin.is_forbidden() {
            misuse::refuse(format_args!(
                "the keys of {} come over plain http: use https, or call `dangerous_allow_http()` \
                 for tests on this machine",
                self.state.origin
            ));
        }
    }
}

#[track_caller]
fn refuse_late_configuration() -> ! {
    misuse::refuse(
        "RemoteKeys is configured after it was cloned or started: configure it first, then hand \
         out clones",
    )
}

impl Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeys")
            .field("origin", &self.state.origin)
            .field("health", &self.health())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Mutex;
    use std::sync::atomic::AtomicUsize;
    use std::thread;

    use serde_json::Value;
    use tokio::runtime::{Builder, Runtime};
    use tokio::task::yield_now;
    use tokio::time::{advance, sleep};

    use crate::jwks::error::KeySourceErrorKind;
    use crate::jwks::policy::{DEFAULT_MAX_STALENESS, LONGEST_WAIT};
    use crate::jwks::source::FetchedKeys;
    use crate::jwks::state::{MAX_WAITING, Step};
    use crate::jwt::Key;

    const SECOND: Duration = Duration::from_secs(1);

    /// A source for tests. The test sets the source's next result.
    #[derive(Clone, Default)]
    struct Script {
        next: Arc<Mutex<Next>>,
        fetches: Arc<AtomicUsize>,
    }

    #[derive(Clone, Default)]
    enum Next {
        Keys(&'static [&'static str]),
        #[default]
        Fail,
        Hang,
        Panic,
        PanicEarly,
    }

    impl Script {
        fn set(&self, next: Next) {
            *self.next.lock().unwrap() = next;
        }

        fn fetches(&self) -> usize {
            self.fetches.load(Ordering::SeqCst)
        }
    }

    impl KeySource for Script {
        fn fetch(&self) -> impl Future<Output = Result<FetchedKeys, KeySourceError>> + Send {
            self.fetches.fetch_add(1, Ordering::SeqCst);
            let next = self.next.lock().unwrap().clone();
            assert!(!matches!(next, Next::PanicEarly), "a panic before the future exists");
            async move {
                match next {
                    Next::Keys(ids) => Ok(FetchedKeys::new(testing_set(ids))),
                    Next::Fail => Err(KeySourceError::new("the script says so")),
                    Next::Hang => std::future::pending().await,
                    _ => panic!("a panic of the source"),
                }
            }
        }
    }

    fn keys(next: Next) -> (RemoteKeys, Script) {
        let script = Script::default();
        script.set(next);
        (RemoteKeys::new(script.clone()), script)
    }

    fn ids(keys: &RemoteKeys) -> Vec<String> {
        keys.store().load().iter().filter_map(|key| key.id().map(str::to_owned)).collect()
    }

    /// Lets the task that fetches keys run until it sleeps.
    async fn settle() {
        for _ in 0..20 {
            yield_now().await;
        }
    }

    async fn pass(time: Duration) {
        advance(time).await;
        settle().await;
    }

    fn wait(unknown: UnknownKey) -> crate::jwks::key_wait::KeyWait {
        match unknown {
            UnknownKey::Wait { wait, .. } => wait,
            other => panic!("{other:?}"),
        }
    }

    fn reason(unknown: UnknownKey) -> String {
        match unknown {
            UnknownKey::Unavailable { reason, .. } => reason,
            other => panic!("{other:?}"),
        }
    }

    fn is_rejected(unknown: UnknownKey) -> bool {
        matches!(unknown, UnknownKey::Rejected)
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_request_starts_the_fetch_and_waits_for_it() {
        let (keys, script) = keys(Next::Keys(&["a"]));
        assert!(ids(&keys).is_empty() && script.fetches() == 0);
        keys.start();
        wait(keys.on_unknown_key(Some("a"))).await;
        assert_eq!(ids(&keys), ["a"]);
        keys.start();
        assert_eq!(script.fetches(), 1);
    }

    #[test]
    fn only_clones_share_the_same_keys() {
        let ((one, _), (other, _)) = (keys(Next::Fail), keys(Next::Fail));
        assert!(one.is_same(&one.clone()) && !one.is_same(&other));
    }

    #[tokio::test(start_paused = true)]
    async fn keys_are_used_for_the_configured_time_while_fetches_fail() {
        let (keys, script) = keys(Next::Keys(&["a"]));
        let keys = keys.max_staleness(300 * SECOND);
        keys.ready().await.unwrap();
        script.set(Next::Fail);
        pass(299 * SECOND).await;
        assert_eq!(ids(&keys), ["a"]);
        pass(SECOND).await;
        assert!(ids(&keys).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn the_task_wakes_up_when_the_keys_are_half_as_old_as_they_may_become() {
        let (keys, _) = keys(Next::Fail);
        let keys = keys.max_staleness(300 * SECOND);
        let pause = || match keys.state.next_step() {
            Step::Sleep(time) => time,
            Step::Fetch => Duration::ZERO,
        };
        assert_eq!(pause(), Duration::ZERO);
        keys.state.fetch_ended(Ok(FetchedKeys::new(testing_set(&["a"]))));
        assert_eq!(pause(), 150 * SECOND);
        advance(150 * SECOND).await;
        // The next reason to wake up is the next fetch, when the keys have at most 80 % of their
        // maximum age.
        let next = pause();
        assert!(next > Duration::ZERO && next <= 90 * SECOND, "{next:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn ready_waits_through_failures_and_ends_after_ten_seconds() {
        let (keys, script) = keys(Next::Fail);
        let began = tokio::time::Instant::now();
        let error = keys.ready().await.unwrap_err();
        assert_eq!(began.elapsed().as_secs(), 10);
        assert_eq!(error.kind(), KeySourceErrorKind::Failed);
        script.set(Next::Keys(&["a"]));
        keys.ready().await.unwrap();
        keys.ready().await.unwrap();
        let health = keys.health();
        assert_eq!((health.keys, health.failures, health.age), (1, 0, Some(Duration::ZERO)));
        assert!(health.last_error.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn an_unknown_key_is_found_by_one_fetch_for_all_waiting_requests() {
        let (keys, script) = keys(Next::Keys(&["a"]));
        keys.ready().await.unwrap();
        script.set(Next::Keys(&["a", "b"]));
        assert!(is_rejected(keys.on_unknown_key(Some("b"))), "within the cooldown");
        pass(30 * SECOND).await;
        let waits: Vec<_> = (0..10).map(|_| wait(keys.on_unknown_key(Some("b")))).collect();
        for wait in waits {
            wait.await;
        }
        assert_eq!((ids(&keys).len(), script.fetches()), (2, 2));
        assert!(is_rejected(keys.on_unknown_key(Some("c"))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_after_two_seconds_and_the_token_is_not_rejected() {
        let (keys, script) = keys(Next::Keys(&["a"]));
        keys.ready().await.unwrap();
        script.set(Next::Hang);
        pass(30 * SECOND).await;
        let began = tokio::time::Instant::now();
        wait(keys.on_unknown_key(Some("b"))).await;
        assert_eq!(began.elapsed(), LONGEST_WAIT);
        assert!(keys.health().is_fetching);
        drop(wait(keys.on_unknown_key(Some("b"))));
        assert_eq!(ids(&keys), ["a"], "a known key never waits");
        pass(3 * SECOND).await;
        let health = keys.health();
        assert_eq!(health.last_error.unwrap().kind(), KeySourceErrorKind::TimedOut);
        assert_eq!((health.keys, script.fetches()), (1, 2));
        let reason = reason(keys.on_unknown_key(Some("b")));
        assert!(reason.contains("may have changed"), "{reason}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_hangs_up_cancels_nothing() {
        let (keys, script) = keys(Next::Keys(&["a"]));
        keys.ready().await.unwrap();
        pass(30 * SECOND).await;
        script.set(Next::Keys(&["b"]));
        drop(wait(keys.on_unknown_key(Some("b"))));
        settle().await;
        assert_eq!((ids(&keys), script.fetches()), (vec!["b".to_owned()], 2));
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_requests_wait_and_those_that_hung_up_do_not_count() {
        let (keys, script) = keys(Next::Hang);
        keys.start();
        settle().await;
        match keys.on_unknown_key(None) {
            UnknownKey::Wait { reason, .. } => assert!(reason.contains("in flight"), "{reason}"),
            other => panic!("{other:?}"),
        }
        let name = |n: usize| Some(format!("{n}"));
        let waits: Vec<_> =
            (0..MAX_WAITING).map(|n| wait(keys.on_unknown_key(name(n).as_deref()))).collect();
        assert!(reason(keys.on_unknown_key(Some("x"))).contains("too many"));
        drop(waits);
        drop(wait(keys.on_unknown_key(Some("x"))));
        assert_eq!(script.fetches(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_keys_stay_the_same_set_in_any_order() {
        let (keys, script) = keys(Next::Keys(&["a", "b"]));
        keys.ready().await.unwrap();
        let first = keys.store().load();
        script.set(Next::Keys(&["b", "a"]));
        pass(3_600 * SECOND).await;
        assert_eq!(script.fetches(), 2);
        assert!(Arc::ptr_eq(&first, &keys.store().load()));
        script.set(Next::Keys(&["a"]));
        pass(3_600 * SECOND).await;
        assert_eq!(ids(&keys), ["a"], "a withdrawn key disappears");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_fetch_keeps_the_keys_for_24_hours() {
        let (keys, script) = keys(Next::Keys(&["a"]));
        keys.ready().await.unwrap();
        for next in [Next::Fail, Next::Hang, Next::Panic, Next::PanicEarly, Next::Keys(&[])] {
            script.set(next);
            pass(3_600 * SECOND).await;
            pass(5 * SECOND).await;
            assert!(keys.health().last_error.is_some());
            assert_eq!(ids(&keys), ["a"]);
        }
        pass(DEFAULT_MAX_STALENESS - keys.health().age.unwrap() - SECOND).await;
        assert_eq!(ids(&keys), ["a"]);
        pass(SECOND).await;
        assert!(ids(&keys).is_empty());
        let health = keys.health();
        assert_eq!((health.age, health.keys), (None, 0));
        for _ in 0..10 {
            pass(30 * SECOND).await;
        }
        let reason = reason(keys.on_unknown_key(Some("a")));
        assert!(reason.contains("are too old"), "{reason}");
        script.set(Next::Keys(&["a"]));
        pass(30 * SECOND).await;
        assert_eq!(ids(&keys), ["a"]);
    }

    #[tokio::test(start_paused = true)]
    async fn strangers_cause_one_fetch_per_30_seconds_and_evict_no_key() {
        for next in [Next::Keys(&["a"]), Next::Keys(&[]), Next::Fail] {
            let (keys, script) = keys(Next::Keys(&["a"]));
            keys.ready().await.unwrap();
            pass(30 * SECOND).await;
            script.set(next);
            for n in 0..100_000 {
                if n % 100 == 0 {
                    pass(Duration::from_millis(10)).await;
                }
                drop(keys.on_unknown_key(Some(&n.to_string())));
                assert_eq!(keys.store().peek().iter().count(), 1);
            }
            assert_eq!(script.fetches(), 2);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_of_the_source_is_a_failed_fetch() {
        for next in [Next::Panic, Next::PanicEarly] {
            let (keys, script) = keys(next);
            let error = keys.ready().await.unwrap_err();
            assert_eq!(error.kind(), KeySourceErrorKind::Panicked);
            script.set(Next::Keys(&["a"]));
            keys.ready().await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_task_ends_with_the_last_handle() {
        for next in [Next::Keys(&["a"]), Next::Hang] {
            let (keys, script) = keys(next);
            keys.start();
            settle().await;
            let clone = keys.clone();
            drop(keys);
            settle().await;
            assert_eq!(Arc::strong_count(&script.fetches), 2, "the task has the source");
            drop(clone);
            settle().await;
            assert_eq!(Arc::strong_count(&script.fetches), 1);
        }
    }

    #[test]
    fn the_task_moves_to_a_new_runtime() {
        let (keys, script) = keys(Next::Keys(&["a"]));
        let runtime = || Builder::new_current_thread().enable_all().start_paused(true).build();
        let first: Runtime = runtime().unwrap();
        first.block_on(keys.ready()).unwrap();
        let mut waiting = None;
        first.block_on(async {
            pass(30 * SECOND).await;
            script.set(Next::Hang);
            waiting = Some(wait(keys.on_unknown_key(Some("b"))));
            settle().await;
        });
        drop(first);
        keys.start(); // There is no runtime here, so no task starts.
        assert!(!keys.state.is_running.load(Ordering::Acquire));
        script.set(Next::Keys(&["b"]));
        let second = runtime().unwrap();
        second.block_on(async {
            waiting.unwrap().await; // The task no longer exists, so the wait is over.
            keys.start();
            // The clock of the second runtime starts 30 seconds behind the paused clock of the
            // first runtime.
            sleep(61 * SECOND).await;
            settle().await;
        });
        assert_eq!(ids(&keys), ["b"]);
    }

    #[test]
    fn outside_of_a_runtime_no_request_waits() {
        let (keys, script) = keys(Next::Keys(&["a"]));
        keys.start();
        let reason = reason(keys.on_unknown_key(Some("a")));
        assert!(reason.contains("tokio runtime"), "{reason}");
        assert_eq!(script.fetches(), 0);
    }

    #[test]
    fn a_runtime_without_a_timer_is_not_tried_for_each_request() {
        let (keys, script) = keys(Next::Keys(&["a"]));
        let runtime = Builder::new_current_thread().build().unwrap();
        let starts = || {
            keys.start();
            keys.state.is_running.load(Ordering::Acquire)
        };
        runtime.block_on(async {
            assert!(starts());
            settle().await;
            for _ in 0..100 {
                assert!(!starts());
            }
        });
        assert_eq!(script.fetches(), 0);
        assert!(reason(keys.on_unknown_key(None)).contains("panicked"));
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.unwrap().block_on(async {
            pass(29 * SECOND).await;
            assert!(!starts());
            pass(SECOND).await;
            assert!(starts());
        });
    }

    #[tokio::test(start_paused = true)]
    async fn a_forgotten_key_stays_out_until_it_is_unforgotten() {
        let (keys, script) = keys(Next::Keys(&["a", "b"]));
        keys.ready().await.unwrap();
        keys.forget("a");
        keys.forget("a");
        assert_eq!(ids(&keys), ["b"]);
        script.set(Next::Keys(&["a", "b", "c"]));
        pass(3_600 * SECOND).await;
        assert_eq!(ids(&keys), ["b", "c"]);
        assert!(is_rejected(keys.on_unknown_key(Some("a"))));
        assert_eq!(script.fetches(), 2);
        keys.unforget("a");
        assert_eq!(ids(&keys), ["a", "b", "c"]);
        for id in ["a", "b", "c"] {
            keys.forget(id);
        }
        assert!(ids(&keys).is_empty());
        assert!(is_rejected(keys.on_unknown_key(Some("b"))));
        assert_eq!((keys.health().keys, keys.health().age.is_some()), (0, true));
    }

    #[tokio::test(start_paused = true)]
    async fn threads_share_the_keys_and_one_task() {
        let (keys, script) = keys(Next::Keys(&["a"]));
        let handle = tokio::runtime::Handle::current();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let _entered = handle.enter();
                    keys.start();
                    drop(keys.on_unknown_key(Some("a")));
                });
            }
        });
        settle().await;
        assert_eq!((script.fetches(), ids(&keys).len()), (1, 1));
    }

    #[test]
    fn settings_that_cannot_work_are_refused() {
        let jwks = || RemoteKeys::jwks("https://a.example/keys");
        for misuse in [
            (|_| drop(RemoteKeys::jwks("http://a.example/keys"))) as fn(RemoteKeys),
            |_| drop(RemoteKeys::jwks("keys")),
            |_| drop(RemoteKeys::discover("https://a.example/?tenant=b")),
            |_| drop(RemoteKeys::discover("http://a.example")),
            |_| RemoteKeys::discover("http://127.0.0.1:1").refuse_forbidden_url(),
            |_| RemoteKeys::jwks("http://localhost/keys").refuse_forbidden_url(),
            |_| drop(RemoteKeys::new(Script::default()).dangerous_allow_http()),
            |keys| drop(keys.timeout(Duration::ZERO)),
            |keys| drop(keys.max_staleness(299 * SECOND)),
            |keys| drop(keys.algorithms([])),
            |keys| drop(keys.algorithms([Algorithm::Hs256]).algorithms([Algorithm::Hs256])),
            |keys| drop(keys.clone().timeout(SECOND)),
        ] {
            let keys = jwks();
            assert!(catch_unwind(AssertUnwindSafe(|| misuse(keys))).is_err());
        }
        jwks().refuse_forbidden_url();
        RemoteKeys::discover("http://127.0.0.1:1").dangerous_allow_http().refuse_forbidden_url();
    }

    #[test]
    fn debug_output_has_no_query() {
        let keys = RemoteKeys::jwks("https://a.example/keys?token=secret");
        assert!(!format!("{keys:?}").contains("secret"));
    }

    /// Returns a document with keys that have these identifiers. Calls with the same identifier
    /// return the same key.
    fn testing_set(ids: &[&str]) -> String {
        static JWKS: Mutex<BTreeMap<String, Value>> = Mutex::new(BTreeMap::new());
        let mut jwks = JWKS.lock().unwrap();
        let keys = ids.iter().map(|id| {
            let jwk = jwks.entry((*id).to_owned()).or_insert_with(|| {
                let key = Key::generate(Algorithm::EdDsa).unwrap();
                let members = key.public_components().unwrap().members();
                let members =
                    members.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
                Value::Object(members.chain([("kid".to_owned(), (*id).into())]).collect())
            });
            jwk.clone()
        });
        serde_json::json!({ "keys": keys.collect::<Vec<_>>() }).to_string()
    }
}
