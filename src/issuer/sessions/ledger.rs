//! Sessions as they are stored, and the steps from one version of a session to the next.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::issuer::sessions::error::{SessionError, SessionErrorKind};
use crate::issuer::sessions::event::SessionEvent;
use crate::issuer::sessions::family::EndCause;
use crate::issuer::sessions::id::SessionId;
use crate::issuer::sessions::lifetimes::Lifetimes;
use crate::issuer::sessions::publisher::Publisher;
use crate::issuer::sessions::session::Session;
use crate::issuer::sessions::store::{RefreshStore, StoreError, StoredSession};

/// Each failed attempt means that another use of the same session succeeded meanwhile, and after
/// the first of those there is nothing left to write.
pub(crate) const ATTEMPTS: usize = 16;

pub(crate) type Hook = dyn Fn(&SessionEvent<'_>) + Send + Sync;

/// What `Sessions` and its pending refreshes share.
pub(crate) struct Ledger<S> {
    pub(crate) store: Arc<S>,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) hook: Option<Arc<Hook>>,
    pub(crate) publisher: Option<Publisher>,
}

impl<S: RefreshStore> Ledger<S> {
    pub(crate) async fn insert(&self, session: &Session) -> Result<(), SessionError> {
        self.store.insert(&row(session, 1)?).await?;
        self.tell(&SessionEvent::Started(session));
        Ok(())
    }

    /// A session and its version.
    pub(crate) async fn load(&self, id: &SessionId) -> Result<(Session, u64), SessionError> {
        let row = self.store.load(id).await?.ok_or(SessionErrorKind::Unknown)?;
        let version = row.version;
        Ok((session(row)?, version))
    }

    /// Replaces what had this version, unless somebody else did so before.
    pub(crate) async fn replace(
        &self,
        session: &Session,
        version: u64,
    ) -> Result<bool, SessionError> {
        Ok(self.store.replace(&row(session, version.saturating_add(1))?).await?)
    }

    /// Ends a session and its access tokens. The session ends whether or not that can be published;
    /// if not, whoever asked is told, and asks again: see [`Self::publish_again`].
    pub(crate) async fn replace_with_end(
        &self,
        session: Session,
        version: u64,
        cause: EndCause,
    ) -> Result<bool, SessionError> {
        #[cfg(feature = "feeds")]
        if self.publisher.is_some() {
            // In a task, which goes on if the client does not wait for it: half of this would be a
            // session that lives on with tokens that are refused.
            let ledger = self.clone();
            let ending = tokio::spawn(async move { ledger.end(session, version, cause).await });
            return ending.await.map_err(StoreError::new)?;
        }
        self.end(session, version, cause).await
    }

    /// Publishes the end of a session that has ended, in case that it could not be published then.
    pub(crate) async fn publish_again(&self, session: &Session) -> Result<(), SessionError> {
        match &self.publisher {
            Some(publisher) => publisher.end(session, self.clock.now()).await,
            None => Ok(()),
        }
    }

    async fn end(
        &self,
        session: Session,
        version: u64,
        cause: EndCause,
    ) -> Result<bool, SessionError> {
        let published = self.publish_again(&session).await;
        let ended = Session { family: session.family.ended(cause, self.clock.now()), ..session };
        let is_ours = self.replace(&ended, version).await?;
        if is_ours {
            self.tell(&SessionEvent::Ended(&ended, cause));
        }
        published?;
        Ok(is_ours)
    }

    pub(crate) fn tell(&self, event: &SessionEvent<'_>) {
        if let Some(hook) = &self.hook {
            // What is stored stands, and the client must have its answer.
            let _ = catch_unwind(AssertUnwindSafe(|| hook(event)));
        }
    }
}

impl<S> Clone for Ledger<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            lifetimes: self.lifetimes,
            clock: Arc::clone(&self.clock),
            hook: self.hook.clone(),
            publisher: self.publisher.clone(),
        }
    }
}

fn row(session: &Session, version: u64) -> Result<StoredSession, SessionError> {
    let state = serde_json::to_string(&session.family).map_err(StoreError::new)?;
    // Rounded up: not before the last token is worthless.
    let end = session.family.idle_until.min(session.family.ends_at);
    let delete_after = end.whole_secs().saturating_add(Duration::from_secs(1));
    let (id, subject) = (session.id.clone(), session.subject.clone());
    let ended = session.family.ended.is_some();
    Ok(StoredSession { id, subject, version, state, delete_after, ended })
}

pub(crate) fn session(row: StoredSession) -> Result<Session, SessionError> {
    let family = serde_json::from_str(&row.state).map_err(StoreError::new)?;
    Ok(Session { id: row.id, subject: row.subject, family })
}

pub(crate) fn contended() -> SessionError {
    StoreError::because("the session changed whenever it was to be replaced").into()
}
