//! The progress of announcing the end of a session.

use serde::{Deserialize, Serialize};

/// The progress of announcing a session's end to the revocation feed, and to the hook if a token
/// was stolen. The row contains the progress, so that an ended session is not announced again each
/// time one of its tokens is presented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Announcement {
    /// The announcement has not begun, or has failed.
    #[default]
    Due,
    /// A request started the announcement at this time, in seconds, and has not confirmed it yet.
    Begun(i64),
    Done,
}

impl Announcement {
    pub(crate) fn is_due(&self) -> bool {
        *self == Self::Due
    }
}
