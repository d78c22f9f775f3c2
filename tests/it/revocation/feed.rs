//! Tests of the follower that reads a feed. Each test calls `Follow::step` directly.

mod faulty;
mod memory;
mod missing;
mod panics;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tower_jwt_auth::revocation::{
    FeedErrorKind, Follow, MemoryFeed, Revocation, RevocationEvent, RevocationFeed, Revocations,
    TokenNames, Verdict,
};
use tower_jwt_auth::{ManualClock, UnixTime};

use self::faulty::{FAILS, Faulty, HANGS, LIMITED, LOSES, NONE, PANICS};
use crate::kit::{self, MAX_STALENESS};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

fn end() -> UnixTime {
    UnixTime::from_secs(kit::NOW).saturating_add(HOUR)
}

type Told = Arc<Mutex<Vec<String>>>;

fn revocations(clock: &ManualClock) -> (Revocations, Told) {
    let told = Told::default();
    let hook = Arc::clone(&told);
    let revocations = kit::revocations(clock.clone());
    let revocations = revocations.with_events(move |event: &RevocationEvent<'_>| {
        let event = format!("{event:?}");
        let name = event.split(['(', ' ']).next().unwrap().to_owned();
        hook.lock().unwrap().push(name.clone());
        assert!(name != "Widened", "a hook that panics");
    });
    (revocations, told)
}

fn check(revocations: &Revocations, id: &str) -> Verdict {
    revocations.check(&TokenNames::new().id(id))
}

fn take(told: &Told) -> Vec<String> {
    std::mem::take(&mut told.lock().unwrap())
}

#[tokio::test]
async fn a_published_token_is_revoked_after_the_next_step() {
    let clock = kit::at(kit::NOW);
    let feed = MemoryFeed::new().with_clock(clock.clone());
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
    assert!(revocations.staleness() < Some(MAX_STALENESS));
}

#[tokio::test]
async fn a_failing_feed_makes_the_data_stale_and_is_then_read_from_its_position() {
    let clock = kit::at(kit::NOW);
    let feed = Faulty::new(&clock);
    let (revocations, told) = revocations(&clock);
    let mut follow = revocations.follow(feed.clone()).timeout(Duration::from_millis(20));
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
        assert_eq!(check(&revocations, &name), Verdict::Good, "while the data is not stale");
        clock.advance(MAX_STALENESS + SECOND);
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
async fn a_limitation_of_a_feed_is_reported_once() {
    let clock = kit::at(kit::NOW);
    let feed = Faulty::new(&clock);
    feed.set(LIMITED);
    let (revocations, told) = revocations(&clock);
    let mut follow = revocations.follow(feed.clone());
    follow.step().await.unwrap();
    assert_eq!(take(&told), ["SnapshotRead", "FeedWarning"]);
    feed.set(LOSES);
    assert!(follow.step().await.is_err());
    feed.set(LIMITED);
    follow.step().await.unwrap();
    assert_eq!(take(&told), ["Gap", "SnapshotRead", "SnapshotRead"]);
}

#[test]
fn pauses_and_limits_of_zero_are_rejected() {
    for zero in [
        (|follow| drop(follow.poll_every(Duration::ZERO))) as fn(Follow<MemoryFeed>),
        |follow| drop(follow.timeout(Duration::ZERO)),
        |follow| drop(follow.snapshot_every(Duration::ZERO)),
    ] {
        let follow = Revocations::new().follow(MemoryFeed::new());
        let refused = catch_unwind(AssertUnwindSafe(|| zero(follow))).unwrap_err();
        let sentence = refused.downcast_ref::<String>().unwrap();
        assert!(sentence.contains("of zero would never rest"), "{sentence}");
    }
}

#[tokio::test]
async fn unreadable_messages_are_reported_and_the_others_are_applied() {
    let clock = kit::at(kit::NOW);
    let feed = MemoryFeed::new().with_clock(clock.clone());
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
    assert_eq!(take(&told), ["Unreadable", "SnapshotRead"], "one report of those read at once");
}

#[tokio::test]
async fn after_the_clock_was_set_back_everything_is_read_again() {
    let clock = kit::at(kit::NOW);
    let feed = MemoryFeed::new().with_clock(kit::at(kit::NOW));
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
async fn a_second_feed_cannot_be_followed() {
    let clock = kit::at(kit::NOW);
    let (revocations, _) = revocations(&clock);
    let second = || revocations.clone().follow(MemoryFeed::new());
    let first = revocations.follow(MemoryFeed::new());
    let refused = catch_unwind(AssertUnwindSafe(|| drop(second()))).unwrap_err();
    let sentence = refused.downcast_ref::<String>().unwrap();
    assert!(sentence.contains("a feed is followed already"), "{sentence}");
    // The panic does not affect the first follower. While that follower exists, each further call
    // of `follow` panics.
    assert!(catch_unwind(AssertUnwindSafe(|| drop(second()))).is_err());
    drop(first);
    second().step().await.unwrap();
    second().step().await.unwrap();
}

#[tokio::test]
async fn snapshots_are_repeated_part_by_part() {
    let clock = kit::at(kit::NOW);
    let feed = MemoryFeed::new().with_clock(clock.clone());
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
async fn a_revocation_is_widened_in_the_same_way_each_time_it_is_read() {
    let clock = kit::at(kit::NOW);
    let feed = MemoryFeed::new().with_clock(clock.clone());
    let revocations = kit::revocations(clock.clone()).max_bytes(0);
    // These revocations have no time, so the feed adds one.
    for n in 0..100 {
        feed.append(&Revocation::token(format!("{n}"), end()).issuer("i")).await.unwrap();
    }
    let mut follow = revocations.follow(feed.clone()).snapshot_every(Duration::from_nanos(1));
    let issued =
        |secs| TokenNames::new().issuer("i").issued_at(UnixTime::from_secs(kit::NOW + secs));
    for _ in 0..3 {
        clock.advance(Duration::from_secs(10));
        follow.step().await.unwrap();
        assert_eq!(revocations.check(&issued(0)), Verdict::Revoked);
        assert_eq!(revocations.check(&issued(1)), Verdict::Good, "issued since");
    }
    assert!(revocations.stats().widened > 100, "it was read again");
    // Other software that appends to the feed may omit the time of a revocation. The revocation
    // then gets the time at which it was read.
    feed.append_text(r#"{"v":1,"revoke":"token","iss":"i","jti":"x","until":4000000000}"#, end())
        .unwrap();
    follow.step().await.unwrap();
    assert_eq!(revocations.check(&issued(30)), Verdict::Revoked);
    assert_eq!(revocations.check(&issued(31)), Verdict::Good);
}

#[tokio::test]
async fn an_append_wakes_the_follower() {
    let feed = MemoryFeed::new();
    let revocations = Revocations::new();
    let follow = revocations.follow(feed.clone()).poll_every(HOUR);
    let task = tokio::spawn(follow.run());
    while revocations.staleness().is_none() {
        tokio::task::yield_now().await;
    }
    // The follower is probably waiting for a message by now. If it is not, it reads the message
    // right after the append, and the test still passes.
    tokio::task::yield_now().await;
    feed.append(&Revocation::token("a", UnixTime::from_secs(4_000_000_000))).await.unwrap();
    while check(&revocations, "a") != Verdict::Revoked {
        tokio::task::yield_now().await;
    }
    task.abort();
}
