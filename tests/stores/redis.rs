//! Tests of the keys and values in Redis.

use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use tower_jwt_auth::issuer::{NewSession, RedisStore, RefreshStore, SessionId, Sessions};

use crate::servers::Server;
use crate::store::PATIENCE;

pub(crate) async fn connection(server: &Server) -> MultiplexedConnection {
    let client = redis::Client::open(server.url.as_str()).unwrap();
    let config = redis::AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    client.get_multiplexed_async_connection_with_config(&config).await.unwrap()
}

#[tokio::test]
async fn every_key_has_the_prefix_and_an_end() {
    let server = Server::redis();
    let mut connection = connection(&server).await;
    let store = RedisStore::connect(&server.url).await.unwrap();
    let sessions = Sessions::new(store.timeout(PATIENCE));
    for _ in 0..3 {
        let (token, _) = sessions.start(NewSession::new("alice")).await.unwrap();
        sessions.refresh(token.as_str(), None).await.unwrap();
    }
    let keys: Vec<String> = connection.keys("*").await.unwrap();
    assert_eq!(keys.len(), 4, "{keys:?}");
    for key in keys {
        assert!(key.starts_with("tower_jwt_auth_sessions:"), "{key}");
        let left: i64 = connection.ttl(&key).await.unwrap();
        assert!((1..=7 * 86_400 + 1).contains(&left), "{key}: {left}");
    }
}

#[tokio::test]
async fn prefixes_keep_applications_apart() {
    let server = Server::redis();
    let store = RedisStore::from_connection(connection(&server).await).timeout(PATIENCE);
    let shop = Sessions::new(store.clone().prefix("shop"));
    let blog = Sessions::new(store.prefix("blog"));
    let (token, _) = shop.start(NewSession::new("alice")).await.unwrap();
    assert!(blog.refresh(token.as_str(), None).await.unwrap_err().is_refusal());
    assert_eq!(blog.end_all("alice").await.unwrap(), 0);
    assert_eq!(shop.end_all("alice").await.unwrap(), 1);
}

#[tokio::test]
async fn missing_sessions_are_skipped_and_garbage_is_an_error() {
    let server = Server::redis();
    let mut connection = connection(&server).await;
    let store = RedisStore::from_connection(connection.clone()).prefix("p").timeout(PATIENCE);
    let id = "ABCDEFGHIJKLMNOPQRSTUV";
    let _: () = connection.zadd("p:subject:eve", id, 9_999_999_999_i64).await.unwrap();
    assert!(store.of_subject("eve").await.unwrap().is_empty());
    let _: () = connection.zadd("p:subject:eve", id, 9_999_999_999_i64).await.unwrap();
    let _: () = connection.hset(format!("p:id:{id}"), "state", "secret").await.unwrap();
    for error in [
        store.of_subject("eve").await.unwrap_err(),
        store.load(&id.parse::<SessionId>().unwrap()).await.unwrap_err(),
    ] {
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("secret") && !shown.contains(id), "{shown}");
    }
    let _: () = connection.zadd("p:subject:eve", "short", 9_999_999_999_i64).await.unwrap();
    assert!(store.of_subject("eve").await.is_err());
    // The key holds a value of a different type.
    let _: () = connection.set("p:subject:mallory", "secret").await.unwrap();
    let error = store.of_subject("mallory").await.unwrap_err();
    let shown = format!("{error:?}");
    assert!(shown.contains("WRONGTYPE") && !shown.contains("mallory"), "{shown}");
}

/// Ended sessions are removed from the index. Another version of this crate, or a crash, may leave
/// identifiers without a session in the index. The first call that finds such identifiers removes
/// them.
#[tokio::test]
async fn the_index_of_a_user_holds_live_sessions_only() {
    let server = Server::redis();
    let mut connection = connection(&server).await;
    let store = RedisStore::connect(&server.url).await.unwrap();
    let sessions = Sessions::new(store.timeout(PATIENCE));
    let index = "tower_jwt_auth_sessions:subject:alice";
    for _ in 0..1_000 {
        let (_, session) = sessions.start(NewSession::new("alice")).await.unwrap();
        assert!(sessions.end(session.id()).await.unwrap());
        assert_eq!(connection.zcard::<_, u64>(index).await.unwrap(), 0);
    }
    for n in 0..10_u64 {
        let names = (n * 1_000..(n + 1) * 1_000).map(|n| (9_999_999_999_i64, format!("{n:022}")));
        let names: Vec<_> = names.collect();
        let _: () = connection.zadd_multiple(index, &names).await.unwrap();
    }
    sessions.start(NewSession::new("alice")).await.unwrap();
    assert_eq!(connection.zcard::<_, u64>(index).await.unwrap(), 1);
    assert_eq!(sessions.end_all("alice").await.unwrap(), 1);
}

#[tokio::test]
async fn a_full_server_refuses_logins_and_ends_no_session() {
    let server = Server::redis();
    let mut connection = connection(&server).await;
    let store = RedisStore::connect(&server.url).await.unwrap();
    let sessions = Sessions::new(store.timeout(PATIENCE));
    let (token, _) = sessions.start(NewSession::new("alice")).await.unwrap();
    let config = |value: &'static str| {
        let mut command = redis::cmd("CONFIG");
        command.arg("SET").arg("maxmemory").arg(value);
        command
    };
    config("1mb").exec_async(&mut connection).await.unwrap();
    let error = sessions.start(NewSession::new("bob")).await.unwrap_err();
    assert!(!error.is_refusal());
    assert!(!sessions.refresh(token.as_str(), None).await.unwrap_err().is_refusal());
    config("0").exec_async(&mut connection).await.unwrap();
    sessions.refresh(token.as_str(), None).await.unwrap();
}
