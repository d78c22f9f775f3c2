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
    /// The session ended before its time. [`EndCause::Reused`] means that somebody has a copy of
    /// a refresh token: tell the user.
    Ended(&'a Session, EndCause),
}
