//! Ending sessions, and revoking their access tokens.

#[cfg(feature = "axum")]
use crate::issuer::own_token::OwnToken;
use crate::issuer::sessions::error::{SessionError, SessionErrorKind};
#[cfg(feature = "axum")]
use crate::issuer::sessions::family::ClientRule;
use crate::issuer::sessions::family::EndCause;
#[cfg(feature = "axum")]
use crate::issuer::sessions::family::revoked_tokens::RevokeDecision;
use crate::issuer::sessions::id::SessionId;
#[cfg(feature = "axum")]
use crate::issuer::sessions::pending_refresh::PendingRefresh;
#[cfg(feature = "axum")]
use crate::issuer::sessions::refresh_token::RefreshToken;
use crate::issuer::sessions::rows::{self, ATTEMPTS};
use crate::issuer::sessions::service::Sessions;
use crate::issuer::sessions::session::Session;
use crate::issuer::sessions::store::RefreshStore;
#[cfg(feature = "axum")]
use crate::revocation::Revocation;

impl<S: RefreshStore> Sessions<S> {
    /// Ends one session. Returns false if there was no live session with this identifier. The
    /// session's refresh token is rejected from now on. The session's access tokens work until they
    /// expire, unless `with_revocation` (feature `feeds`) revokes them.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](SessionErrorKind::Unavailable).
    pub async fn end(&self, id: &SessionId) -> Result<bool, SessionError> {
        self.end_because(id, EndCause::LoggedOut).await
    }

    /// Ends one session, like [`end`](Self::end), but with the given cause.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](SessionErrorKind::Unavailable).
    pub async fn end_because(&self, id: &SessionId, cause: EndCause) -> Result<bool, SessionError> {
        self.end_as(id, None, cause, false).await
    }

    /// Ends a session. `loaded` is the session that the current request has loaded, and the version
    /// of its row. The session is loaded again only if another request has changed it since then.
    pub(crate) async fn end_loaded(
        &self,
        loaded: (Session, u64),
        cause: EndCause,
    ) -> Result<bool, SessionError> {
        let id = loaded.0.id().clone();
        self.end_as(&id, Some(loaded), cause, false).await
    }

    async fn end_as(
        &self,
        id: &SessionId,
        mut loaded: Option<(Session, u64)>,
        cause: EndCause,
        is_last_of_user: bool,
    ) -> Result<bool, SessionError> {
        for attempt in 0..ATTEMPTS {
            let loaded = match loaded.take() {
                Some(loaded) => Ok(loaded),
                None => self.rows.load(id).await,
            };
            let (mut session, version) = match loaded {
                Ok(loaded) => loaded,
                Err(error) if error.kind() == SessionErrorKind::Unknown => return Ok(false),
                Err(error) => return Err(error),
            };
            if !session.family.is_live(self.rows.clock.now()) {
                if self.rows.announce_again(session, version).await? {
                    return Ok(false);
                }
                self.rows.wait_for_publication(attempt).await;
                continue;
            }
            session.family.is_last_of_user = is_last_of_user;
            if self.rows.replace_with_end(session, version, cause).await? {
                return Ok(true);
            }
        }
        Err(rows::contended())
    }

    /// Ends all of a user's sessions, for instance after a password change, and returns their
    /// number. A session whose login is still in progress may remain: change the password first.
    ///
    /// If `with_revocation` (feature `feeds`) is set, this method also revokes the user's tokens
    /// that belong to no session. Each call then publishes one message for these tokens, so limit
    /// how often users can call this method.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](SessionErrorKind::Unavailable) if a session could not be ended or a
    /// message could not be published. In this case, other sessions of the user may already have
    /// ended.
    pub async fn end_all(&self, subject: &str) -> Result<u64, SessionError> {
        let revoked = self.revoke_all(subject).await;
        let (ended, failure) = self.end_each(subject, None).await;
        revoked.err().or(failure).map_or(Ok(ended), Err)
    }

    /// Ends all sessions of the user who presents this refresh token, like
    /// [`end_all`](Self::end_all).
    ///
    /// The session of the presented token ends last, and only if all other steps succeeded. After a
    /// failure, the client can therefore present the same token again, until the call succeeds.
    /// Each attempt publishes the revocation of the user's tokens. Once the session has ended, a
    /// further call does not publish the revocation again.
    #[cfg(feature = "axum")]
    pub(crate) async fn end_all_by(&self, presented: &str) -> Result<(), SessionError> {
        let own = match self.session_to_end(presented).await {
            Ok(loaded) => loaded,
            // An earlier request ended the session, but the response was lost or the end could not
            // be published.
            Err(error) if error.kind() == SessionErrorKind::Ended => {
                let token = RefreshToken::parse(presented)
                    .ok_or(SessionError::new(SessionErrorKind::Unknown))?;
                let (session, _) = self.rows.load(&token.session()).await?;
                return if session.family.is_last_of_user { Ok(()) } else { Err(error) };
            }
            Err(error) => return Err(error),
        };
        let id = own.0.id().clone();
        let revoked = self.revoke_all(own.0.subject()).await;
        let (_, failure) = self.end_each(own.0.subject(), Some(&id)).await;
        if let Some(error) = revoked.err().or(failure) {
            return Err(error);
        }
        self.end_as(&id, Some(own), EndCause::LoggedOut, true).await?;
        Ok(())
    }

