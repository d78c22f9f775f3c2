//! A feed that is followed, step by step.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicI32, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tower_jwt_auth::revocation::{
    FeedError, FeedErrorKind, MemoryFeed, Position, Read, Revocation, RevocationEvent,
    RevocationFeed, Revocations, Snapshot, TokenNames, Verdict,
};
use tower_jwt_auth::{Clock, ManualClock, UnixTime};

use crate::kit;

const HOUR: Duration = Duration::from_secs(3_600);

fn end() -> UnixTime {
    UnixTime::from_secs(kit::NOW).saturating_add(HOUR)
}

/// A feed that can fail.
#[derive(Clone)]
struct Faulty {
    feed: MemoryFeed,
    fault: Arc<AtomicU8>,
}

const NONE: u8 = 0;
const FAILS: u8 = 1;
const HANGS: u8 = 2;
const LOSES: u8 = 3;
const MISSING: u8 = 4;
const PANICS: u8 = 5;
/// Whoever waits for news.
const PANICS_WAITING: u8 = 6;

impl Faulty {
    fn new(clock: &ManualClock) -> Self {
        let feed = MemoryFeed::on_clock(clock.clone());
        Self { feed, fault: Arc::new(AtomicU8::new(NONE)) }
    }

    fn set(&self, fault: u8) {
        self.fault.store(fault, Ordering::SeqCst);
    }

    async fn fail(&self) -> Result<u8, FeedError> {
        match self.fault.load(Ordering::SeqCst) {
            FAILS => Err(FeedError::new("down")),
            MISSING => Err(FeedErrorKind::Missing.into()),
            HANGS => std::future::pending().await,
            PANICS => panic!("a feed with a fault"),
            other => Ok(other),
        }
    }
}

impl RevocationFeed for Faulty {
    async fn create(&self) -> Result<(), FeedError> {
        self.set(NONE);
        Ok(())
    }

    async fn append(&self, revocation: &Revocation) -> Result<(), FeedError> {
        self.feed.append(revocation).await
    }

    async fn snapshot(&self, part: Option<String>) -> Result<Snapshot, FeedError> {
        self.fail().await?;
        self.feed.snapshot(part).await
    }

    async fn read(&self, after: &Position) -> Result<Read, FeedError> {
        if self.fail().await? == LOSES { Ok(Read::Gap) } else { self.feed.read(after).await }
    }

    async fn changed(&self) {
        assert_ne!(self.fault.load(Ordering::SeqCst), PANICS_WAITING, "a feed with a fault");
        self.feed.changed().await;
    }
}

type Told = Arc<Mutex<Vec<String>>>;

fn revocations(clock: &ManualClock) -> (Revocations, Told) {
    let told = Told::default();
    let hook = Arc::clone(&told);
    let revocations = Revocations::new().with_clock(clock.clone()).with_events(
        move |event: &RevocationEvent<'_>| {
            let event = format!("{event:?}");
            let name = event.split(['(', ' ']).next().unwrap().to_owned();
            hook.lock().unwrap().push(name.clone());
            assert!(name != "Widened", "a hook that panics");
        },
    );
    (revocations, told)
}

fn check(revocations: &Revocations, id: &str) -> Verdict {
    revocations.check(&TokenNames { id: Some(id), ..TokenNames::default() })
}

fn take(told: &Told) -> Vec<String> {
    std::mem::take(&mut told.lock().unwrap())
}

#[tokio::test]
async fn what_is_published_is_revoked_after_the_next_step() {
    let clock = kit::at(kit::NOW);
    let feed = MemoryFeed::on_clock(clock.clone());
    let (revocations, told) = revocations(&clock);
    let mut follow = revocations.follow(feed.clone());
    feed.append(&Revocation::token("a", end())).await.unwrap();
    follow.step().await.unwrap();
    assert_eq!(
        (check(&revocations, "a"), check(&revocations, "b")),
        (Verdict::Revoked, Verdict::Good)
    );
    feed.append(&Revocation::token("b", end())).await.unwrap();
    follow.step().await.unwrap();
    assert_eq!(check(&revocations, "b"), Verdict::Revoked);
    assert_eq!(take(&told), ["SnapshotRead"]);
    assert!(revocations.staleness() < Some(Duration::from_secs(5)));
}

