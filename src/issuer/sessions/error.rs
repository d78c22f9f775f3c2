//! Errors of sessions.

use std::error::Error;
use std::fmt;

use crate::issuer::sessions::store::StoreError;
use crate::random::NoRandomness;

/// The reason why a session could not be started, renewed or ended.
///
/// A client must not learn the reason of a refusal: answer `invalid_grant` to every error of which
/// [`is_refusal`](Self::is_refusal) is true, and 503 to the others. After a 503 the client may try the
/// same refresh token again: the token is still valid, or was used just now and is answered
/// again during the grace period.
#[derive(Debug)]
pub struct SessionError {
    kind: SessionErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The kind of a [`SessionError`], for logs and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionErrorKind {
    /// The text is not a refresh token, or the store has no such session, or no longer.
    Unknown,
    /// The session was idle for too long, or reached its end.
    Expired,
    /// The session had ended before: by logging out, or because a token was reused.
    Ended,
    /// A used refresh token came back after the grace period, or renewals were repeated too often. The
    /// session has ended now.
    Reused,
    /// The token was used within the grace period, and the call accepts the current token only. It can
    /// still be exchanged.
    Superseded,
    /// The token was issued to another client.
    WrongClient,
    /// The store or the feed of revocations failed. The call may be repeated.
    Unavailable,
    /// The session's data, scopes or names are too large.
    TooLarge,
    /// The session's data cannot be written as JSON.
    Unserializable,
    /// The system's random number generator failed.
    NoRandomness,
}

impl SessionError {
    pub(crate) fn new(kind: SessionErrorKind) -> Self {
        Self { kind, source: None }
    }

    pub(crate) fn unavailable(source: StoreError) -> Self {
        Self::caused(SessionErrorKind::Unavailable, source)
    }

    pub(crate) fn caused(
        kind: SessionErrorKind,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { kind, source: Some(source.into()) }
    }

    /// The kind of this error.
    pub fn kind(&self) -> SessionErrorKind {
        self.kind
    }

    /// Returns true if the token is refused, and false if the server failed.
    pub fn is_refusal(&self) -> bool {
        use SessionErrorKind::{Ended, Expired, Reused, Superseded, Unknown, WrongClient};
        matches!(self.kind, Unknown | Expired | Ended | Reused | Superseded | WrongClient)
    }
}

impl From<NoRandomness> for SessionError {
    fn from(_: NoRandomness) -> Self {
        Self::new(SessionErrorKind::NoRandomness)
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            SessionErrorKind::Unknown => "the refresh token is unknown",
            SessionErrorKind::Expired => "the session has expired",
            SessionErrorKind::Ended => "the session has ended",
            SessionErrorKind::Reused => "the refresh token was used before",
            SessionErrorKind::Superseded => "the refresh token is not the current one",
            SessionErrorKind::WrongClient => "the refresh token is of another client",
            SessionErrorKind::Unavailable => "the session store is unavailable",
            SessionErrorKind::TooLarge => {
                "a session keeps at most 4096 bytes of data, 4096 bytes of scopes and audiences, and \
                 9 KiB in all: keep an identifier instead"
            }
            SessionErrorKind::Unserializable => "the session's data cannot be written as JSON",
            SessionErrorKind::NoRandomness => "the system gave no random bytes",
        })
    }
}

impl Error for SessionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
