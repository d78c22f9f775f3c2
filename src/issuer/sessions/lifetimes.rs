//! How long things last.

use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

/// How long a session lasts, and for how long a used token is answered again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetimes {
    pub(crate) idle: Duration,
    pub(crate) absolute: Duration,
    pub(crate) grace: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            idle: DAY.saturating_mul(7),
            absolute: DAY.saturating_mul(30),
            grace: Duration::from_secs(10),
        }
    }
}
