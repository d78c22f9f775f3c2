//! Requests per second of three kinds of servers: with many revocations, with no revocations, and
//! without the revocation check. The servers are measured in turn.

use std::sync::Arc;
use std::time::{Duration, Instant};

use suite::connection::Connection;
use suite::measure::median;
use suite::tokens;
use tower_jwt_auth::revocation::{MemoryFeed, Revocation, RevocationFeed};
use tower_jwt_auth::{Revocations, UnixTime};

use crate::node;

const CONNECTIONS: usize = 16;
const ROUNDS: usize = 61;
/// The duration of one measurement. The servers are measured in turn, many times. A measurement is
/// short, so that other load on the machine affects all servers equally.
const SLICE: Duration = Duration::from_millis(250);

pub(crate) async fn measure() {
    let requests = Arc::new(tokens::good());
    // Measure two servers without revocations, to show how much the results of identical servers
    // differ.
    let names = ["none", "none again", "100,000 entries", "without with_revocation"];
    let revocations = [following(0).await, following(0).await, following(100_000).await];
    let mut ports = Vec::new();
    for revocations in revocations.into_iter().map(Some).chain([None]) {
        let (port, serving) = node::listen(revocations).await;
        tokio::spawn(serving);
        ports.push(port);
    }
    let mut rates = vec![Vec::new(); ports.len()];
    for round in 0..=ROUNDS {
        for turn in 0..ports.len() {
            let at = (turn + round) % ports.len();
            let rate = slice(ports[at], &requests).await;
            // The first round warms up.
            if round > 0 {
                rates[at].push(rate);
            }
        }
    }
    println!("| server | requests per second | of none |\n|---|---|---|");
    for (at, name) in names.into_iter().enumerate() {
        let ratios = rates[at].iter().zip(&rates[0]).map(|(rate, none)| rate / none).collect();
        println!("| {name} | {:.0} | {:.3} |", median(rates[at].clone()), median(ratios));
    }
}

async fn following(entries: usize) -> Revocations {
    let (revocations, feed) = (Revocations::new(), MemoryFeed::new());
    feed.create().await.expect("a log");
    let now = UnixTime::from_secs(tokens::now());
    let end = now.saturating_add(Revocation::REMEMBERED);
    for n in 0..entries {
        let id = format!("revoked-{n}");
        let revocation = match n % 3 {
            0 => Revocation::token(id, end),
            1 => Revocation::session(tokens::session(&id), end),
            _ => Revocation::subject(format!("revoked {n}"), now),
        };
        feed.append(&revocation.issuer(tokens::ISSUER)).await.expect("appended");
    }
    node::follow(&revocations, feed);
    while revocations.staleness().is_none() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(revocations.stats().total_entries(), entries);
    revocations
}

async fn slice(port: u16, requests: &Arc<Vec<Vec<u8>>>) -> f64 {
    let start = Instant::now();
    let mut clients = Vec::new();
    for client in 0..CONNECTIONS {
        let requests = Arc::clone(requests);
        clients.push(tokio::spawn(async move {
            let (mut connection, mut answers) = (Connection::to(port).await, 0);
            for request in requests.iter().cycle().skip(client * 61) {
                if start.elapsed() >= SLICE {
                    break;
                }
                assert_eq!(connection.ask(request).await, 200);
                answers += 1;
            }
            answers
        }));
    }
    let mut answers = 0;
    for client in clients {
        answers += client.await.expect("a client");
    }
    f64::from(answers) / start.elapsed().as_secs_f64()
}
