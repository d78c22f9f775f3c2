//! How old what is known is.

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::clock::{Clock, SystemClock, UnixTime};
use crate::revocation::mark::SLACK;

const NEVER: u64 = u64::MAX;

/// How long the wall's clock is not looked at again: reading one costs as much as a look-up. So
/// after a sleep of the machine, what is too old is noticed this much later.
const TRUSTED_FOR: u64 = 10_000_000;

/// A moment on both clocks.
#[derive(Clone, Copy, Debug)]
pub struct AsOf {
    wall: i64,
    steady: u64,
}

/// Two clocks, and the older of what they say: the one that is never set back may stand still
/// while the machine sleeps, and the other may be set back.
pub(crate) struct Freshness {
    clock: Arc<dyn Clock>,
    steady: Steady,
    as_of_wall: AtomicI64,
    as_of_steady: AtomicU64,
    /// When the wall's clock was looked at last, by the other one.
    looked_at: AtomicU64,
    /// By how much it said more than the other one.
    surplus: AtomicU64,
    trusted_for: u64,
    /// Before this time on the wall's clock, something that was forgotten may be needed again.
    forgot_at: AtomicI64,
}

enum Steady {
    Since(Instant),
    #[cfg(test)]
    Manual(Arc<AtomicU64>),
}

impl Default for Freshness {
    fn default() -> Self {
        Self::new(Arc::new(SystemClock), Steady::Since(Instant::now()), TRUSTED_FOR)
    }
}

impl Freshness {
    fn new(clock: Arc<dyn Clock>, steady: Steady, trusted_for: u64) -> Self {
        Self {
            clock,
            steady,
            as_of_wall: AtomicI64::new(0),
            as_of_steady: AtomicU64::new(NEVER),
            looked_at: AtomicU64::new(0),
            surplus: AtomicU64::new(0),
            trusted_for,
            forgot_at: AtomicI64::new(i64::MIN),
        }
    }

    /// Makes everything stale while the wall's clock is set back to before this time.
    pub(crate) fn forgot_at(&self, time: UnixTime) {
        self.forgot_at.store(nanos(time.saturating_sub(SLACK)), Ordering::Release);
    }

    pub(crate) fn with_clock(&mut self, clock: impl Clock) {
        self.clock = Arc::new(clock);
        // It may move as it likes.
        self.trusted_for = 0;
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.clock.now()
    }

    #[inline]
    pub(crate) fn moment(&self) -> AsOf {
        AsOf { wall: nanos(self.clock.now()), steady: self.steady.nanos() }
    }

    pub(crate) fn set(&self, as_of: AsOf) {
        // A reader between the two sees one old value and takes what is known for older than it is.
        self.as_of_wall.store(as_of.wall, Ordering::Release);
        self.as_of_steady.store(as_of.steady, Ordering::Release);
        self.looked_at.store(0, Ordering::Release);
    }

    pub(crate) fn forget(&self) {
        self.as_of_steady.store(NEVER, Ordering::Release);
    }

    /// `None` before anything is known.
    pub(crate) fn staleness(&self) -> Option<Duration> {
        self.staleness_nanos().map(Duration::from_nanos)
    }

    #[inline]
    pub(crate) fn staleness_nanos(&self) -> Option<u64> {
        let as_of = self.as_of_steady.load(Ordering::Acquire);
        if as_of == NEVER {
            return None;
        }
        let steady = self.steady.nanos();
        let by_steady = steady.saturating_sub(as_of);
        let since = steady.saturating_sub(self.looked_at.load(Ordering::Acquire));
        if since >= self.trusted_for {
            return Some(self.look(steady, by_steady));
        }
        Some(by_steady.saturating_add(self.surplus.load(Ordering::Acquire)))
    }

