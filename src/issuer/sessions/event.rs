//! Events in the life of a session.

use crate::issuer::sessions::family::EndCause;
use crate::issuer::sessions::session::Session;

/// An event in the life of a session, told after the store has kept the change: for audit logs, for
/// mails to users, for metrics.
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
    /// a refresh token: tell the user. A session has one such event. If the server stopped before it
    /// called the hook, or its store failed right after that, a theft is told once more when a token of
    /// the session is presented within the next hour.
    Ended(&'a Session, EndCause),
}
