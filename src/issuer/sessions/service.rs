//! Sessions: started at a login, renewed by refresh tokens, ended by the user or by a thief.

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::issuer::sessions::error::{SessionError, SessionErrorKind};
#[cfg(feature = "axum")]
use crate::issuer::sessions::event::RefusedLogin;
use crate::issuer::sessions::event::SessionEvent;
use crate::issuer::sessions::family::{EndCause, Family};
use crate::issuer::sessions::id::SessionId;
use crate::issuer::sessions::ledger::{self, ATTEMPTS, Ledger};
use crate::issuer::sessions::lifetimes::Lifetimes;
use crate::issuer::sessions::pending_refresh::PendingRefresh;
#[cfg(feature = "feeds")]
use crate::issuer::sessions::publisher::Publisher;
use crate::issuer::sessions::refresh_token::RefreshToken;
use crate::issuer::sessions::session::{NewSession, Session};
use crate::issuer::sessions::store::RefreshStore;
use crate::misuse;

/// For scopes with the audience, and for the application's data.
const MAX_DATA_BYTES: usize = 4096;
const MAX_PER_SUBJECT: usize = 100;
/// So few that a batch ends within the time limit of a store, and that others can write in between.
const PRUNE_BATCH: usize = 1_000;

/// The sessions of all users: what refresh tokens are for.
///
/// A login starts a *family* of refresh tokens, of which one is good at a time. Each use exchanges
/// it for the next. If a used one comes back, two parties have copies, and nobody can tell which
/// is the thief: the session ends, and both must log in. Except within the grace period, 10
/// seconds by default: then it is far more likely that two tabs asked at once or an answer was
/// lost, and whoever asks gets the same next token.
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
    ledger: Ledger<S>,
    max_per_subject: usize,
}

impl<S: RefreshStore> Sessions<S> {
    /// Sessions that are kept in `store`.
    pub fn new(store: S) -> Self {
        Self {
            ledger: Ledger {
                store: Arc::new(store),
                lifetimes: Lifetimes::default(),
                clock: Arc::new(SystemClock),
                hook: None,
                publisher: None,
            },
            max_per_subject: MAX_PER_SUBJECT,
        }
    }

    /// How long a session lasts without being renewed. 7 days by default.
    ///
    /// # Panics
    ///
    /// On zero.
    #[track_caller]
    pub fn idle_lifetime(mut self, lifetime: Duration) -> Self {
        self.ledger.lifetimes.idle = lasting(lifetime, "idle_lifetime");
        self
    }

    /// How long a session lasts however often it is renewed. 30 days by default. What is changed
    /// here is true of sessions that start from then on.
    ///
    /// # Panics
    ///
    /// On zero.
    #[track_caller]
    pub fn absolute_lifetime(mut self, lifetime: Duration) -> Self {
        self.ledger.lifetimes.absolute = lasting(lifetime, "absolute_lifetime");
        self
    }

    /// For how long a used refresh token is answered with the same successor. 10 seconds by
    /// default, a minute at most.
    ///
    /// Within it a thief who has the same token gets the same successor too. The theft shows as soon
    /// as the two renew further apart than this; a thief who keeps the user's pace shows only as a
    /// session whose every renewal is [`Repeated`](SessionEvent::Repeated). Zero ends the session at
    /// every second use, and logs out users with two tabs or a bad connection. Whoever has a database
    /// that fails over for longer than this should know that a user whose renewal was being written
    /// at that moment has to log in again.
    ///
    /// # Panics
    ///
    /// On more than a minute.
    #[track_caller]
    pub fn grace(mut self, grace: Duration) -> Self {
        if grace > Duration::from_secs(60) {
            misuse::refuse("Sessions::grace is for retries: a minute at most");
        }
        self.ledger.lifetimes.grace = grace;
        self
    }

