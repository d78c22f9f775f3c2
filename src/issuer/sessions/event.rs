//! Events in the life of a session.

use std::fmt::{self, Debug};

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
    /// A token that had been used within the grace period was answered again: by a second tab, after
    /// a lost answer, or for a thief who keeps the user's pace. Too many renewals in a row that are
    /// repeated end the session: see [`max_repeats`](crate::issuer::Sessions::max_repeats) and
    /// [`max_repeats_at_once`](crate::issuer::Sessions::max_repeats_at_once).
    Repeated(&'a Session),
    /// A token was accepted after the grace period, since its successor had not been used:
    /// [`dangerous_accept_unused_parent`](crate::issuer::Sessions::dangerous_accept_unused_parent).
    ParentAccepted(&'a Session),
    /// A token that had been used within the grace period was presented to see or to end sessions, and
    /// refused. It counts as a repeat of the renewal: a thief could find out in this way when the user
    /// renews. A use within 2 seconds of the renewal counts towards a limit of 20
    /// renewals in a row. Told at each presentation.
    Superseded(&'a Session),
    /// The session ended before its time. [`EndCause::Reused`] means that somebody has a copy of
    /// a refresh token: tell the user. A session has one such event. If the server stopped before it
    /// called the hook, or its store failed right after that, a theft is reported once more when a token of
    /// the session is presented within the next hour.
    Ended(&'a Session, EndCause),
    /// Somebody presented the right credentials, and the routes answered with an error instead of
    /// starting a session. Treat this as a login where you notify users of logins: a request for a
    /// scope or an audience that the account lacks tells a right password from a wrong one.
    LoginRefused(&'a RefusedLogin),
}

/// A login with the right credentials that started no session: see
/// [`SessionEvent::LoginRefused`].
#[derive(Clone)]
pub struct RefusedLogin {
    pub(crate) subject: String,
    pub(crate) reason: String,
}

impl RefusedLogin {
    /// The subject of the grant.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The reason, such as "the cookie `__Host-cart_token` has 5012 bytes and may have 4096". It
    /// names claims and sizes, never the values of claims.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl Debug for RefusedLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names of users do not belong in logs.
        f.debug_struct("RefusedLogin").field("reason", &self.reason).finish_non_exhaustive()
    }
}
