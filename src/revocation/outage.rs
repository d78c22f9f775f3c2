//! Reasons for a 503.

use std::fmt;

#[cfg(feature = "feeds")]
use crate::revocation::feed_error::FeedErrorKind;

/// The reason why no token can be checked at the moment, as a sentence without secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevocationOutage {
    pub(crate) is_first: bool,
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
    /// Returns true if revocations have never been read, and false if they are stale.
    pub fn is_before_first_read(&self) -> bool {
        self.is_first
    }
}

impl fmt::Display for RevocationOutage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_first {
            "revocations have not been read yet: "
        } else {
            "revocation data is stale: "
        })?;
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
