//! Tests, on real servers, that a single account cannot make tables and logs grow without limit.

use std::time::Duration;

use sqlx::{PgPool, SqlitePool};
use tower_jwt_auth::issuer::{
    NewSession, PostgresStore, RedisStore, RefreshStore, SessionErrorKind, Sessions, TokenIssuer,
};
use tower_jwt_auth::revocation::{PostgresFeed, RedisFeed};
use tower_jwt_auth::{Clock, ManualClock, Secret, SystemClock};

use crate::redis::connection;
use crate::servers::{Folder, Server};
use crate::store::{PATIENCE, Store};

fn issuer() -> TokenIssuer {
    let secret = Secret::new("a secret of more than 32 bytes, for a test").unwrap();
    TokenIssuer::derived("https://auth.shop.example", &secret, ["cart"])
}

/// Ends a session, and then presents its refresh token 1,000 times, with 20 calls at a time.
async fn replay<S: RefreshStore>(sessions: &Sessions<S>) {
    let (token, session) = sessions.start(NewSession::new("mallory")).await.unwrap();
    let ends = (0..10).map(|_| sessions.end(session.id()));
    let ends = futures_util::future::join_all(ends).await;
    assert_eq!(ends.into_iter().filter(|end| *end.as_ref().unwrap()).count(), 1);
    for _ in 0..50 {
        let uses = (0..20).map(|_| sessions.refresh(token.as_str(), None));
        for refused in futures_util::future::join_all(uses).await {
            assert_eq!(refused.unwrap_err().kind(), SessionErrorKind::Ended);
        }
    }
}

#[tokio::test]
async fn replays_leave_a_redis_feed_as_it_was() {
    let server = Server::redis();
    let store = RedisStore::connect(&server.url).await.unwrap().timeout(PATIENCE);
    let feed = RedisFeed::new(&server.url).unwrap();
    let sessions = Sessions::new(store).with_revocation(feed, &issuer());
    replay(&sessions).await;
    let mut connection = connection(&server).await;
    let mut count = async |command: &str, key: &str| {
        let mut command = redis::cmd(command);
        command.arg(format!("{{tower_jwt_auth_revocations}}:{key}"));
        command.query_async::<u64>(&mut connection).await.unwrap()
    };
    assert_eq!(count("ZCARD", "live").await, 1);
    // The log has two entries: the first entry of every log, and one message.
    assert_eq!(count("XLEN", "log").await, 2);
}

#[tokio::test]
async fn replays_leave_a_postgres_feed_as_it_was() {
    let server = Server::postgres();
    let store = PostgresStore::connect(&server.url).await.unwrap().timeout(PATIENCE);
    let feed = PostgresFeed::new(&server.url).unwrap();
    let sessions = Sessions::new(store).with_revocation(feed, &issuer());
    replay(&sessions).await;
    let pool = PgPool::connect(&server.url).await.unwrap();
    let count = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM tower_jwt_auth_revocations");
    assert_eq!(count.fetch_one(&pool).await.unwrap(), 1);
}

/// Logs one user in and out every half minute. The row of an ended session stays for an hour. Later
/// logins then delete the row.
async fn log_in_and_out(url: &str) {
    let clock = ManualClock::new(SystemClock.now());
    let sessions = Sessions::new(Store::connect(url).await.unwrap()).with_clock(clock.clone());
    for _ in 0..500 {
        let (_, session) = sessions.start(NewSession::new("mallory")).await.unwrap();
        sessions.end(session.id()).await.unwrap();
        clock.advance(Duration::from_secs(30));
    }
}

const COUNT: &str = "SELECT count(*) FROM tower_jwt_auth_sessions";

#[tokio::test]
async fn logins_delete_expired_rows_of_sqlite() {
    let folder = Folder::new();
    let url = format!("sqlite:{}/sessions.db", folder.0.display());
    log_in_and_out(&url).await;
    let pool = SqlitePool::connect(&url).await.unwrap();
    let rows: i64 = sqlx::query_scalar(COUNT).fetch_one(&pool).await.unwrap();
    assert!((120..=122).contains(&rows), "{rows}");
    // The query for the live sessions of a user must use the index of live sessions.
    let plan = "EXPLAIN QUERY PLAN SELECT state FROM tower_jwt_auth_sessions \
                WHERE subject = 'mallory' AND NOT ended";
    let plan: (i64, i64, i64, String) = sqlx::query_as(plan).fetch_one(&pool).await.unwrap();
    assert!(plan.3.contains("tower_jwt_auth_sessions_live"), "{plan:?}");
}

#[tokio::test]
async fn logins_delete_expired_rows_of_postgres() {
    let server = Server::postgres();
    log_in_and_out(&server.url).await;
    let pool = PgPool::connect(&server.url).await.unwrap();
    let rows: i64 = sqlx::query_scalar(COUNT).fetch_one(&pool).await.unwrap();
    assert!((120..=122).contains(&rows), "{rows}");
    let index = "SELECT indexdef FROM pg_indexes WHERE indexname = 'tower_jwt_auth_sessions_live'";
    let index: String = sqlx::query_scalar(index).fetch_one(&pool).await.unwrap();
    assert!(index.ends_with("(subject) WHERE (NOT ended)"), "{index}");
}
