//! Errors of a feed.

use std::error::Error;
use std::fmt::{self, Debug};

/// The error of a call to a feed. If an append fails, the message may still have been published.
/// Appending it again is harmless.
///
/// Authors of feeds create the error from a cause with [`new`](Self::new), from a [`FeedErrorKind`]
/// with `From`, or from both with [`caused`](Self::caused).
pub struct FeedError {
    kind: FeedErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The kind of a [`FeedError`]. `Display` shows the kind as a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FeedErrorKind {
    /// The feed could not be reached, or failed.
    Unavailable,
    /// The feed did not respond in time.
    TimedOut,
    /// There is no log: nobody has created it yet, or it was lost.
    Missing,
    /// The server requires a password, rejects the password in the URL, or denies a permission.
    Denied,
    /// The server accepts no writes, or is a replica. A replica may lag behind its primary.
    Replica,
    /// The feed or the application's clock panicked.
    Panicked,
    /// The message cannot be published.
    Unpublishable,
    /// The message is longer than
    /// [`MAX_MESSAGE_BYTES`](crate::revocation::Revocation::MAX_MESSAGE_BYTES). No server would
    /// read the message, so it would revoke nothing. Revoke the tokens by another value that is
    /// shorter, for example by their session instead of their subject.
    TooLong,
    /// There is no room for another message. Nothing was published, and no earlier message was
    /// dropped.
    Full,
}

impl FeedError {
    /// Creates an error of kind [`Unavailable`](FeedErrorKind::Unavailable) with this cause. The
    /// `Display` of the cause must not contain a password.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::caused(FeedErrorKind::Unavailable, source)
    }

    /// Creates an error with this kind and this cause. The `Display` of the cause must not contain
    /// a password.
    pub fn caused(kind: FeedErrorKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, source: Some(source.into()) }
    }

    /// Returns the kind of the error.
    pub fn kind(&self) -> FeedErrorKind {
        self.kind
    }

    /// Returns the error with its causes, in one sentence.
    pub(crate) fn with_causes(&self) -> String {
        let mut last = self.to_string();
        let mut sentence = last.clone();
        let mut source = self.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // Some errors already contain the text of their cause, so do not repeat it.
            if !last.ends_with(&text) {
                sentence.push_str(": ");
                sentence.push_str(&text);
            }
            last = text;
            source = cause.source();
        }
        sentence
    }
}

/// Creates an error without a cause.
impl From<FeedErrorKind> for FeedError {
    fn from(kind: FeedErrorKind) -> Self {
        Self { kind, source: None }
    }
}

impl Debug for FeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The `Debug` output of a database error may quote stored data, so show only its `Display`
        // text.
        let source = self.source.as_ref().map(ToString::to_string);
        f.debug_struct("FeedError").field("kind", &self.kind).field("source", &source).finish()
    }
}

impl fmt::Display for FeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.kind, f)
    }
}

impl fmt::Display for FeedErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unavailable => "the revocation feed failed",
            Self::TimedOut => "the revocation feed did not answer in time",
            Self::Missing => "there is no revocation log",
            Self::Denied => "the revocation feed denies access",
            Self::Replica => "the server of the revocation feed is a replica or read-only",
            Self::Panicked => "the revocation feed panicked",
            Self::Unpublishable => "the revocation cannot be written as a message",
            Self::TooLong => "the message of the revocation is too long",
            Self::Full => "the revocation feed is full",
        })
    }
}

impl Error for FeedError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error that contains the text of its cause.
    #[derive(Debug)]
    struct Wrapping(std::io::Error);

    impl fmt::Display for Wrapping {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "cannot connect: {}", self.0)
        }
    }

    impl Error for Wrapping {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn a_cause_that_is_in_the_text_already_is_not_repeated() {
        let text = |error: FeedError| error.with_causes();
        let cause = || std::io::Error::other("refused");
        assert!(text(FeedError::new(cause())).ends_with(": refused"));
        let wrapped = text(FeedError::new(Wrapping(cause())));
        assert!(wrapped.ends_with(": cannot connect: refused"), "{wrapped}");
    }
}
