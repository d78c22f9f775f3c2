//! The rotation settings.

use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

/// The limit that applies if `max_repeats_at_once` is `None`. In that case, a token that is
/// presented again within 2 seconds is counted as a repeat only if the request asks to list or end
/// sessions.
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
    /// A session ends when this many renewals in a row have each been repeated. A renewal counts as
    /// repeated if the refresh token that it exchanged is presented again 2 seconds or more after
    /// the renewal.
    pub(crate) max_repeats: u32,
    /// Like `max_repeats`, but a renewal counts as repeated even if its refresh token is presented
    /// again within 2 seconds. If this field is `None`, the limit is [`MAX_LISTS_AT_ONCE`], and a
    /// token that is presented again within 2 seconds counts only if the request asks to list or
    /// end sessions.
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
