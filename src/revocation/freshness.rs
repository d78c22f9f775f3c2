//! How old what is known is.

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::clock::{Clock, SystemClock, UnixTime};

const NEVER: u64 = u64::MAX;

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
}

enum Steady {
    Since(Instant),
    #[cfg(test)]
    Manual(Arc<AtomicU64>),
}

impl Default for Freshness {
    fn default() -> Self {
        Self::new(Arc::new(SystemClock), Steady::Since(Instant::now()))
    }
}

impl Freshness {
    fn new(clock: Arc<dyn Clock>, steady: Steady) -> Self {
        let as_of_steady = AtomicU64::new(NEVER);
        Self { clock, steady, as_of_wall: AtomicI64::new(0), as_of_steady }
    }

    pub(crate) fn with_clock(&mut self, clock: impl Clock) {
        self.clock = Arc::new(clock);
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
        let now = self.moment();
        let by_wall = now.wall.saturating_sub(self.as_of_wall.load(Ordering::Acquire));
        let by_wall = u64::try_from(by_wall).unwrap_or(0);
        Some(by_wall.max(now.steady.saturating_sub(as_of)))
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
                secs.saturating_add(elapsed.subsec_nanos().into())
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

    fn both() -> (ManualClock, Arc<AtomicU64>, Freshness) {
        let wall = ManualClock::new(UnixTime::from_secs(1_700_000_000));
        let steady = Arc::new(AtomicU64::new(5));
        let source = Steady::Manual(Arc::clone(&steady));
        let freshness = Freshness::new(Arc::new(wall.clone()), source);
        (wall, steady, freshness)
    }

    #[test]
    fn the_clock_that_says_older_is_believed() {
        let (wall, steady, freshness) = both();
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
}
