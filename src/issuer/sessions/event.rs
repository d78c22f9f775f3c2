//! What happened to a session.

use crate::issuer::sessions::family::EndCause;
use crate::issuer::sessions::session::Session;

/// What happened to a session, told after the store has it: for audit logs, for mails to users,
/// for revoking access tokens.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SessionEvent<'a> {
    /// A user logged in.
    Started(&'a Session),
    /// A refresh token was exchanged.
    Renewed(&'a Session),
    /// A token that had been used within the grace period was answered once more. Now and then that
    /// is a second tab or a lost answer; every time, it may be a thief who keeps the user's pace.
    Repeated(&'a Session),
    /// The session ended before its time. [`EndCause::Reused`] means that somebody has a copy of
    /// a refresh token: tell the user. That one is told again whenever a token of the session is
    /// presented within the hour, in case the first time was lost: the session's name tells.
    Ended(&'a Session, EndCause),
}
