//! Tests the replacement of the secret under load. No valid token is rejected while two keys are
//! valid, and no token that was signed with the old key is accepted after that key has been
//! retired.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::get;
use serde_json::json;
use tower_jwt_auth::{JwtAuth, Key, KeyStore};

use crate::kit::server::{self, Ask, Connection, Wire};
use crate::kit::shop;

const CLIENTS: usize = 4;
/// The minimum number of responses that each client gets between two steps of the rotation, and
/// after the last step.
const PER_STAGE: usize = 375;

/// The stage of the rotation. A client reads the stage before the request and after the response.
/// If it reads the same stage both times, the stage did not change during the request.
const BEFORE: usize = 0;
const ROTATING: usize = 1;
const ROTATED: usize = 2;
const RETIRING: usize = 3;
const RETIRED: usize = 4;
const DONE: usize = 5;

#[derive(Default)]
struct Progress {
    stage: AtomicUsize,
    answers: [AtomicUsize; CLIENTS],
}

impl Progress {
    fn stage(&self) -> usize {
        self.stage.load(Ordering::SeqCst)
    }

    fn enter(&self, stage: usize) {
        self.stage.store(stage, Ordering::SeqCst);
    }

    /// Waits until each client has received another [`PER_STAGE`] responses.
    async fn some_more(&self) {
        server::in_time(async {
            for answers in &self.answers {
                let until = answers.load(Ordering::SeqCst) + PER_STAGE;
                while answers.load(Ordering::SeqCst) < until {
                    tokio::task::yield_now().await;
                }
            }
        })
        .await;
    }
}

/// The number of responses that one client received before, during and after the time in which both
/// keys are valid.
#[derive(Debug, Default)]
struct Seen {
    new_refused_before: usize,
    both_accepted_within: usize,
    old_refused_after: usize,
}

async fn client(n: usize, addr: SocketAddr, progress: Arc<Progress>, old: Ask, new: Ask) -> Seen {
    let mut connection = Connection::open(server::WIRES[n % 2], addr).await;
    let mut seen = Seen::default();
    while progress.stage() < DONE {
        for (is_old, ask) in [(true, &old), (false, &new)] {
            let asked_at = progress.stage();
            let reply = connection.send(ask).await;
            let answered_at = progress.stage();
            progress.answers[n].fetch_add(1, Ordering::SeqCst);
            let status = reply.status.as_u16();
            let at = format!("is_old {is_old}, between stages {asked_at} and {answered_at}");
            match is_old {
                true if answered_at < RETIRING => assert_eq!(status, 200, "{at}"),
                true if asked_at >= RETIRED => {
                    assert_eq!((status, &*reply.code()), (401, "invalid-token"), "{at}");
                    seen.old_refused_after += 1;
                }
                false if asked_at >= ROTATED => {
                    assert_eq!(status, 200, "{at}");
                    seen.both_accepted_within += usize::from(answered_at < RETIRING);
                }
                false if answered_at < ROTATING => {
                    assert_eq!(status, 401, "{at}");
                    seen.new_refused_before += 1;
                }
                _ => assert!([200, 401].contains(&status), "{at}"),
            }
        }
    }
    seen
}

async fn rotates_under_load(old: Key, new: Key) {
    let keys = KeyStore::from(old.clone());
    let auth =
        JwtAuth::new(keys.clone()).issuer(shop::ISSUER).audience("cart").with_clock(shop::clock());
    let addr = server::start(Router::new().route("/", get(|| async {})).layer(auth)).await;
    let [old, fresh] = [&old, &new].map(|key| Ask::get("/").bearer(&shop::sign(key, &json!({}))));
    let progress = Arc::<Progress>::default();
    let clients = (0..CLIENTS).map(|n| {
        let progress = Arc::clone(&progress);
        tokio::spawn(client(n, addr, progress, old.clone(), fresh.clone()))
    });
    let clients: Vec<_> = clients.collect();

    progress.enter(BEFORE);
    progress.some_more().await;
    progress.enter(ROTATING);
    keys.rotate(new).unwrap();
    progress.enter(ROTATED);
    progress.some_more().await;
    progress.enter(RETIRING);
    keys.retire_previous();
    progress.enter(RETIRED);
    progress.some_more().await;
    progress.enter(DONE);

    for client in clients {
        let seen = client.await.unwrap();
        assert!(seen.new_refused_before > 0, "{seen:?}");
        assert!(seen.both_accepted_within > 0, "{seen:?}");
        assert!(seen.old_refused_after > 0, "{seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_with_an_identifier_rotate_under_load() {
    let old = Key::hs256(shop::secret()).with_id("2026-10").unwrap();
    let new = Key::hs256(shop::other_secret()).with_id("2026-11").unwrap();
    rotates_under_load(old, new).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_without_an_identifier_rotate_under_load() {
    rotates_under_load(Key::hs256(shop::secret()), Key::hs256(shop::other_secret())).await;
}

#[tokio::test]
async fn a_key_that_comes_back_is_accepted_again() {
    let keys = KeyStore::from(shop::secret());
    let auth =
        JwtAuth::new(keys.clone()).issuer(shop::ISSUER).audience("cart").with_clock(shop::clock());
    let addr = server::start(Router::new().route("/", get(|| async {})).layer(auth)).await;
    let mut connection = Connection::open(Wire::Http1, addr).await;
    let ask = Ask::get("/").bearer(&shop::good());
    for (secret, status) in
        [(shop::other_secret(), 401), (shop::secret(), 200), (shop::other_secret(), 401)]
    {
        keys.replace(secret);
        assert_eq!(connection.send(&ask).await.status, status);
    }
}
