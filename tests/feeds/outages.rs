//! Tests of a feed that fails in different ways while tokens are revoked.

use std::time::Duration;

use tower_jwt_auth::revocation::{RevocationFeed, Verdict};

use crate::fleet::{BOUND, LATER, Member};
use crate::proxy::Proxy;
use crate::server::Server;
use crate::stopwatch::Stopwatch;

/// The time after which a server treats its data as stale: the maximum staleness, plus a margin for
/// a busy machine.
const SOON: Duration = BOUND.saturating_add(Duration::from_millis(250));

pub(crate) async fn all<S: Server, F: RevocationFeed>(server: &mut S, feed: impl Fn(u16) -> F) {
    let proxy = Proxy::before(server.port()).await;
    let publisher = feed(server.port());
    let strict = Member::of(feed(proxy.port), |revocations| revocations);
    // Nobody has created the log yet, so the first server that reads the feed creates the log.
    assert_eq!(strict.verdict("good"), Verdict::Unavailable);
    strict.expect("good", Verdict::Good, LATER).await;
    assert!(strict.has_seen("LogCreated"));
    assert!(!publisher.create().await.unwrap());
    let lenient = Member::of(feed(proxy.port), |revocations| {
        revocations.dangerous_accept_stale(Duration::from_secs(600))
    });
    lenient.expect("good", Verdict::Good, LATER).await;

    revoked_within_a_second(&strict, &publisher).await;
    slowed(&proxy, &strict, &Member::patient(feed(proxy.port)), &publisher).await;
    for mode in ["swallow", "cut"] {
        partitioned(mode, &proxy, &strict, &lenient, &publisher).await;
    }
    for how in ["pause", "kill"] {
        stopped(how, server, &strict, &lenient, &publisher).await;
    }
    emptied(server, &strict, &lenient, &publisher).await;
    strict.look();
    lenient.look();
}

async fn revoked_within_a_second<F: RevocationFeed>(member: &Member, publisher: &F) {
    let mut slowest = Duration::ZERO;
    for n in 0..20 {
        let name = format!("soon {n}");
        member.publish(publisher, &name).await;
        let published = Stopwatch::start();
        member.expect(&name, Verdict::Revoked, Duration::from_secs(1)).await;
        slowest = slowest.max(published.elapsed());
        tokio::time::sleep(Duration::from_millis(37)).await;
    }
    println!("the slowest of 20 was known after {slowest:?}");
}

async fn slowed<F: RevocationFeed>(
    proxy: &Proxy,
    member: &Member,
    patient: &Member,
    publisher: &F,
) {
    patient.expect("good", Verdict::Good, LATER).await;
    proxy.slow(Duration::from_millis(60));
    let start = Stopwatch::start();
    for n in 0..10 {
        member.publish(publisher, &format!("slowed {n}")).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        let staleness = patient.staleness().unwrap();
        assert!(staleness < BOUND + start.stalls(), "slow is not down: {staleness:?}");
    }
    assert_eq!(patient.count("FeedFailed"), 0, "slow is not down");
    proxy.pass();
    member.expect("slowed 9", Verdict::Revoked, LATER).await;
    member.expect_all_revoked();
}

async fn partitioned<F: RevocationFeed>(
    mode: &str,
    proxy: &Proxy,
    strict: &Member,
    lenient: &Member,
    publisher: &F,
) {
    if mode == "swallow" {
        proxy.swallow()
    } else {
        proxy.cut()
    }
    for n in 0..5 {
        strict.publish(publisher, &format!("{mode} {n}")).await;
    }
    strict.expect("good", Verdict::Unavailable, SOON).await;
    lenient.expect("good", Verdict::Unchecked, SOON).await;
    tokio::time::sleep(BOUND).await;
    assert_eq!(strict.verdict("soon 0"), Verdict::Revoked, "known revocations stay");
    assert_eq!(lenient.verdict("soon 0"), Verdict::Revoked, "under either policy");
    proxy.pass();
    recovered(strict, lenient).await;
}

async fn stopped<S: Server, F: RevocationFeed>(
    how: &str,
    server: &mut S,
    strict: &Member,
    lenient: &Member,
    publisher: &F,
) {
    for n in 0..5 {
        strict.publish(publisher, &format!("before {how} {n}")).await;
    }
    if how == "pause" {
        server.pause()
    } else {
        server.kill()
    }
    strict.cannot_publish(publisher, &format!("during {how}")).await;
    strict.expect("good", Verdict::Unavailable, SOON).await;
    lenient.expect("good", Verdict::Unchecked, SOON).await;
    if how == "pause" {
        server.resume()
    } else {
        server.start()
    }
    recovered(strict, lenient).await;
    strict.publish(publisher, &format!("after {how}")).await;
    strict.expect(&format!("after {how}"), Verdict::Revoked, LATER).await;
}

async fn emptied<S: Server, F: RevocationFeed>(
    server: &mut S,
    member: &Member,
    other: &Member,
    publisher: &F,
) {
    let created = || member.count("LogCreated") + other.count("LogCreated");
    assert_eq!(created(), 1);
    server.kill();
    server.start_empty();
    // The new server has no log. The services continue, keep all known revocations, and report that
    // the log is lost. One of the services creates a new log.
    let start = Stopwatch::start();
    while created() < 2 || !member.has_seen("Gap") || !other.has_seen("Gap") {
        assert!(start.elapsed() < LATER, "no new log");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(member.has_seen("LogMissing") || other.has_seen("LogMissing"));
    member.expect("good", Verdict::Good, LATER).await;
    member.expect_all_revoked();
    member.publish(publisher, "into the new log").await;
    member.expect("into the new log", Verdict::Revoked, LATER).await;
}

async fn recovered(strict: &Member, lenient: &Member) {
    for member in [strict, lenient] {
        member.expect("good", Verdict::Good, LATER).await;
        member.look();
    }
    strict.expect_all_revoked();
}
