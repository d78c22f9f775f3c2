//! Measures the revocation of tokens on four servers that follow a feed and are under load.
//!
//! `cargo run --release --bin fleet -- [redis|postgres|throughput]` runs one part, or all three by
//! default. The program starts its own Redis and PostgreSQL. It fails if a server still accepts a
//! revoked token after the promised time, if a server rejects a valid token, or if requests make a
//! server poll its feed.

mod asked;
mod load;
mod node;
mod probe;
#[path = "../../../../../tests/stores/servers.rs"]
#[allow(dead_code)]
mod servers;
mod throughput;

use std::sync::Arc;
use std::time::{Duration, Instant};

use suite::connection::Connection;
use suite::tokens;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::{interval, sleep};
use tower_jwt_auth::UnixTime;
use tower_jwt_auth::revocation::{PostgresFeed, RedisFeed, Revocation, RevocationFeed};

use crate::asked::Asked;
use crate::node::Node;
use crate::probe::{Pair, Seen};
use crate::servers::Server;

const SERVERS: usize = 4;
const REVOCATIONS: usize = 600;
const BETWEEN: Duration = Duration::from_millis(50);
const WINDOW: Duration = Duration::from_secs(10);
const OUTAGE: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["serve", url] => node::serve(url).await,
        ["redis"] => redis().await,
        ["postgres"] => postgres().await,
        ["throughput"] => throughput::measure().await,
        _ => {
            redis().await;
            postgres().await;
            throughput::measure().await;
        }
    }
}

async fn redis() {
    let server = Server::redis();
    fleet("Redis", &server, RedisFeed::new(&server.url).expect("a URL")).await;
}

async fn postgres() {
    let server = Server::postgres();
    fleet("PostgreSQL", &server, PostgresFeed::new(&server.url).expect("a URL")).await;
}

async fn fleet<F: RevocationFeed>(name: &str, server: &Server, feed: F) {
    feed.create().await.expect("a log");
    let nodes: Vec<_> = (0..SERVERS).map(|_| Node::start(&server.url)).collect();
    let ports: Vec<_> = nodes.iter().map(|node| node.port).collect();
    let requests = Arc::new(tokens::good());
    for port in &ports {
        let mut connection = Connection::to(*port).await;
        while connection.ask(&requests[0]).await != 200 {
            sleep(Duration::from_millis(10)).await;
        }
    }
    println!("{name}:");
    revoke(&ports, &requests, &feed).await;
    count(&ports, &requests, &server.url).await;
    outlive(&ports, &requests, server).await;
}

/// Publishes revocations under load, and measures when each server rejects the tokens.
async fn revoke<F: RevocationFeed>(ports: &[u16], requests: &Arc<Vec<Vec<u8>>>, feed: &F) {
    let pairs: Vec<_> = (0..REVOCATIONS).map(pair).collect();
    let (mut senders, mut probes) = (Vec::new(), Vec::new());
    for port in ports {
        let mut connection = Connection::to(*port).await;
        for pair in &pairs {
            assert_eq!(connection.ask(&pair.revoked).await, 200, "it is good before");
        }
        let (sender, receiver) = unbounded_channel();
        senders.push(sender);
        probes.push(tokio::spawn(probe::run(*port, receiver)));
    }
    let publish = async {
        let mut ticks = interval(BETWEEN);
        for (n, pair) in pairs.iter().enumerate() {
            ticks.tick().await;
            feed.append(&revocation(n)).await.expect("appended");
            let at = Instant::now();
            for sender in &senders {
                sender.send((Arc::clone(pair), at)).expect("a probe");
            }
        }
    };
    let time = BETWEEN * u32::try_from(REVOCATIONS).expect("a few") + Duration::from_secs(1);
    let (load, ()) = tokio::join!(load::run(ports, requests, time), publish);
    drop(senders);
    let mut all = Seen::default();
    for probe in probes {
        let seen = probe.await.expect("a probe");
        all.lags.extend(seen.lags);
        all.late += seen.late;
        all.wrong += seen.wrong;
    }
    all.lags.sort_unstable();
    let [half, most, max] = quantiles(&all.lags).map(|lag| lag.as_secs_f64() * 1e3);
    println!("  load: {:.0} requests per second; {}", load.per_sec, times(&load.micros));
    println!(
        "  lag of {} revocations x servers: p50 {half:.0} ms, p99 {most:.0} ms, max {max:.0} ms",
        all.lags.len()
    );
    println!("  accepted too late: {}", all.late);
    println!("  good tokens refused: {} beside revoked, {} in the load", all.wrong, load.refused);
    assert_eq!((all.late, all.wrong, load.refused), (0, 0, 0));
    assert_eq!(all.lags.len(), REVOCATIONS * ports.len());
}

