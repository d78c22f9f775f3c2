//! Checks that one user's logins leave a limited number of sessions, that ended sessions do not add
//! to the cost of later calls, and that logins delete expired sessions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::{Clock, ManualClock, SystemClock, UnixTime};
use crate::failure::{Failure, Finding, ensure, rule};
use crate::issuer::conformance::scene::{AT_ONCE, Scene, at_once, on, subject};
use crate::issuer::sessions::id::SessionId;
use crate::issuer::sessions::service::Sessions;
use crate::issuer::sessions::session::NewSession;
use crate::issuer::sessions::store::{RefreshStore, StoreError, StoredSession};

pub(crate) async fn check<S: RefreshStore>(scene: &Scene<S>) -> Result<(), Failure> {
    rule("many logins at once leave as many sessions as the limit allows", Box::pin(limit(scene)))
        .await?;
    rule("a user's ended sessions cost nothing", Box::pin(ended_cost_nothing(scene))).await?;
    rule("logins delete expired sessions", Box::pin(logins_prune(scene))).await
}

async fn limit<S: RefreshStore>(scene: &Scene<S>) -> Result<(), Finding> {
    for limit in [1, 5].into_iter().cycle().take(scene.trials.clamp(2, 6)) {
        let (sessions, _) = scene.sessions();
        let (sessions, subject) = (sessions.max_per_subject(limit), subject()?);
        let logins = at_once((0..AT_ONCE).map(|_| {
            let (sessions, new) = (sessions.clone(), NewSession::new(&subject));
            async move { sessions.start(new).await }
        }));
        let mut live = 0_usize;
        for login in logins.await? {
            let (token, _) = login?;
            let is_live = sessions.session_of(token.as_str()).await.is_ok();
            live = live.saturating_add(is_live.into());
        }
        ensure(live == limit, "not as many sessions are live as the limit allows")?;
        let listed = sessions.of_subject(&subject).await?.len();
        ensure(listed == limit, "not as many sessions are listed as the limit allows")?;
    }
    Ok(())
}

async fn ended_cost_nothing<S: RefreshStore>(scene: &Scene<S>) -> Result<(), Finding> {
    let clock = ManualClock::new(SystemClock.now());
    let store = Arc::new(Counted::new(Arc::clone(&scene.store)));
    let (sessions, subject) = (on(Arc::clone(&store), &clock), subject()?);
    let cost = async || {
        store.cost.store(0, Ordering::SeqCst);
        let (token, session) = sessions.start(NewSession::new(&subject)).await?;
        sessions.refresh(token.as_str(), None).await?;
        ensure(sessions.of_subject(&subject).await?.len() == 1, "ended sessions are listed")?;
        sessions.end(session.id()).await?;
        sessions.start(NewSession::new(&subject)).await?;
        sessions.end_all(&subject).await?;
        Ok::<_, Finding>(store.cost.load(Ordering::SeqCst))
    };
    let before = cost().await?;
    for _ in 0..100 {
        let (_, session) = sessions.start(NewSession::new(&subject)).await?;
        sessions.end(session.id()).await?;
    }
    let after = cost().await?;
    ensure(before == after, "calls and rows grow with the sessions that have ended")
}

async fn logins_prune<S: RefreshStore>(scene: &Scene<S>) -> Result<(), Finding> {
    let outdated = scene.row(&subject()?, 1)?;
    scene.store.insert(&outdated).await?;
    // Wait one more second, since the server's clock may be slightly behind.
    let end = outdated.delete_after.saturating_add(Duration::from_secs(1));
    tokio::time::sleep(end.saturating_since(SystemClock.now())).await;
    let sessions = Sessions::new(Arc::clone(&scene.store));
    // Other checks may have left expired rows. Each login deletes a limited number of rows, so
    // several logins may be necessary before the row of this check is deleted.
    for _ in 0..1_000 {
        sessions.start(NewSession::new(subject()?)).await?;
        if scene.store.load(&outdated.id).await?.is_none() {
            return Ok(());
        }
    }
    Err(Finding::new("an expired row stays"))
}

/// A store that counts calls and returned rows. It does not count calls that delete expired rows:
/// each of these calls deletes a limited number of rows, so many expired rows need many calls.
struct Counted<S> {
    store: Arc<S>,
    cost: AtomicU64,
}

impl<S> Counted<S> {
    fn new(store: Arc<S>) -> Self {
        Self { store, cost: AtomicU64::new(0) }
    }

    fn count(&self, rows: usize) {
        let rows = u64::try_from(rows).unwrap_or(u64::MAX);
        self.cost.fetch_add(rows.saturating_add(1), Ordering::SeqCst);
    }
}

impl<S: RefreshStore> RefreshStore for Counted<S> {
    async fn insert(&self, session: &StoredSession) -> Result<(), StoreError> {
        self.count(0);
        self.store.insert(session).await
    }

    async fn load(&self, id: &SessionId) -> Result<Option<StoredSession>, StoreError> {
        self.count(1);
        self.store.load(id).await
    }

    async fn replace(&self, session: &StoredSession) -> Result<bool, StoreError> {
        self.count(0);
        self.store.replace(session).await
    }

    async fn of_subject(&self, subject: &str) -> Result<Vec<StoredSession>, StoreError> {
        let rows = self.store.of_subject(subject).await?;
        self.count(rows.len());
        Ok(rows)
    }

    async fn prune(&self, now: UnixTime, at_most: usize) -> Result<u64, StoreError> {
        self.store.prune(now, at_most).await
    }
}
