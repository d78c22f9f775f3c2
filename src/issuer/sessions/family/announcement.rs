//! The progress of announcing a session's end to the revocation feed and to the application.

use serde::{Deserialize, Serialize};

/// The progress of announcing a session's end. The end is announced to the revocation feed. If a
/// token was stolen, the end is also announced to the application's hook. The progress is stored
/// with the session. Without it, the end would be announced each time one of the session's tokens
/// is presented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Announcement {
    /// The announcement has not begun, or has failed.
    #[default]
    Due,
    /// A request has begun the announcement, but it is not recorded as done yet. The field is the
    /// time at which the request began the announcement, in seconds since 1970.
    Begun(i64),
    Done,
}

impl Announcement {
    pub(crate) fn is_due(&self) -> bool {
        *self == Self::Due
    }
}
