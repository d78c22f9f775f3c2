//! Reasons for a 503.

use std::fmt;
#[cfg(feature = "feeds")]
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(feature = "feeds")]
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

#[cfg(feature = "feeds")]
use crate::revocation::feed::error::FeedErrorKind;

/// The reason why no token can be checked at the moment, as a sentence without secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevocationOutage {
    pub(crate) age: Option<Duration>,
    pub(crate) cause: OutageCause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutageCause {
    /// No `Follow` exists.
    #[cfg_attr(not(feature = "feeds"), expect(dead_code))]
    NotFollowed,
    /// The last call failed.
    #[cfg(feature = "feeds")]
    Failed(FeedErrorKind),
    /// No call has failed.
    Silent,
}

impl RevocationOutage {
    /// Returns the age of the data, or `None` if none has been read yet.
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
        match self.cause {
            OutageCause::NotFollowed => {
                f.write_str("no feed is followed; spawn `revocations.follow(feed).run()`")
            }
            #[cfg(feature = "feeds")]
            OutageCause::Failed(kind) => kind.fmt(f),
            OutageCause::Silent => f.write_str("the feed has not answered"),
        }
    }
}

/// The state of the follower of a feed.
#[cfg(feature = "feeds")]
#[derive(Default)]
pub(crate) struct Follower {
    exists: AtomicBool,
    /// The kind of the error that the last attempt ended with. Never locked while a token is checked.
    failure: Mutex<Option<FeedErrorKind>>,
}

#[cfg(feature = "feeds")]
impl Follower {
    /// Returns true if there was no follower. Of two feeds, one that works would hide that the other is
    /// down.
    pub(crate) fn starts(&self) -> bool {
        !self.exists.swap(true, Ordering::AcqRel)
    }

    pub(crate) fn stops(&self) {
        self.exists.store(false, Ordering::Release);
    }

    pub(crate) fn attempted(&self, failure: Option<FeedErrorKind>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    pub(crate) fn outage_cause(&self) -> OutageCause {
        match *self.failure.lock().unwrap_or_else(PoisonError::into_inner) {
            _ if !self.exists.load(Ordering::Acquire) => OutageCause::NotFollowed,
            Some(kind) => OutageCause::Failed(kind),
            None => OutageCause::Silent,
        }
    }
}
