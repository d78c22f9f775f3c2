//! A stopwatch that leaves out the time for which a busy machine stalls this process.

use std::sync::{Mutex, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The interval at which a background thread records a beat. If a beat is late, the machine has
/// stalled this process.
const BEAT: Duration = Duration::from_millis(5);

/// The time at which the background thread recorded its last beat, and the total delay of all its
/// beats.
static HEART: Mutex<Option<(Instant, Duration)>> = Mutex::new(None);

/// Measures elapsed time, but does not count the time for which the machine stalled this process.
/// Tests can therefore check time limits even on a machine that stalls processes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch {
    start: Instant,
    delays: Duration,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self { start: Instant::now(), delays: delays() }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed().saturating_sub(self.stalls())
    }

    /// Returns the total time for which this process was stalled since the stopwatch was started.
    pub(crate) fn stalls(&self) -> Duration {
        delays() - self.delays
    }
}

fn delays() -> Duration {
    static BEATS: Once = Once::new();
    BEATS.call_once(|| {
        beat();
        thread::spawn(|| {
            loop {
                thread::sleep(BEAT);
                beat();
            }
        });
    });
    let heart = HEART.lock().unwrap_or_else(PoisonError::into_inner);
    // If the next beat of the background thread is overdue, the delay so far is included.
    heart.map_or(Duration::ZERO, |(last, delays)| delays + delay(last))
}

fn beat() {
    let mut heart = HEART.lock().unwrap_or_else(PoisonError::into_inner);
    let delays = heart.map_or(Duration::ZERO, |(last, delays)| delays + delay(last));
    *heart = Some((Instant::now(), delays));
}

/// Returns the delay of the next beat. That beat is due 5 milliseconds ([`BEAT`]) after the last
/// beat, which was recorded at `last`. A delay of at most 5 milliseconds counts as zero.
fn delay(last: Instant) -> Duration {
    let delay = last.elapsed().saturating_sub(BEAT);
    if delay > BEAT { delay } else { Duration::ZERO }
}
