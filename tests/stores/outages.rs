//! Tests of servers that are down or do not answer. Calls fail within their time limit, and nobody
//! is logged out.

use std::time::Duration;

use tower_jwt_auth::issuer::{
    NewSession, PostgresStore, RedisStore, Session, SessionErrorKind, Sessions, SqliteStore,
};
use tower_jwt_auth::{Clock, SystemClock};

use crate::servers::Server;
use crate::stopwatch::Stopwatch;
use crate::store::{self, PATIENCE, Store};

const TIMEOUT: Duration = Duration::from_secs(1);

/// Returns two [`Sessions`] that use the same connections and the same clock. The timeout of the
/// first is longer than any stall of a busy machine. The second has a short timeout.
async fn sessions(server: &Server) -> [Sessions<Store>; 2] {
    let store = Store::connect(&server.url).await.unwrap();
    let now = SystemClock.now();
    [PATIENCE, TIMEOUT].map(|timeout| store::sessions_at(store.clone().timeout(timeout), now))
}

/// Checks that every call fails within its time limit.
async fn is_unavailable(sessions: &Sessions<Store>, token: &str, session: &Session) {
    for _ in 0..3 {
        let start = Stopwatch::start();
        let kinds = tokio::join!(
            async { sessions.refresh(token, None).await.unwrap_err().kind() },
            async { sessions.start(NewSession::new("bob")).await.unwrap_err().kind() },
            async { sessions.of_subject("alice").await.unwrap_err().kind() },
            async { sessions.end(session.id()).await.unwrap_err().kind() },
        );
        let down = SessionErrorKind::Unavailable;
        assert_eq!(kinds, (down, down, down, down));
        assert!(start.elapsed() < TIMEOUT * 2, "{:?}", start.elapsed());
    }
}

async fn comes_back([patient, hasty]: &[Sessions<Store>; 2], token: &str) {
    // The first calls may use connections to the old server.
    let start = Stopwatch::start();
    let next = loop {
        match hasty.refresh(token, None).await {
            Ok((next, _)) => break next,
            Err(error) => {
                assert!(!error.is_refusal(), "{error}");
                assert!(start.elapsed() < Duration::from_secs(8), "{error:?}");
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let (leaf, _) = patient.refresh(next.as_str(), None).await.unwrap();
    let (same, _) = patient.refresh(token, None).await.unwrap();
    assert_eq!(same.as_str(), leaf.as_str());
}

async fn killed_and_restarted(mut server: Server) {
    let both = sessions(&server).await;
    let [patient, hasty] = &both;
    let (first, session) = patient.start(NewSession::new("alice")).await.unwrap();
    let (token, _) = patient.refresh(first.as_str(), None).await.unwrap();
    server.kill();
    is_unavailable(hasty, token.as_str(), &session).await;
    server.start();
    comes_back(&both, token.as_str()).await;
    assert_eq!(patient.end_all("alice").await.unwrap(), 1);
}

/// Pauses the server and resumes it. While the server is paused, requests to exchange the token
/// fail. Such a request may still take effect when the server resumes, so a later exchange may
/// present a used token. The sessions' clock stands still, so the later exchange is within the
/// grace period.
async fn paused_and_resumed(server: Server) {
    let both = sessions(&server).await;
    let [patient, hasty] = &both;
    let (token, session) = patient.start(NewSession::new("alice")).await.unwrap();
    server.pause();
    is_unavailable(hasty, token.as_str(), &session).await;
    server.resume();
    comes_back(&both, token.as_str()).await;
    let late = Store::connect(&server.url);
    server.pause();
    let start = Stopwatch::start();
    assert!(late.await.is_err());
    assert!(start.elapsed() < Duration::from_secs(5));
    server.resume();
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_killed_and_restarted() {
    killed_and_restarted(Server::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_killed_and_restarted() {
    killed_and_restarted(Server::redis()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_paused_and_resumed() {
    paused_and_resumed(Server::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_paused_and_resumed() {
    paused_and_resumed(Server::redis()).await;
}

#[tokio::test]
async fn a_failed_connection_is_an_error_without_the_password() {
    let urls = [
        "postgres://auth:correct-horse@localhost:1/auth",
        "postgres://auth:correct-horse@localhost:port/auth",
        "postgres://auth:correct-horse@[localhost/auth",
        "redis://auth:correct-horse@localhost:1",
        "redis://auth:correct-horse@localhost:port",
        "redis://auth:correct-horse@[localhost",
        "mysql://auth:correct-horse@localhost/auth",
        "correct-horse",
        "",
    ];
    for url in urls {
        let start = Stopwatch::start();
        let errors = [
            SqliteStore::connect(url).await.unwrap_err(),
            PostgresStore::connect(url).await.unwrap_err(),
            RedisStore::connect(url).await.unwrap_err(),
        ];
        assert!(start.elapsed() < Duration::from_secs(10));
        for error in errors {
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("correct-horse"), "{shown}");
        }
    }
}
