//! What an operator should hear of.

#[cfg(feature = "feeds")]
use crate::revocation::feed_error::FeedError;
use crate::revocation::message::{Revocation, RevocationKind};

/// What an operator should hear of.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RevocationEvent<'a> {
    /// There was no room for an entry, so that more than it names was revoked: everything that its
    /// subject had, or everyone had. Raise [`max_bytes`](crate::revocation::Revocations::max_bytes).
    Widened(&'a Revocation, RevocationKind),
    /// The wall's clock was set back so far that what was forgotten may be needed again: all is
    /// read anew, and until then the state counts as unknown.
    ClockSetBack,
    /// A message that is none: of a newer version, too long, or of a publisher with a fault. What it
    /// revokes is not revoked here.
    #[cfg(feature = "feeds")]
    Unreadable,
    /// All that is revoked was read.
    #[cfg(feature = "feeds")]
    SnapshotRead,
    /// The feed lost what came after the last that was read, and all is read anew. What was known
    /// stays revoked; what the feed lost before anyone read it is lost.
    #[cfg(feature = "feeds")]
    Gap,
    /// The feed could not be read: it is tried again.
    #[cfg(feature = "feeds")]
    FeedFailed(&'a FeedError),
}
