//! A feed that could not do what it was asked to.

use std::error::Error;
use std::fmt::{self, Debug};

/// A feed that could not do what it was asked to. Nothing is known of the outcome of an append: it
/// may have happened, and doing it again is harmless.
pub struct FeedError {
    kind: FeedErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The kind of a [`FeedError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FeedErrorKind {
    /// The feed could not be reached, or failed.
    Unavailable,
    /// It did not answer in time.
    TimedOut,
    /// Nobody made it yet, or it was lost: whoever publishes calls
    /// [`create`](crate::revocation::RevocationFeed::create).
    Missing,
    /// A replica, which may not have heard of everything.
    Replica,
    /// It panicked, or the clock of the application did.
    Panicked,
    /// A message that is not to be published.
    Unpublishable,
    /// A message of more than
    /// [`MAX_MESSAGE_BYTES`](crate::revocation::Revocation::MAX_MESSAGE_BYTES), which no server would
    /// read: it revokes nothing. Revoke by another, shorter name.
    TooLong,
    /// There is no room for another message: nothing was published, and nothing forgotten.
    Full,
}

impl FeedError {
    /// An error that something else caused.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind: FeedErrorKind::Unavailable, source: Some(source.into()) }
    }

    /// What kind of error this is.
    pub fn kind(&self) -> FeedErrorKind {
        self.kind
    }
}

impl From<FeedErrorKind> for FeedError {
    fn from(kind: FeedErrorKind) -> Self {
        Self { kind, source: None }
    }
}

impl Debug for FeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A database's `Debug` may quote the row.
        let source = self.source.as_ref().map(ToString::to_string);
        f.debug_struct("FeedError").field("kind", &self.kind).field("source", &source).finish()
    }
}

impl fmt::Display for FeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            FeedErrorKind::Unavailable => "the feed of revocations failed",
            FeedErrorKind::TimedOut => "the feed of revocations did not answer in time",
            FeedErrorKind::Missing => "there is no feed of revocations yet: call `create` once",
            FeedErrorKind::Replica => "this is a replica: revocations are read from the primary",
            FeedErrorKind::Panicked => "the feed of revocations panicked",
            FeedErrorKind::Unpublishable => "the revocation cannot be written as a message",
            FeedErrorKind::Full => "the feed of revocations is full",
            FeedErrorKind::TooLong => "the message of the revocation is too long",
        })
    }
}

impl Error for FeedError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
