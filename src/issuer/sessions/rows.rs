//! Session rows, and the steps from one row version to the next.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::issuer::sessions::error::{SessionError, SessionErrorKind};
use crate::issuer::sessions::event::SessionEvent;
use crate::issuer::sessions::family::announcement::Announcement;
use crate::issuer::sessions::family::rotation_rules::RotationRules;
use crate::issuer::sessions::family::{EndCause, ROTATION_BYTES};
use crate::issuer::sessions::id::SessionId;
use crate::issuer::sessions::pruning::{self, Pruning};
use crate::issuer::sessions::publisher::Publisher;
use crate::issuer::sessions::session::Session;
use crate::issuer::sessions::store::{RefreshStore, StoreError, StoreErrorKind, StoredSession};

/// The maximum number of attempts to replace a row. An attempt fails if another request has changed
/// the row in the meantime. The next attempt reads the changed row, and usually finds that it need
/// not write anything. A few attempts are therefore enough.
pub(crate) const ATTEMPTS: usize = 16;

pub(crate) type SessionHook = dyn Fn(&SessionEvent<'_>) + Send + Sync;

/// The maximum total size of a session's state and subject, in bytes.
const MAX_ROW_BYTES: usize = 12 * 1024;

/// The store and the settings that `Sessions` shares with its pending renewals.
pub(crate) struct SessionRows<S> {
    pub(crate) store: Arc<S>,
    pub(crate) rules: RotationRules,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) hook: Option<Arc<SessionHook>>,
    pub(crate) publisher: Option<Publisher>,
    pub(crate) pruning: Arc<Pruning>,
}

impl<S: RefreshStore> SessionRows<S> {
    pub(crate) async fn insert(&self, session: &Session) -> Result<(), SessionError> {
        let row = row(session, 1)?;
        let size = row.subject.len().saturating_add(row.state.len());
        if size > MAX_ROW_BYTES.saturating_sub(ROTATION_BYTES) {
            return Err(SessionError::new(SessionErrorKind::TooLarge));
        }
        match self.store.insert(&row).await {
            Err(error) if error.kind() == StoreErrorKind::Full => {
                self.prune(pruning::BATCH).await?;
                self.store.insert(&row).await.map_err(SessionError::unavailable)?;
            }
            inserted => inserted.map_err(SessionError::unavailable)?,
        }
        self.tell(&SessionEvent::Started(session));
        if self.pruning.begin(self.clock.now()) {
            // If the deletion fails, a later login deletes the expired rows.
            let pruned = self.prune(pruning::BATCH).await.unwrap_or(0);
            if usize::try_from(pruned).is_ok_and(|pruned| pruned >= pruning::BATCH) {
                self.pruning.continues();
            }
        }
        Ok(())
    }

    /// Deletes expired sessions, and returns their number.
    pub(crate) async fn prune(&self, at_most: usize) -> Result<u64, SessionError> {
        let pruned = self.store.prune(self.clock.now(), at_most).await;
        pruned.map_err(SessionError::unavailable)
    }

    /// Loads a session and its version.
    pub(crate) async fn load(&self, id: &SessionId) -> Result<(Session, u64), SessionError> {
        let row = self.store.load(id).await.map_err(SessionError::unavailable)?;
        session(row.ok_or(SessionError::new(SessionErrorKind::Unknown))?)
    }

    /// Loads a user's live sessions, with their row versions.
    pub(crate) async fn of_subject(
        &self,
        subject: &str,
    ) -> Result<Vec<(Session, u64)>, SessionError> {
        let rows = self.store.of_subject(subject).await.map_err(SessionError::unavailable)?;
        rows.into_iter().map(session).collect()
    }

    /// Replaces the stored session if its version is still `version`. Returns false if another
    /// request has replaced the session in the meantime.
    pub(crate) async fn replace(
        &self,
        session: &Session,
        version: u64,
    ) -> Result<bool, SessionError> {
        let row = row(session, version.saturating_add(1))?;
        self.store.replace(&row).await.map_err(SessionError::unavailable)
    }

