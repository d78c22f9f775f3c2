//! The rotation settings.

use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

/// The limit that applies if `max_repeats_at_once` is `None`. In that case, a token that is
/// presented again less than 2 seconds after its exchange has an effect only if the request lists
/// sessions or ends a session by its identifier: the session's last renewal is marked as repeated.
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
    /// A session ends when this many renewals in a row were marked as repeated late. The last
    /// renewal is marked if a used token is presented again, at least 2 seconds after the exchange
    /// of that token.
    pub(crate) max_repeats: u32,
    /// A session also ends when this many renewals in a row were marked as repeated. The last
    /// renewal is marked if a used token is presented again, even less than 2 seconds after the
    /// exchange of that token. If this field is `None`, the limit is [`MAX_LISTS_AT_ONCE`], and a
    /// request within these 2 seconds marks the renewal only if the request lists sessions or ends
    /// a session by its identifier. If `max_repeats` is larger than this limit, `max_repeats`
    /// applies instead.
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
