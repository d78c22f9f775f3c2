//! Measures the time of a request whose token names a known key. There are three cases:
//!
//! 1. No fetch of keys is in progress.
//! 2. A fetch hangs.
//! 3. A fetch hangs, and strangers send tokens with random key identifiers.
//!
//! Prints the median and the 99th percentile of each case, and the ratios of these values to those
//! of the first case.
//!
//! `cargo run --release --bin key_source`

use std::convert::Infallible;
use std::future::{Future, pending, poll_fn, ready};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use serde_json::json;
use tokio::runtime::Builder;
use tower::{Layer, Service, service_fn};
use tower_jwt_auth::jwks::{FetchedKeys, KeySource, KeySourceError, RemoteKeys};
use tower_jwt_auth::jwt::Signer;
use tower_jwt_auth::{Algorithm, Issuer, JwtAuth, Key};

const LOGIN: &str = "https://login.shop.example";
const ROUNDS: usize = 30;
const REQUESTS: usize = 2_000;

/// A source whose first fetch succeeds. Every later fetch hangs if `hangs` is true.
#[derive(Clone)]
struct Source {
    jwk: String,
    hangs: Arc<AtomicBool>,
    fetches: Arc<AtomicUsize>,
}

impl KeySource for Source {
    async fn fetch(&self) -> Result<FetchedKeys, KeySourceError> {
        let earlier = self.fetches.fetch_add(1, Ordering::SeqCst);
        if earlier > 0 && self.hangs.load(Ordering::SeqCst) {
            return pending().await;
        }
        Ok(FetchedKeys::new(format!(r#"{{"keys":[{}]}}"#, self.jwk)))
    }
}

#[derive(Clone, Copy, Debug)]
enum State {
    Idle,
    Hanging,
    /// A fetch hangs, and a request with an unknown key arrives before each measured request.
    Flooded,
}

struct Server {
    auth: JwtAuth,
    source: Source,
    token: String,
    claims: serde_json::Value,
}

impl Server {
    async fn start(hangs: bool) -> Self {
        let key = Key::generate(Algorithm::Es256).expect("the system has random bytes");
        let jwk = key.to_jwk().expect("the key is public");
        let hangs = Arc::new(AtomicBool::new(hangs));
        let source = Source { jwk, hangs, fetches: Arc::default() };
        let keys = RemoteKeys::new(source.clone());
        let auth = JwtAuth::from(Issuer::new(LOGIN, keys.clone()).audience("cart")).without_cache();
        keys.ready().await.expect("the first fetch succeeds");
        let claims = json!({
            "iss": LOGIN, "aud": "cart", "sub": "alice", "exp": 32_503_680_000_u64,
        });
        let token = Signer::new(key).sign(&claims).expect("claims serialize");
        Self { auth, source, token, claims }
    }

    /// Presents a token whose key is unknown. This starts a fetch, which hangs.
    async fn hang(&self) {
        let other = Key::generate(Algorithm::Es256).expect("the system has random bytes");
        let token = Signer::new(other).sign(&self.claims).expect("claims serialize");
        drop(tokio::time::timeout(Duration::from_millis(50), self.auth.verify_async(&token)).await);
        assert_eq!(self.source.fetches.load(Ordering::SeqCst), 2, "a fetch hangs");
    }
}

fn request(token: &str) -> Request<()> {
    let request = Request::builder().header("authorization", format!("Bearer {token}"));
    request.body(()).expect("the header is valid")
}

/// Returns tokens with random key identifiers. Their signatures are not checked, since no key is
/// found.
fn unknown(claims: &serde_json::Value, count: usize) -> Vec<String> {
    let key = Key::generate(Algorithm::Es256).expect("the system has random bytes");
    let name = || format!("{:032x}", fastrand::u128(..));
    let sign = |key: Key| Signer::new(key).sign(claims).expect("claims serialize");
    (0..count).map(|_| sign(key.clone().with_id(name()).expect("short"))).collect()
}

async fn round(server: &Server, strangers: &[String]) -> Vec<Duration> {
    let inner =
        service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(Response::new(Bytes::new()))));
    let mut service = server.auth.layer(inner);
    let mut times = Vec::with_capacity(REQUESTS);
    let mut strangers = strangers.iter();
    for _ in 0..REQUESTS {
        if let Some(stranger) = strangers.next() {
            // Drop the future after one poll, as if the client had closed the connection.
            let mut waiting = pin!(service.call(request(stranger)));
            poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context).is_ready())).await;
        }
        let request = request(&server.token);
        let start = Instant::now();
        let response = service.call(request).await.expect("infallible");
        times.push(start.elapsed());
        assert_eq!(response.status(), 200);
    }
    times
}

async fn run() {
    let (idle, busy) = (Server::start(false).await, Server::start(true).await);
    // The next fetch cannot start earlier than 30 seconds after the start of the last fetch.
    println!("waiting for the cooldown of 30 seconds");
    tokio::time::sleep(Duration::from_secs(31)).await;
    let strangers = unknown(&busy.claims, REQUESTS);
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    busy.hang().await;
    let started = Instant::now();
    for _ in 0..ROUNDS {
        // The hanging fetch times out after 5 seconds.
        if started.elapsed() > Duration::from_millis(4_500) {
            break;
        }
        for (state, times) in [State::Idle, State::Hanging, State::Flooded].iter().zip(&mut times) {
            times.extend(match state {
                State::Idle => round(&idle, &[]).await,
                State::Hanging => round(&busy, &[]).await,
                State::Flooded => round(&busy, &strangers).await,
            });
        }
    }
    let mut reference = None;
    println!("{:<10} {:>10} {:>10} {:>8} {:>8}", "source", "median", "p99", "ratio", "ratio");
    for (name, times) in ["idle", "hanging", "flooded"].iter().zip(&mut times) {
        times.sort_unstable();
        let at = |share: usize| times[times.len() * share / 100].as_secs_f64() * 1e6;
        let (median, p99) = (at(50), at(99));
        let (base_median, base_p99) = *reference.get_or_insert((median, p99));
        println!(
            "{name:<10} {median:>7.1} µs {p99:>7.1} µs {:>8.3} {:>8.3}",
            median / base_median,
            p99 / base_p99
        );
    }
    println!(
        "{} requests each; {} fetches",
        times[0].len(),
        busy.source.fetches.load(Ordering::SeqCst)
    );
}

fn main() {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("the runtime starts").block_on(run());
}
