//! The age of revocation data.

use std::fmt::{self, Debug};
#[cfg(test)]
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::clock::{TimeSource, UnixTime};
use crate::revocation::table::mark::SLACK;

const NEVER: u64 = u64::MAX;

/// A time in nanoseconds. After both clocks were read, the steady clock is read again only when the
/// wall clock has moved by at least this much, forward or back. Until then, the age of the data is
/// computed from the wall clock alone. This saves time: the caller has already read the wall clock,
/// and reading the steady clock takes as long as looking up a token.
const TRUSTED_FOR: u64 = 10_000_000;

/// A moment, given by the time on the wall clock and the time on the steady clock.
#[derive(Clone, Copy, Debug)]
pub struct AsOf {
    wall: i64,
    steady: u64,
}

/// The age of the revocation data. It is measured with two clocks, and the greater of the two ages
/// is used. The steady clock is never set back, but may stand still while the machine sleeps. The
/// wall clock may be set back.
pub(crate) struct Freshness {
    clock: TimeSource,
    steady: SteadyClock,
    as_of_wall: AtomicI64,
    as_of_steady: AtomicU64,
    /// The time on the wall clock when the wall clock and the steady clock were last read.
    looked_at: AtomicI64,
    /// The time on the wall clock at which the data was current. It is `looked_at` minus the age of
    /// the data. If the wall clock and the steady clock give different ages, the greater age is
    /// used.
    effective: AtomicI64,
    /// A time in nanoseconds. The steady clock is read again only when the wall clock has moved by
    /// at least this much. The value is [`TRUSTED_FOR`] for the system's clock. It is zero for a
    /// custom clock, since such a clock may jump at any time.
    trusted_for: u64,
    /// The time on the wall clock at which an expired revocation was last removed from memory,
    /// minus the tolerance [`SLACK`]. If the wall clock is set back to before this time, the
    /// removed revocation may be needed again, so the data counts as stale.
    forgot_at: AtomicI64,
}

enum SteadyClock {
    Since(Instant),
    #[cfg(test)]
    Manual(Arc<AtomicU64>),
}

impl Default for Freshness {
    fn default() -> Self {
        Self::new(TimeSource::System, SteadyClock::Since(Instant::now()), TRUSTED_FOR)
    }
}

impl Freshness {
    fn new(clock: TimeSource, steady: SteadyClock, trusted_for: u64) -> Self {
        Self {
            clock,
            steady,
            as_of_wall: AtomicI64::new(0),
            as_of_steady: AtomicU64::new(NEVER),
            looked_at: AtomicI64::new(i64::MIN),
            effective: AtomicI64::new(i64::MIN),
            trusted_for,
            forgot_at: AtomicI64::new(i64::MIN),
        }
    }

    /// Records `time` as the latest time at which an expired revocation was removed. If the wall
    /// clock is set back to an earlier time, the removed revocation may be needed again, so the
    /// data counts as stale.
    pub(crate) fn forgot_at(&self, time: UnixTime) {
        self.forgot_at.store(time.saturating_sub(SLACK).as_nanos_i64(), Ordering::Release);
    }

    pub(crate) fn set_clock(&mut self, clock: TimeSource) {
        self.trusted_for = if clock.is_system() { TRUSTED_FOR } else { 0 };
        self.clock = clock;
    }

    #[inline]
    pub(crate) fn clock(&self) -> &TimeSource {
        &self.clock
    }

    #[inline]
    pub(crate) fn moment(&self) -> AsOf {
        AsOf { wall: self.clock.now().as_nanos_i64(), steady: self.steady.nanos() }
    }

    pub(crate) fn set(&self, as_of: AsOf) {
        // A thread that reads between the next two writes sees the new time of the wall clock and
        // the old time of the steady clock. To this thread, the data looks older than it is.
        self.as_of_wall.store(as_of.wall, Ordering::Release);
        self.as_of_steady.store(as_of.steady, Ordering::Release);
        self.looked_at.store(i64::MIN, Ordering::Release);
    }

    pub(crate) fn forget(&self) {
        self.as_of_steady.store(NEVER, Ordering::Release);
    }

    /// Returns the age of the revocation data, or `None` before the first read.
    pub(crate) fn staleness(&self) -> Option<Duration> {
        self.staleness_at(self.clock.now()).map(Duration::from_nanos)
    }

    /// Returns the age of the data at the time `now`, in nanoseconds. The caller must have just
    /// read `now` from the wall clock.
    #[inline]
    pub(crate) fn staleness_at(&self, now: UnixTime) -> Option<u64> {
        let as_of = self.as_of_steady.load(Ordering::Acquire);
        if as_of == NEVER {
            return None;
        }
        let wall = now.as_nanos_i64();
        // `looked_at` may be slightly later than `now`, since a concurrent request may have set it.
        if wall.abs_diff(self.looked_at.load(Ordering::Acquire)) >= self.trusted_for {
            return Some(self.look(wall, as_of));
        }
        Some(since(self.effective.load(Ordering::Acquire), wall))
    }

