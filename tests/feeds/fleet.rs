//! A server in a fleet. The server follows a feed, and a background task checks the server's
//! verdicts.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tower_jwt_auth::revocation::{
    Revocation, RevocationEvent, RevocationFeed, Revocations, TokenNames, Verdict,
};
use tower_jwt_auth::{Clock, SystemClock, UnixTime};

use crate::stopwatch::Stopwatch;

/// The maximum staleness in tests of outages.
pub(crate) const BOUND: Duration = Duration::from_millis(1_500);
/// The time that a test waits for an event if the crate does not promise how soon the event occurs.
/// It is longer than any stall of a busy machine.
pub(crate) const LATER: Duration = Duration::from_secs(60);

pub(crate) fn in_secs(secs: i64) -> UnixTime {
    let now = SystemClock.now().whole_secs();
    let distance = Duration::from_secs(secs.unsigned_abs());
    if secs < 0 { now.saturating_sub(distance) } else { now.saturating_add(distance) }
}

pub(crate) fn token(name: &str) -> Revocation {
    token_until(name, UnixTime::from_secs(4_000_000_000))
}

pub(crate) fn token_until(name: &str, end: UnixTime) -> Revocation {
    Revocation::token(name, end).issuer("i")
}

/// A server that follows a feed. A background task panics if the server accepts a token that was
/// revoked longer ago than the maximum staleness.
pub(crate) struct Member {
    revocations: Revocations,
    published: Arc<Mutex<Vec<(String, Instant)>>>,
    events: Arc<Mutex<Vec<String>>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Member {
    /// Returns a server with short time limits, so that it notices an outage soon.
    pub(crate) fn of<F: RevocationFeed>(
        feed: F,
        configure: impl FnOnce(Revocations) -> Revocations,
    ) -> Self {
        Self::with(feed, BOUND, Duration::from_millis(500), configure)
    }

    /// Returns a server that does not mistake a stall of the machine for an outage.
    pub(crate) fn patient<F: RevocationFeed>(feed: F) -> Self {
        Self::with(feed, LATER, LATER, |revocations| revocations)
    }

    fn with<F: RevocationFeed>(
        feed: F,
        max_staleness: Duration,
        timeout: Duration,
        configure: impl FnOnce(Revocations) -> Revocations,
    ) -> Self {
        let events = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&events);
        let revocations = configure(Revocations::new().max_staleness(max_staleness)).with_events(
            move |event: &RevocationEvent<'_>| told.lock().unwrap().push(format!("{event:?}")),
        );
        let follow = revocations.follow(feed);
        let follow = follow.timeout(timeout).run();
        let published = Arc::default();
        let watch = watch(revocations.clone(), max_staleness, Arc::clone(&published));
        let tasks = vec![
            tokio::spawn(async move {
                follow.await;
            }),
            tokio::spawn(watch),
        ];
        Self { revocations, published, events, tasks }
    }

    /// Publishes the revocation of a token.
    pub(crate) async fn publish<F: RevocationFeed>(&self, feed: &F, name: &str) {
        let done = tokio::time::timeout(LATER, feed.append(&token(name))).await;
        done.expect("the feed answers").unwrap_or_else(|error| panic!("{name}: {error:?}"));
        self.published.lock().unwrap().push((name.to_owned(), Instant::now()));
    }

    /// Checks that an attempt to publish a revocation does not succeed.
    pub(crate) async fn cannot_publish<F: RevocationFeed>(&self, feed: &F, name: &str) {
        let limit = Duration::from_millis(700);
        let done = tokio::time::timeout(limit, feed.append(&token(name))).await;
        assert!(!matches!(done, Ok(Ok(()))), "{name} was confirmed");
    }

    /// Returns the age of the revocation data.
    pub(crate) fn staleness(&self) -> Option<Duration> {
        self.revocations.staleness()
    }

    pub(crate) fn verdict(&self, name: &str) -> Verdict {
        verdict(&self.revocations, name)
    }

    /// Waits until the verdict on the token is `expected`. Panics if that takes longer than
    /// `within`. Stalls of this process are not counted.
    pub(crate) async fn expect(&self, name: &str, expected: Verdict, within: Duration) {
        let start = Stopwatch::start();
        while self.verdict(name) != expected {
            assert!(
                start.elapsed() < within,
                "{name} is {:?} after {within:?}, not {expected:?}: {:?}, {:?}",
                self.verdict(name),
                self.revocations,
                self.events.lock().unwrap(),
            );
            self.look();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Checks that every token whose revocation was published is rejected now.
    pub(crate) fn expect_all_revoked(&self) {
        for (name, _) in &*self.published.lock().unwrap() {
            assert_eq!(self.verdict(name), Verdict::Revoked, "{name}");
        }
    }

    pub(crate) fn has_seen(&self, event: &str) -> bool {
        self.count(event) > 0
    }

    pub(crate) fn count(&self, event: &str) -> usize {
        self.events.lock().unwrap().iter().filter(|seen| seen.starts_with(event)).count()
    }

    /// Panics if a task has failed.
    pub(crate) fn look(&self) {
        assert!(
            self.tasks.iter().all(|task| !task.is_finished()),
            "something revoked was accepted"
        );
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

fn verdict(revocations: &Revocations, name: &str) -> Verdict {
    let names = TokenNames::new().issuer("i").id(name).expires_at(in_secs(60));
    revocations.check(&names)
}

/// Panics if the server accepts a token that was revoked longer ago than `max_staleness`. Runs
/// forever otherwise.
async fn watch(
    revocations: Revocations,
    max_staleness: Duration,
    published: Arc<Mutex<Vec<(String, Instant)>>>,
) {
    loop {
        for (name, at) in &*published.lock().unwrap() {
            // Check the time limit before reading the verdict. In the other order, the limit could
            // pass after the verdict was read. The test would then fail although the verdict was in
            // time.
            let is_over = at.elapsed() > max_staleness;
            let verdict = verdict(&revocations, name);
            let is_accepted = verdict == Verdict::Good;
            assert!(!(is_over && is_accepted), "{name} is accepted {:?} later", at.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
