//! The sessions of all users. A login starts a session, refresh tokens renew it, and a logout or a
//! detected theft ends it.

use std::cmp::Reverse;
use std::fmt::{self, Debug};
use std::sync::Arc;

use crate::clock::SystemClock;
use crate::issuer::sessions::error::{SessionError, SessionErrorKind};
#[cfg(feature = "axum")]
use crate::issuer::sessions::event::{RefusedLogin, SessionEvent};
use crate::issuer::sessions::family::rotation_rules::RotationRules;
use crate::issuer::sessions::family::{ClientRule, EndCause, Family};
use crate::issuer::sessions::pending_refresh::PendingRefresh;
use crate::issuer::sessions::pruning::Pruning;
use crate::issuer::sessions::refresh_token::RefreshToken;
use crate::issuer::sessions::rows::SessionRows;
use crate::issuer::sessions::session::{NewSession, Session};
use crate::issuer::sessions::store::RefreshStore;

/// The maximum size of the application's data. The same limit applies to the scopes and the
/// audience together.
const MAX_DATA_BYTES: usize = 4096;
const MAX_PER_SUBJECT: usize = 100;
/// The maximum number of rows that one call deletes. A batch of this size stays within a store's
/// time limit, and other calls can write between two batches.
const PRUNE_BATCH: usize = 1_000;

/// The sessions of all users. A client renews its session with a refresh token.
///
/// A login starts a *family* of refresh tokens, of which only one is current at a time. Each use
/// exchanges the current token for the next. If a used token is presented again, two parties have
/// copies, and the server cannot know which one is the thief. It therefore ends the session, and
/// both must log in. There is one exception, a grace period of 10 seconds by default. Within this
/// time, the second use is probably not a theft: two tabs may renew together, or a client may
/// repeat a request whose response was lost. Every request with the used token therefore gets the
/// same next token.
///
/// Logins delete expired sessions, so no scheduled task is needed.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_jwt_auth::issuer::{MemoryStore, NewSession, Sessions};
///
/// let sessions = Sessions::new(MemoryStore::new());
/// let (token, session) = sessions.start(NewSession::new("alice").scopes(["cart:read"])).await?;
///
/// let (next, same) = sessions.refresh(token.as_str(), None).await?;
/// assert_eq!(same.id(), session.id());
///
/// sessions.end(session.id()).await?;
/// assert!(sessions.refresh(next.as_str(), None).await.unwrap_err().is_refusal());
/// # Ok(()) }
/// ```
#[must_use]
pub struct Sessions<S> {
    pub(crate) rows: SessionRows<S>,
    pub(crate) max_per_subject: usize,
}

impl<S: RefreshStore> Sessions<S> {
    /// Creates sessions that are kept in `store`.
    pub fn new(store: S) -> Self {
        Self {
            rows: SessionRows {
                store: Arc::new(store),
                rules: RotationRules::default(),
                clock: Arc::new(SystemClock),
                hook: None,
                publisher: None,
                pruning: Arc::new(Pruning::new()),
            },
            max_per_subject: MAX_PER_SUBJECT,
        }
    }

    /// Returns the store.
    pub fn store(&self) -> &S {
        &self.rows.store
    }

    /// Starts a session for a user who has just been authenticated, and returns the session's first
    /// refresh token.
    ///
    /// # Errors
    ///
    /// Returns [`TooLarge`](SessionErrorKind::TooLarge),
    /// [`Unavailable`](SessionErrorKind::Unavailable) or
    /// [`NoRandomness`](SessionErrorKind::NoRandomness).
    pub async fn start(&self, new: NewSession) -> Result<(RefreshToken, Session), SessionError> {
        let (token, session) = self.prepare(new)?;
        self.open(session.clone()).await?;
        Ok((token, session))
    }

    /// Returns a new session and its first refresh token, without storing them. The routes issue
    /// the session's access tokens before they [open](Self::open) the session, so that no session
    /// is left if issuing fails.
    pub(crate) fn prepare(&self, new: NewSession) -> Result<(RefreshToken, Session), SessionError> {
        let token = RefreshToken::generate()?;
        let mut family = Family::new(&token, &self.rows.rules, self.rows.clock.now());
        let names = new.scopes.iter().chain(&new.audience).chain(&new.client_id);
        if names.map(String::len).sum::<usize>() > MAX_DATA_BYTES
            || new.data.to_string().len() > MAX_DATA_BYTES
        {
            return Err(SessionError::new(SessionErrorKind::TooLarge));
        }
        family.scopes = new.scopes;
        family.audience = new.audience;
        family.client_id = new.client_id;
        family.label = new.label;
        family.data = new.data;
        family.external_login = new.external_login;
        let session = Session { id: token.session(), subject: new.subject, family };
        Ok((token, session))
    }

