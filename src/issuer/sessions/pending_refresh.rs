//! The moment between finding a refresh token good and exchanging it.

use std::fmt::{self, Debug};
use std::time::Duration;

use crate::issuer::sessions::error::{SessionError, SessionErrorKind};
use crate::issuer::sessions::event::SessionEvent;
use crate::issuer::sessions::family::{EndCause, Verdict};
use crate::issuer::sessions::ledger::{ATTEMPTS, Ledger, contended};
use crate::issuer::sessions::lifetimes::Lifetimes;
use crate::issuer::sessions::refresh_token::{RefreshToken, Salt};
use crate::issuer::sessions::session::Session;
use crate::issuer::sessions::store::RefreshStore;

/// A refresh token that may be exchanged, and is not yet. Dropping it changes nothing.
#[must_use]
pub struct PendingRefresh<'s, S> {
    ledger: &'s Ledger<S>,
    token: RefreshToken,
    client_id: Option<String>,
    session: Session,
    version: u64,
    /// For a token that was used within the grace period: the one that it led to.
    answer: Option<RefreshToken>,
}

impl<'s, S: RefreshStore> PendingRefresh<'s, S> {
    /// The session that the token belongs to.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Exchanges the token, in one atomic step of the store.
    ///
    /// # Errors
    ///
    /// As [`Sessions::refresh`](crate::issuer::Sessions::refresh).
    pub async fn finish(self) -> Result<(RefreshToken, Session), SessionError> {
        let mut pending = self;
        if pending.answer.is_some() {
            // There is nothing to write that would show whether the session has changed since then.
            pending = again(pending.ledger, pending.token, pending.client_id).await?;
        }
        for _ in 0..ATTEMPTS {
            if let Some(leaf) = pending.answer {
                pending.ledger.tell(&SessionEvent::Repeated(&pending.session));
                return Ok((leaf, pending.session));
            }
            let ledger = pending.ledger;
            let salt = Salt::generate()?;
            let next = pending.token.successor(&salt);
            let Session { id, subject, family } = pending.session;
            let family = family.rotated(salt, &next, &ledger.lifetimes, ledger.clock.now());
            let rotated = Session { id, subject, family };
            if ledger.replace(&rotated, pending.version).await? {
                ledger.tell(&SessionEvent::Renewed(&rotated));
                return Ok((next, rotated));
            }
            // Somebody else was faster.
            pending = again(ledger, pending.token, pending.client_id).await?;
        }
        Err(contended())
    }

    pub(crate) async fn judge(
        ledger: &'s Ledger<S>,
        token: RefreshToken,
        client_id: Option<String>,
        lifetimes: Lifetimes,
        is_first: bool,
    ) -> Result<Self, SessionError> {
        for _ in 0..ATTEMPTS {
            let (session, version) = ledger.load(&token.session()).await?;
            let now = ledger.clock.now();
            let client = client_id.as_deref();
            let answer = match session.family.judge(&token, client, &lifetimes, now) {
                Verdict::Rotate => None,
                Verdict::Repeat(salts) => {
                    Some(salts.iter().fold(token.clone(), |token, salt| token.successor(salt)))
                }
                Verdict::Expired => return Err(SessionErrorKind::Expired.into()),
                Verdict::Ended => {
                    ledger.announce_again(session, version).await?;
                    return Err(SessionErrorKind::Ended.into());
                }
                Verdict::WrongClient => return Err(SessionErrorKind::WrongClient.into()),
                // It was good when it was presented, and its place in the chain is forgotten since.
                Verdict::Reused if !is_first => return Err(contended()),
                Verdict::Reused => {
                    if ledger.replace_with_end(session, version, EndCause::Reused).await? {
                        return Err(SessionErrorKind::Reused.into());
                    }
                    continue;
                }
            };
            return Ok(PendingRefresh { ledger, token, client_id, session, version, answer });
        }
        Err(contended())
    }
}

/// Looks again at a token that was good when it was presented, which is no reuse, however long it
/// took since then.
async fn again<S: RefreshStore>(
    ledger: &Ledger<S>,
    token: RefreshToken,
    client_id: Option<String>,
) -> Result<PendingRefresh<'_, S>, SessionError> {
    let lifetimes = Lifetimes { grace: Duration::MAX, ..ledger.lifetimes };
    PendingRefresh::judge(ledger, token, client_id, lifetimes, false).await
}

impl<S> Debug for PendingRefresh<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingRefresh").field("session", &self.session).finish_non_exhaustive()
    }
}
