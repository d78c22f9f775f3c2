//! The progress in announcing the end of a session.

use serde::{Deserialize, Serialize};

/// The progress in announcing the end of a session to the feed of revocations, and to the hook if a
/// token was stolen. The row contains the progress, so that a token of an ended session publishes
/// nothing more, however often it is presented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Announcement {
    /// The announcement has not begun, or has failed.
    #[default]
    Due,
    /// A request began the announcement at this time, in seconds.
    Begun(i64),
    Done,
}

impl Announcement {
    pub(crate) fn is_due(&self) -> bool {
        *self == Self::Due
    }
}
