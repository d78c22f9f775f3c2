//! The contract of a feed, and the feeds of this crate.
//!
//! A feed is a durable log of messages, and each message is one revocation. A publisher appends a
//! message, and every server reads every message. A server starts with a snapshot, which contains a
//! position in the log and all messages that have not expired. From then on, the server reads the
//! messages after its position, a few times a second. If the log no longer contains these messages,
//! the feed reports a gap, and the server reads a snapshot again.
//!
//! A feed need not preserve the order of messages, and need not know its readers. A read that
//! begins after an append has returned must find the appended message. If a message is appended
//! again, the log does not change. Reading from a log that does not exist is an error. [`follow`]
//! does the rest: it limits the time of each call, repeats failed calls and reports outages.

pub(crate) mod caught_panics;
pub(crate) mod error;
pub(crate) mod follow;
#[cfg(feature = "postgres")]
pub(crate) mod kept_connection;
pub(crate) mod memory;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "postgres")]
pub(crate) mod postgres_listener;
#[cfg(feature = "redis")]
pub(crate) mod redis;
pub(crate) mod reports;

use std::time::Duration;

use crate::clock::UnixTime;
use crate::revocation::feed::error::{FeedError, FeedErrorKind};
use crate::revocation::message::Revocation;

/// The time for which a feed keeps expired revocations. They are kept because a token may be
/// accepted shortly after its expiry, and because the clocks of a feed and of its readers may
/// differ.
pub(crate) const KEPT_LONGER: Duration = Duration::from_secs(300);

/// A durable log of revocations. Each revocation is published once, and every server reads it.
///
/// The log keeps each message until at least 5 minutes after its
/// [`forgotten_at`](Revocation::forgotten_at), so that a [`snapshot`](Self::snapshot) is complete.
/// A server reads a snapshot once. Then the server calls [`read`](Self::read) for the messages
/// after the snapshot. A feed does not interpret messages. It may return messages in any order, and
/// may return a message more than once.
///
/// One rule matters most: once [`append`](Self::append) has returned, every read that *begins*
/// later returns the message, or [`Gap`](Read::Gap). A replica that lags breaks this rule.
///
/// The callers limit the time of each call, and may drop a call at any moment.
///
/// `revocation::conformance` (feature `test-util`) checks a feed against this description.
pub trait RevocationFeed: Send + Sync + 'static {
    /// Creates an empty log if no log exists, and returns true in that case. An existing log stays
    /// as it is. If several calls create the log at the same time, one of them returns true.
    /// Without a log, reading is an error of kind [`Missing`](FeedErrorKind::Missing), so that a
    /// lost log does not look like an empty one.
    fn create(&self) -> impl Future<Output = Result<bool, FeedError>> + Send;

    /// Publishes [the message](Revocation::to_message). If there is no log, this method creates
    /// one. If the log already contains the message, the log does not change, so that a client
    /// cannot fill the log by repeating a request. Returns an error if the message is too long.
    fn append(&self, revocation: &Revocation)
    -> impl Future<Output = Result<(), FeedError>> + Send;

    /// Reads one part of a snapshot. All parts together contain all revocations that were in the
    /// feed before the first call. Messages that are appended between two calls may be missing. If
    /// `part` is `None`, reads the first part. For each later part, the caller passes
    /// [`next`](Snapshot::next) from the previous part. The feed returns an error if it cannot
    /// continue after the previous part, for example because a different server responds. The
    /// caller then starts again with the first part.
    fn snapshot(
        &self,
        part: Option<String>,
    ) -> impl Future<Output = Result<Snapshot, FeedError>> + Send;

    /// Reads messages that were appended after a position. One call may return only some of them:
    /// see [`Read::Messages`].
    fn read(&self, after: &Position) -> impl Future<Output = Result<Read, FeedError>> + Send;

    /// Waits until the feed announces a new message. May also return when there is no new message.
    /// If a feed cannot announce messages, this method never returns, and the follower reads the
    /// feed at regular intervals.
    fn changed(&self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }

    /// Returns a limitation of the feed that operators should know. Some limitations are detected
    /// only when the feed is read. The limitation is reported once, as
    /// [`FeedWarning`](crate::revocation::RevocationEvent::FeedWarning).
    fn warning(&self) -> Option<&'static str> {
        None
    }
}

/// A position in a log. Only the feed understands its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position(String);

impl Position {
    /// Creates a position from a text that only the feed understands.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text of the position.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One part of a snapshot. The parts together contain all revocations.
///
/// Authors of feeds create values of this type with a struct expression. The struct is exhaustive
/// on purpose: a further field would change the contract that every feed must satisfy.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Messages in JSON.
    pub messages: Vec<String>,
    /// The text to pass to [`RevocationFeed::snapshot`] to read the next part. `None` in the last
    /// part.
    pub next: Option<String>,
    /// The position at the end of the log. The feed must read this position *before* it reads the
    /// messages of the first part. A follower ignores the positions of later parts.
    pub position: Position,
}

/// The result of [`RevocationFeed::read`].
///
/// The enum is exhaustive on purpose: a further variant would change the contract between feeds and
/// their followers.
#[derive(Clone, Debug)]
pub enum Read {
    /// Zero or more messages.
    Messages {
        /// The messages, in JSON.
        messages: Vec<String>,
        /// The position of the last message.
        position: Position,
        /// True if the log already has messages after `position`.
        has_more: bool,
    },
    /// The log no longer has all messages after the requested position, or the position was never
    /// in the log.
    Gap,
}

impl Revocation {
    /// Returns the message that a feed publishes at the time `now`. A revocation without a time
    /// gets the time `now`.
    ///
    /// The message always contains the revocation's time. This matters for a server whose table has
    /// no room for the revocation. That server revokes all tokens of the subject or of the issuer
    /// that were issued until this time. If the server reads the message again later, newer tokens
    /// stay valid, since the time in the message has not changed.
    ///
    /// # Errors
    ///
    /// Fails with [`TooLong`](FeedErrorKind::TooLong) if the message is longer than
    /// [`MAX_MESSAGE_BYTES`](Self::MAX_MESSAGE_BYTES).
    pub fn to_message(&self, now: UnixTime) -> Result<String, FeedError> {
        let published = self.clone().revoked_by(now.whole_secs());
        let message = serde_json::to_string(&published);
        let message = message.map_err(|_| FeedErrorKind::Unpublishable)?;
        if message.len() > Self::MAX_MESSAGE_BYTES {
            return Err(FeedErrorKind::TooLong.into());
        }
        Ok(message)
    }

    /// Reads a message, or returns `None` if the text is not a valid message.
    pub(crate) fn from_message(message: &str) -> Option<Self> {
        let is_short = message.len() <= Self::MAX_MESSAGE_BYTES;
        is_short.then(|| serde_json::from_str(message).ok()).flatten()
    }
}

/// Writes a `tracing` event if a publisher has created the revocation log, or has failed to create
/// it. Returns true if the revocation log exists now. A log that a follower creates is reported as
/// [`RevocationEvent::LogCreated`](crate::revocation::RevocationEvent::LogCreated) instead.
#[cfg(feature = "issuer")]
pub(crate) fn report_creation(created: Result<bool, FeedError>) -> bool {
    #[cfg(feature = "tracing")]
    match &created {
        Ok(true) => tracing::warn!("{}", crate::revocation::event::CREATED),
        Ok(false) => {}
        Err(error) => {
            tracing::warn!("the revocation log cannot be created: {}", error.with_causes());
        }
    }
    created.is_ok()
}
