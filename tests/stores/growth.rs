//! What one account can make grow, on real servers.

use sqlx::PgPool;
use tower_jwt_auth::Secret;
use tower_jwt_auth::issuer::{
    NewSession, PostgresStore, RedisStore, RefreshStore, SessionErrorKind, Sessions, TokenIssuer,
};
use tower_jwt_auth::revocation::{PostgresFeed, RedisFeed};

use crate::servers::Server;

fn issuer() -> TokenIssuer {
    let secret = Secret::new("a secret of more than 32 bytes, for a test").unwrap();
    TokenIssuer::derived("https://auth.shop.example", &secret, ["cart"])
}

/// 1,000 presentations of tokens of an ended session, some of them at once.
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
    let store = RedisStore::connect(&server.url).await.unwrap();
    let feed = RedisFeed::new(&server.url).unwrap();
    let sessions = Sessions::new(store).with_revocation(feed, &issuer());
    replay(&sessions).await;
    let client = redis::Client::open(server.url.as_str()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut count = async |command: &str, key: &str| {
        let mut command = redis::cmd(command);
        command.arg(format!("{{tower_jwt_auth_revocations}}:{key}"));
        command.query_async::<u64>(&mut connection).await.unwrap()
    };
    assert_eq!(count("ZCARD", "live").await, 1);
    // The entry that begins the log, and the message.
    assert_eq!(count("XLEN", "log").await, 2);
}

#[tokio::test]
async fn replays_leave_a_postgres_feed_as_it_was() {
    let server = Server::postgres();
    let store = PostgresStore::connect(&server.url).await.unwrap();
    let feed = PostgresFeed::new(&server.url).unwrap();
    let sessions = Sessions::new(store).with_revocation(feed, &issuer());
    replay(&sessions).await;
    let pool = PgPool::connect(&server.url).await.unwrap();
    let count = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM tower_jwt_auth_revocations");
    assert_eq!(count.fetch_one(&pool).await.unwrap(), 1);
}