    /// Ends a session and revokes its access tokens. If the end cannot be published, the session
    /// ends anyway, and the caller gets an error. If the request is repeated,
    /// [`Self::announce_again`] tries to publish the end again. If another request has changed the
    /// session since it was loaded, this method returns false and does not end the session.
    pub(crate) async fn replace_with_end(
        &self,
        session: Session,
        version: u64,
        cause: EndCause,
    ) -> Result<bool, SessionError> {
        #[cfg(feature = "feeds")]
        if self.publisher.is_some() {
            // The task continues if the client disconnects, so the end of the session is still
            // published.
            let rows = self.clone();
            let ending = tokio::spawn(async move { rows.end(session, version, cause).await });
            return ending.await.map_err(store_failed)?;
        }
        self.end(session, version, cause).await
    }

    async fn end(
        &self,
        session: Session,
        version: u64,
        cause: EndCause,
    ) -> Result<bool, SessionError> {
        let now = self.clock.now();
        let family = session.family.ended(cause, now);
        let progress = if self.is_announced(cause) {
            Announcement::Begun(now.as_secs())
        } else {
            Announcement::Done
        };
        let ended = Session { family: family.announcing(progress), ..session };
        // Replace the row before publishing that the session has ended. If several requests end a
        // session at the same time, only one of them can replace the row, and only that request
        // publishes the end of the session.
        if !self.replace(&ended, version).await? {
            return Ok(false);
        }
        self.tell(&SessionEvent::Ended(&ended, cause));
        if self.is_announced(cause) {
            self.publish(ended, version.saturating_add(1)).await?;
        }
        Ok(true)
    }

    /// Publishes the end of a session again, if an earlier attempt failed or was abandoned. Returns
    /// false if another request is publishing the end now.
    pub(crate) async fn announce_again(
        &self,
        session: Session,
        version: u64,
    ) -> Result<bool, SessionError> {
        let now = self.clock.now();
        match (session.family.announcement(now), session.family.ended) {
            (Announcement::Done, _) | (_, None) => Ok(true),
            (Announcement::Due, Some(cause)) if !self.is_announced(cause) => Ok(true),
            (Announcement::Begun(_), _) => Ok(self.publisher.is_none()),
            (Announcement::Due, Some(cause)) => {
                let progress = Announcement::Begun(now.as_secs());
                let begun = Session { family: session.family.announcing(progress), ..session };
                if !self.replace(&begun, version).await? {
                    return Ok(self.publisher.is_none());
                }
                // Report the event again, since the server may have stopped before the event was
                // reported for the first time.
                if cause == EndCause::Reused {
                    self.tell(&SessionEvent::Ended(&begun, cause));
                }
                self.publish(begun, version.saturating_add(1)).await?;
                Ok(true)
            }
        }
    }

    /// Waits while another request publishes the end of a session. The caller then reads the
    /// session again. Each wait is 25 ms longer than the one before, so that all waits of a caller
    /// together take as long as publishing may take: 3 seconds.
    pub(crate) async fn wait_for_publication(&self, attempt: usize) {
        #[cfg(feature = "feeds")]
        if self.publisher.is_some() {
            let attempt = u64::try_from(attempt).unwrap_or_default();
            tokio::time::sleep(Duration::from_millis(attempt.saturating_mul(25))).await;
        }
        #[cfg(not(feature = "feeds"))]
        let _ = attempt;
    }

    /// Returns true if a failed announcement of a session's end must be repeated until one
    /// succeeds. `cause` is the reason for the end. If this method returns true, the session's row
    /// records whether an announcement has succeeded. Otherwise the application's hook is called
    /// once, and nothing is recorded.
    fn is_announced(&self, cause: EndCause) -> bool {
        self.publisher.is_some() || cause == EndCause::Reused
    }

