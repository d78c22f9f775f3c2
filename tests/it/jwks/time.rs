//! A guard that stops tokio's time while real sockets work.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::task::{spawn_blocking, yield_now};

/// The time limit for a condition. It is longer than any stall of a busy machine.
const DEADLINE: Duration = Duration::from_secs(300);

/// Stops tokio's time until this value is dropped.
///
/// Paused time advances by itself whenever all tasks wait, even if they wait for a socket. Paused
/// time does not advance while a blocking task runs, so this guard keeps a blocking task running.
pub(crate) struct Frozen {
    _end: mpsc::Sender<()>,
}

impl Frozen {
    pub(crate) fn new() -> Self {
        tokio::time::pause();
        let (end, ended) = mpsc::channel::<()>();
        spawn_blocking(move || ended.recv());
        Self { _end: end }
    }

    /// Advances the clock by `time` plus one millisecond, since timers are rounded up to whole
    /// milliseconds.
    pub(crate) async fn pass(&self, time: Duration) {
        tokio::time::advance(time + Duration::from_millis(1)).await;
    }
}

/// Waits in real time until the condition is true. Panics after five minutes.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < DEADLINE, "the condition is never true");
        yield_now().await;
        thread::sleep(Duration::from_micros(100));
    }
}
