//! The rotation settings.

use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

/// The limit that applies if `max_repeats_at_once` is `None`. In this case, a second renewal
/// with the same token is not counted if it comes within 2 seconds of the first renewal. A request
/// for the list of sessions is counted even then.
pub(crate) const MAX_LISTS_AT_ONCE: u32 = 20;

/// The settings that determine how a refresh token is handled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RotationRules {
    /// The time after which a session expires if it is not renewed.
    pub(crate) idle: Duration,
    /// The maximum lifetime of a session. Renewals do not extend it.
    pub(crate) absolute: Duration,
    /// The time for which a used token can be exchanged again.
    pub(crate) grace: Duration,
    /// A session ends when this many consecutive renewals have been repeated. A renewal counts as
    /// repeated if the refresh token that it exchanged is presented again 2 seconds or more after
    /// the renewal.
    pub(crate) max_repeats: u32,
    /// Like `max_repeats`, but a renewal also counts as repeated if the token that it exchanged is
    /// presented again less than 2 seconds after the renewal. If this field is `None`, the limit is
    /// [`MAX_LISTS_AT_ONCE`]. In this case, a renewal with the used token in these 2 seconds does
    /// not count, but a request for the list of sessions does.
    pub(crate) max_repeats_at_once: Option<u32>,
    /// True if the previous token is accepted even after the grace period, as long as the current
    /// token was never used.
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