/// Returns two requests, with two tokens of one subject. [`revocation`] revokes the first token.
/// The second token stays valid: it belongs to a different session, and it is newer than the tokens
/// that a revocation of the subject covers.
fn pair(n: usize) -> Arc<Pair> {
    let (subject, id) = (format!("revoked {n}"), format!("revoked-{n}"));
    let revoked = tokens::request(&subject, &id, 1000);
    let good = tokens::request(&subject, &format!("good-beside-{n}"), 100);
    Arc::new(Pair { revoked, good })
}

/// Returns the revocation with the number `n`. Consecutive numbers stand for the revocation of a
/// token, of a session and of a subject, in turn.
fn revocation(n: usize) -> Revocation {
    let (id, now) = (format!("revoked-{n}"), tokens::now());
    let end = UnixTime::from_secs(now + 3600);
    let revocation = match n % 3 {
        0 => Revocation::token(id, end),
        1 => Revocation::session(tokens::session(&id), end),
        _ => Revocation::subject(format!("revoked {n}"), UnixTime::from_secs(now - 500)),
    };
    revocation.issuer(tokens::ISSUER)
}

/// Counts the reads of the feed in three equal periods: without requests, with requests, and
/// without requests again.
async fn count(ports: &[u16], requests: &Arc<Vec<Vec<u8>>>, url: &str) {
    let mut asked = Asked::of(url).await;
    let mut polls = Vec::new();
    for is_loaded in [false, true, false] {
        // PostgreSQL updates its statistics with a delay of up to a second.
        sleep(Duration::from_secs(2)).await;
        let before = asked.count().await;
        let mut served = 0;
        if is_loaded {
            served = load::run(ports, requests, WINDOW).await.micros.len();
        } else {
            sleep(WINDOW).await;
        }
        let after = asked.count().await;
        let [polled, connections] = [0, 1].map(|at| after[at] - before[at]);
        println!(
            "  {served} requests in {WINDOW:?}: asked {polled} times, {connections} new connections"
        );
        assert_eq!(connections, 0);
        polls.push(polled);
    }
    // The number of transactions that PostgreSQL counts varies by a few dozen.
    assert!(polls[1] < 2 * polls[0].min(polls[2]), "requests ask the feed");
}

/// Checks that no request fails while the feed is stopped for less than `max_staleness`.
async fn outlive(ports: &[u16], requests: &Arc<Vec<Vec<u8>>>, server: &Server) {
    server.pause();
    let load = load::run(ports, requests, OUTAGE).await;
    server.resume();
    println!(
        "  the feed stopped for {OUTAGE:?}: {:.0} requests per second, {} refused; {}",
        load.per_sec,
        load.refused,
        times(&load.micros)
    );
    assert_eq!(load.refused, 0);
}

fn times(micros: &[u64]) -> String {
    let [half, most, max] = quantiles(micros);
    format!("p50 {half} us, p99 {most} us, max {max} us")
}

fn quantiles<T: Copy>(sorted: &[T]) -> [T; 3] {
    let last = sorted.len() - 1;
    [sorted[last / 2], sorted[last * 99 / 100], sorted[last]]
}
