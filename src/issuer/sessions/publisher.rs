//! What ends is revoked first: the access tokens of a session would outlive it otherwise.

use std::error::Error;
use std::fmt::{self, Debug};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::UnixTime;
use crate::issuer::sessions::error::{SessionError, SessionErrorKind};
use crate::issuer::sessions::session::Session;
use crate::revocation::Revocation;

type Failure = Box<dyn Error + Send + Sync>;
type Appending = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

#[cfg(feature = "feeds")]
const TIME_LIMIT: Duration = Duration::from_secs(3);

/// Tokens may live longer that were issued before the lifetime was made shorter.
const REMEMBERED: Duration = Duration::from_secs(86_400);

/// Where revocations go. A future is boxed for each logout, and for nothing else.
#[derive(Clone)]
pub(crate) struct Publisher {
    append: Arc<dyn Fn(Revocation) -> Appending + Send + Sync>,
    issuer: Arc<str>,
    /// How long an access token is valid.
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
        let append = move |revocation: Revocation| -> Appending {
            let feed = Arc::clone(&feed);
            Box::pin(async move {
                let append = async {
                    match feed.append(&revocation).await {
                        // The name of a session is short; that of its user need not be there.
                        Err(error) if error.kind() == crate::revocation::FeedErrorKind::TooLong => {
                            feed.append(&Revocation { owner: None, ..revocation }).await
                        }
                        appended => appended,
                    }
                };
                let limited = tokio::time::timeout(TIME_LIMIT, append).await;
                Ok(limited.map_err(|_| "the revocation feed did not answer in time")??)
            })
        };
        Self { append: Arc::new(append), issuer: issuer.into(), lifetime }
    }

    /// The access tokens of one session.
    pub(crate) async fn end(&self, session: &Session, now: UnixTime) -> Result<(), SessionError> {
        let until = now.saturating_add(self.lifetime.max(REMEMBERED));
        let revocation =
            Revocation::session(session.id().as_str(), until).of_subject(session.subject(), now);
        self.publish(revocation).await
    }

    /// All that a user was issued before this second. What was issued within it is left to the
    /// sessions, of which each is revoked by name: or who logs in again at once would be refused.
    pub(crate) async fn end_all(&self, subject: &str, now: UnixTime) -> Result<(), SessionError> {
        let (at, until) = (
            now.saturating_sub(Duration::from_secs(1)),
            now.saturating_add(self.lifetime.max(REMEMBERED)),
        );
        self.publish(Revocation::subject(subject, at).forget_at(until)).await
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
