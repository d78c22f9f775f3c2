//! A server of a fleet that follows a feed, with a watch on its verdicts.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tower_jwt_auth::revocation::{
    Revocation, RevocationEvent, RevocationFeed, Revocations, TokenNames, Verdict,
};
use tower_jwt_auth::{Clock, SystemClock, UnixTime};

/// The maximum staleness in these tests.
pub(crate) const BOUND: Duration = Duration::from_millis(1_500);

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

/// A server that follows a feed. Another task fails if a token is accepted that was revoked longer
/// ago than [`BOUND`].
pub(crate) struct Member {
    revocations: Revocations,
    published: Arc<Mutex<Vec<(String, Instant)>>>,
    events: Arc<Mutex<Vec<String>>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Member {
    pub(crate) fn of<F: RevocationFeed>(
        feed: F,
        configure: impl FnOnce(Revocations) -> Revocations,
    ) -> Self {
        let events = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&events);
        let revocations = configure(Revocations::new().max_staleness(BOUND)).with_events(
            move |event: &RevocationEvent<'_>| told.lock().unwrap().push(format!("{event:?}")),
        );
        let follow = revocations.follow(feed);
        let follow = follow.timeout(Duration::from_millis(500)).run();
        let published = Arc::default();
        let watch = watch(revocations.clone(), Arc::clone(&published));
        let tasks = vec![
            tokio::spawn(async move {
                follow.await;
            }),
            tokio::spawn(watch),
        ];
        Self { revocations, published, events, tasks }
    }

    /// Tries to publish, and returns true if the feed confirmed it.
    pub(crate) async fn publish<F: RevocationFeed>(&self, feed: &F, name: &str) -> bool {
        let limit = Duration::from_millis(700);
        let done = tokio::time::timeout(limit, feed.append(&token(name))).await;
        let is_done = matches!(done, Ok(Ok(())));
        if is_done {
            self.published.lock().unwrap().push((name.to_owned(), Instant::now()));
        }
        is_done
    }

    pub(crate) fn verdict(&self, name: &str) -> Verdict {
        verdict(&self.revocations, name)
    }

    /// Waits until the verdict on the token is `expected`.
    pub(crate) async fn expect(&self, name: &str, expected: Verdict, within: Duration) {
        let start = Instant::now();
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

    /// Checks that every published token is rejected now.
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

/// Panics, and so ends its task, if a token is accepted that was revoked longer ago than [`BOUND`].
async fn watch(revocations: Revocations, published: Arc<Mutex<Vec<(String, Instant)>>>) {
    loop {
        for (name, at) in &*published.lock().unwrap() {
            // The time is read first, so the verdict is from a later moment.
            let is_over = at.elapsed() > BOUND;
            let verdict = verdict(&revocations, name);
            let is_accepted = verdict == Verdict::Good;
            assert!(!(is_over && is_accepted), "{name} is accepted {:?} later", at.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