    fn look(&self, wall: i64, as_of_steady: u64) -> u64 {
        let staleness = if wall < self.forgot_at.load(Ordering::Acquire) {
            NEVER
        } else {
            let by_steady = self.steady.nanos().saturating_sub(as_of_steady);
            by_steady.max(since(self.as_of_wall.load(Ordering::Acquire), wall))
        };
        // Store `effective` first: a reader that sees the new `looked_at` must also see the new
        // `effective`. After this thread has read the clocks, another thread may store newer
        // values. If that happens, this thread overwrites the newer values with older ones, and the
        // data looks older than it is until the clocks are read again.
        self.effective.store(wall.saturating_sub_unsigned(staleness), Ordering::Release);
        self.looked_at.store(wall, Ordering::Release);
        staleness
    }
}

/// Returns the time from `then` to `now`, or zero if `then` is later.
#[inline]
fn since(then: i64, now: i64) -> u64 {
    if then < now { now.abs_diff(then) } else { 0 }
}

impl Debug for Freshness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Freshness").field("staleness", &self.staleness()).finish_non_exhaustive()
    }
}

impl SteadyClock {
    #[inline]
    fn nanos(&self) -> u64 {
        match self {
            Self::Since(start) => {
                let elapsed = start.elapsed();
                let secs = elapsed.as_secs().saturating_mul(1_000_000_000);
                secs.saturating_add(elapsed.subsec_nanos().into())
            }
            #[cfg(test)]
            Self::Manual(nanos) => nanos.load(Ordering::Relaxed),
        }
        .min(NEVER - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, ManualClock};

    const HOUR: Duration = Duration::from_secs(3_600);
    const HOUR_NANOS: u64 = 3_600_000_000_000;

    fn both(trusted_for: u64) -> (ManualClock, Arc<AtomicU64>, Freshness) {
        let wall = ManualClock::new(UnixTime::from_secs(1_700_000_000));
        let steady = Arc::new(AtomicU64::new(0));
        let source = SteadyClock::Manual(Arc::clone(&steady));
        let freshness = Freshness::new(TimeSource::custom(wall.clone()), source, trusted_for);
        (wall, steady, freshness)
    }

    #[test]
    fn the_greater_age_of_both_clocks_counts() {
        let (wall, steady, freshness) = both(0);
        assert_eq!(freshness.staleness(), None);
        freshness.set(freshness.moment());
        assert_eq!(freshness.staleness(), Some(Duration::ZERO));
        // The machine slept. During that time, only the wall clock advanced.
        wall.advance(HOUR);
        assert_eq!(freshness.staleness(), Some(HOUR));
        // The wall clock was set back to a time before 1970. The steady clock advanced.
        wall.set(UnixTime::MIN);
        steady.fetch_add(7, Ordering::Relaxed);
        assert_eq!(freshness.staleness(), Some(Duration::from_nanos(7)));
        wall.set(UnixTime::MAX);
        assert!(freshness.staleness() > Some(HOUR));
        freshness.forget();
        assert_eq!(freshness.staleness(), None);
    }

    #[test]
    fn a_clock_set_back_to_before_a_revocation_was_forgotten_makes_the_data_stale() {
        let (wall, _, freshness) = both(0);
        freshness.set(freshness.moment());
        freshness.forgot_at(wall.now());
        wall.set(UnixTime::from_secs(1_700_000_000 - 60));
        assert_eq!(freshness.staleness(), Some(Duration::ZERO));
        wall.set(UnixTime::from_secs(1_700_000_000 - 61));
        assert!(freshness.staleness() > Some(HOUR));
        freshness.forgot_at(wall.now());
        assert_eq!(freshness.staleness(), Some(Duration::ZERO));
    }

    #[test]
    fn the_wall_clock_alone_is_trusted_for_a_moment_only() {
        let (wall, steady, freshness) = both(TRUSTED_FOR);
        let start = wall.now();
        let after = |nanos| start.saturating_add(Duration::from_nanos(nanos));
        freshness.set(freshness.moment());
        assert_eq!(freshness.staleness_at(start), Some(0));
        // The machine was suspended for an hour. Only the wall clock shows that this hour passed.
        assert_eq!(freshness.staleness_at(start.saturating_add(HOUR)), Some(HOUR_NANOS));
        assert_eq!(freshness.staleness_at(start), Some(0));
        // An hour passed on the steady clock. In that hour, the wall clock was set back by an hour.
        steady.fetch_add(HOUR_NANOS, Ordering::Relaxed);
        assert_eq!(freshness.staleness_at(after(TRUSTED_FOR - 1)), Some(TRUSTED_FOR - 1));
        assert_eq!(freshness.staleness_at(after(TRUSTED_FOR)), Some(HOUR_NANOS));
        // The steady clock showed that an hour passed. From now on, the age is therefore at least
        // an hour, even if the wall clock is set back again.
        assert_eq!(freshness.staleness_at(after(TRUSTED_FOR + 5)), Some(HOUR_NANOS + 5));
        assert_eq!(freshness.staleness_at(start), Some(HOUR_NANOS));
        freshness.set(freshness.moment());
        assert_eq!(freshness.staleness_at(start), Some(0));
    }
}
