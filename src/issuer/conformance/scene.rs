//! Helpers that the checks share.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Barrier;

use crate::clock::{Clock, ManualClock, SystemClock, UnixTime};
use crate::failure::Finding;
use crate::issuer::sessions::id::SessionId;
use crate::issuer::sessions::service::Sessions;
use crate::issuer::sessions::store::{RefreshStore, StoredSession};
use crate::random;

/// The number of concurrent tasks of a race.
pub(crate) const AT_ONCE: usize = 64;

pub(crate) struct Scene<S> {
    pub(crate) store: Arc<S>,
    pub(crate) trials: usize,
}

impl<S: RefreshStore> Scene<S> {
    /// Returns sessions and their clock, which moves only when a check moves it. The clock starts
    /// at the system's current time, since a database server may use its own clock to delete
    /// expired rows.
    pub(crate) fn sessions(&self) -> (Sessions<Arc<S>>, ManualClock) {
        let clock = ManualClock::new(SystemClock.now());
        (on(Arc::clone(&self.store), &clock), clock)
    }

    /// Returns a new row that expires in `secs` seconds.
    pub(crate) fn row(&self, subject: &str, secs: u64) -> Result<StoredSession, Finding> {
        let id = SessionId::of_handle(&random::bytes::<16>()?);
        let (subject, state) = (subject.to_owned(), "{}".to_owned());
        let delete_after = after(secs);
        Ok(StoredSession { id, subject, version: 1, state, delete_after, ended: false })
    }
}

/// Returns a [`Sessions`] for this store, whose sessions last an hour.
pub(crate) fn on<S: RefreshStore>(store: S, clock: &ManualClock) -> Sessions<S> {
    let hour = Duration::from_secs(3600);
    Sessions::new(store).idle_lifetime(hour).absolute_lifetime(hour).with_clock(clock.clone())
}

pub(crate) fn after(secs: u64) -> UnixTime {
    SystemClock.now().whole_secs().saturating_add(Duration::from_secs(secs))
}

/// Returns a unique subject.
pub(crate) fn subject() -> Result<String, Finding> {
    Ok(random::id()?)
}

/// Returns a copy of `row` in which the state is replaced by `state`, and the version is one
/// higher.
pub(crate) fn next(row: &StoredSession, state: impl Into<String>) -> StoredSession {
    let version = row.version.saturating_add(1);
    StoredSession { version, state: state.into(), ..row.clone() }
}

/// Runs tasks that start at the same moment, and returns their results.
pub(crate) async fn at_once<T: Send + 'static, F>(
    tasks: impl IntoIterator<Item = F>,
) -> Result<Vec<T>, Finding>
where
    F: Future<Output = T> + Send + 'static,
{
    let tasks: Vec<_> = tasks.into_iter().collect();
    let start = Arc::new(Barrier::new(tasks.len()));
    let spawned: Vec<_> = tasks
        .into_iter()
        .map(|task| {
            let start = Arc::clone(&start);
            tokio::spawn(async move {
                start.wait().await;
                task.await
            })
        })
        .collect();
    let mut results = Vec::with_capacity(spawned.len());
    for task in spawned {
        results.push(task.await?);
    }
    Ok(results)
}
