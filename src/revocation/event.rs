//! Events for operators.

use std::fmt;

#[cfg(feature = "feeds")]
use crate::revocation::feed::error::FeedError;
use crate::revocation::message::Revocation;
use crate::revocation::target::RevocationKind;

/// An event for operators. `Display` shows the event as a sentence. The sentence names the remedy
/// and never contains a password.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RevocationEvent<'a> {
    /// The memory had no room for this revocation, so this server applied a broader revocation, of
    /// the given kind. The broader revocation rejects all earlier tokens of the subject, or of all
    /// users. Raise [`max_bytes`](crate::revocation::Revocations::max_bytes).
    Widened(&'a Revocation, RevocationKind),
    /// This server removed an expired revocation, and then the wall clock was set back to a time
    /// before the removal. The removed revocation may be needed again, so the server reads all
    /// revocations again. Until it has read them, no token can be checked.
    ClockSetBack,
    /// At least one message in the batch that was just read is malformed, too long, or of a newer
    /// version. Such a message revokes nothing on this server.
    #[cfg(feature = "feeds")]
    Unreadable,
    /// This server has read all revocations in the log.
    #[cfg(feature = "feeds")]
    SnapshotRead,
    /// The log no longer has all messages after the last one that this server read, so the whole
    /// log is read again. Known revocations are kept. This server never learns of messages that
    /// the log dropped before the server read them.
    #[cfg(feature = "feeds")]
    Gap,
    /// This server has read the log before, and the log no longer exists. Known revocations are
    /// kept.
    #[cfg(feature = "feeds")]
    LogMissing,
    /// There was no log, and this server created an empty one. If this is not a new installation,
    /// servers that start from now on never learn of earlier revocations.
    #[cfg(feature = "feeds")]
    LogCreated,
    /// The feed could not be read. Another attempt follows. The first failure is reported
    /// immediately, and later failures at most every 10 seconds.
    #[cfg(feature = "feeds")]
    FeedFailed(&'a FeedError),
    /// The feed is readable again after a reported failure.
    #[cfg(feature = "feeds")]
    FeedRecovered,
    /// The feed has a limitation that operators should know. It is reported once.
    #[cfg(feature = "feeds")]
    FeedWarning(&'a str),
}

impl fmt::Display for RevocationEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Widened(revocation, kind) => {
                let what = match revocation.kind() {
                    RevocationKind::Token => "token",
                    RevocationKind::Session => "session",
                    _ => "name",
                };
                let whose = match kind {
                    RevocationKind::Subject => "of its subject",
                    _ => "of its issuer",
                };
                return write!(
                    f,
                    "no room to revoke one {what}, so all tokens {whose} were revoked: raise \
                     `Revocations::max_bytes`"
                );
            }
            Self::ClockSetBack => "the clock was set back, so all revocations are read again",
            #[cfg(feature = "feeds")]
            Self::Unreadable => {
                "a message in the revocation log cannot be read and revokes nothing: look for a \
                 publisher of a newer version, or with a fault"
            }
            #[cfg(feature = "feeds")]
            Self::SnapshotRead => "all revocations were read",
            #[cfg(feature = "feeds")]
            Self::Gap => "the revocation log was cut off or replaced, so all of it is read again",
            #[cfg(feature = "feeds")]
            Self::LogMissing => {
                "the revocation log is gone: its server has lost it, or is another server than \
                 before; what this process knows stays revoked"
            }
            #[cfg(feature = "feeds")]
            Self::LogCreated => CREATED,
            #[cfg(feature = "feeds")]
            Self::FeedFailed(error) => {
                let error = error.with_causes();
                return write!(
                    f,
                    "the revocation log cannot be read, and tokens are refused with 503 once the data \
                     is stale: {error}"
                );
            }
            #[cfg(feature = "feeds")]
            Self::FeedRecovered => "the revocation log can be read again",
            #[cfg(feature = "feeds")]
            Self::FeedWarning(warning) => warning,
        })
    }
}

#[cfg(feature = "feeds")]
pub(crate) const CREATED: &str = "created an empty revocation log; if this is not a new \
     installation, earlier revocations are lost";

#[cfg(feature = "tracing")]
impl RevocationEvent<'_> {
    pub(crate) fn trace(&self) {
        match self {
            #[cfg(feature = "feeds")]
            Self::SnapshotRead => tracing::debug!("{self}"),
            #[cfg(feature = "feeds")]
            Self::FeedRecovered => tracing::info!("{self}"),
            _ => tracing::warn!("{self}"),
        }
    }
}
