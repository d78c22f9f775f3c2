//! Where revocations come from.

use std::time::Duration;

use crate::clock::UnixTime;
use crate::revocation::feed_error::{FeedError, FeedErrorKind};
use crate::revocation::message::Revocation;

/// For how long a feed keeps what is outlived: a token is accepted a little longer than it says,
/// and the clocks of a feed and of those who read it differ.
pub(crate) const KEPT_LONGER: Duration = Duration::from_secs(300);

/// A durable log of what is revoked: published once, read by every server.
///
/// It keeps each message until at least 5 minutes after its
/// [`forgotten_at`](Revocation::forgotten_at), so that a [`snapshot`](Self::snapshot) is complete. To
/// be up to date, a server takes a snapshot once and then [`reads`](Self::read) what came after it.
/// Messages are text that a feed does not look into, and may come more than once and in any order.
///
/// The rule that everything rests on: once [`append`](Self::append) has returned, every read that
/// *begins* later sees the message, or [`Gap`](Read::Gap). A replica that lags breaks it.
///
/// No method need limit its time: who calls does. A call may be dropped at any moment.
///
/// `revocation::conformance` (feature `test-util`) checks a feed against this description.
pub trait RevocationFeed: Send + Sync + 'static {
    /// Makes the log if there is none, and leaves one that is there as it is. Until somebody did,
    /// reading is an error of the kind [`Missing`](FeedErrorKind::Missing): a log that was lost must
    /// not look like an empty one.
    fn create(&self) -> impl Future<Output = Result<(), FeedError>> + Send;

    /// Publishes [the message](Revocation::to_message), into a new log where there is none: also where
    /// it was lost, which only those notice who have read it before. One that is too long is an error.
    fn append(&self, revocation: &Revocation)
    -> impl Future<Output = Result<(), FeedError>> + Send;

    /// A part of all that is revoked: the first part for `None`, and then those that each names as
    /// its [`next`](Snapshot::next). What is appended meanwhile may be in it or not. Where that name
    /// may mean something else by now, say to another server, it is an error, and all is read from the
    /// start.
    fn snapshot(
        &self,
        part: Option<String>,
    ) -> impl Future<Output = Result<Snapshot, FeedError>> + Send;

    /// What was appended after a position, in parts.
    fn read(&self, after: &Position) -> impl Future<Output = Result<Read, FeedError>> + Send;

    /// Waits until something may have been appended, or for ever: what follows a feed asks from
    /// time to time anyway.
    fn changed(&self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
}

/// A place in a log. What it looks like is the feed's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position(String);

impl Position {
    /// A place that only the feed understands.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text it was made of.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A part of all that is revoked.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Messages in JSON.
    pub messages: Vec<String>,
    /// The next part, or `None` at the end.
    pub next: Option<String>,
    /// Where the log ended *before* the first part was read. Of the first part only: those of the
    /// others are not looked at.
    pub position: Position,
}

/// What came after a position.
#[derive(Clone, Debug)]
pub enum Read {
    /// Some messages, or none.
    Messages {
        /// In JSON.
        messages: Vec<String>,
        /// Where they end.
        position: Position,
        /// Whether there are more already.
        has_more: bool,
    },
    /// The log has no longer, or never had, all that came after that position.
    Gap,
}

impl Revocation {
    /// The message that a feed publishes at this time: what it says, and when that was if it does not
    /// say so. A server without room for it then revokes the same each time that it reads it.
    ///
    /// # Errors
    ///
    /// [`TooLong`](FeedErrorKind::TooLong) for more than
    /// [`MAX_MESSAGE_BYTES`](Self::MAX_MESSAGE_BYTES).
    pub fn to_message(&self, now: UnixTime) -> Result<String, FeedError> {
        let mut published = self.clone();
        published.at.get_or_insert(now.whole_secs());
        let message = serde_json::to_string(&published);
        let message = message.map_err(|_| FeedErrorKind::Unpublishable)?;
        if message.len() > Self::MAX_MESSAGE_BYTES {
            return Err(FeedErrorKind::TooLong.into());
        }
        Ok(message)
    }

    /// What a message says, if it is one.
    pub(crate) fn from_message(message: &str) -> Option<Self> {
        let is_short = message.len() <= Self::MAX_MESSAGE_BYTES;
        is_short.then(|| serde_json::from_str(message).ok()).flatten()
    }
}
