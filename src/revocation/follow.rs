//! Keeps what a server knows up to date with a feed.

use std::convert::Infallible;
use std::fmt::{self, Debug};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use tokio::time;

use crate::misuse;
use crate::revocation::event::RevocationEvent;
use crate::revocation::feed::{Position, Read, RevocationFeed, Snapshot};
use crate::revocation::feed_error::{FeedError, FeedErrorKind};
use crate::revocation::message::Revocation;
use crate::revocation::revocations::Revocations;
use crate::revocation::unwind;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Keeps a [`Revocations`] up to date with a feed, for as long as [`run`](Self::run) runs.
///
/// It asks the feed whenever that says that there is news, and every 250 milliseconds in any case:
/// an empty answer is what says that nothing is revoked. No call may take longer than a second. When
/// one fails or panics, that is [told](RevocationEvent::FeedFailed), and it is tried again after a
/// pause that doubles up to a second.
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
    time_limit: Duration,
    snapshot_every: Duration,
    creates: bool,
    progress: Progress,
}

#[derive(Default)]
struct Progress {
    position: Option<Position>,
    /// When all was read last.
    snapshot_at: Option<Instant>,
    /// Where reading all anew stands, a part with each step: a long one must not delay the news.
    rereads: Option<Option<String>>,
    swept_at: Option<Instant>,
}

impl Revocations {
    /// Keeps this up to date with a feed: the result is to be run in a task of its own. One feed at
    /// a time: to follow another, drop the first [`Follow`], or end its task.
    ///
    /// # Panics
    ///
    /// While these, or clones of them, follow a feed already: the news of either would count as news
    /// of both, so that one could be down unnoticed.
    #[track_caller]
    pub fn follow<F: RevocationFeed>(&self, feed: F) -> Follow<F> {
        if !self.starts_following() {
            misuse::refuse(
                "Revocations::follow: a feed is followed already, and a second one would hide that \
                 the first is down. Drop its Follow first, or publish to one feed",
            );
        }
        Follow {
            feed,
            revocations: self.clone(),
            poll_every: Duration::from_millis(250),
            time_limit: Duration::from_secs(1),
            snapshot_every: Duration::from_secs(600),
            creates: false,
            progress: Progress::default(),
        }
    }
}

impl<F: RevocationFeed> Follow<F> {
    /// How often the feed is asked when it says nothing by itself. 250 milliseconds by default.
    #[track_caller]
    pub fn poll_every(mut self, pause: Duration) -> Self {
        self.poll_every = positive(pause, "poll_every");
        self
    }

    /// How long a call to the feed may take. One second by default. Less than
    /// [`max_staleness`](Revocations::max_staleness), or one slow call makes everything stale.
    #[track_caller]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = positive(limit, "time_limit");
        self
    }

    /// How often everything is read anew, in case that a feed lost something unnoticed. 10 minutes
    /// by default.
    #[track_caller]
    pub fn snapshot_every(mut self, pause: Duration) -> Self {
        self.snapshot_every = positive(pause, "snapshot_every");
        self
    }

    /// Makes the log where there is none: for the one that publishes. Elsewhere a log that was
    /// lost, or one under a wrong name, is to be noticed.
    pub fn create_missing(mut self) -> Self {
        self.creates = true;
        self
    }

    /// Follows the feed until it is dropped.
    pub async fn run(mut self) -> Infallible {
        let mut pause = FIRST_PAUSE;
        loop {
            let done = match self.step().await {
                Ok(()) => self.rest().await,
                failed => failed,
            };
            match done {
                Ok(()) => pause = FIRST_PAUSE,
                Err(error) => {
                    self.tell(&RevocationEvent::FeedFailed(&error));
                    time::sleep(pause).await;
                    pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Reads whatever there is, once: for tests, and for programs that have a loop of their own.
    ///
    /// # Errors
    ///
    /// The feed's, and [`Panicked`](FeedErrorKind::Panicked) where it has none.
    pub async fn step(&mut self) -> Result<(), FeedError> {
        // After a panic halfway, what was noted as read has been applied.
        unwind::caught(self.read_all_there_is()).await
    }

    /// Until there may be news, whether the feed says so or not.
    async fn rest(&self) -> Result<(), FeedError> {
        let changed = unwind::caught(async {
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
            // If it fails, from the start: where it was may mean nothing to the next connection.
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
            // Taken before the feed is asked: the answer is of some moment after this one.
            let as_of = self.revocations.as_of();
            match self.within(self.feed.read(&position)).await? {
                Read::Gap => {
                    self.progress.position = None;
                    if gaps > 0 {
                        return Err(FeedErrorKind::Unavailable.into());
                    }
                    gaps = 1;
                    self.tell(&RevocationEvent::Gap);
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

    /// Adds all that is revoked to what is known, and takes nothing away.
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
        self.tell(&RevocationEvent::SnapshotRead);
        Ok(position)
    }

    async fn first_part(&self) -> Result<Snapshot, FeedError> {
        match self.within(self.feed.snapshot(None)).await {
            Err(error) if self.creates && error.kind() == FeedErrorKind::Missing => {
                self.within(self.feed.create()).await?;
                self.within(self.feed.snapshot(None)).await
            }
            other => other,
        }
    }

    /// Forgets what can be forgotten, and says whether all must be read anew.
    fn tend(&mut self) -> bool {
        let tended = catch_unwind(AssertUnwindSafe(|| {
            if is_due(self.progress.swept_at, SWEEP_EVERY) {
                self.progress.swept_at = Some(Instant::now());
                return self.revocations.sweep();
            }
            self.revocations.is_set_back()
        }));
        // The clock of the application panicked: all is read anew for all we know.
        tended.unwrap_or(true)
    }

    fn apply(&self, messages: &[String]) {
        for message in messages {
            match Revocation::from_message(message) {
                Some(revocation) => drop(self.revocations.apply(&revocation)),
                None => self.revocations.count_unreadable(),
            }
        }
    }

    fn tell(&self, event: &RevocationEvent<'_>) {
        self.revocations.tell(event);
    }

    async fn within<T>(
        &self,
        call: impl Future<Output = Result<T, FeedError>>,
    ) -> Result<T, FeedError> {
        let limited = time::timeout(self.time_limit, call).await;
        limited.unwrap_or_else(|_| Err(FeedErrorKind::TimedOut.into()))
    }
}

impl<F> Drop for Follow<F> {
    fn drop(&mut self) {
        self.revocations.stops_following();
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