#[tokio::test]
async fn a_feed_that_fails_makes_everything_stale_and_then_is_read_from_where_it_was() {
    let clock = kit::at(kit::NOW);
    let feed = Faulty::new(&clock);
    let (revocations, told) = revocations(&clock);
    let mut follow = revocations.follow(feed.clone()).time_limit(Duration::from_millis(20));
    follow.step().await.unwrap();
    for (fault, kind) in [
        (FAILS, FeedErrorKind::Unavailable),
        (HANGS, FeedErrorKind::TimedOut),
        (PANICS, FeedErrorKind::Panicked),
    ] {
        feed.set(fault);
        let name = format!("during {fault}");
        feed.append(&Revocation::token(&name, end())).await.unwrap();
        assert_eq!(follow.step().await.unwrap_err().kind(), kind);
        assert_eq!(check(&revocations, &name), Verdict::Good, "for as long as the bound allows");
        clock.advance(Duration::from_secs(6));
        assert_eq!(check(&revocations, &name), Verdict::Unavailable);
        feed.set(NONE);
        follow.step().await.unwrap();
        assert_eq!(check(&revocations, &name), Verdict::Revoked);
        assert_eq!(check(&revocations, "good"), Verdict::Good);
    }
    assert_eq!(take(&told), ["SnapshotRead"], "nothing was read twice");
}

#[tokio::test]
async fn a_gap_is_answered_by_a_snapshot_and_a_second_one_is_a_failure() {
    let clock = kit::at(kit::NOW);
    let feed = Faulty::new(&clock);
    let (revocations, told) = revocations(&clock);
    let mut follow = revocations.follow(feed.clone());
    follow.step().await.unwrap();
    feed.append(&Revocation::token("a", end())).await.unwrap();
    feed.set(LOSES);
    assert!(follow.step().await.is_err());
    assert_eq!(check(&revocations, "a"), Verdict::Revoked);
    feed.set(NONE);
    follow.step().await.unwrap();
    assert_eq!(take(&told), ["SnapshotRead", "Gap", "SnapshotRead", "SnapshotRead"]);
}

