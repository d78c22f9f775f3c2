//! The follower, which reads a feed to keep a server's revocations up to date.

use std::convert::Infallible;
use std::fmt::{self, Debug};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use tokio::time;

use crate::misuse;
use crate::revocation::event::RevocationEvent;
use crate::revocation::feed::caught_panics;
use crate::revocation::feed::error::{FeedError, FeedErrorKind};
use crate::revocation::feed::reports::Reports;
use crate::revocation::feed::{Position, Read, RevocationFeed, Snapshot};
use crate::revocation::message::Revocation;
use crate::revocation::revocations::Revocations;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
const SWEEP_EVERY: Duration = Duration::from_secs(60);
const MAY_ONLY_READ: &str = "this server may not create it, and goes on when another one has: start the \
     auth server, or run RevocationFeed::create with the right to write";

/// Reads a feed to keep a [`Revocations`] up to date while [`run`](Self::run) is running.
///
/// A follower reads the feed whenever the feed announces a message, and otherwise every 250
/// milliseconds. If a read returns no message, nothing was revoked since the previous read.
///
/// Each call to the feed has a time limit of one second. A call that fails or panics is repeated
/// until it succeeds. The pause before a repetition doubles each time, up to one second. The first
/// failure is [reported](RevocationEvent::FeedFailed) immediately, and later failures at most every
/// 10 seconds. The [recovery](RevocationEvent::FeedRecovered) is reported too.
///
/// A missing log is created, and its creation is [reported](RevocationEvent::LogCreated): see
/// [`create_missing`](Self::create_missing).
///
/// ```
/// use tower_jwt_auth::revocation::{MemoryFeed, Revocations};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let revocations = Revocations::new();
/// tokio::spawn(revocations.follow(MemoryFeed::new()).run());
/// # while revocations.staleness().is_none() { tokio::task::yield_now().await }
/// # }
/// ```
#[must_use = "nothing is followed unless `run` is spawned"]
pub struct Follow<F> {
    feed: F,
    revocations: Revocations,
    poll_every: Duration,
    timeout: Duration,
    snapshot_every: Duration,
    creates: bool,
    progress: Progress,
    reports: Reports,
}

#[derive(Default)]
struct Progress {
    position: Option<Position>,
    /// The time of the last read of the whole log. If that read was periodic, this is the time at
    /// which it began. If it was any other read, such as the first one, this is the time at which
    /// it ended. The next periodic read is due when `snapshot_every` has passed since this time.
    snapshot_at: Option<Instant>,
    /// The part of the log to read next, while the whole log is being read again. `Some(None)`
    /// stands for the first part. `None` means that the log is not being read again. Each step
    /// reads only one part, so that new messages are not delayed.
    rereads: Option<Option<String>>,
    swept_at: Option<Instant>,
}

impl Revocations {
    /// Follows a feed. Run the returned [`Follow`] in a separate task. To follow another feed, drop
    /// the first [`Follow`], or end its task.
    ///
    /// # Panics
    ///
    /// Panics if this `Revocations`, or a clone of it, already follows a feed. With two feeds, the
    /// feed that works would hide an outage of the other feed.
    #[track_caller]
    pub fn follow<F: RevocationFeed>(&self, feed: F) -> Follow<F> {
        if !self.follower().starts() {
            misuse::refuse(
                "Revocations::follow: a feed is followed already, and a second one would hide that \
                 the first is down. Drop its Follow first, or publish to one feed",
            );
        }
        Follow {
            feed,
            revocations: self.clone(),
            poll_every: Duration::from_millis(250),
            timeout: Duration::from_secs(1),
            snapshot_every: Duration::from_secs(600),
            creates: true,
            progress: Progress::default(),
            reports: Reports::default(),
        }
    }
}

impl<F: RevocationFeed> Follow<F> {
    /// Sets the pause between two reads of the feed. 250 milliseconds by default. If the feed
    /// announces a message, the pause ends early.
    ///
    /// # Panics
    ///
    /// Panics if `pause` is zero.
    #[track_caller]
    pub fn poll_every(mut self, pause: Duration) -> Self {
        self.poll_every = positive(pause, "poll_every");
        self
    }

