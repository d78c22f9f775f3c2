//! A refresh token that was checked but not yet exchanged.

use std::fmt::{self, Debug};
use std::time::Duration;

use crate::issuer::sessions::error::{SessionError, SessionErrorKind};
use crate::issuer::sessions::event::SessionEvent;
use crate::issuer::sessions::family::rotation_rules::RotationRules;
use crate::issuer::sessions::family::{ClientRule, EndCause, Repeat, RotationDecision};
use crate::issuer::sessions::refresh_token::{RefreshToken, Salt};
use crate::issuer::sessions::rows::{ATTEMPTS, SessionRows, contended};
use crate::issuer::sessions::session::Session;
use crate::issuer::sessions::store::RefreshStore;

/// A valid refresh token that has not been exchanged yet. Dropping this value changes nothing.
#[must_use]
pub struct PendingRefresh<'s, S> {
    rows: &'s SessionRows<S>,
    token: RefreshToken,
    client: ClientRule,
    session: Session,
    version: u64,
    /// The response if the presented token was already exchanged: the session's current token, and
    /// the time since the exchange. `None` if the presented token is itself the current token.
    answer: Option<(RefreshToken, Repeat)>,
}

impl<'s, S: RefreshStore> PendingRefresh<'s, S> {
    /// Returns the session of the presented refresh token.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Exchanges the token, in one atomic operation of the store.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Sessions::refresh`](crate::issuer::Sessions::refresh).
    pub async fn finish(self) -> Result<(RefreshToken, Session), SessionError> {
        // If another request uses the token after this request has checked it, the two requests
        // count as simultaneous.
        let repeat = self.answer.as_ref().map_or(Repeat::AtOnce, |(_, repeat)| *repeat);
        let mut pending = self;
        if pending.answer.is_some() {
            // Load the session again. The code below may return without a write, and only a write
            // detects that another request has changed the session.
            pending = pending.again().await?;
        }
        for _ in 0..ATTEMPTS {
            if pending.answer.is_some() {
                if repeat != Repeat::AtOnce || pending.rows.rules.max_repeats_at_once.is_some() {
                    pending = pending.count_repeat(repeat).await?;
                }
                let Some((leaf, _)) = pending.answer else { continue };
                let session = pending.session;
                pending.rows.tell(&match repeat {
                    Repeat::UnusedParent => SessionEvent::ParentAccepted(&session),
                    Repeat::AtOnce | Repeat::WithinGrace => SessionEvent::Repeated(&session),
                });
                return Ok((leaf, session));
            }
            let rows = pending.rows;
            let salt = Salt::generate()?;
            let next = pending.token.successor(&salt);
            let Session { id, subject, family } = pending.session;
            let family = family.rotated(salt, &next, &rows.rules, rows.clock.now());
            let rotated = Session { id, subject, family };
            if rows.replace(&rotated, pending.version).await? {
                rows.tell(&SessionEvent::Renewed(&rotated));
                return Ok((next, rotated));
            }
            // Another request has changed the session in the meantime, so decide about the token
            // again.
            pending = judge_again(rows, pending.token, pending.client).await?;
        }
        Err(contended())
    }

    /// Returns the loaded session and its version.
    pub(crate) fn into_loaded(self) -> (Session, u64) {
        (self.session, self.version)
    }

    /// Returns the session if the presented token is the session's current token. Rejects a used
    /// token, and counts the request as a repeat of the session's last renewal, even if the token
    /// was exchanged only a moment ago. If too many renewals in a row have a repeat, the session
    /// ends. Without this limit, a thief could present a used token again and again to find out
    /// when the user renews the current token.
    pub(crate) async fn current(self) -> Result<Session, SessionError> {
        let Some((_, repeat)) = self.answer else { return Ok(self.session) };
        self.rows.tell(&SessionEvent::Superseded(&self.session));
        drop(self.count_repeat(repeat).await?);
        Err(SessionError::new(SessionErrorKind::Superseded))
    }

    /// Counts the request as a repeat of the session's last renewal. Ends the session if too many
    /// renewals in a row have had a repeat.
    async fn count_repeat(self, repeat: Repeat) -> Result<Self, SessionError> {
        let mut pending = self;
        for _ in 0..ATTEMPTS {
            let Some(family) = pending.session.family.repeated(repeat) else { return Ok(pending) };
            let (rows, version) = (pending.rows, pending.version);
            if family.is_shared(&rows.rules) {
                let session = Session { family, ..pending.session };
                if rows.replace_with_end(session, version, EndCause::Reused).await? {
                    return Err(SessionError::new(SessionErrorKind::Reused));
                }
            } else {
                let session = Session { family, ..pending.session };
                if rows.replace(&session, version).await? {
                    let version = version.saturating_add(1);
                    return Ok(Self { session, version, ..pending });
                }
            }
            pending = judge_again(rows, pending.token, pending.client).await?;
        }
        Err(contended())
    }

    async fn again(self) -> Result<Self, SessionError> {
        judge_again(self.rows, self.token, self.client).await
    }

    pub(crate) async fn judge(
        rows: &'s SessionRows<S>,
        token: RefreshToken,
        client: ClientRule,
        rules: RotationRules,
        is_first: bool,
    ) -> Result<Self, SessionError> {
        for _ in 0..ATTEMPTS {
            let (session, version) = rows.load(&token.session()).await?;
            let now = rows.clock.now();
            let answer = match session.family.judge(&token, &client, &rules, now) {
                RotationDecision::Rotate => None,
                RotationDecision::Repeat(salts, repeat) => {
                    let leaf =
                        salts.iter().fold(token.clone(), |token, salt| token.successor(salt));
                    Some((leaf, repeat))
                }
                RotationDecision::Expired => {
                    return Err(SessionError::new(SessionErrorKind::Expired));
                }
                RotationDecision::Ended => {
                    rows.announce_again(session, version).await?;
                    return Err(SessionError::new(SessionErrorKind::Ended));
                }
                RotationDecision::WrongClient => {
                    return Err(SessionError::new(SessionErrorKind::WrongClient));
                }
                // This request has checked the token before and accepted it, so the token does not
                // count as reused. Since that check, concurrent renewals have removed the token's
                // hash from the session.
                RotationDecision::Reused if !is_first => return Err(contended()),
                RotationDecision::Reused => {
                    if rows.replace_with_end(session, version, EndCause::Reused).await? {
                        return Err(SessionError::new(SessionErrorKind::Reused));
                    }
                    continue;
                }
            };
            return Ok(PendingRefresh { rows, token, client, session, version, answer });
        }
        Err(contended())
    }
}

/// Checks a token again after another request has changed the session. The token was valid when it
/// was presented, so it does not count as reused, however much time has passed since then.
async fn judge_again<S: RefreshStore>(
    rows: &SessionRows<S>,
    token: RefreshToken,
    client: ClientRule,
) -> Result<PendingRefresh<'_, S>, SessionError> {
    let rules = RotationRules { grace: Duration::MAX, ..rows.rules };
    PendingRefresh::judge(rows, token, client, rules, false).await
}

impl<S> Debug for PendingRefresh<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingRefresh").field("session", &self.session).finish_non_exhaustive()
    }
}