#[tokio::test]
async fn messages_that_are_none_are_told_and_the_others_count() {
    let clock = kit::at(kit::NOW);
    let feed = MemoryFeed::on_clock(clock.clone());
    let (revocations, told) = revocations(&clock);
    let long = Revocation::MAX_MESSAGE_BYTES;
    let too_long = format!(r#"{{"v":1,"revoke":"everyone","at":4000000000,"why":"{:long$}"}}"#, "");
    for text in ["", "{", r#"{"v":2}"#, "null", &too_long] {
        feed.append_text(text, end()).unwrap();
    }
    feed.append(&Revocation::token("a", end())).await.unwrap();
    revocations.follow(feed).step().await.unwrap();
    assert_eq!(check(&revocations, "a"), Verdict::Revoked);
    assert_eq!(check(&revocations, "b"), Verdict::Good);
    assert_eq!(revocations.stats().unreadable, 5);
    let mut told = take(&told);
    assert_eq!(told.pop().as_deref(), Some("SnapshotRead"));
    assert_eq!(told, ["Unreadable"; 5]);
}

#[tokio::test]
async fn a_hook_that_panics_ends_nothing() {
    let clock = kit::at(kit::NOW);
    let feed = MemoryFeed::on_clock(clock.clone());
    let (revocations, _) = revocations(&clock);
    let revocations = revocations.max_bytes(0);
    for n in 0..100 {
        feed.append(&Revocation::token(format!("{n}"), end())).await.unwrap();
    }
    revocations.follow(feed).step().await.unwrap();
    for n in 0..100 {
        assert_eq!(check(&revocations, &n.to_string()), Verdict::Revoked);
    }
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_panics_is_told_of_and_followed_on() {
    let clock = kit::at(kit::NOW);
    let feed = Faulty::new(&clock);
    let (revocations, told) = revocations(&clock);
    let task = tokio::spawn(revocations.follow(feed.clone()).run());
    let until = async |is_so: &dyn Fn() -> bool| {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    until(&|| revocations.staleness().is_some()).await;
    assert_eq!(take(&told), ["SnapshotRead"]);
    for fault in [PANICS, PANICS_WAITING] {
        feed.set(fault);
        let name = format!("during {fault}");
        feed.append(&Revocation::token(&name, end())).await.unwrap();
        until(&|| told.lock().unwrap().len() > 3).await;
        assert!(take(&told).iter().all(|name| name == "FeedFailed"));
        // What can still be read is read.
        let is_read = fault == PANICS_WAITING;
        assert_eq!(check(&revocations, &name) == Verdict::Revoked, is_read);
        feed.set(NONE);
        until(&|| check(&revocations, &name) == Verdict::Revoked).await;
        take(&told);
    }
    assert!(!task.is_finished());
    task.abort();
}

#[tokio::test]
async fn after_the_clock_was_set_back_all_is_read_anew() {
    let clock = kit::at(kit::NOW);
    let feed = MemoryFeed::on_clock(kit::at(kit::NOW));
    let (revocations, told) = revocations(&clock);
    let mut follow = revocations.follow(feed.clone());
    feed.append(&Revocation::token("a", end())).await.unwrap();
    follow.step().await.unwrap();
    clock.advance(2 * HOUR);
    revocations.sweep();
    clock.set(UnixTime::from_secs(kit::NOW));
    follow.step().await.unwrap();
    assert_eq!(check(&revocations, "a"), Verdict::Revoked);
    assert_eq!(take(&told), ["SnapshotRead", "ClockSetBack", "SnapshotRead"]);
}

#[tokio::test]
async fn only_who_is_told_to_makes_a_missing_log() {
    let clock = kit::at(kit::NOW);
    let feed = Faulty::new(&clock);
    feed.set(MISSING);
    let (revocations, _) = revocations(&clock);
    let mut reader = revocations.follow(feed.clone());
    assert_eq!(reader.step().await.unwrap_err().kind(), FeedErrorKind::Missing);
    assert_eq!(check(&revocations, "a"), Verdict::Unavailable);
    let publisher = Revocations::new().with_clock(clock);
    publisher.follow(feed.clone()).create_missing().step().await.unwrap();
    reader.step().await.unwrap();
    assert_eq!(check(&revocations, "a"), Verdict::Good);
}

#[tokio::test]
async fn a_feed_cannot_vouch_for_another() {
    let clock = kit::at(kit::NOW);
    let (revocations, _) = revocations(&clock);
    let second = || revocations.clone().follow(MemoryFeed::new());
    let first = revocations.follow(MemoryFeed::new());
    let refused = catch_unwind(AssertUnwindSafe(|| drop(second()))).unwrap_err();
    let sentence = refused.downcast_ref::<String>().unwrap();
    assert!(sentence.contains("a feed is followed already"), "{sentence}");
    // That one was refused does not make room for another.
    assert!(catch_unwind(AssertUnwindSafe(|| drop(second()))).is_err());
    drop(first);
    second().step().await.unwrap();
    second().step().await.unwrap();
}

#[tokio::test]
async fn all_is_read_anew_from_time_to_time_part_by_part() {
    let clock = kit::at(kit::NOW);
    let feed = MemoryFeed::on_clock(clock.clone());
    let (revocations, _) = revocations(&clock);
    for n in 0..2_500 {
        feed.append(&Revocation::token(format!("{n}"), end())).await.unwrap();
    }
    let mut follow = revocations.follow(feed.clone()).snapshot_every(Duration::from_nanos(1));
    follow.step().await.unwrap();
    assert_eq!(revocations.stats().total_entries(), 2_500);
    let before = revocations.stats().applied;
    follow.step().await.unwrap();
    assert!(revocations.stats().applied - before <= 1_000, "a part, and the news");
}

#[tokio::test]
async fn what_was_widened_is_the_same_whenever_it_is_read() {
    let clock = kit::at(kit::NOW);
    let feed = MemoryFeed::on_clock(clock.clone());
    let revocations = Revocations::new().max_bytes(0).with_clock(clock.clone());
    // When they were revoked, these do not say: the feed does.
    for n in 0..100 {
        feed.append(&Revocation::token(format!("{n}"), end()).issuer("i")).await.unwrap();
    }
    let mut follow = revocations.follow(feed.clone()).snapshot_every(Duration::from_nanos(1));
    let issued = |secs| TokenNames {
        issuer: Some("i"),
        issued_at: Some(UnixTime::from_secs(kit::NOW + secs)),
        ..TokenNames::default()
    };
    for _ in 0..3 {
        clock.advance(Duration::from_secs(10));
        follow.step().await.unwrap();
        assert_eq!(revocations.check(&issued(0)), Verdict::Revoked);
        assert_eq!(revocations.check(&issued(1)), Verdict::Good, "issued since");
    }
    assert!(revocations.stats().widened > 100, "it was read again");
    // Another publisher may leave it out: then it is when it was read.
    feed.append_text(r#"{"v":1,"revoke":"token","iss":"i","jti":"x","until":4000000000}"#, end())
        .unwrap();
    follow.step().await.unwrap();
    assert_eq!(revocations.check(&issued(30)), Verdict::Revoked);
    assert_eq!(revocations.check(&issued(31)), Verdict::Good);
}

#[tokio::test]
async fn news_wake_whoever_follows() {
    let feed = MemoryFeed::new();
    let revocations = Revocations::new();
    let follow = revocations.follow(feed.clone()).poll_every(HOUR);
    let task = tokio::spawn(follow.run());
    while revocations.staleness().is_none() {
        tokio::task::yield_now().await;
    }
    // It waits by now, or will have read what is appended.
    tokio::task::yield_now().await;
    feed.append(&Revocation::token("a", UnixTime::from_secs(4_000_000_000))).await.unwrap();
    while check(&revocations, "a") != Verdict::Revoked {
        tokio::task::yield_now().await;
    }
    task.abort();
}

#[cfg(feature = "test-util")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_feed_in_memory_conforms() {
    tower_jwt_auth::revocation::conformance::check(MemoryFeed::new()).await;
}

#[tokio::test]
async fn a_full_feed_in_memory_says_so_and_forgets_nothing() {
    let feed = MemoryFeed::with_max_bytes(10_000);
    let mut kept = 0;
    let error = loop {
        let far = UnixTime::from_secs(4_000_000_000);
        match feed.append(&Revocation::token(format!("token {kept}"), far)).await {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
    };
    assert_eq!((error.kind(), feed.len()), (FeedErrorKind::Full, kept));
    assert!((50..120).contains(&kept), "{kept}");
    let revocations = Revocations::new();
    revocations.follow(feed).step().await.unwrap();
    assert_eq!(revocations.stats().total_entries(), kept);
}

#[tokio::test]
async fn what_is_outlived_makes_room_in_a_feed_in_memory() {
    let clock = ManualClock::new(UnixTime::from_secs(1_700_000_000));
    let feed = MemoryFeed::on_clock(clock.clone());
    let ends_in = |secs| clock.now().saturating_add(Duration::from_secs(secs));
    feed.append(&Revocation::token("short", ends_in(60))).await.unwrap();
    feed.append(&Revocation::token("long", ends_in(86_400))).await.unwrap();
    clock.advance(Duration::from_secs(3_600));
    feed.append(&Revocation::token("new", ends_in(60))).await.unwrap();
    assert_eq!(feed.len(), 2);
}

/// Panics at one call and at no other.
#[derive(Debug)]
struct PanicsOnce(Arc<AtomicI32>);

impl Clock for PanicsOnce {
    fn now(&self) -> UnixTime {
        assert!(self.0.fetch_sub(1, Ordering::SeqCst) != 0, "a clock panics");
        UnixTime::from_secs(1_700_000_000)
    }
}

#[tokio::test]
async fn a_clock_that_panics_loses_no_revocation() {
    let mut panics = 0;
    for calls in 0..20 {
        let until = Arc::new(AtomicI32::new(i32::MAX));
        let revocations = Revocations::new().with_clock(PanicsOnce(Arc::clone(&until)));
        let feed = MemoryFeed::new();
        let mut follow = revocations.follow(feed.clone());
        follow.step().await.unwrap();
        for name in ["a", "b"] {
            let token = Revocation::token(name, UnixTime::from_secs(4_000_000_000));
            feed.append(&token).await.unwrap();
        }
        until.store(calls, Ordering::SeqCst);
        panics += usize::from(follow.step().await.is_err());
        until.store(i32::MAX, Ordering::SeqCst);
        follow.step().await.unwrap();
        for id in ["a", "b"] {
            let names = TokenNames { id: Some(id), ..TokenNames::default() };
            assert_eq!(revocations.check(&names), Verdict::Revoked, "{id} after {calls} calls");
        }
    }
    assert!((3..20).contains(&panics), "{panics}");
}