    /// Publishes the end of a session. Records in the session's row whether that succeeded.
    async fn publish(&self, session: Session, version: u64) -> Result<(), SessionError> {
        let published = match &self.publisher {
            Some(publisher) => publisher.end(&session, self.clock.now()).await,
            None => Ok(()),
        };
        let progress = if published.is_ok() { Announcement::Done } else { Announcement::Due };
        let noted = Session { family: session.family.announcing(progress), ..session };
        // If this write fails, the same message may be published again.
        let _ = self.replace(&noted, version).await;
        published
    }

    pub(crate) fn tell(&self, event: &SessionEvent<'_>) {
        if let Some(hook) = &self.hook {
            // The change has been stored, so the client must get its response even if the hook
            // panics.
            let _ = catch_unwind(AssertUnwindSafe(|| hook(event)));
        }
    }
}

impl<S> Clone for SessionRows<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            rules: self.rules,
            clock: Arc::clone(&self.clock),
            hook: self.hook.clone(),
            publisher: self.publisher.clone(),
            pruning: Arc::clone(&self.pruning),
        }
    }
}

fn row(session: &Session, version: u64) -> Result<StoredSession, SessionError> {
    let state = serde_json::to_string(&session.family).map_err(store_failed)?;
    // The end time is rounded up, so that the row is kept until the session's last token has
    // expired.
    let end = session.family.idle_until.min(session.family.ends_at);
    let delete_after = end.whole_secs().saturating_add(Duration::from_secs(1));
    let (id, subject) = (session.id.clone(), session.subject.clone());
    let ended = session.family.ended.is_some();
    Ok(StoredSession { id, subject, version, state, delete_after, ended })
}

fn session(row: StoredSession) -> Result<(Session, u64), SessionError> {
    let family = serde_json::from_str(&row.state).map_err(store_failed)?;
    Ok((Session { id: row.id, subject: row.subject, family }, row.version))
}

fn store_failed(source: impl Into<Box<dyn Error + Send + Sync>>) -> SessionError {
    SessionError::unavailable(StoreError::new(source))
}

pub(crate) fn contended() -> SessionError {
    let message = "the session changed at every attempt to replace it";
    SessionError::unavailable(StoreError::because(message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuer::external_login::ExternalLogin;
    use crate::issuer::sessions::service::Sessions;
    use crate::issuer::sessions::session::NewSession;
    use crate::issuer::sessions::store::memory::MemoryStore;

    fn login(sealed: usize) -> NewSession {
        let external = ExternalLogin::new("google", "https://accounts.google.com", "1", vec![]);
        let mut new = NewSession::new("alice");
        new.external_login = Some(external.with_sealed_tokens("x".repeat(sealed)));
        new
    }

    #[tokio::test]
    async fn tokens_of_another_provider_that_do_not_fit_are_an_error_and_start_no_session() {
        let sessions = Sessions::new(MemoryStore::new());
        let (_, kept) = sessions.start(login(8_000)).await.unwrap();
        assert_eq!(kept.external_login().unwrap().sealed_tokens().unwrap().len(), 8_000);
        let error = sessions.start(login(9_000)).await.unwrap_err();
        assert_eq!(error.kind(), SessionErrorKind::TooLarge);
        assert!(error.to_string().contains("another provider"), "{error}");
        let listed = sessions.of_subject("alice").await.unwrap();
        assert_eq!(listed.iter().map(Session::id).collect::<Vec<_>>(), [kept.id()]);
    }

    #[test]
    fn a_row_from_before_the_field_existed_still_loads() {
        let sessions = Sessions::new(MemoryStore::new());
        let (_, new) = sessions.prepare(NewSession::new("alice")).unwrap();
        let old = row(&new, 1).unwrap();
        assert!(!old.state.contains("external_login"), "{}", old.state);
        assert_eq!(session(old).unwrap().0.external_login(), None);
        let (_, new) = sessions.prepare(login(10)).unwrap();
        let (loaded, _) = session(row(&new, 1).unwrap()).unwrap();
        assert_eq!(loaded.external_login(), new.external_login());
    }
}
