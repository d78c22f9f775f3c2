//! A refresh token between its verdict and its exchange.

use std::fmt::{self, Debug};
use std::time::Duration;

use crate::issuer::sessions::error::{SessionError, SessionErrorKind};
use crate::issuer::sessions::event::SessionEvent;
use crate::issuer::sessions::family::rotation_rules::RotationRules;
use crate::issuer::sessions::family::{EndCause, Repeat, Verdict};
use crate::issuer::sessions::refresh_token::{RefreshToken, Salt};
use crate::issuer::sessions::rows::{ATTEMPTS, Ledger, contended};
use crate::issuer::sessions::session::Session;
use crate::issuer::sessions::store::RefreshStore;

/// A refresh token that may be exchanged, and is not exchanged yet. Dropping it changes nothing.
#[must_use]
pub struct PendingRefresh<'s, S> {
    ledger: &'s Ledger<S>,
    token: RefreshToken,
    client_id: Option<String>,
    session: Session,
    version: u64,
    /// For a token that was used before: the leaf, and the time between the uses.
    answer: Option<(RefreshToken, Repeat)>,
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
        // A token that another request used since then was presented at once with that request.
        let repeat = self.answer.as_ref().map_or(Repeat::AtOnce, |(_, repeat)| *repeat);
        let mut pending = self;
        if pending.answer.is_some() {
            // Nothing may be written below, so look whether the session has changed since then.
            pending = pending.again().await?;
        }
        for _ in 0..ATTEMPTS {
            if pending.answer.is_some() {
                if repeat != Repeat::AtOnce || pending.ledger.rules.counts_refreshes_at_once {
                    pending = pending.count_repeat(repeat).await?;
                }
                let Some((leaf, _)) = pending.answer else { continue };
                let session = pending.session;
                pending.ledger.tell(&match repeat {
                    Repeat::UnusedParent => SessionEvent::ParentAccepted(&session),
                    Repeat::AtOnce | Repeat::WithinGrace => SessionEvent::Repeated(&session),
                });
                return Ok((leaf, session));
            }
            let ledger = pending.ledger;
            let salt = Salt::generate()?;
            let next = pending.token.successor(&salt);
            let Session { id, subject, family } = pending.session;
            let family = family.rotated(salt, &next, &ledger.rules, ledger.clock.now());
            let rotated = Session { id, subject, family };
            if ledger.replace(&rotated, pending.version).await? {
                ledger.tell(&SessionEvent::Renewed(&rotated));
                return Ok((next, rotated));
            }
            // Another request replaced the session first.
            pending = judge_again(ledger, pending.token, pending.client_id).await?;
        }
        Err(contended())
    }

    /// The session, if the token is the leaf. A used token is counted as a repeat, also if it was used
    /// just now: otherwise a thief could watch for the moment of each renewal.
    pub(crate) async fn current(self) -> Result<Session, SessionError> {
        let Some((_, repeat)) = self.answer else { return Ok(self.session) };
        self.ledger.tell(&SessionEvent::Superseded(&self.session));
        drop(self.count_repeat(repeat).await?);
        Err(SessionErrorKind::Superseded.into())
    }

    /// Notes that the last renewal was repeated, and ends the session after too many in a row.
    async fn count_repeat(self, repeat: Repeat) -> Result<Self, SessionError> {
        let mut pending = self;
        for _ in 0..ATTEMPTS {
            let Some(family) = pending.session.family.repeated(repeat) else { return Ok(pending) };
            let (ledger, version) = (pending.ledger, pending.version);
            if family.is_shared(&ledger.rules) {
                let session = Session { family, ..pending.session };
                if ledger.replace_with_end(session, version, EndCause::Reused).await? {
                    return Err(SessionErrorKind::Reused.into());
                }
            } else {
                let session = Session { family, ..pending.session };
                if ledger.replace(&session, version).await? {
                    let version = version.saturating_add(1);
                    return Ok(Self { session, version, ..pending });
                }
            }
            pending = judge_again(ledger, pending.token, pending.client_id).await?;
        }
        Err(contended())
    }

    async fn again(self) -> Result<Self, SessionError> {
        judge_again(self.ledger, self.token, self.client_id).await
    }

    pub(crate) async fn judge(
        ledger: &'s Ledger<S>,
        token: RefreshToken,
        client_id: Option<String>,
        rules: RotationRules,
        is_first: bool,
    ) -> Result<Self, SessionError> {
        for _ in 0..ATTEMPTS {
            let (session, version) = ledger.load(&token.session()).await?;
            let now = ledger.clock.now();
            let client = client_id.as_deref();
            let answer = match session.family.judge(&token, client, &rules, now) {
                Verdict::Rotate => None,
                Verdict::Repeat(salts, repeat) => {
                    let leaf =
                        salts.iter().fold(token.clone(), |token, salt| token.successor(salt));
                    Some((leaf, repeat))
                }
                Verdict::Expired => return Err(SessionErrorKind::Expired.into()),
                Verdict::Ended => {
                    ledger.announce_again(session, version).await?;
                    return Err(SessionErrorKind::Ended.into());
                }
                Verdict::WrongClient => return Err(SessionErrorKind::WrongClient.into()),
                // The token was good when it was presented. Its place in the chain is forgotten since.
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

/// Judges again a token that was good when it was presented. That is no reuse, however much time has
/// passed since then.
async fn judge_again<S: RefreshStore>(
    ledger: &Ledger<S>,
    token: RefreshToken,
    client_id: Option<String>,
) -> Result<PendingRefresh<'_, S>, SessionError> {
    let rules = RotationRules { grace: Duration::MAX, ..ledger.rules };
    PendingRefresh::judge(ledger, token, client_id, rules, false).await
}

impl<S> Debug for PendingRefresh<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingRefresh").field("session", &self.session).finish_non_exhaustive()
    }
}