    /// Stores a [prepared](Self::prepare) session, and ends the user's least recently used
    /// sessions if there are too many.
    pub(crate) async fn open(&self, mut session: Session) -> Result<(), SessionError> {
        let now = self.rows.clock.now();
        let others = self.loaded_of_subject(session.subject()).await?;
        session.family.outrank(others.iter().map(|(other, _)| &other.family), now);
        // An earlier login may have been interrupted after it stored its session, and may have left
        // too many sessions.
        let kept = self.end_surplus(others).await?;
        self.store_new(&session, kept).await?;
        if let Err(error) = self.keep_to_limit(session.subject()).await {
            // The login fails, so nobody gets the token of this session. End the session.
            let _ = self.end_because(session.id(), EndCause::TooMany).await;
            return Err(error);
        }
        Ok(())
    }

    /// Ends the user's least recently used sessions, which have the lowest ranks, if the user has
    /// too many sessions. A login calls this method after it has stored its session.
    ///
    /// Every login stores its session and then counts the user's sessions, so the last of several
    /// concurrent logins sees all the sessions. All logins rank the sessions in the same order, and
    /// the rank of a new session does not change while concurrent logins run. All logins therefore
    /// keep the same sessions, exactly as many as allowed. A login must not end other sessions
    /// before it has stored its own session. Otherwise, it could end a session that another login
    /// has decided to keep.
    async fn keep_to_limit(&self, subject: &str) -> Result<(), SessionError> {
        let sessions = self.loaded_of_subject(subject).await?;
        self.end_surplus(sessions).await?;
        Ok(())
    }

    /// Keeps the user's sessions with the highest ranks, as many as the limit allows, and ends the
    /// others. Returns the kept sessions, in descending order of rank.
    async fn end_surplus(
        &self,
        mut sessions: Vec<(Session, u64)>,
    ) -> Result<Vec<(Session, u64)>, SessionError> {
        let now = self.rows.clock.now();
        sessions.sort_by_cached_key(|(session, _)| {
            Reverse((session.family.rank(now), session.id.clone()))
        });
        let surplus = sessions.split_off(sessions.len().min(self.max_per_subject));
        for least_used in surplus {
            self.end_loaded(least_used, EndCause::TooMany).await?;
        }
        Ok(sessions)
    }

    /// Stores a new session. `kept` contains the user's other sessions, and its last element is the
    /// least recently used session. If `kept` contains the maximum number of sessions, the least
    /// recently used session must end. If the store is full, this method ends that session, and
    /// then stores the new session. Otherwise [`keep_to_limit`](Self::keep_to_limit) ends that
    /// session later.
    async fn store_new(
        &self,
        session: &Session,
        mut kept: Vec<(Session, u64)>,
    ) -> Result<(), SessionError> {
        match self.rows.insert(session).await {
            Err(error) if error.is_full() && kept.len() >= self.max_per_subject => {
                let Some(least_used) = kept.pop() else { return Err(error) };
                self.end_loaded(least_used, EndCause::TooMany).await?;
                self.rows.insert(session).await
            }
            stored => stored,
        }
    }

    /// Reports a login that had the right credentials but started no session.
    #[cfg(feature = "axum")]
    pub(crate) fn tell_refused_login(&self, refused: &RefusedLogin) {
        self.rows.tell(&SessionEvent::LoginRefused(refused));
    }

    /// Returns true if a revocation is published when a session ends.
    #[cfg(feature = "axum")]
    pub(crate) fn publishes(&self) -> bool {
        self.rows.publisher.is_some()
    }

    /// Exchanges a refresh token for the next refresh token of the same session.
    ///
    /// `client_id` is the client that presents the token, if your clients have identifiers. It must
    /// be the client for which the session was started.
    ///
    /// # Errors
    ///
    /// If [`is_refusal`](SessionError::is_refusal) returns true, the token is rejected. After
    /// [`Unavailable`](SessionErrorKind::Unavailable), the client can present the same token again.
    /// If the store saved nothing, the token was not exchanged and is still usable. If the store
    /// saved the exchange and only its response was lost, the token is usable within the grace
    /// period.
    pub async fn refresh(
        &self,
        presented: &str,
        client_id: Option<&str>,
    ) -> Result<(RefreshToken, Session), SessionError> {
        self.begin_refresh(presented, client_id).await?.finish().await
    }

