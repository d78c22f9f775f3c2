//! Servers that are down or do not answer: calls fail in time, and nobody is logged out.

use std::time::{Duration, Instant};

use tower_jwt_auth::issuer::{
    NewSession, PostgresStore, RedisStore, Session, SessionErrorKind, Sessions, SqliteStore,
};

use crate::servers::Server;
use crate::store::Store;

const TIMEOUT: Duration = Duration::from_secs(1);

async fn sessions(server: &Server) -> Sessions<Store> {
    Sessions::new(Store::connect(&server.url).await.unwrap().timeout(TIMEOUT))
}

/// Checks that every call fails within its time limit.
async fn is_unavailable(sessions: &Sessions<Store>, token: &str, session: &Session) {
    for _ in 0..3 {
        let start = Instant::now();
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

async fn comes_back(sessions: &Sessions<Store>, token: &str) {
    // The first calls may use connections to the old server.
    let deadline = Instant::now() + Duration::from_secs(8);
    let next = loop {
        match sessions.refresh(token, None).await {
            Ok((next, _)) => break next,
            Err(error) => {
                assert!(!error.is_refusal(), "{error}");
                assert!(Instant::now() < deadline, "{error:?}");
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let (leaf, _) = sessions.refresh(next.as_str(), None).await.unwrap();
    let (same, _) = sessions.refresh(token, None).await.unwrap();
    assert_eq!(same.as_str(), leaf.as_str());
}

async fn killed_and_restarted(mut server: Server) {
    let sessions = sessions(&server).await;
    let (first, session) = sessions.start(NewSession::new("alice")).await.unwrap();
    let (token, _) = sessions.refresh(first.as_str(), None).await.unwrap();
    server.kill();
    is_unavailable(&sessions, token.as_str(), &session).await;
    server.start();
    comes_back(&sessions, token.as_str()).await;
    assert_eq!(sessions.end_all("alice").await.unwrap(), 1);
}

/// The test takes less than the grace period, since an unanswered write may still take effect when
/// the server resumes.
async fn paused_and_resumed(server: Server) {
    let sessions = sessions(&server).await;
    let (token, session) = sessions.start(NewSession::new("alice")).await.unwrap();
    server.pause();
    is_unavailable(&sessions, token.as_str(), &session).await;
    server.resume();
    comes_back(&sessions, token.as_str()).await;
    let late = Store::connect(&server.url);
    server.pause();
    let start = Instant::now();
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
        let start = Instant::now();
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
