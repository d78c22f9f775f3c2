//! Clients that send requests at a steady rate.

use std::sync::Arc;
use std::time::{Duration, Instant};

use suite::connection::Connection;
use tokio::time::{MissedTickBehavior, interval};

/// Connections per server.
const CONNECTIONS: u32 = 8;
/// Requests per second for all servers together.
const GOAL: u32 = 10_000;

#[derive(Default)]
pub(crate) struct Load {
    pub(crate) per_sec: f64,
    pub(crate) refused: usize,
    pub(crate) micros: Vec<u64>,
}

/// Sends valid tokens at the target rate, or as fast as possible if the servers cannot reach that
/// rate.
pub(crate) async fn run(ports: &[u16], requests: &Arc<Vec<Vec<u8>>>, time: Duration) -> Load {
    let start = Instant::now();
    let servers = u32::try_from(ports.len()).expect("a few");
    let pause = Duration::from_secs(1) * servers * CONNECTIONS / GOAL;
    let mut clients = Vec::new();
    for (at, port) in ports.iter().flat_map(|port| [*port; CONNECTIONS as usize]).enumerate() {
        clients.push(tokio::spawn(client(port, Arc::clone(requests), at * 29, pause, time)));
    }
    let mut load = Load::default();
    for client in clients {
        let (refused, micros) = client.await.expect("a client");
        load.refused += refused;
        load.micros.extend(micros);
    }
    load.per_sec = load.micros.len() as f64 / start.elapsed().as_secs_f64();
    load.micros.sort_unstable();
    load
}

async fn client(
    port: u16,
    requests: Arc<Vec<Vec<u8>>>,
    first: usize,
    pause: Duration,
    time: Duration,
) -> (usize, Vec<u64>) {
    let mut connection = Connection::to(port).await;
    let (mut refused, mut micros) = (0, Vec::new());
    let (start, mut ticks) = (Instant::now(), interval(pause));
    // A late response delays the next requests. Send the delayed requests without pauses between
    // them.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for request in requests.iter().cycle().skip(first) {
        ticks.tick().await;
        let asked = Instant::now();
        if asked.duration_since(start) >= time {
            break;
        }
        refused += usize::from(connection.ask(request).await != 200);
        micros.push(asked.elapsed().as_micros().try_into().expect("not for ever"));
    }
    (refused, micros)
}
