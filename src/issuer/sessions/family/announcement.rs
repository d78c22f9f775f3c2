//! The progress in announcing the end of a session.

use serde::{Deserialize, Serialize};

/// Progress in telling others that a session has ended: the feed of revocations, and the hook if
/// a token was stolen. The row keeps the progress, so that presenting a token of an ended session
/// again and again publishes nothing more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Announcement {
    /// Not begun, or failed.
    #[default]
    Due,
    /// Some request began at this time, in seconds.
    Begun(i64),
    Done,
}

impl Announcement {
    pub(crate) fn is_due(&self) -> bool {
        *self == Self::Due
    }
}