    /// Ends each session of a user except one, and continues after a failure.
    async fn end_each(
        &self,
        subject: &str,
        except: Option<&SessionId>,
    ) -> (u64, Option<SessionError>) {
        let sessions = match self.loaded_of_subject(subject).await {
            Ok(sessions) => sessions,
            Err(error) => return (0, Some(error)),
        };
        let (mut ended, mut failure) = (0_u64, None);
        for loaded in sessions.into_iter().filter(|(session, _)| Some(session.id()) != except) {
            match self.end_loaded(loaded, EndCause::LoggedOut).await {
                Ok(is_ended) => ended = ended.saturating_add(is_ended.into()),
                Err(error) => failure = Some(error),
            }
        }
        (ended, failure)
    }

    async fn revoke_all(&self, subject: &str) -> Result<(), SessionError> {
        match &self.rows.publisher {
            Some(publisher) => publisher.end_all(subject, self.rows.clock.now()).await,
            None => Ok(()),
        }
    }

    /// Loads the session of a refresh token, so that the caller can end the session. Returns the
    /// session and the version of its row. If the session has ended already, makes sure that the
    /// end was published, and then returns [`Ended`](SessionErrorKind::Ended).
    #[cfg(feature = "axum")]
    pub(crate) async fn session_to_end(
        &self,
        presented: &str,
    ) -> Result<(Session, u64), SessionError> {
        let found = self.begin(presented, ClientRule::Any).await;
        let found = found.map(PendingRefresh::into_loaded);
        if let Err(error) = &found
            && error.kind() == SessionErrorKind::Ended
            && self.publishes()
            && let Some(token) = RefreshToken::parse(presented)
        {
            // The session has ended already, but perhaps its end has not been published yet.
            // Another request may be publishing the end now, and may fail. Make sure that the end
            // is published before the response is sent.
            self.end(&token.session()).await?;
        }
        found
    }

    /// Revokes one access token of a session. Ends the session if too many of its access tokens
    /// were revoked individually. Does nothing if the session is unknown or belongs to another
    /// user. Without this rule, a service that shares its secret with the auth server could sign
    /// tokens with any `sid`, and fill the feed with revocations of these tokens. If the session
    /// has already ended, its tokens are already revoked. This method then only makes sure that the
    /// end was published.
    #[cfg(feature = "axum")]
    pub(crate) async fn revoke_one(
        &self,
        id: &SessionId,
        token: &OwnToken,
    ) -> Result<(), SessionError> {
        for attempt in 0..ATTEMPTS {
            let (mut session, version) = match self.rows.load(id).await {
                Ok(found) => found,
                Err(error) if error.kind() == SessionErrorKind::Unknown => return Ok(()),
                Err(error) => return Err(error),
            };
            if session.subject() != token.subject {
                return Ok(());
            }
            if session.end_cause().is_some() {
                if self.rows.announce_again(session, version).await? {
                    return Ok(());
                }
                self.rows.wait_for_publication(attempt).await;
                continue;
            }
            match session.family.revoked.add(&token.id, token.issued_at, token.expires_at) {
                RevokeDecision::Known => return self.publish_one(token).await,
                // Store the revocation in the session first, and publish the revocation afterward.
                // Otherwise concurrent requests could publish more revocations than the maximum for
                // one session.
                RevokeDecision::Added(revoked) => {
                    session.family.revoked = revoked;
                    if self.rows.replace(&session, version).await? {
                        return self.publish_one(token).await;
                    }
                }
                RevokeDecision::TooMany => {
                    let cause = EndCause::LoggedOut;
                    if self.rows.replace_with_end(session, version, cause).await? {
                        return Ok(());
                    }
                }
            }
        }
        Err(rows::contended())
    }

    /// Publishes the revocation of an access token. The message depends only on the token's claims.
    /// If a token is revoked twice, both messages are therefore equal, and a feed keeps only one of
    /// them.
    #[cfg(feature = "axum")]
    async fn publish_one(&self, token: &OwnToken) -> Result<(), SessionError> {
        let Some(publisher) = &self.rows.publisher else { return Ok(()) };
        let revocation = Revocation::token(&token.id, token.expires_at);
        publisher.publish(revocation.of_subject(&token.subject, token.issued_at)).await
    }
}