    /// How many sessions a user may have. 100 by default; at the next login, the one that was used
    /// longest ago ends.
    ///
    /// # Panics
    ///
    /// On zero.
    #[track_caller]
    pub fn max_per_subject(mut self, sessions: usize) -> Self {
        if sessions == 0 {
            misuse::refuse("Sessions::max_per_subject(0) would let nobody log in: give at least 1");
        }
        self.max_per_subject = sessions;
        self
    }

    /// Replaces the system's clock.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.ledger.clock = Arc::new(clock);
        self
    }

    /// Revokes the access tokens of every session that ends before its time, whatever the cause:
    /// logging out, a stolen token, a closed account. Without this they work until they expire.
    ///
    /// The end of a session is published once. If that fails, the session ends all the same, and the
    /// error is [`Unavailable`](SessionErrorKind::Unavailable). Within the next hour, ending the session
    /// again or presenting one of its tokens publishes the same message again, until it succeeds once.
    /// Tokens of another issuer are not revoked.
    ///
    /// # Panics
    ///
    /// If a session ends outside of a tokio runtime.
    #[cfg(feature = "feeds")]
    pub fn with_revocation(
        mut self,
        feed: impl crate::revocation::RevocationFeed,
        issuer: &crate::issuer::token_issuer::TokenIssuer,
    ) -> Self {
        let publisher = Publisher::new(feed, issuer.name(), issuer.token_lifetime());
        self.ledger.publisher = Some(publisher);
        self
    }

    /// Calls `hook` with what happens to sessions. It runs on the request's way: hand work to a
    /// task of your own. If it panics, the request goes on.
    pub fn with_events(mut self, hook: impl Fn(&SessionEvent<'_>) + Send + Sync + 'static) -> Self {
        self.ledger.hook = Some(Arc::new(hook));
        self
    }

    /// The store.
    pub fn store(&self) -> &S {
        &self.ledger.store
    }

    /// Starts a session for a user who has just proved who they are, and returns its first refresh
    /// token.
    ///
    /// # Errors
    ///
    /// [`TooLarge`](SessionErrorKind::TooLarge), [`Unavailable`](SessionErrorKind::Unavailable),
    /// [`NoRandomness`](SessionErrorKind::NoRandomness).
    pub async fn start(&self, new: NewSession) -> Result<(RefreshToken, Session), SessionError> {
        let (token, session) = self.prepare(new)?;
        self.open(&session).await?;
        Ok((token, session))
    }

    /// Returns a new session and its first refresh token, and stores neither: the routes issue the
    /// access tokens of the session before they [open](Self::open) it, so that a failure to issue
    /// leaves no session behind.
    pub(crate) fn prepare(&self, new: NewSession) -> Result<(RefreshToken, Session), SessionError> {
        let token = RefreshToken::generate()?;
        let mut family = Family::new(&token, &self.ledger.lifetimes, self.ledger.clock.now());
        let names = new.scopes.iter().chain(&new.audience).chain(&new.client_id);
        if names.map(String::len).sum::<usize>() > MAX_DATA_BYTES
            || new.data.to_string().len() > MAX_DATA_BYTES
        {
            return Err(SessionErrorKind::TooLarge.into());
        }
        family.scopes = new.scopes;
        family.audience = new.audience;
        family.client_id = new.client_id;
        family.label = new.label;
        family.data = new.data;
        let session = Session { id: token.session(), subject: new.subject, family };
        Ok((token, session))
    }

    /// Stores a [prepared](Self::prepare) session, and ends the user's oldest sessions where there
    /// would be too many.
    pub(crate) async fn open(&self, session: &Session) -> Result<(), SessionError> {
        let others = self.of_subject(session.subject()).await?;
        for oldest in others.iter().skip(self.max_per_subject.saturating_sub(1)) {
            self.end_because(oldest.id(), EndCause::TooMany).await?;
        }
        self.ledger.insert(session).await
    }

    /// Reports a login with the right credentials that started no session.
    #[cfg(feature = "axum")]
    pub(crate) fn tell_refused_login(&self, refused: &RefusedLogin) {
        self.ledger.tell(&SessionEvent::LoginRefused(refused));
    }

    /// Returns true if the ends of sessions are published to a revocation feed.
    #[cfg(feature = "axum")]
    pub(crate) fn publishes(&self) -> bool {
        self.ledger.publisher.is_some()
    }

    /// Publishes a revocation of the issuer that [`Self::with_revocation`] was given, if it was
    /// called.
    #[cfg(feature = "axum")]
    pub(crate) async fn publish(
        &self,
        revocation: crate::revocation::Revocation,
    ) -> Result<(), SessionError> {
        match &self.ledger.publisher {
            Some(publisher) => publisher.publish(revocation).await,
            None => Ok(()),
        }
    }

    /// Exchanges a refresh token for the next one.
    ///
    /// `client_id` is the client that asks, if your clients have identifiers: it must be the one
    /// that the session was started for.
    ///
    /// # Errors
    ///
    /// Whatever [`is_refusal`](SessionError::is_refusal), and
    /// [`Unavailable`](SessionErrorKind::Unavailable), after which the same token may be used again:
    /// as it was if nothing was written, and within the grace period if only the answer was lost.
    pub async fn refresh(
        &self,
        presented: &str,
        client_id: Option<&str>,
    ) -> Result<(RefreshToken, Session), SessionError> {
        self.begin_refresh(presented, client_id).await?.finish().await
    }

    /// The first half of [`refresh`](Self::refresh): decides whether the token may be exchanged,
    /// and does not do so yet. What else may fail, such as asking for the user's roles, belongs
    /// between the halves: then a failure leaves the client's token as good as it was.
    ///
    /// # Errors
    ///
    /// As [`refresh`](Self::refresh).
    pub async fn begin_refresh(
        &self,
        presented: &str,
        client_id: Option<&str>,
    ) -> Result<PendingRefresh<'_, S>, SessionError> {
        let token = RefreshToken::parse(presented).ok_or(SessionErrorKind::Unknown)?;
        PendingRefresh::judge(
            &self.ledger,
            token,
            client_id.map(str::to_owned),
            self.ledger.lifetimes,
            true,
        )
        .await
    }

    /// The session of a refresh token that could be exchanged now, whichever client it is for: to
    /// find out who wants to log out. The token stays as it is.
    ///
    /// # Errors
    ///
    /// As [`refresh`](Self::refresh): a token that was used too long ago ends its session.
    pub async fn session_of(&self, presented: &str) -> Result<Session, SessionError> {
        let token = RefreshToken::parse(presented).ok_or(SessionErrorKind::Unknown)?;
        let (session, _) = self.ledger.load(&token.session()).await?;
        let pending = self.begin_refresh(presented, session.client_id()).await?;
        Ok(pending.session().clone())
    }

    /// The sessions of a user that have not ended, the one used last first.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](SessionErrorKind::Unavailable).
    pub async fn of_subject(&self, subject: &str) -> Result<Vec<Session>, SessionError> {
        let now = self.ledger.clock.now();
        let rows = self.ledger.store.of_subject(subject).await?;
        let sessions: Result<Vec<_>, _> = rows.into_iter().map(ledger::session).collect();
        let mut sessions = sessions?;
        sessions.retain(|session| session.subject == subject && session.family.is_live(now));
        sessions.sort_by_key(|session| std::cmp::Reverse(session.renewed_at()));
        Ok(sessions)
    }

    /// Ends one session. Returns false if there was no live session of this name. Its refresh token is
    /// refused from now on. Its access tokens work until they expire, unless they are revoked by
    /// `with_revocation` (feature `feeds`).
    ///
    /// # Errors
    ///
    /// [`Unavailable`](SessionErrorKind::Unavailable).
    pub async fn end(&self, id: &SessionId) -> Result<bool, SessionError> {
        self.end_because(id, EndCause::LoggedOut).await
    }

    /// [`end`](Self::end), for another reason.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](SessionErrorKind::Unavailable).
    pub async fn end_because(&self, id: &SessionId, cause: EndCause) -> Result<bool, SessionError> {
        for attempt in 0..ATTEMPTS {
            let (session, version) = match self.ledger.load(id).await {
                Ok(found) => found,
                Err(error) if error.kind() == SessionErrorKind::Unknown => return Ok(false),
                Err(error) => return Err(error),
            };
            if !session.family.is_live(self.ledger.clock.now()) {
                if self.ledger.announce_again(session, version).await? {
                    return Ok(false);
                }
                self.ledger.wait_for_publication(attempt).await;
                continue;
            }
            if self.ledger.replace_with_end(session, version, cause).await? {
                return Ok(true);
            }
        }
        Err(ledger::contended())
    }

    /// Ends all sessions of a user, as after a changed password, and returns their number. A login that
    /// is in progress may not be ended: change the password first.
    ///
    /// With revocation this also revokes the user's tokens of no session. Each call publishes one
    /// message for that, so do not let users call this without limit.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](SessionErrorKind::Unavailable): some sessions may have ended by then.
    pub async fn end_all(&self, subject: &str) -> Result<u64, SessionError> {
        let revoked = self.revoke_all(subject).await;
        let (ended, failure) = self.end_each(subject).await;
        revoked.err().or(failure).map_or(Ok(ended), Err)
    }

    /// Ends all sessions of the user of a live session, as [`end_all`](Self::end_all) does. Of requests
    /// that do so at once, only those that end a session publish anything.
    #[cfg(feature = "axum")]
    pub(crate) async fn end_all_of(&self, session: &Session) -> Result<u64, SessionError> {
        let (ended, failure) = self.end_each(session.subject()).await;
        if ended > 0 {
            self.revoke_all(session.subject()).await?;
        }
        failure.map_or(Ok(ended), Err)
    }

    /// Ends each session of a user, also after one could not be ended.
    async fn end_each(&self, subject: &str) -> (u64, Option<SessionError>) {
        let sessions = match self.of_subject(subject).await {
            Ok(sessions) => sessions,
            Err(error) => return (0, Some(error)),
        };
        let (mut ended, mut failure) = (0_u64, None);
        for session in sessions {
            match self.end(session.id()).await {
                Ok(is_ended) => ended = ended.saturating_add(is_ended.into()),
                Err(error) => failure = Some(error),
            }
        }
        (ended, failure)
    }

    async fn revoke_all(&self, subject: &str) -> Result<(), SessionError> {
        match &self.ledger.publisher {
            Some(publisher) => publisher.end_all(subject, self.ledger.clock.now()).await,
            None => Ok(()),
        }
    }

    /// Deletes all expired sessions, a batch at a time, and returns their number.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn prune(&self) -> Result<u64, SessionError> {
        let now = self.ledger.clock.now();
        let mut pruned = 0_u64;
        loop {
            let batch = self.ledger.store.prune(now, PRUNE_BATCH).await?;
            pruned = pruned.saturating_add(batch);
            if batch == 0 {
                return Ok(pruned);
            }
        }
    }
}

impl<S> Clone for Sessions<S> {
    fn clone(&self) -> Self {
        Self { ledger: self.ledger.clone(), max_per_subject: self.max_per_subject }
    }
}

impl<S> Debug for Sessions<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("lifetimes", &self.ledger.lifetimes)
            .finish_non_exhaustive()
    }
}

#[track_caller]
fn lasting(lifetime: Duration, function: &str) -> Duration {
    if lifetime.is_zero() {
        misuse::refuse(format_args!(
            "Sessions::{function} of zero would end every session at once: give a time"
        ));
    }
    lifetime
}
