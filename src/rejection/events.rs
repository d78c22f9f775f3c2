//! The events of the feature `tracing`, one for each refusal.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::clock::{Clock, SystemClock};
use crate::rejection::error::{AuthError, AuthErrorKind};

/// The number of events per minute that may be louder than DEBUG.
const LOUD_PER_MINUTE: u64 = 10;

/// Limits the events of one layer or of one set of auth routes, since any client can cause some of
/// them.
#[derive(Debug, Default)]
pub(crate) struct Events {
    minute: AtomicI64,
    loud: AtomicU64,
}

impl Events {
    /// Logs a refusal. A refusal that the client caused is at DEBUG, so that no client can fill a
    /// log at the default level. A fault of the server is at WARN or ERROR, ten times a minute, and
    /// at DEBUG beyond that.
    pub(crate) fn refused(&self, error: &AuthError) {
        let code = error.code();
        match error.kind() {
            AuthErrorKind::Misconfigured | AuthErrorKind::InternalError if self.may_be_loud() => {
                tracing::error!(code, reason = %error.reason(), "request refused");
            }
            AuthErrorKind::RevocationUnavailable if self.may_be_loud() => {
                tracing::warn!(code, reason = %error.reason(), "request refused");
            }
            _ => {
                let token_error =
                    error.token_error().map(|error| tracing::field::debug(error.kind()));
                tracing::debug!(code, token_error, reason = %error.reason(), "request refused");
            }
        }
    }

    /// Logs that the application's own body could not be serialized.
    pub(crate) fn unserializable(&self, error: &AuthError) {
        if self.may_be_loud() {
            let code = error.code();
            tracing::error!(code, "the value given to RejectionBody::json cannot be serialized");
        }
    }

    /// Counts an event above DEBUG, and returns true if the limit allows it.
    pub(crate) fn may_be_loud(&self) -> bool {
        self.admits(SystemClock.now().as_secs())
    }

    fn admits(&self, now_secs: i64) -> bool {
        let minute = now_secs / 60;
        if self.minute.swap(minute, Ordering::Relaxed) != minute {
            self.loud.store(0, Ordering::Relaxed);
        }
        self.loud.fetch_add(1, Ordering::Relaxed) < LOUD_PER_MINUTE
    }
}

/// Warns of a CORS layer behind `JwtAuth`. Refusals do not pass through that layer, so scripts of
/// other origins cannot read them. Any client can send preflights, so these warnings are limited
/// too.
#[cold]
pub(crate) fn cors_is_behind() {
    static EVENTS: Events = Events { minute: AtomicI64::new(0), loud: AtomicU64::new(0) };
    const SENTENCE: &str = "a CORS layer behind `JwtAuth` answered a preflight: put it in front, as in \
                            `router.layer(auth).layer(cors)`, or no script of another origin can read \
                            a refusal";
    if tracing::enabled!(tracing::Level::WARN) && EVENTS.may_be_loud() {
        tracing::warn!("{SENTENCE}");
    } else {
        tracing::debug!("{SENTENCE}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loud_events_are_limited_each_minute() {
        let events = Events::default();
        let admitted = |secs| (0..1_000).filter(|_| events.admits(secs)).count();
        assert_eq!([admitted(0), admitted(59), admitted(60), admitted(61)], [10, 0, 10, 0]);
    }
}
