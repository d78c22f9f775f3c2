//! The reason why tokens cannot be checked for revocation. While there is such a reason, requests
//! with a valid token get the status 503. The reason is computed from the follower's state, which
//! this module also defines.

use std::fmt;
#[cfg(feature = "feeds")]
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(feature = "feeds")]
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

#[cfg(feature = "feeds")]
use crate::revocation::feed::error::FeedErrorKind;

/// The reason why no token can be checked at the moment. `Display` writes the reason without
/// secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevocationOutage {
    pub(crate) age: Option<Duration>,
    pub(crate) kind: RevocationOutageKind,
}

/// The kind of a [`RevocationOutage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RevocationOutageKind {
    /// No feed is followed.
    NotFollowed,
    /// The last call to the feed failed.
    #[cfg(feature = "feeds")]
    FeedFailed(FeedErrorKind),
    /// The feed has not responded in time, but has not reported an error either.
    NoAnswer,
}

impl RevocationOutage {
    /// Returns the kind of the outage.
    pub fn kind(&self) -> RevocationOutageKind {
        self.kind
    }

    /// Returns the age of the revocation data, or `None` if no data has been read yet.
    pub fn age(&self) -> Option<Duration> {
        self.age
    }
}

impl fmt::Display for RevocationOutage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.age {
            None => f.write_str("no revocation data has been read yet: ")?,
            Some(age) => write!(f, "the revocation data is {} seconds old: ", age.as_secs())?,
        }
        match self.kind {
            RevocationOutageKind::NotFollowed => {
                f.write_str("no feed is followed; spawn `revocations.follow(feed).run()`")
            }
            #[cfg(feature = "feeds")]
            RevocationOutageKind::FeedFailed(kind) => kind.fmt(f),
            RevocationOutageKind::NoAnswer => f.write_str("the feed has not answered"),
        }
    }
}

/// The state of the task that follows a feed.
#[cfg(feature = "feeds")]
#[derive(Default)]
pub(crate) struct Follower {
    exists: AtomicBool,
    /// The kind of the error of the last attempt to read the feed. `None` if this attempt
    /// succeeded. A request locks this mutex only during an outage, to describe the outage.
    failure: Mutex<Option<FeedErrorKind>>,
}

#[cfg(feature = "feeds")]
impl Follower {
    /// Records that a task follows a feed. Returns false if another task follows a feed already.
    /// Only one feed may be followed, since a second feed that works would hide an outage of the
    /// first.
    pub(crate) fn starts(&self) -> bool {
        !self.exists.swap(true, Ordering::AcqRel)
    }

    pub(crate) fn stops(&self) {
        self.exists.store(false, Ordering::Release);
    }

    pub(crate) fn attempted(&self, failure: Option<FeedErrorKind>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    pub(crate) fn outage_kind(&self) -> RevocationOutageKind {
        match *self.failure.lock().unwrap_or_else(PoisonError::into_inner) {
            _ if !self.exists.load(Ordering::Acquire) => RevocationOutageKind::NotFollowed,
            Some(kind) => RevocationOutageKind::FeedFailed(kind),
            None => RevocationOutageKind::NoAnswer,
        }
    }
}
