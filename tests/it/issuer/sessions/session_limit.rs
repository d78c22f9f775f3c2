//! Tests of the session limit per user while the user logs in, renews and lists sessions
//! concurrently.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tower_jwt_auth::UnixTime;
use tower_jwt_auth::issuer::{
    MemoryStore, NewSession, RefreshStore, SessionId, Sessions, StoreError, StoredSession,
};

use crate::kit::{NOW, at};

/// A store whose concurrent calls run in a different order each time.
struct Shuffled {
    store: MemoryStore,
    state: AtomicU64,
}

impl Shuffled {
    fn new(seed: u64) -> Self {
        Self { store: MemoryStore::new(), state: AtomicU64::new(seed) }
    }

    async fn pause(&self) {
        let last = self.state.load(Relaxed);
        let next =
            last.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.state.store(next, Relaxed);
        let turns = if next >> 61 < 3 { next >> 58 } else { 0 };
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    }
}

impl RefreshStore for Shuffled {
    async fn insert(&self, session: &StoredSession) -> Result<(), StoreError> {
        self.pause().await;
        self.store.insert(session).await
    }

    async fn load(&self, id: &SessionId) -> Result<Option<StoredSession>, StoreError> {
        self.pause().await;
        self.store.load(id).await
    }

    async fn replace(&self, session: &StoredSession) -> Result<bool, StoreError> {
        self.pause().await;
        self.store.replace(session).await
    }

    async fn of_subject(&self, subject: &str) -> Result<Vec<StoredSession>, StoreError> {
        let found = self.store.of_subject(subject).await;
        self.pause().await;
        found
    }

    async fn prune(&self, now: UnixTime, at_most: usize) -> Result<u64, StoreError> {
        self.store.prune(now, at_most).await
    }
}

#[tokio::test]
async fn logins_in_any_order_leave_as_many_sessions_as_the_limit_allows() {
    for seed in 0..2_000 {
        let limit = if seed % 2 == 0 { 1 } else { 3 };
        let sessions = Sessions::new(Arc::new(Shuffled::new(seed)));
        let sessions = sessions.with_clock(at(NOW)).max_per_subject(limit);
        let mut logins = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let sessions = sessions.clone();
            logins.spawn(async move {
                sessions.store().pause().await;
                sessions.start(NewSession::new("alice")).await.unwrap()
            });
        }
        while let Some(login) = logins.join_next().await {
            login.unwrap();
        }
        let live = sessions.of_subject("alice").await.unwrap().len();
        assert_eq!(live, limit, "seed {seed}");
    }
}

#[tokio::test]
async fn a_new_session_outranks_a_session_that_is_renewed_on_a_server_whose_clock_is_ahead() {
    let store = Arc::new(MemoryStore::new());
    let on = |time| Sessions::new(Arc::clone(&store)).with_clock(at(time)).max_per_subject(1);
    let (old, _) = on(NOW - 3600).start(NewSession::new("alice")).await.unwrap();
    on(NOW + 300).refresh(old.as_str(), None).await.unwrap();
    let (new, session) = on(NOW).start(NewSession::new("alice")).await.unwrap();
    assert_eq!(on(NOW).of_subject("alice").await.unwrap()[0].id(), session.id());
    on(NOW).refresh(new.as_str(), None).await.expect("the new session is live");
}

#[tokio::test]
async fn the_session_that_was_used_least_recently_ends() {
    let clock = at(NOW);
    let sessions = Sessions::new(MemoryStore::new()).with_clock(clock.clone()).max_per_subject(2);
    let (phone, _) = sessions.start(NewSession::new("alice")).await.unwrap();
    let (laptop, _) = sessions.start(NewSession::new("alice")).await.unwrap();
    clock.advance(Duration::from_secs(3600));
    let (phone, _) = sessions.refresh(phone.as_str(), None).await.unwrap();
    sessions.start(NewSession::new("alice")).await.unwrap();
    sessions.refresh(phone.as_str(), None).await.expect("the phone was used");
    assert!(sessions.refresh(laptop.as_str(), None).await.unwrap_err().is_refusal());
}

#[tokio::test]
async fn logins_that_are_cut_off_do_not_exceed_the_limit() {
    let sessions = Sessions::new(Arc::new(Shuffled::new(7))).max_per_subject(3);
    for turns in 0..200 {
        let login = sessions.start(NewSession::new("mallory"));
        let mut login = std::pin::pin!(login);
        // The future is polled a few times and then dropped, as if the client had disconnected.
        for _ in 0..turns % 60 {
            if futures_util::poll!(&mut login).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    let live = sessions.of_subject("mallory").await.unwrap().len();
    assert!(live <= 4, "{live} sessions: the limit, and the login that was cut off last");
    sessions.start(NewSession::new("mallory")).await.unwrap();
    assert_eq!(sessions.of_subject("mallory").await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_user_at_the_limit_can_log_in_when_the_store_is_full() {
    let clock = at(NOW);
    let sessions = Sessions::new(MemoryStore::new().max_sessions(3)).with_clock(clock.clone());
    let sessions = sessions.max_per_subject(2);
    let (bobs, _) = sessions.start(NewSession::new("bob")).await.unwrap();
    let (oldest, _) = sessions.start(NewSession::new("alice")).await.unwrap();
    clock.advance(Duration::from_secs(60));
    sessions.start(NewSession::new("alice")).await.unwrap();
    clock.advance(Duration::from_secs(60));
    let (newest, _) = sessions.start(NewSession::new("alice")).await.unwrap();
    assert!(sessions.refresh(oldest.as_str(), None).await.unwrap_err().is_refusal());
    sessions.refresh(newest.as_str(), None).await.unwrap();
    sessions.refresh(bobs.as_str(), None).await.expect("nobody else loses a session");
    let error = sessions.start(NewSession::new("carol")).await.unwrap_err();
    assert!(!error.is_refusal(), "{error}");
}

/// The clock of one server was five years ahead for a while.
#[tokio::test]
async fn a_wrong_clock_misplaces_only_the_session_that_it_started() {
    let store = Arc::new(MemoryStore::new());
    let on = |time| Sessions::new(Arc::clone(&store)).with_clock(at(time)).max_per_subject(3);
    let (wrong, _) = on(NOW + 5 * 365 * 86_400).start(NewSession::new("alice")).await.unwrap();
    let (phone, _) = on(NOW).start(NewSession::new("alice")).await.unwrap();
    let (laptop, _) = on(NOW + 10).start(NewSession::new("alice")).await.unwrap();
    let (phone, _) = on(NOW + 86_400).refresh(phone.as_str(), None).await.unwrap();
    on(NOW + 86_500).start(NewSession::new("alice")).await.unwrap();
    assert!(on(NOW + 86_500).refresh(wrong.as_str(), None).await.unwrap_err().is_refusal());
    on(NOW + 86_600).start(NewSession::new("alice")).await.unwrap();
    let now = NOW + 86_700;
    assert!(on(now).refresh(laptop.as_str(), None).await.unwrap_err().is_refusal());
    on(now).refresh(phone.as_str(), None).await.expect("the phone was used after the laptop");
}
