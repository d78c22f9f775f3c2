//! Tests of panics in application code.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use tower_jwt_auth::revocation::{
    MemoryFeed, Revocation, RevocationFeed, Revocations, TokenNames, Verdict,
};
use tower_jwt_auth::{Clock, UnixTime};

use super::faulty::{Faulty, NONE, PANICS, PANICS_WAITING};
use super::{check, end, revocations, take};
use crate::kit;

#[tokio::test]
async fn a_hook_that_panics_stops_nothing() {
    let clock = kit::at(kit::NOW);
    let feed = MemoryFeed::new().with_clock(clock.clone());
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
async fn a_feed_that_panics_is_reported_and_still_followed() {
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
        until(&|| !told.lock().unwrap().is_empty()).await;
        assert_eq!(take(&told), ["FeedFailed"]);
        // If the feed panics only while it waits, the message is still read and applied.
        let is_read = fault == PANICS_WAITING;
        assert_eq!(check(&revocations, &name) == Verdict::Revoked, is_read);
        feed.set(NONE);
        until(&|| check(&revocations, &name) == Verdict::Revoked).await;
        until(&|| take(&told) == ["FeedRecovered"]).await;
    }
    assert!(!task.is_finished());
    task.abort();
}

/// A clock that panics at a single call. The test chooses the call.
#[derive(Debug)]
struct PanicsOnce(Arc<AtomicI32>);

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
            let names = TokenNames::new().id(id);
            assert_eq!(revocations.check(&names), Verdict::Revoked, "{id} after {calls} calls");
        }
    }
    assert!((3..20).contains(&panics), "{panics}");
}

impl Clock for PanicsOnce {
    fn now(&self) -> UnixTime {
        assert!(self.0.fetch_sub(1, Ordering::SeqCst) != 0, "a clock panics");
        UnixTime::from_secs(1_700_000_000)
    }
}
