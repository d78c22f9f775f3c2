//! The events that the `tracing` feature logs, one for each refusal.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::clock::{Clock, SystemClock};
use crate::rejection::error::{AuthError, AuthErrorKind};

/// The maximum number of events per minute that are logged above DEBUG for one cause.
const LOUD_PER_MINUTE: u64 = 10;

/// The limits on the log events of one layer. Each cause has a separate limit, so that a client
/// that causes many events of one kind does not suppress events of other kinds.
#[derive(Debug, Default)]
pub(crate) struct Events {
    misconfigured: LogLimit,
    internal: LogLimit,
    keys: LogLimit,
    revocation: LogLimit,
    unserializable: LogLimit,
}

/// Limits how many events with the same cause are logged above DEBUG in a minute. Without a limit,
/// a client that can repeat the cause could fill the log.
#[derive(Debug, Default)]
pub(crate) struct LogLimit {
    minute: AtomicI64,
    seen: AtomicU64,
}

/// Permission to log an event above DEBUG.
pub(crate) struct Loud {
    /// The number of events that the limit moved to DEBUG in an earlier minute: the last minute
    /// before this one that had any events. Only the first event of a minute has this number. All
    /// other events have `None`, and so does the first event if the number is zero.
    pub(crate) suppressed: Option<u64>,
}

impl Events {
    /// Logs a refusal. A refusal that the client caused is logged at DEBUG, so that no client can
    /// fill a log at the default level. A server fault is logged at WARN or ERROR, but at most ten
    /// times a minute for each cause. Further faults of that cause are logged at DEBUG until the
    /// minute ends.
    pub(crate) fn refused(&self, error: &AuthError) {
        let code = error.code();
        let limit = match error.kind() {
            AuthErrorKind::Misconfigured => Some(&self.misconfigured),
            AuthErrorKind::InternalError => Some(&self.internal),
            AuthErrorKind::KeysUnavailable => Some(&self.keys),
            AuthErrorKind::RevocationUnavailable => Some(&self.revocation),
            _ => None,
        };
        let Some(Loud { suppressed }) = limit.and_then(LogLimit::admit) else {
            let token_error = error.token_error().map(|error| tracing::field::debug(error.kind()));
            tracing::debug!(code, token_error, reason = %error.reason(), "request refused");
            return;
        };
        if error.retry_after().is_some() {
            tracing::warn!(code, reason = %error.reason(), suppressed, "request refused");
        } else {
            tracing::error!(code, reason = %error.reason(), suppressed, "request refused");
        }
    }

    /// Logs that the value given to `RejectionBody::json` could not be serialized.
    pub(crate) fn unserializable(&self, error: &AuthError) {
        if let Some(Loud { suppressed }) = self.unserializable.admit() {
            let code = error.code();
            tracing::error!(
                code,
                suppressed,
                "the value given to RejectionBody::json cannot be serialized"
            );
        }
    }
}

impl LogLimit {
    /// Counts an event. Returns permission to log the event above DEBUG, or `None` if the limit for
    /// the current minute has been reached.
    pub(crate) fn admit(&self) -> Option<Loud> {
        self.admit_at(SystemClock.now().as_secs())
    }

    fn admit_at(&self, now_secs: i64) -> Option<Loud> {
        let minute = now_secs / 60;
        let mut suppressed = None;
        if self.minute.swap(minute, Ordering::Relaxed) != minute {
            let seen = self.seen.swap(0, Ordering::Relaxed);
            suppressed = seen.checked_sub(LOUD_PER_MINUTE).filter(|suppressed| *suppressed > 0);
        }
        let is_loud = self.seen.fetch_add(1, Ordering::Relaxed) < LOUD_PER_MINUTE;
        is_loud.then_some(Loud { suppressed })
    }
}

/// Warns that a CORS layer is behind `JwtAuth`. The refusals of `JwtAuth` do not pass through the
/// CORS layer, so scripts of other origins cannot read them. A preflight triggers the warning. Any
/// client can send preflights, so the number of warnings per minute is limited.
#[cold]
pub(crate) fn cors_is_behind() {
    static LIMIT: LogLimit = LogLimit { minute: AtomicI64::new(0), seen: AtomicU64::new(0) };
    const SENTENCE: &str = "a CORS layer behind `JwtAuth` answered a preflight: put it in front, as in \
                            `router.layer(auth).layer(cors)`, or no script of another origin can read \
                            a refusal";
    let loud = if tracing::enabled!(tracing::Level::WARN) { LIMIT.admit() } else { None };
    if let Some(Loud { suppressed }) = loud {
        tracing::warn!(suppressed, "{SENTENCE}");
    } else {
        tracing::debug!("{SENTENCE}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loud_events_are_limited_each_minute() {
        let limit = LogLimit::default();
        let admitted = |secs| (0..1_000).filter(|_| limit.admit_at(secs).is_some()).count();
        assert_eq!([admitted(0), admitted(59), admitted(60), admitted(61)], [10, 0, 10, 0]);
    }

    #[test]
    fn the_first_loud_event_of_a_minute_has_the_number_of_suppressed_ones() {
        let limit = LogLimit::default();
        let suppressed = |secs| limit.admit_at(secs).and_then(|loud| loud.suppressed);
        assert_eq!(suppressed(60), None);
        for _ in 0..20 {
            suppressed(61);
        }
        assert_eq!([suppressed(120), suppressed(121)], [Some(11), None]);
        assert_eq!(suppressed(180), None, "a quiet minute suppressed none");
    }
}
