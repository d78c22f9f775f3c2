//! Measures the requests per second over loopback with HTTP/1.1 keep-alive:
//! `cargo run --release --bin load`. Servers and clients run in this process, on the same
//! processors.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use axum::Router;
use suite::measure::median;
use suite::routes;
use suite::tokens::{Variant, token_kinds};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const CONNECTIONS: usize = 16;
const ROUNDS: usize = 31;
/// The length of one measurement. The servers are measured in turn, and each measurement is short,
/// so that other load on the machine affects all servers equally.
const SLICE: Duration = Duration::from_millis(250);
/// The last bytes of a response: the end of its header, and the body.
const BODY: &[u8] = b"\r\n\r\ncart";

#[tokio::main]
async fn main() {
    let typical =
        token_kinds().into_iter().find(|kind| kind.name == "typical").expect("a typical token");
    let request = format!(
        "GET /cart HTTP/1.1\r\nHost: cart.shop.example\r\nAuthorization: Bearer {}\r\n\r\n",
        typical.token(Variant::Good, None).expect("a token")
    );
    let servers = [
        ("no authentication", serve(routes::route("no layer", &typical)).await),
        ("tower-jwt-auth", serve(routes::route("tower-jwt-auth", &typical)).await),
        ("from_fn by hand", serve(routes::route("by hand", &typical)).await),
    ];
    let mut rates = vec![Vec::new(); servers.len()];
    for round in 0..=ROUNDS {
        for (at, (_, address)) in servers.iter().enumerate() {
            let rate = load(*address, &request).await;
            // The first round warms up.
            if round > 0 {
                rates[at].push(rate);
            }
        }
    }
    println!("| server | requests per second | of none |\n|---|---|---|");
    for (at, (name, _)) in servers.iter().enumerate() {
        let ratios = rates[at].iter().zip(&rates[0]).map(|(rate, none)| rate / none).collect();
        println!("| {name} | {:.0} | {:.3} |", median(rates[at].clone()), median(ratios));
    }
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async { axum::serve(listener, router).await.expect("serving") });
    address
}

async fn load(address: SocketAddr, request: &str) -> f64 {
    let start = Instant::now();
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(tokio::spawn(client(address, request.as_bytes().to_vec(), start + SLICE)));
    }
    let mut answers = 0;
    for client in clients {
        answers += client.await.expect("a client");
    }
    f64::from(answers) / start.elapsed().as_secs_f64()
}

/// Sends one request after another on one connection. Expects that all responses have the same
/// length as the first one.
async fn client(address: SocketAddr, request: Vec<u8>, end: Instant) -> u32 {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    stream.write_all(&request).await.expect("sent");
    let mut answer = Vec::with_capacity(1024);
    while !answer.ends_with(BODY) {
        assert_ne!(stream.read_buf(&mut answer).await.expect("an answer"), 0, "closed");
    }
    let mut answers = 1;
    while Instant::now() < end {
        stream.write_all(&request).await.expect("sent");
        stream.read_exact(&mut answer).await.expect("an answer");
        assert!(answer.starts_with(b"HTTP/1.1 200") && answer.ends_with(BODY));
        answers += 1;
    }
    answers
}
