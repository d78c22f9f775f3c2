//! Measures the logins and renewals per second on each store: `cargo run --release --bin stores`.
//! See the README.

mod raw;
#[path = "../../../../../tests/stores/servers.rs"]
#[allow(dead_code)]
mod servers;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use suite::measure::median;
use tower_jwt_auth::Secret;
use tower_jwt_auth::issuer::{
    AccessToken, Grant, MemoryStore, NewSession, PostgresStore, RedisStore, RefreshStore,
    RefreshToken, Session, Sessions, SqliteStore, StoredSession, TokenIssuer,
};

use crate::raw::Raw;
use crate::servers::{Folder, Server};

/// The number of concurrent clients. Each waits for its response before it sends the next request.
const CLIENTS: usize = 32;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() {
    println!("access tokens issued/s: {:.0}", issued_per_sec().await);
    println!("store: raw writes/s, load and replace/s, refreshes/s, logins/s (median of {ROUNDS})");
    rates("memory", MemoryStore::new().max_sessions(10_000_000), Raw::nothing()).await;
    let folder = Folder::new();
    let url = format!("sqlite:{}/sessions.db", folder.0.display());
    rates("sqlite", SqliteStore::connect(&url).await.unwrap(), Raw::sqlite(&url).await).await;
    let server = Server::postgres();
    let store = PostgresStore::connect(&server.url).await.unwrap();
    rates("postgres", store, Raw::postgres(&server.url).await).await;
    let server = Server::redis();
    let store = RedisStore::connect(&server.url).await.unwrap();
    rates("redis", store, Raw::redis(&server.url).await).await;
}

async fn rates<S: RefreshStore>(name: &str, store: S, raw: Raw) {
    let (store, raw) = (Arc::new(store), Arc::new(raw));
    let sessions = Sessions::new(Arc::clone(&store));
    let mut tokens = Vec::new();
    let mut rows = Vec::new();
    for client in 0..CLIENTS {
        tokens.push(sessions.start(new(client)).await.unwrap().0);
        let (_, session) = sessions.start(new(client)).await.unwrap();
        rows.push(store.load(session.id()).await.unwrap().unwrap());
        let (_, session) = sessions.start(new(client)).await.unwrap();
        raw.take(client, &store.load(session.id()).await.unwrap().unwrap());
    }
    let mut found = [const { Vec::new() }; 4];
    for _ in 0..ROUNDS {
        let shared = Arc::clone(&raw);
        let write = move |client| {
            let raw = Arc::clone(&shared);
            async move {
                raw.write(client).await;
                client
            }
        };
        found[0].push(rate((0..CLIENTS).collect(), write).await.0);

        let shared = Arc::clone(&store);
        let load_and_replace = move |mut row: StoredSession| {
            let store = Arc::clone(&shared);
            async move {
                row.version = store.load(&row.id).await.unwrap().unwrap().version + 1;
                assert!(store.replace(&row).await.unwrap());
                row
            }
        };
        let (per_sec, kept) = rate(rows, load_and_replace).await;
        rows = kept;
        found[1].push(per_sec);

        let shared = sessions.clone();
        let refresh = move |token: RefreshToken| {
            let sessions = shared.clone();
            async move {
                let (token, session) = sessions.refresh(token.as_str(), None).await.unwrap();
                issue(&session);
                token
            }
        };
        let (per_sec, kept) = rate(tokens, refresh).await;
        tokens = kept;
        found[2].push(per_sec);

        let shared = sessions.clone();
        let login = move |user| {
            let sessions = shared.clone();
            async move {
                issue(&sessions.start(new(user)).await.unwrap().1);
                user + CLIENTS
            }
        };
        found[3].push(rate((0..CLIENTS).collect(), login).await.0);
    }
    let [raw, pair, refreshes, logins] = found.map(median);
    println!(
        "{name}: {raw:.0}, {pair:.0}, {refreshes:.0}, {logins:.0}; refreshes/raw {:.2}, \
         refreshes/pair {:.2}",
        refreshes / raw,
        refreshes / pair,
    );
}

/// Issues an access token for the session, as the routes do after a login or renewal.
fn issue(session: &Session) -> AccessToken {
    static ISSUER: LazyLock<TokenIssuer> = LazyLock::new(|| {
        let secret = Secret::generate().unwrap();
        TokenIssuer::derived("https://auth.shop.example", &secret, ["cart", "payment"])
    });
    let grant = Grant::new(session.subject())
        .audience("cart")
        .scopes(session.scopes())
        .roles(["customer"])
        .tenant("acme-europe")
        .session(session.id());
    ISSUER.issue(&grant).unwrap()
}

async fn issued_per_sec() -> f64 {
    let sessions = Sessions::new(MemoryStore::new());
    let session = Arc::new(sessions.start(new(0)).await.unwrap().1);
    let step = move |client: usize| {
        let session = Arc::clone(&session);
        async move {
            issue(&session);
            client
        }
    };
    rate((0..CLIENTS).collect(), step).await.0
}

fn new(user: usize) -> NewSession {
    NewSession::new(format!("user {user}")).scopes(["cart:read", "cart:write"])
}

/// Repeats `step` for each client until the round is over. Returns the steps per second.
async fn rate<T, F>(
    clients: Vec<T>,
    step: impl Fn(T) -> F + Clone + Send + 'static + Sync,
) -> (f64, Vec<T>)
where
    T: Send + 'static,
    F: Future<Output = T> + Send,
{
    let steps = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let tasks: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            let (step, steps) = (step.clone(), Arc::clone(&steps));
            tokio::spawn(async move {
                while start.elapsed() < ROUND {
                    client = step(client).await;
                    steps.fetch_add(1, Ordering::Relaxed);
                }
                client
            })
        })
        .collect();
    let mut kept = Vec::new();
    for task in tasks {
        kept.push(task.await.unwrap());
    }
    (steps.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64(), kept)
}
