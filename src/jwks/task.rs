//! The task that fetches keys.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time;

use crate::jwks::error::{KeySourceError, KeySourceErrorKind};
use crate::jwks::origin::Origin;
use crate::jwks::race::{First, race};
use crate::jwks::source::FetchedKeys;
use crate::jwks::state::{SourceState, Step};

/// Starts the task in the current runtime if the task is not running. Does nothing outside of a
/// runtime.
#[cold]
pub(crate) fn start(state: &Arc<SourceState>) {
    let Ok(runtime) = Handle::try_current() else { return };
    if !state.may_start() || state.is_running.swap(true, Ordering::AcqRel) {
        return;
    }
    let running = Running(Arc::downgrade(state));
    let wake = Arc::clone(&state.wake);
    runtime.spawn(async move { run(&running.0, &wake).await });
}

/// Records the end of the task when this value is dropped. When a runtime shuts down, it drops its
/// tasks, so the value is dropped in that case too.
struct Running(Weak<SourceState>);

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(state) = self.0.upgrade() {
            state.task_ended(std::thread::panicking());
        }
    }
}

/// Fetches keys until all owners of the `state` have dropped it. While this task sleeps or fetches,
/// it has only a weak reference to the state, so it does not keep the state alive.
async fn run(state: &Weak<SourceState>, wake: &Notify) {
    while let Some(current) = state.upgrade() {
        let step = current.next_step();
        let (origin, timeout) = (Arc::clone(&current.origin), current.timeout);
        drop(current);
        match step {
            Step::Sleep(time) => {
                race(time::sleep(time), wake.notified()).await;
            }
            Step::Fetch => {
                let fetch = fetch(&origin, timeout);
                let First::Left(fetched) = race(fetch, all_handles_dropped(state, wake)).await
                else {
                    return;
                };
                if let Some(current) = state.upgrade() {
                    current.fetch_ended(fetched);
                }
            }
        }
    }
}

async fn all_handles_dropped(state: &Weak<SourceState>, wake: &Notify) {
    while state.strong_count() > 0 {
        wake.notified().await;
    }
}

/// Fetches the keys once, within the time limit. Returns an error if the source panics.
async fn fetch(origin: &Origin, timeout: Duration) -> Result<FetchedKeys, KeySourceError> {
    let mut fetch = pin!(time::timeout(timeout, origin.fetch()));
    poll_fn(|context| {
        // `AssertUnwindSafe` is correct, since the future is not polled again after a panic. The
        // panic message is dropped, since the panic hook has already printed it.
        match catch_unwind(AssertUnwindSafe(|| fetch.as_mut().poll(context))) {
            Ok(polled) => polled.map(|ended| match ended {
                Ok(fetched) => fetched,
                Err(_) => Err(KeySourceErrorKind::TimedOut.into()),
            }),
            Err(_) => Poll::Ready(Err(KeySourceErrorKind::Panicked.into())),
        }
    })
    .await
}
