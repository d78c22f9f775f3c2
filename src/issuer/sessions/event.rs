//! Session events.

use std::fmt::{self, Debug};

use crate::issuer::sessions::family::EndCause;
use crate::issuer::sessions::session::Session;

/// An event in the life of a session, for audit logs, emails to users and metrics. An event is
/// reported after the store has saved the change.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SessionEvent<'a> {
    /// A user logged in.
    Started(&'a Session),
    /// A refresh token was exchanged.
    Renewed(&'a Session),
    /// A used token was presented again within the grace period. The client got the session's
    /// current token. The cause may be a second tab, a lost response, or a thief who renews at the
    /// same times as the user. If too many renewals in a row have a repeat, the session ends: see
    /// [`max_repeats`](crate::issuer::Sessions::max_repeats) and
    /// [`max_repeats_at_once`](crate::issuer::Sessions::max_repeats_at_once).
    Repeated(&'a Session),
    /// A used refresh token was accepted after the grace period, since its successor had not been
    /// used. Only
    /// [`dangerous_accept_unused_parent`](crate::issuer::Sessions::dangerous_accept_unused_parent)
    /// allows this.
    ParentAccepted(&'a Session),
    /// A request to list sessions, or to end a session by its identifier, presented a used token
    /// within its grace period. The server refused the request. Every such request is reported.
    ///
    /// A thief could list sessions again and again to find out when the user renews the current
    /// token. Therefore such a request counts as a repeat of the session's last renewal, and the
    /// session ends if too many renewals in a row have a repeat. If the token was exchanged at
    /// least 2 seconds before the request, the limit is
    /// [`max_repeats`](crate::issuer::Sessions::max_repeats). Otherwise the limit is
    /// [`max_repeats_at_once`](crate::issuer::Sessions::max_repeats_at_once), or 20 if that limit
    /// is not set, but never less than `max_repeats`.
    Superseded(&'a Session),
    /// The session ended early. [`EndCause::Reused`] means that somebody has a copy of a refresh
    /// token: notify the user.
    ///
    /// This event is normally reported once, when the session ends. An event with
    /// [`EndCause::Reused`] may be reported a second time. Right after the session has ended, the
    /// server may stop, or the store or the revocation feed may fail, so that the end is not fully
    /// recorded. If one of the session's tokens is then presented within an hour of the end, the
    /// event is reported again. If the server stopped before the first report, only the second
    /// report is made.
    Ended(&'a Session, EndCause),
    /// Somebody presented the right credentials, and the routes answered with an error instead of
    /// starting a session. If you notify users of logins, notify them of this event too: the error
    /// for a missing scope or audience reveals that the password is right.
    LoginRefused(&'a RefusedLogin),
}

/// A login that had the right credentials but started no session: see
/// [`SessionEvent::LoginRefused`].
#[derive(Clone)]
pub struct RefusedLogin {
    pub(crate) subject: String,
    pub(crate) reason: String,
}

impl RefusedLogin {
    /// Returns the subject of the grant.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Returns the reason, for example that a cookie would be too long. The reason contains names
    /// and sizes of claims, never their values.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl Debug for RefusedLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // User names do not belong in logs.
        f.debug_struct("RefusedLogin").field("reason", &self.reason).finish_non_exhaustive()
    }
}
