//! Runs a server for an hour at half of its maximum load. Half of the requests have no valid token,
//! the key is replaced every 30 seconds, and sessions are revoked all the time.
//!
//! `SOAK_SECONDS=3600 cargo run --release --bin soak`. The program fails if the server rejects a
//! valid token, accepts an invalid token, answers with a 5xx or panics. It also fails if the
//! server's memory grows by 2 MiB or more after warm-up.

mod client;
mod generation;
mod memory;
mod server;

use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::client::Answers;
use crate::generation::Generation;
use crate::memory::Memory;
use crate::server::Server;

const CLIENTS: u32 = 16;
const REPLACED_EVERY: Duration = Duration::from_secs(30);
/// The time for which the previous key remains valid.
const OVERLAP: Duration = Duration::from_secs(5);
const TRIAL: Duration = Duration::from_secs(5);
const GROWTH_KIB: u64 = 2048;

type Current = Arc<RwLock<Arc<Generation>>>;

#[tokio::main]
async fn main() {
    if std::env::args().nth(1).as_deref() == Some("serve") {
        return server::serve().await;
    }
    let seconds =
        std::env::var("SOAK_SECONDS").map_or(3600, |text| text.parse().expect("a number"));
    let time = Duration::from_secs(seconds);
    // The memory is sampled only after the warm-up. During the warm-up, the server allocates its
    // connection buffers, and the table of revocations grows until revocations expire as fast as
    // they are added.
    let warm_up = (time / 6).min(Duration::from_secs(600));
    let mut server = Server::start();
    let current: Current = Arc::new(RwLock::new(Arc::new(Generation::new(0))));

    let most = load(server.port, &current, Duration::ZERO, TRIAL).await;
    let per_sec = most.count() as f64 / TRIAL.as_secs_f64();
    let pause = Duration::from_secs_f64(f64::from(CLIENTS) * 2.0 / per_sec);
    println!("at most {per_sec:.0} requests per second, so half of that for {seconds} s");

    let start = Instant::now();
    let load = tokio::spawn({
        let (port, current) = (server.port, Arc::clone(&current));
        async move { load(port, &current, pause, time).await }
    });
    let mut memory = Memory::of(server.id());
    let mut generation = 0;
    while start.elapsed() < time {
        let began = Instant::now();
        generation += 1;
        server.tell(&format!("rotate {generation}"));
        *current.write().expect("not poisoned") = Arc::new(Generation::new(generation));
        sleep(OVERLAP).await;
        server.tell("retire");
        while began.elapsed() < REPLACED_EVERY && start.elapsed() < time {
            memory.look(start.elapsed() >= warm_up);
            sleep(Duration::from_secs(1)).await;
        }
    }
    let answers = load.await.expect("the load");
    answers.print();
    memory.print();
    assert!(server.is_alive(), "the server panicked");
    assert!(answers.are_right(), "a wrong answer");
    assert!(memory.growth() < GROWTH_KIB, "the server grows");
}

async fn load(port: u16, current: &Current, pause: Duration, time: Duration) -> Answers {
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| tokio::spawn(client::run(port, Arc::clone(current), pause, time)))
        .collect();
    let mut answers = Answers::default();
    for client in clients {
        answers.add(&client.await.expect("a client"));
    }
    answers
}
