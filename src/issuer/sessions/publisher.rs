//! The publisher, which announces ended sessions so that services reject the access tokens of these
//! sessions.

use std::error::Error;
use std::fmt::{self, Debug};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::UnixTime;
use crate::issuer::sessions::error::{SessionError, SessionErrorKind};
use crate::issuer::sessions::session::Session;
use crate::revocation::Revocation;

type BoxError = Box<dyn Error + Send + Sync>;
type Appending = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

#[cfg(feature = "feeds")]
const TIMEOUT: Duration = Duration::from_secs(3);

/// The minimum time for which a revocation is kept. The configured lifetime of tokens may be too
/// short for this purpose: if it has just been shortened, tokens with the previous, longer lifetime
/// are still valid.
const REMEMBERED: Duration = Duration::from_secs(86_400);

/// The revocation feed. Each call boxes a future. This costs little, since the feed is called only
/// to revoke tokens.
#[derive(Clone)]
pub(crate) struct Publisher {
    append: Arc<dyn Fn(Revocation) -> Appending + Send + Sync>,
    issuer: Arc<str>,
    /// The lifetime of an access token.
    lifetime: Duration,
}

impl Publisher {
    #[cfg(feature = "feeds")]
    pub(crate) fn new(
        feed: impl crate::revocation::RevocationFeed,
        issuer: &str,
        lifetime: Duration,
    ) -> Self {
        let feed = Arc::new(feed);
        create_soon(&feed);
        let append = move |revocation: Revocation| -> Appending {
            let feed = Arc::clone(&feed);
            Box::pin(async move {
                let append = async {
                    match feed.append(&revocation).await {
                        // If a message is too long, the cause is its subject, since identifiers of
                        // sessions and tokens are short. The services do not need the subject, so
                        // publish the message without it.
                        Err(error) if error.kind() == crate::revocation::FeedErrorKind::TooLong => {
                            feed.append(&revocation.without_owner()).await
                        }
                        appended => appended,
                    }
                };
                let limited = tokio::time::timeout(TIMEOUT, append).await;
                Ok(limited.map_err(|_| "the revocation feed did not answer in time")??)
            })
        };
        Self { append: Arc::new(append), issuer: issuer.into(), lifetime }
    }

    /// Revokes the access tokens of a session that has ended. Repeated calls publish the same
    /// message, byte for byte.
    pub(crate) async fn end(&self, session: &Session, now: UnixTime) -> Result<(), SessionError> {
        let ended_at = session.family.ended_at(now);
        let revocation = Revocation::session(session.id().as_str(), self.until(ended_at));
        self.publish(revocation.of_subject(session.subject(), ended_at)).await
    }

    /// Revokes all tokens that were issued to a user before the current second. This call does not
    /// revoke the tokens that were issued during the current second, so that the user can log in
    /// again immediately. The caller must also end the user's sessions. Ending a session revokes
    /// all tokens of that session.
    pub(crate) async fn end_all(&self, subject: &str, now: UnixTime) -> Result<(), SessionError> {
        let now = now.whole_secs();
        let before = now.saturating_sub(Duration::from_secs(1));
        self.publish(Revocation::subject(subject, before).forget_at(self.until(now))).await
    }

    /// Returns the time until which a revocation at `revoked_at` is kept. At that time, every token
    /// that the revocation covers has expired. One second is added, since the revocation also
    /// covers tokens that are issued later in the same second.
    fn until(&self, revoked_at: UnixTime) -> UnixTime {
        let second = Duration::from_secs(1);
        revoked_at.saturating_add(second).saturating_add(self.lifetime.max(REMEMBERED))
    }

    pub(crate) async fn publish(&self, revocation: Revocation) -> Result<(), SessionError> {
        let revocation = revocation.issuer(&*self.issuer);
        (self.append)(revocation)
            .await
            .map_err(|failure| SessionError::caused(SessionErrorKind::Unavailable, failure))
    }
}

impl Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// Creates the log of the feed if it does not exist. Without a log, a service has no revocation
/// data, and a service with read-only access cannot create the log itself. Outside of a tokio
/// runtime, this function does nothing, and the first revocation creates the log.
#[cfg(feature = "feeds")]
fn create_soon<F: crate::revocation::RevocationFeed>(feed: &Arc<F>) {
    const LONGEST_PAUSE: Duration = Duration::from_secs(60);
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
    let feed = Arc::downgrade(feed);
    runtime.spawn(async move {
        let mut pause = Duration::from_secs(1);
        while let Some(feed) = feed.upgrade() {
            let created = tokio::time::timeout(TIMEOUT, feed.create()).await;
            let timed_out = || Err(crate::revocation::FeedErrorKind::TimedOut.into());
            if crate::revocation::report_creation(created.unwrap_or_else(|_| timed_out())) {
                return;
            }
            drop(feed);
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    });
}
