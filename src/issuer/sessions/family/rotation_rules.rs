//! The rotation settings.

use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

/// The limit that applies if `max_repeats_at_once` is `None`. In that case, a request with a token
/// that was exchanged less than 2 seconds earlier counts as a repeat only if the request lists
/// sessions or ends a session by its identifier.
pub(crate) const MAX_LISTS_AT_ONCE: u32 = 20;

/// The settings that determine how a refresh token is handled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RotationRules {
    /// The time after which a session expires if it is not renewed.
    pub(crate) idle: Duration,
    /// The maximum lifetime of a session. Renewals do not extend it.
    pub(crate) absolute: Duration,
    /// The grace period: the time for which a token is still accepted after its exchange.
    pub(crate) grace: Duration,
    /// A session ends when this many renewals in a row had a late repeat: a request with a used
    /// token, at least 2 seconds after the exchange of that token.
    pub(crate) max_repeats: u32,
    /// A session also ends when this many renewals in a row had a repeat, either late or early. An
    /// early repeat is a request with a token that was exchanged less than 2 seconds earlier. If
    /// this field is `None`, the limit is [`MAX_LISTS_AT_ONCE`], and an early repeat counts only if
    /// the request lists sessions or ends a session by its identifier. If `max_repeats` is larger
    /// than this limit, `max_repeats` applies instead.
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
