//! The suite that every store must pass. `STORE_TRIALS` is the number of runs of each race.

use std::time::Instant;

use tower_jwt_auth::issuer::conformance::Conformance;

use crate::servers::{Folder, Server};
use crate::store::Store;

fn trials() -> usize {
    std::env::var("STORE_TRIALS").map_or(50, |trials| trials.parse().unwrap())
}

async fn check(url: &str) {
    let start = Instant::now();
    let store = Store::connect(url).await.unwrap();
    if let Err(failure) = Conformance::new(store).trials(trials()).check().await {
        panic!("{failure}");
    }
    println!("{} trials in {:.1?}", trials(), start.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_conforms() {
    let folder = Folder::new();
    check(&format!("sqlite:{}/sessions.db", folder.0.display())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres_conforms() {
    check(&Server::postgres().url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis_conforms() {
    check(&Server::redis().url).await;
}