    fn look(&self, steady: u64, by_steady: u64) -> u64 {
        let wall = nanos(self.clock.now());
        if wall < self.forgot_at.load(Ordering::Acquire) {
            // Not for as long as the answer is trusted: whoever follows will know in a moment.
            self.surplus.store(NEVER, Ordering::Release);
            self.looked_at.store(steady, Ordering::Release);
            return NEVER;
        }
        let by_wall = wall.saturating_sub(self.as_of_wall.load(Ordering::Acquire));
        let by_wall = u64::try_from(by_wall).unwrap_or(0);
        let surplus = by_wall.saturating_sub(by_steady);
        self.surplus.store(surplus, Ordering::Release);
        self.looked_at.store(steady, Ordering::Release);
        by_steady.saturating_add(surplus)
    }
}

impl Debug for Freshness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Freshness").field("staleness", &self.staleness()).finish_non_exhaustive()
    }
}

impl Steady {
    #[inline]
    fn nanos(&self) -> u64 {
        match self {
            Self::Since(start) => {
                let elapsed = start.elapsed();
                let secs = elapsed.as_secs().saturating_mul(1_000_000_000);
                let nanos = secs.saturating_add(elapsed.subsec_nanos().into());
                // So that zero is long ago.
                nanos.saturating_add(TRUSTED_FOR)
            }
            #[cfg(test)]
            Self::Manual(nanos) => nanos.load(Ordering::Relaxed),
        }
        .min(NEVER - 1)
    }
}

#[inline]
fn nanos(time: UnixTime) -> i64 {
    let nanos = time.as_nanos();
    i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn both(trusted_for: u64) -> (ManualClock, Arc<AtomicU64>, Freshness) {
        let wall = ManualClock::new(UnixTime::from_secs(1_700_000_000));
        let steady = Arc::new(AtomicU64::new(2 * TRUSTED_FOR));
        let source = Steady::Manual(Arc::clone(&steady));
        let freshness = Freshness::new(Arc::new(wall.clone()), source, trusted_for);
        (wall, steady, freshness)
    }

    #[test]
    fn the_clock_that_says_older_is_believed() {
        let (wall, steady, freshness) = both(0);
        assert_eq!(freshness.staleness(), None);
        freshness.set(freshness.moment());
        assert_eq!(freshness.staleness(), Some(Duration::ZERO));
        // The machine slept: only the wall's clock went on.
        wall.advance(HOUR);
        assert_eq!(freshness.staleness(), Some(HOUR));
        // The wall's clock was set back, to before 1970 even: the other one went on.
        wall.set(UnixTime::from_nanos(i128::MIN));
        steady.fetch_add(7, Ordering::Relaxed);
        assert_eq!(freshness.staleness(), Some(Duration::from_nanos(7)));
        wall.set(UnixTime::from_secs(u64::MAX));
        assert!(freshness.staleness() > Some(HOUR));
        freshness.forget();
        assert_eq!(freshness.staleness(), None);
    }

    #[test]
    fn a_clock_set_back_to_before_something_was_forgotten_makes_all_stale() {
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
    fn a_machine_that_slept_is_noticed_in_a_moment_and_so_are_news() {
        let (wall, steady, freshness) = both(TRUSTED_FOR);
        freshness.set(freshness.moment());
        assert_eq!(freshness.staleness(), Some(Duration::ZERO));
        wall.advance(HOUR);
        steady.fetch_add(TRUSTED_FOR - 1, Ordering::Relaxed);
        assert_eq!(freshness.staleness(), Some(Duration::from_nanos(TRUSTED_FOR - 1)));
        steady.fetch_add(1, Ordering::Relaxed);
        assert_eq!(freshness.staleness(), Some(HOUR));
        // And it stays so, until there is news.
        steady.fetch_add(5, Ordering::Relaxed);
        assert_eq!(freshness.staleness(), Some(HOUR + Duration::from_nanos(5)));
        freshness.set(freshness.moment());
        assert_eq!(freshness.staleness(), Some(Duration::ZERO));
    }
}
