//! Tests of a missing or lost log, and of a feed that cannot be reached.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tower_jwt_auth::revocation::{
    FeedErrorKind, Revocation, RevocationFeed, RevocationOutageKind, Verdict,
};

use super::faulty::{FAILS, Faulty, MISSING, MISSING_AND_DENIED, MISSING_AND_DOWN, NONE};
use super::{check, end, revocations, take};
use crate::kit;

#[tokio::test]
async fn a_missing_log_is_created_and_reported() {
    let clock = kit::at(kit::NOW);
    let feed = Faulty::new(&clock);
    feed.set(MISSING);
    let (revocations, told) = revocations(&clock);
    revocations.follow(feed).step().await.unwrap();
    assert_eq!(check(&revocations, "a"), Verdict::Good);
    assert_eq!(take(&told), ["LogCreated", "SnapshotRead"]);
}

#[tokio::test]
async fn a_server_that_may_only_read_waits_for_another_one_to_create_the_log() {
    let clock = kit::at(kit::NOW);
    let feed = Faulty::new(&clock);
    let (revocations, _) = revocations(&clock);
    let mut follow = revocations.follow(feed.clone());
    for _ in 0..2 {
        feed.set(MISSING_AND_DENIED);
        let error = follow.step().await.unwrap_err();
        assert_eq!(error.kind(), FeedErrorKind::Missing);
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("start the auth server"), "{cause}");
        feed.set(NONE);
        follow.step().await.unwrap();
        assert_eq!(check(&revocations, "a"), Verdict::Good);
    }
}

#[tokio::test]
async fn a_server_that_fails_while_it_creates_the_log_is_unavailable_and_not_forbidden() {
    let clock = kit::at(kit::NOW);
    let feed = Faulty::new(&clock);
    feed.set(MISSING_AND_DOWN);
    let (revocations, _) = revocations(&clock);
    let mut follow = revocations.follow(feed.clone());
    let error = follow.step().await.unwrap_err();
    assert_eq!(error.kind(), FeedErrorKind::Unavailable);
    assert_eq!(check(&revocations, "a"), Verdict::Unavailable);
    feed.set(MISSING);
    follow.step().await.unwrap();
    assert_eq!(check(&revocations, "a"), Verdict::Good);
}

#[tokio::test]
async fn without_create_missing_a_log_is_missing_until_somebody_creates_it() {
    let clock = kit::at(kit::NOW);
    let feed = Faulty::new(&clock);
    feed.set(MISSING);
    let (revocations, _) = revocations(&clock);
    let mut follow = revocations.follow(feed.clone()).create_missing(false);
    assert_eq!(follow.step().await.unwrap_err().kind(), FeedErrorKind::Missing);
    assert_eq!(check(&revocations, "a"), Verdict::Unavailable);
    assert!(feed.create().await.unwrap());
    follow.step().await.unwrap();
    assert_eq!(check(&revocations, "a"), Verdict::Good);
}

#[tokio::test]
async fn a_lost_log_is_reported_once_and_known_revocations_stay() {
    let clock = kit::at(kit::NOW);
    let feed = Faulty::new(&clock);
    let (revocations, told) = revocations(&clock);
    let mut follow = revocations.follow(feed.clone());
    feed.append(&Revocation::token("known", end())).await.unwrap();
    follow.step().await.unwrap();
    take(&told);
    feed.set(MISSING_AND_DENIED);
    for _ in 0..3 {
        follow.step().await.unwrap_err();
        assert_eq!(check(&revocations, "known"), Verdict::Revoked);
    }
    assert_eq!(take(&told), ["Gap", "LogMissing"]);
    feed.set(MISSING);
    follow.step().await.unwrap();
    assert_eq!(take(&told), ["LogCreated", "SnapshotRead"]);
    assert_eq!(check(&revocations, "known"), Verdict::Revoked);
    feed.set(MISSING);
    follow.step().await.unwrap();
    assert_eq!(take(&told), ["Gap", "LogMissing", "LogCreated", "SnapshotRead"]);
}

#[cfg(feature = "tracing")]
#[tokio::test(start_paused = true)]
async fn a_failure_is_logged_as_a_warning_the_recovery_as_information_and_a_read_as_detail() {
    let log = crate::rejection::logs::Log::default();
    let _listening = log.listen();
    let clock = kit::at(kit::NOW);
    let feed = Faulty::new(&clock);
    feed.set(FAILS);
    let task = tokio::spawn(kit::revocations(clock).follow(feed.clone()).run());
    tokio::time::sleep(Duration::from_millis(10)).await;
    feed.set(NONE);
    tokio::time::sleep(Duration::from_secs(2)).await;
    task.abort();
    for (level, text) in [
        ("WARN", "cannot be read"),
        ("INFO", "can be read again"),
        ("DEBUG", "all revocations were read"),
    ] {
        let text = log.text().lines().find(|line| line.contains(text)).unwrap().to_owned();
        assert!(text.contains(level), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_reported_at_once_and_then_every_ten_seconds() {
    let clock = kit::at(kit::NOW);
    let feed = Faulty::new(&clock);
    feed.set(FAILS);
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let written = Arc::clone(&lines);
    let revocations = kit::revocations(clock)
        .with_events(move |event| written.lock().unwrap().push(format!("revocation: {event}")));
    let outage = revocations.outage().unwrap();
    assert_eq!(outage.kind(), RevocationOutageKind::NotFollowed);
    assert!(outage.to_string().contains("no feed is followed"));
    let task = tokio::spawn(revocations.follow(feed.clone()).run());
    tokio::time::sleep(Duration::from_millis(10)).await;
    let line = "revocation: the revocation log cannot be read, and tokens are refused with 503 once \
                the data is stale: the revocation feed failed: down";
    assert_eq!(*lines.lock().unwrap(), [line]);
    tokio::time::sleep(Duration::from_secs(35)).await;
    assert_eq!(*lines.lock().unwrap(), [line; 4]);
    assert!(revocations.stats().feed_failures > 30, "each one counts");
    let outage = revocations.outage().unwrap();
    assert_eq!(outage.kind(), RevocationOutageKind::FeedFailed(FeedErrorKind::Unavailable));
    assert_eq!(
        outage.to_string(),
        "no revocation data has been read yet: the revocation feed failed"
    );
    feed.set(NONE);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(revocations.outage(), None);
    let recovered = [
        "revocation: all revocations were read",
        "revocation: the revocation log can be read again",
    ];
    assert_eq!(lines.lock().unwrap()[4..], recovered);
    // The feed now fails and recovers again and again. At most one failure and one recovery are
    // reported in ten seconds.
    for _ in 0..100 {
        feed.set(FAILS);
        tokio::time::sleep(Duration::from_millis(500)).await;
        feed.set(NONE);
        tokio::time::sleep(Duration::from_millis(1_500)).await;
    }
    let lines = lines.lock().unwrap().len();
    assert!(lines < 6 + 2 * 21, "{lines} lines in 200 seconds");
    task.abort();
}
