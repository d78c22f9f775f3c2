//! Tests of the log events that a revocation feed causes.

use std::time::{Duration, Instant};

use tower_jwt_auth::Revocations;
use tower_jwt_auth::issuer::{MemoryStore, Sessions};
use tower_jwt_auth::revocation::{MemoryFeed, RedisFeed};

use super::Log;

async fn line(log: &Log, text: &str) -> String {
    let start = Instant::now();
    loop {
        if let Some(line) = log.text().lines().find(|line| line.contains(text)) {
            return line.to_owned();
        }
        assert!(start.elapsed() < Duration::from_secs(120), "no {text:?} in {}", log.text());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The warning is logged even if the application sets no hook.
#[tokio::test]
async fn a_feed_that_cannot_be_reached_is_logged_as_a_warning() {
    let log = Log::default();
    let _listening = log.listen();
    let url = "redis://:correct-horse@127.0.0.1:1";
    let start = Instant::now();
    let revocations = Revocations::new();
    let task = tokio::spawn(revocations.follow(RedisFeed::new(url).unwrap()).run());
    let failed = line(&log, "the revocation log cannot be read").await;
    assert!(failed.contains("WARN tower_jwt_auth::revocation"), "{failed}");
    assert!(failed.contains("Connection refused"), "{failed}");
    while revocations.stats().feed_failures < 5 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // The feed logs at most one line in ten seconds.
    let lines = log.text().matches("cannot be read").count() as u64;
    assert!(
        lines <= 1 + start.elapsed().as_secs() / 10,
        "{lines} lines, not one for every attempt"
    );
    task.abort();
    // A publisher reports no `RevocationEvent`, but its failures are still logged.
    let issuer = crate::issuer::kit::issuer();
    let feed = RedisFeed::new(url).unwrap();
    let _sessions = Sessions::new(MemoryStore::new()).with_revocation(feed, &issuer);
    let failed = line(&log, "the revocation log cannot be created").await;
    assert!(failed.contains("WARN"), "{failed}");
    assert!(!log.text().contains("correct-horse"), "{}", log.text());
}

#[tokio::test]
async fn a_working_feed_logs_no_warning() {
    let log = Log::default();
    let _listening = log.listen();
    let task = tokio::spawn(Revocations::new().follow(MemoryFeed::new()).run());
    let read = line(&log, "all revocations were read").await;
    assert!(read.contains("DEBUG"), "{read}");
    assert!(!log.text().contains("WARN"), "{}", log.text());
    task.abort();
}
