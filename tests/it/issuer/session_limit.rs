//! The number of sessions of one user while logins, renewals and lists overlap.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tower_jwt_auth::UnixTime;
use tower_jwt_auth::issuer::{
    MemoryStore, NewSession, RefreshStore, SessionId, Sessions, StoreError, StoredSession,
};

use crate::kit::{NOW, at};

/// A store whose calls run in a different order each time.
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
