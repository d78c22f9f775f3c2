//! Tests of the in-memory feed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tower_jwt_auth::revocation::{
    FeedErrorKind, MemoryFeed, Revocation, RevocationFeed, Revocations,
};
use tower_jwt_auth::{Clock, ManualClock, UnixTime};

use crate::kit;

#[tokio::test]
async fn a_full_feed_in_memory_fails_and_keeps_its_messages() {
    let feed = MemoryFeed::new().max_bytes(10_000);
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

#[test]
fn a_feed_in_memory_is_configured_before_it_is_cloned() {
    let feed = MemoryFeed::new().with_clock(kit::at(kit::NOW)).max_bytes(10_000);
    let clone = feed.clone();
    for misuse in [(|feed| drop(feed.max_bytes(1))) as fn(MemoryFeed), |feed| {
        drop(feed.with_clock(kit::at(kit::NOW)))
    }] {
        let refused = catch_unwind(AssertUnwindSafe(|| misuse(clone.clone()))).unwrap_err();
        let sentence = refused.downcast_ref::<String>().unwrap();
        assert!(sentence.contains("MemoryFeed is configured after it was cloned"), "{sentence}");
    }
}

#[tokio::test]
async fn expired_messages_leave_the_feed_in_memory() {
    let clock = ManualClock::new(UnixTime::from_secs(1_700_000_000));
    let feed = MemoryFeed::new().with_clock(clock.clone());
    assert!(feed.is_empty());
    let ends_in = |secs| clock.now().saturating_add(Duration::from_secs(secs));
    feed.append(&Revocation::token("short", ends_in(60))).await.unwrap();
    feed.append(&Revocation::token("long", ends_in(86_400))).await.unwrap();
    // The feed keeps a message for five minutes after the message expires.
    clock.advance(Duration::from_secs(359));
    feed.append(&Revocation::token("new", ends_in(86_400))).await.unwrap();
    assert_eq!((feed.len(), feed.is_empty()), (3, false));
    clock.advance(Duration::from_secs(1));
    feed.append(&Revocation::token("newest", ends_in(86_400))).await.unwrap();
    assert_eq!(feed.len(), 3);
}

#[tokio::test]
async fn a_feed_in_memory_looks_for_expired_messages_once_a_second() {
    let clock = ManualClock::new(UnixTime::from_secs(1_700_000_000));
    let feed = MemoryFeed::new().with_clock(clock.clone());
    let far = UnixTime::from_secs(4_000_000_000);
    let len_with = async |name: &str, until| {
        feed.append(&Revocation::token(name, until)).await.unwrap();
        feed.len()
    };
    assert_eq!(len_with("expired", UnixTime::EPOCH).await, 1);
    clock.advance(Duration::from_millis(999));
    assert_eq!(len_with("a", far).await, 2);
    clock.advance(Duration::from_millis(1));
    assert_eq!(len_with("b", far).await, 2);
    assert_eq!(len_with("expired, too", UnixTime::EPOCH).await, 3);
    // The clock is set back, so the last search for expired messages seems to be in the future. The
    // feed must search again.
    clock.set(UnixTime::from_secs(1_600_000_000));
    assert_eq!(len_with("c", far).await, 3);
}

/// A client may revoke the same token many times.
#[tokio::test]
async fn a_repeated_message_does_not_fill_a_feed_in_memory() {
    let clock = ManualClock::new(UnixTime::from_secs(1_700_000_000));
    let feed = MemoryFeed::new().with_clock(clock.clone());
    let at = clock.now();
    let until = |secs| at.saturating_add(Duration::from_secs(secs));
    let revocation = Revocation::token("t", until(600)).of_subject("mallory", at);
    for _ in 0..1_000 {
        feed.append(&revocation).await.unwrap();
        clock.advance(Duration::from_millis(300));
    }
    assert_eq!(feed.len(), 1);
    // The same revocation with a different end time is a new message.
    feed.append(&revocation.clone().forget_at(until(700))).await.unwrap();
    assert_eq!(feed.len(), 2);
    clock.advance(Duration::from_secs(3_600));
    let late = Revocation::token("u", until(7_200));
    feed.append(&late).await.unwrap();
    assert_eq!(feed.len(), 1);
}
