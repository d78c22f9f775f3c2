//! Checks that a session survives a failure between the write and the response.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::Notify;

use crate::clock::UnixTime;
use crate::failure::{Failure, Finding, ensure, rule};
use crate::issuer::conformance::scene::{Scene, on, subject};
use crate::issuer::sessions::error::SessionErrorKind;
use crate::issuer::sessions::id::SessionId;
use crate::issuer::sessions::refresh_token::RefreshToken;
use crate::issuer::sessions::service::Sessions;
use crate::issuer::sessions::session::NewSession;
use crate::issuer::sessions::store::{RefreshStore, StoreError, StoredSession};

pub(crate) async fn check<S: RefreshStore>(scene: &Scene<S>) -> Result<(), Failure> {
    rule(
        "a write that failed leaves the session usable",
        Box::pin(broken(scene, ReplaceFault::Before)),
    )
    .await?;
    rule(
        "a write whose answer was lost leaves the session usable",
        Box::pin(broken(scene, ReplaceFault::After)),
    )
    .await?;
    rule("a server that dies after the write leaves the session usable", Box::pin(dies(scene)))
        .await?;
    rule("a request that is dropped leaves the session usable", Box::pin(dropped(scene))).await
}

async fn broken<S: RefreshStore>(scene: &Scene<S>, fault: ReplaceFault) -> Result<(), Finding> {
    let (sessions, clock) = scene.sessions();
    let broken = on(Broken { store: Arc::clone(&scene.store), fault }, &clock);
    for _ in 0..scene.trials {
        let token = start(&sessions).await?;
        let Err(error) = broken.refresh(token.as_str(), None).await else {
            return Err(Finding::new("a token was exchanged although the store failed"));
        };
        ensure(error.kind() == SessionErrorKind::Unavailable, "the token was blamed")?;
        is_usable(&sessions, &token).await?;
    }
    Ok(())
}

async fn dies<S: RefreshStore>(scene: &Scene<S>) -> Result<(), Finding> {
    let (sessions, clock) = scene.sessions();
    let written = Arc::new(Notify::new());
    let fault = ReplaceFault::Never(Arc::clone(&written));
    let stuck = on(Broken { store: Arc::clone(&scene.store), fault }, &clock);
    let token = start(&sessions).await?;
    {
        let mut refresh = pin!(stuck.refresh(token.as_str(), None));
        let mut written = pin!(written.notified());
        let is_answered = poll_fn(|context| {
            if refresh.as_mut().poll(context).is_ready() {
                return Poll::Ready(true);
            }
            written.as_mut().poll(context).map(|()| false)
        });
        ensure(!is_answered.await, "there was an answer")?;
    }
    is_usable(&sessions, &token).await
}

/// Cancels renewals after different numbers of polls, and checks that each session remains usable.
async fn dropped<S: RefreshStore>(scene: &Scene<S>) -> Result<(), Finding> {
    let (sessions, _) = scene.sessions();
    for polls in (1..20).cycle().take(scene.trials.max(20)) {
        let token = start(&sessions).await?;
        {
            let mut refresh = pin!(sessions.refresh(token.as_str(), None));
            let mut left = polls;
            poll_fn(|context| {
                left = i32::saturating_sub(left, 1);
                let is_done = refresh.as_mut().poll(context).is_ready();
                if is_done || left == 0 { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        }
        is_usable(&sessions, &token).await?;
    }
    Ok(())
}

async fn start<S: RefreshStore>(sessions: &Sessions<S>) -> Result<RefreshToken, Finding> {
    Ok(sessions.start(NewSession::new(subject()?)).await?.0)
}

/// Checks that a client can repeat a request that got no response, and can then continue.
async fn is_usable<S: RefreshStore>(
    sessions: &Sessions<S>,
    token: &RefreshToken,
) -> Result<(), Finding> {
    let (next, _) = sessions.refresh(token.as_str(), None).await?;
    let (after, _) = sessions.refresh(next.as_str(), None).await?;
    let (leaf, _) = sessions.refresh(token.as_str(), None).await?;
    ensure(leaf.as_str() == after.as_str(), "there are two live tokens")
}

enum ReplaceFault {
    Before,
    After,
    /// The call writes the row, notifies the test, and never returns.
    Never(Arc<Notify>),
}

/// A store whose `replace` fails.
struct Broken<S> {
    store: Arc<S>,
    fault: ReplaceFault,
}

impl<S: RefreshStore> RefreshStore for Broken<S> {
    async fn insert(&self, session: &StoredSession) -> Result<(), StoreError> {
        self.store.insert(session).await
    }

    async fn load(&self, id: &SessionId) -> Result<Option<StoredSession>, StoreError> {
        self.store.load(id).await
    }

    async fn replace(&self, session: &StoredSession) -> Result<bool, StoreError> {
        if matches!(self.fault, ReplaceFault::Before) {
            return Err(StoreError::timed_out());
        }
        self.store.replace(session).await?;
        match &self.fault {
            ReplaceFault::Never(written) => {
                written.notify_one();
                pending().await
            }
            _ => Err(StoreError::timed_out()),
        }
    }

    async fn of_subject(&self, subject: &str) -> Result<Vec<StoredSession>, StoreError> {
        self.store.of_subject(subject).await
    }

    async fn prune(&self, now: UnixTime, at_most: usize) -> Result<u64, StoreError> {
        self.store.prune(now, at_most).await
    }
}
