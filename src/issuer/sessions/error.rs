//! Session errors.

use std::error::Error;
use std::fmt;

use crate::issuer::sessions::store::{StoreError, StoreErrorKind};
use crate::random::NoRandomness;

/// An error that occurred while a session was started, renewed or ended.
///
/// A client must not learn why a token is rejected. If [`is_refusal`](Self::is_refusal) returns
/// true, respond with `invalid_grant`. Respond to all other errors with 503. After a 503, the
/// client can present the same refresh token again. If the failed request did not use the token,
/// the token is still valid. If the failed request did use it, the client gets the session's
/// current token until the grace period ends.
#[derive(Debug)]
pub struct SessionError {
    kind: SessionErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The kind of a [`SessionError`], for logs and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionErrorKind {
    /// The text is not a refresh token, or the store does not contain its session. An old session
    /// may have been deleted.
    Unknown,
    /// Too much time has passed since the session was last renewed, or the session has reached its
    /// maximum lifetime.
    Expired,
    /// The session had ended earlier, by a logout or because a token was reused.
    Ended,
    /// A used refresh token was presented after the grace period, or, for too many renewals in a
    /// row, the used token was presented [again](crate::issuer::Sessions::max_repeats). The session
    /// has ended because of this.
    Reused,
    /// A used refresh token was presented within the grace period, but the call accepts only the
    /// current token. The used token can still be exchanged.
    Superseded,
    /// The token was issued to another client.
    WrongClient,
    /// The store or the revocation feed failed. The call can be retried.
    Unavailable,
    /// Something in the session is too large: its data, the names of its scopes, audiences and
    /// client, or the tokens of an identity provider.
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

    /// Returns the kind of the error.
    pub fn kind(&self) -> SessionErrorKind {
        self.kind
    }

    /// Returns true if the store has no room for another session.
    pub(crate) fn is_full(&self) -> bool {
        let store_error =
            self.source.as_ref().and_then(|source| source.downcast_ref::<StoreError>());
        store_error.is_some_and(|error| error.kind() == StoreErrorKind::Full)
    }

    /// Returns true if the error means that the refresh token is rejected, and false for every
    /// other error.
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
                 9 KiB in all, with the account at another provider and its tokens: keep an \
                 identifier instead"
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
