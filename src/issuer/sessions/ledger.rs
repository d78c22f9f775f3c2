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

    /// Ends a session and, before that, its access tokens: whatever fails in between, whoever asked
    /// for the end is told, and asks again.
    pub(crate) async fn replace_with_end(
        &self,
        session: Session,
        version: u64,
        cause: EndCause,
    ) -> Result<bool, SessionError> {
        if let Some(publisher) = &self.publisher {
            publisher.end(&session, self.clock.now()).await?;
        }
        let ended = Session { family: session.family.ended(cause, self.clock.now()), ..session };
        let is_ours = self.replace(&ended, version).await?;
        if is_ours {
            self.tell(&SessionEvent::Ended(&ended, cause));
        }
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
    Ok(StoredSession { id, subject, version, state, delete_after })
}

pub(crate) fn session(row: StoredSession) -> Result<Session, SessionError> {
    let family = serde_json::from_str(&row.state).map_err(StoreError::new)?;
    Ok(Session { id: row.id, subject: row.subject, family })
}

pub(crate) fn contended() -> SessionError {
    StoreError::because("the session changed whenever it was to be replaced").into()
}
