//! The settings of rotation.

use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

/// The number of renewals in a row, each of them repeated at once by a list of sessions, after which a
/// session ends.
pub(crate) const MAX_LISTS_AT_ONCE: u32 = 20;

/// The settings that decide about a refresh token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RotationRules {
    /// The lifetime of a session that is not renewed.
    pub(crate) idle: Duration,
    /// The lifetime of a session that is.
    pub(crate) absolute: Duration,
    /// A used token is answered again for this long.
    pub(crate) grace: Duration,
    /// A session ends after this many renewals in a row that were each repeated later than at once.
    pub(crate) max_repeats: u32,
    /// A session ends after this many renewals in a row that were each repeated at any distance. `None`
    /// if a refresh that repeats one at once is not counted. A list of sessions always is, towards
    /// [`MAX_LISTS_AT_ONCE`].
    pub(crate) max_repeats_at_once: Option<u32>,
    /// The token before the leaf is accepted after the grace period too.
    pub(crate) accept_unused_parent: bool,
}

impl Default for RotationRules {
    fn default() -> Self {
        Self {
            idle: DAY.saturating_mul(7),
            absolute: DAY.saturating_mul(30),
            grace: Duration::from_secs(10),
            max_repeats: 5,
            max_repeats_at_once: None,
            accept_unused_parent: false,
        }
    }
}
