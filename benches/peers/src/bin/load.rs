//! `cargo run --release --bin load`: requests per second over loopback, HTTP/1.1 keep-alive, with
//! servers and clients in this process, on the same processors.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use peers::routes;
use peers::tokens::sizes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const CONNECTIONS: usize = 16;
const ROUNDS: usize = 7;
const SLICE: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() {
    jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default().expect("the first provider");
    let typical = sizes().into_iter().find(|size| size.name == "typical").expect("a typical token");
    let request = format!(
        "GET /cart HTTP/1.1\r\nHost: cart.shop.example\r\nAuthorization: Bearer {}\r\n\r\n",
        typical.token
    );
    let servers = [
        ("no authentication", serve(routes::plain()).await),
        ("tower-jwt-auth", serve(routes::tower_jwt_auth(true)).await),
        ("from_fn by hand", serve(routes::hand_written(true)).await),
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
    static DONE: AtomicU64 = AtomicU64::new(0);
    DONE.store(0, Ordering::Relaxed);
    let start = Instant::now();
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let request = request.as_bytes().to_vec();
        clients.push(tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            stream.set_nodelay(true).expect("no delay");
            let mut answer = [0; 1024];
            while start.elapsed() < SLICE {
                stream.write_all(&request).await.expect("sent");
                let len = stream.read(&mut answer).await.expect("an answer");
                assert!(answer[..len].starts_with(b"HTTP/1.1 200") && answer[..len].ends_with(b"cart"));
                DONE.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    for client in clients {
        client.await.expect("a client");
    }
    DONE.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
