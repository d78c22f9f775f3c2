//! The settings of rotation.

use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

/// The number of renewals in a row after which a session ends if each of them was repeated within 2
/// seconds by a request for the list of sessions.
pub(crate) const MAX_LISTS_AT_ONCE: u32 = 20;

/// The settings that determine how a refresh token is handled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RotationRules {
    /// The lifetime of a session that is not renewed.
    pub(crate) idle: Duration,
    /// The lifetime of a session that is renewed.
    pub(crate) absolute: Duration,
    /// The time for which a used token can be exchanged again.
    pub(crate) grace: Duration,
    /// The number of renewals in a row that ends a session if each of them was repeated 2 seconds
    /// or more after the use.
    pub(crate) max_repeats: u32,
    /// The number of renewals in a row that ends a session if each of them was repeated at any
    /// time. `None` if a refresh within 2 seconds of another does not count. A request for the list
    /// of sessions always counts, towards [`MAX_LISTS_AT_ONCE`].
    pub(crate) max_repeats_at_once: Option<u32>,
    /// True if the token before the leaf is accepted even after the grace period.
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
