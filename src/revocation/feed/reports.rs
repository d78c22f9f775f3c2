//! Rate-limited reports from a follower to operators.

use std::time::Duration;

use tokio::time::Instant;

use crate::revocation::event::RevocationEvent;
use crate::revocation::feed::error::FeedError;
use crate::revocation::revocations::Revocations;

const FAILURES_EVERY: Duration = Duration::from_secs(10);

/// Reports the events of a feed, without repeating the same report too often.
#[derive(Default)]
pub(crate) struct Reports {
    failure_at: Option<Instant>,
    is_failing: bool,
    has_read_a_log: bool,
    is_missing: bool,
    has_warned: bool,
}

impl Reports {
    /// Reports the outcome of an attempt to use the feed. A failure is reported unless another was
    /// reported within the last 10 seconds. A success is reported only if a failure was reported
    /// before it.
    pub(crate) fn attempted(&mut self, outcome: &Result<(), FeedError>, to: &Revocations) {
        match outcome {
            Ok(()) => {
                if std::mem::take(&mut self.is_failing) {
                    to.tell(&RevocationEvent::FeedRecovered);
                }
            }
            Err(error) => {
                if self.failure_at.is_none_or(|last| last.elapsed() >= FAILURES_EVERY) {
                    self.failure_at = Some(Instant::now());
                    self.is_failing = true;
                    to.tell(&RevocationEvent::FeedFailed(error));
                }
            }
        }
    }

    /// Reports that the log is missing, if this server has read a log before. Further calls report
    /// nothing until the server has read a log again.
    pub(crate) fn found_no_log(&mut self, to: &Revocations) {
        if self.has_read_a_log && !std::mem::replace(&mut self.is_missing, true) {
            to.tell(&RevocationEvent::LogMissing);
        }
    }

    /// Reports that the whole log was read. If the feed has a `warning` about its limitations,
    /// reports the warning too, but only the first time.
    pub(crate) fn read_all(&mut self, warning: Option<&'static str>, to: &Revocations) {
        self.has_read_a_log = true;
        self.is_missing = false;
        to.tell(&RevocationEvent::SnapshotRead);
        if let Some(warning) = warning
            && !std::mem::replace(&mut self.has_warned, true)
        {
            to.tell(&RevocationEvent::FeedWarning(warning));
        }
    }
}