    /// Sets the time limit for each call to the feed. One second by default. Keep it below
    /// [`max_staleness`](Revocations::max_staleness), or one slow call makes the data stale.
    ///
    /// # Panics
    ///
    /// Panics if `limit` is zero.
    #[track_caller]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = positive(limit, "timeout");
        self
    }

    /// Sets the pause between two reads of all revocations. These reads find messages that were
    /// lost without an error. 10 minutes by default.
    ///
    /// # Panics
    ///
    /// Panics if `pause` is zero.
    #[track_caller]
    pub fn snapshot_every(mut self, pause: Duration) -> Self {
        self.snapshot_every = positive(pause, "snapshot_every");
        self
    }

    /// Sets whether this service creates a missing log. `true` by default, so that the service
    /// works with an empty database. A service without write permission cannot create the log. It
    /// reports [`Missing`](FeedErrorKind::Missing), and continues once another service has created
    /// the log.
    ///
    /// With `false`, this service responds with 503 while the log is missing. The log is created
    /// when an operator calls [`create`](RevocationFeed::create), or when a revocation is
    /// published. Choose `false` if an operator should first decide whether to restore a backup.
    pub fn create_missing(mut self, creates: bool) -> Self {
        self.creates = creates;
        self
    }

    /// Follows the feed until this future is dropped.
    pub async fn run(mut self) -> Infallible {
        let mut pause = FIRST_PAUSE;
        loop {
            let done = match self.step().await {
                Ok(()) => self.rest().await,
                failed => failed,
            };
            self.reports.attempted(&done, &self.revocations);
            match done {
                Ok(()) => pause = FIRST_PAUSE,
                Err(_) => {
                    time::sleep(pause).await;
                    pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Reads all available messages once, for tests and for programs with their own loop.
    ///
    /// # Errors
    ///
    /// Returns the error of the feed, or [`Panicked`](FeedErrorKind::Panicked) if the feed panics.
    pub async fn step(&mut self) -> Result<(), FeedError> {
        // A panic in the middle of the read is safe: a message is recorded as read only after its
        // revocation has been applied.
        let done = caught_panics::caught(self.read_all_there_is()).await;
        self.revocations.follower().attempted(done.as_ref().err().map(FeedError::kind));
        if done.is_err() {
            self.revocations.count_failure();
        }
        done
    }

    /// Waits until the feed announces a message, or until the polling interval is over.
    async fn rest(&self) -> Result<(), FeedError> {
        let changed = caught_panics::caught(async {
            self.feed.changed().await;
            Ok(())
        });
        time::timeout(self.poll_every, changed).await.unwrap_or(Ok(()))
    }

    async fn read_all_there_is(&mut self) -> Result<(), FeedError> {
        if self.tend() {
            self.progress.position = None;
        }
        self.read_news().await?;
        if is_due(self.progress.snapshot_at, self.snapshot_every) {
            self.progress.snapshot_at = Some(Instant::now());
            self.progress.rereads = Some(None);
        }
        if let Some(part) = &mut self.progress.rereads {
            // After a failure, read the snapshot from the beginning again: a position from the old
            // connection may be meaningless on the next one.
            let part = part.take();
            let part = self.within(self.feed.snapshot(part)).await?;
            self.apply(&part.messages);
            self.progress.rereads = part.next.map(Some);
        }
        Ok(())
    }

    async fn read_news(&mut self) -> Result<(), FeedError> {
        let mut gaps = 0_u8;
        loop {
            let position = match &self.progress.position {
                Some(position) => position.clone(),
                None => self.read_all().await?,
            };
            // Read the clock before you read the feed. The feed then returns every message that was
            // published before `as_of`, the time on the clock.
            let as_of = self.revocations.as_of();
            let read = match self.within(self.feed.read(&position)).await {
                // The log was lost. A new log numbers its messages differently, so read everything
                // again.
                Err(error) if error.kind() == FeedErrorKind::Missing => Read::Gap,
                read => read?,
            };
            match read {
                Read::Gap => {
                    self.progress.position = None;
                    if gaps > 0 {
                        return Err(FeedErrorKind::Unavailable.into());
                    }
                    gaps = 1;
                    self.revocations.tell(&RevocationEvent::Gap);
                }
                Read::Messages { messages, position, has_more } => {
                    self.apply(&messages);
                    self.progress.position = Some(position);
                    if !has_more {
                        self.revocations.current_as_of(as_of);
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Reads all revocations from the feed and applies them. A revocation in memory stays there
    /// even if the feed does not contain it.
    async fn read_all(&mut self) -> Result<Position, FeedError> {
        let mut part = self.first_part().await?;
        let position = part.position.clone();
        loop {
            self.apply(&part.messages);
            match part.next.take() {
                Some(next) => part = self.within(self.feed.snapshot(Some(next))).await?,
                None => break,
            }
        }
        self.progress.snapshot_at = Some(Instant::now());
        self.progress.position = Some(position.clone());
        self.reports.read_all(self.feed.warning(), &self.revocations);
        Ok(position)
    }

    async fn first_part(&mut self) -> Result<Snapshot, FeedError> {
        let missing = match self.within(self.feed.snapshot(None)).await {
            Err(error) if error.kind() == FeedErrorKind::Missing => error,
            other => return other,
        };
        self.reports.found_no_log(&self.revocations);
        if !self.creates {
            return Err(missing);
        }
        match self.within(self.feed.create()).await {
            Ok(true) => self.revocations.tell(&RevocationEvent::LogCreated),
            Ok(false) => {}
            Err(error)
                if matches!(error.kind(), FeedErrorKind::Denied | FeedErrorKind::Replica) =>
            {
                return Err(FeedError::caused(FeedErrorKind::Missing, MAY_ONLY_READ));
            }
            Err(error) => return Err(error),
        }
        self.within(self.feed.snapshot(None)).await
    }

    /// Removes expired revocations if the next removal is due. Returns true if all revocations must
    /// be read from the feed again.
    fn tend(&mut self) -> bool {
        let tended = catch_unwind(AssertUnwindSafe(|| {
            if is_due(self.progress.swept_at, SWEEP_EVERY) {
                self.progress.swept_at = Some(Instant::now());
                return self.revocations.sweep();
            }
            self.revocations.is_set_back()
        }));
        // The application's clock panicked, so the state of the entries is unknown.
        tended.unwrap_or(true)
    }

    fn apply(&self, messages: &[String]) {
        let mut is_readable = true;
        for message in messages {
            match Revocation::from_message(message) {
                Some(revocation) => drop(self.revocations.apply(&revocation)),
                None => {
                    is_readable = false;
                    self.revocations.count_unreadable();
                }
            }
        }
        if !is_readable {
            self.revocations.tell(&RevocationEvent::Unreadable);
        }
    }

    async fn within<T>(
        &self,
        call: impl Future<Output = Result<T, FeedError>>,
    ) -> Result<T, FeedError> {
        let timed_out = |_| Err(FeedErrorKind::TimedOut.into());
        time::timeout(self.timeout, call).await.unwrap_or_else(timed_out)
    }
}

impl<F> Drop for Follow<F> {
    fn drop(&mut self) {
        self.revocations.follower().stops();
    }
}

impl<F> Debug for Follow<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follow")
            .field("revocations", &self.revocations)
            .field("position", &self.progress.position)
            .finish_non_exhaustive()
    }
}

fn is_due(last: Option<Instant>, pause: Duration) -> bool {
    last.is_none_or(|last| last.elapsed() >= pause)
}

#[track_caller]
fn positive(duration: Duration, function: &str) -> Duration {
    if duration.is_zero() {
        misuse::refuse(format_args!("Follow::{function} of zero would never rest: give a time"));
    }
    duration
}