    /// Does the first half of [`refresh`](Self::refresh): checks the token without exchanging it.
    /// [`PendingRefresh::finish`] does the second half. Put steps that may fail, such as loading
    /// the user's roles, between the two. If such a step fails, the client's token remains usable.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`refresh`](Self::refresh).
    pub async fn begin_refresh(
        &self,
        presented: &str,
        client_id: Option<&str>,
    ) -> Result<PendingRefresh<'_, S>, SessionError> {
        self.begin(presented, ClientRule::Is(client_id.map(str::to_owned))).await
    }

    /// Does the same as [`begin_refresh`](Self::begin_refresh). In addition, a caller can pass
    /// [`ClientRule::Any`], so that the token is accepted from every client.
    pub(crate) async fn begin(
        &self,
        presented: &str,
        client: ClientRule,
    ) -> Result<PendingRefresh<'_, S>, SessionError> {
        let token =
            RefreshToken::parse(presented).ok_or(SessionError::new(SessionErrorKind::Unknown))?;
        PendingRefresh::judge(&self.rows, token, client, self.rows.rules, true).await
    }

    /// Returns the session of a refresh token, without exchanging the token. The token must be one
    /// that [`refresh`](Self::refresh) would accept, but this method does not check the client. Use
    /// this method during a logout, to find out which user logs out.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`refresh`](Self::refresh). If a used token is presented after
    /// its grace period, this method ends the session, as `refresh` does.
    pub async fn session_of(&self, presented: &str) -> Result<Session, SessionError> {
        Ok(self.begin(presented, ClientRule::Any).await?.into_loaded().0)
    }

    /// Returns the session to which a refresh token belongs, if the token is the session's current
    /// token. This method does not check the client, and does not exchange the token. Call it
    /// before you show a user's sessions.
    ///
    /// Unlike [`session_of`](Self::session_of), this method rejects a used token even within the
    /// grace period. Otherwise a thief could present a used token again and again to find out when
    /// the user renews. The thief could then renew at the same moment, and would not be noticed. If
    /// a used token is presented, the call is reported as
    /// [`Superseded`](crate::issuer::SessionEvent::Superseded).
    ///
    /// A call with a used token counts as a repeat of the session's last renewal, and the session
    /// ends if too many renewals in a row have a repeat. If the token was exchanged at least 2
    /// seconds before the call, the limit is [`max_repeats`](Self::max_repeats). Otherwise the
    /// limit is [`max_repeats_at_once`](Self::max_repeats_at_once), or 20 if that limit is not set,
    /// but never less than `max_repeats`. The second limit is higher by default, since a page may
    /// load the list of sessions while it renews its token.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`session_of`](Self::session_of), and
    /// [`Superseded`](SessionErrorKind::Superseded).
    pub async fn current_session_of(&self, presented: &str) -> Result<Session, SessionError> {
        self.begin(presented, ClientRule::Any).await?.current().await
    }

    /// Returns a user's live sessions, the most recently used one first.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](SessionErrorKind::Unavailable).
    pub async fn of_subject(&self, subject: &str) -> Result<Vec<Session>, SessionError> {
        let sessions = self.loaded_of_subject(subject).await?;
        Ok(sessions.into_iter().map(|(session, _)| session).collect())
    }

    /// Returns the same sessions as [`of_subject`](Self::of_subject), each with the version of its
    /// row.
    pub(crate) async fn loaded_of_subject(
        &self,
        subject: &str,
    ) -> Result<Vec<(Session, u64)>, SessionError> {
        let now = self.rows.clock.now();
        let mut sessions = self.rows.of_subject(subject).await?;
        sessions.retain(|(session, _)| session.subject == subject && session.family.is_live(now));
        sessions.sort_by(|(a, _), (b, _)| (b.renewed_at(), b.id()).cmp(&(a.renewed_at(), a.id())));
        Ok(sessions)
    }

    /// Deletes all expired sessions in batches, and returns their number. You need not call this
    /// method, since logins delete expired sessions too.
    ///
    /// # Errors
    ///
    /// Fails if the store fails.
    pub async fn prune(&self) -> Result<u64, SessionError> {
        let mut pruned = 0_u64;
        loop {
            let batch = self.rows.prune(PRUNE_BATCH).await?;
            pruned = pruned.saturating_add(batch);
            if batch == 0 {
                return Ok(pruned);
            }
        }
    }
}

impl<S> Clone for Sessions<S> {
    fn clone(&self) -> Self {
        Self { rows: self.rows.clone(), max_per_subject: self.max_per_subject }
    }
}

impl<S> Debug for Sessions<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("rules", &self.rows.rules).finish_non_exhaustive()
    }
}
