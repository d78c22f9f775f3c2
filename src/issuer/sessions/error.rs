//! Why a session could not be started, renewed or ended.

use std::error::Error;
use std::fmt;

use crate::issuer::error::IssueError;
use crate::issuer::sessions::store::StoreError;

/// Why a session could not be started, renewed or ended.
///
/// A client must not learn which: answer `invalid_grant` to whatever
/// [`is_refusal`](Self::is_refusal), and 503 to the rest, after which the same refresh token may
/// be tried again: it is as good as before, or was used just now and is answered for as long as the
/// grace period.
#[derive(Debug)]
pub struct SessionError {
    kind: SessionErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The kind of a [`SessionError`], for logs and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionErrorKind {
    /// Not a refresh token, or one of a session that is not stored, any more or at all.
    Unknown,
    /// The session was idle for too long, or reached its end.
    Expired,
    /// The session was ended before: by logging out, or because a token was reused.
    Ended,
    /// A used refresh token came back after the grace period. The session is ended now.
    Reused,
    /// The token was issued to another client.
    WrongClient,
    /// The store or the feed of revocations failed, and may be asked again.
    Unavailable,
    /// More is to be kept with the session than there is room for.
    TooLarge,
    /// The system's random number generator failed.
    NoRandomness,
}

impl SessionError {
    pub(crate) fn caused(
        kind: SessionErrorKind,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { kind, source: Some(source.into()) }
    }

    /// What kind of error this is.
    pub fn kind(&self) -> SessionErrorKind {
        self.kind
    }

    /// Whether the token is to blame, and not the server.
    pub fn is_refusal(&self) -> bool {
        use SessionErrorKind::{Ended, Expired, Reused, Unknown, WrongClient};
        matches!(self.kind, Unknown | Expired | Ended | Reused | WrongClient)
    }
}

impl From<SessionErrorKind> for SessionError {
    fn from(kind: SessionErrorKind) -> Self {
        Self { kind, source: None }
    }
}

impl From<IssueError> for SessionError {
    /// The only thing about a refresh token that can fail.
    fn from(source: IssueError) -> Self {
        Self::caused(SessionErrorKind::NoRandomness, source)
    }
}

impl From<StoreError> for SessionError {
    fn from(source: StoreError) -> Self {
        Self::caused(SessionErrorKind::Unavailable, source)
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            SessionErrorKind::Unknown => "the refresh token is unknown",
            SessionErrorKind::Expired => "the session has expired",
            SessionErrorKind::Ended => "the session has ended",
            SessionErrorKind::Reused => "the refresh token was used before",
            SessionErrorKind::WrongClient => "the refresh token is of another client",
            SessionErrorKind::Unavailable => "the session store is unavailable",
            SessionErrorKind::TooLarge => {
                "a session keeps at most 4096 bytes of data, and of scopes and audiences: keep an \
                 identifier instead"
            }
            SessionErrorKind::NoRandomness => "the system gave no random bytes",
        })
    }
}

impl Error for SessionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
