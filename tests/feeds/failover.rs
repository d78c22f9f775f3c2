//! Tests of failovers without a restart: a primary becomes a replica, a connection becomes
//! read-only, and an address is moved to another server.

use std::time::Duration;

use redis::cmd;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tower_jwt_auth::issuer::{
    NewSession, PostgresStore, RedisStore, RefreshStore, RefreshToken, SessionErrorKind, SessionId,
    Sessions,
};
use tower_jwt_auth::revocation::{PostgresFeed, RedisFeed, RevocationFeed, Verdict};
use tower_jwt_auth::{Clock, ManualClock, SystemClock};

use crate::fleet::{BOUND, LATER, Member};
use crate::postgres::{self, Postgres};
use crate::proxy::Proxy;
use crate::redis::{Redis, redis_replicates};
use crate::server::Server;
use crate::stopwatch::Stopwatch;

/// The timeout for calls that are expected to get no response.
const HASTE: Duration = Duration::from_secs(1);
const STALE: Duration = BOUND.saturating_add(Duration::from_millis(500));

fn redis_url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}")
}

/// Returns sessions with a clock that stands still. A stall of the machine therefore does not end
/// the grace period.
fn sessions<S: RefreshStore>(store: S) -> Sessions<S> {
    Sessions::new(store).with_clock(ManualClock::new(SystemClock.now()))
}

/// Tries to renew a token until the renewal succeeds. The user must not be logged out in the
/// meantime.
async fn refreshed<S: RefreshStore>(sessions: &Sessions<S>, token: &RefreshToken) -> RefreshToken {
    let start = Stopwatch::start();
    loop {
        match sessions.refresh(token.as_str(), None).await {
            Ok((next, _)) => return next,
            Err(error) => {
                assert!(!error.is_refusal(), "{error}");
                assert!(start.elapsed() < LATER, "{error:?}");
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Tests that the store works after a failover, although its Lua scripts were never loaded into the
/// new primary.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_store_follows_its_address_to_the_new_primary() {
    let (old, new) = (Redis::new("redis-old"), Redis::new("redis-new"));
    let proxy = Proxy::before(old.port()).await;
    let store = RedisStore::connect(&redis_url(proxy.port)).await.unwrap();
    let sessions = sessions(store.timeout(LATER));
    let (token, _) = sessions.start(NewSession::new("alice")).await.unwrap();
    redis_replicates(&new, &old).await;

    // The old primary and all connections to it stay alive.
    new.ask(cmd("REPLICAOF").arg("NO").arg("ONE")).await;
    old.ask(cmd("REPLICAOF").arg("127.0.0.1").arg(new.port())).await;
    proxy.switch(new.port());
    let (next, _) = sessions.refresh(token.as_str(), None).await.expect("not one call fails");
    sessions.refresh(next.as_str(), None).await.unwrap();

    // Switch back to the server `old`. This time, the server `new` becomes a replica that lags: it
    // never receives the next session.
    old.ask(cmd("REPLICAOF").arg("NO").arg("ONE")).await;
    new.ask(cmd("REPLICAOF").arg("127.0.0.1").arg(1)).await;
    proxy.switch(old.port());
    let elsewhere = RedisStore::connect(&redis_url(old.port())).await.unwrap();
    let elsewhere = self::sessions(elsewhere.timeout(LATER));
    let (token, _) = elsewhere.start(NewSession::new("bob")).await.unwrap();
    sessions.refresh(token.as_str(), None).await.expect("a stale replica is not believed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_feed_follows_its_address_to_the_new_primary() {
    let (old, new) = (Redis::new("redis-feed-old"), Redis::new("redis-feed-new"));
    let proxy = Proxy::before(old.port()).await;
    let publisher = RedisFeed::new(&redis_url(proxy.port)).unwrap();
    let member = Member::of(RedisFeed::new(&redis_url(proxy.port)).unwrap(), |it| it);
    member.publish(&publisher, "before").await;
    member.expect("before", Verdict::Revoked, LATER).await;
    redis_replicates(&new, &old).await;
    new.ask(cmd("REPLICAOF").arg("NO").arg("ONE")).await;
    old.ask(cmd("REPLICAOF").arg("127.0.0.1").arg(new.port())).await;
    // The data of a replica may be out of date, so the feed does not read it.
    member.expect("good", Verdict::Unavailable, STALE).await;
    proxy.switch(new.port());
    member.expect("good", Verdict::Good, LATER).await;
    member.publish(&publisher, "after").await;
    member.expect("after", Verdict::Revoked, LATER).await;
    member.expect_all_revoked();
    member.look();
}

/// Starts a server that behaves like an empty Redis, with one exception: on the first connection,
/// it answers each `HMGET` command with `error`.
async fn answers_first(error: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut is_first = true;
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let error = std::mem::take(&mut is_first).then_some(error);
            tokio::spawn(async move {
                let mut buffer = [0; 4_096];
                while let Ok(read @ 1..) = socket.read(&mut buffer).await {
                    let text = String::from_utf8_lossy(&buffer[..read]).into_owned();
                    // In the Redis protocol, each command begins with `*`.
                    for command in text.split('*').skip(1) {
                        let answer = match error {
                            Some(error) if command.contains("HMGET") => format!("-{error}\r\n"),
                            _ if command.contains("HMGET") => {
                                "*5\r\n".to_owned() + &"$-1\r\n".repeat(5)
                            }
                            _ if command.contains("HDEL") => ":0\r\n".to_owned(),
                            _ => "+OK\r\n".to_owned(),
                        };
                        if socket.write_all(answer.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn errors_of_a_useless_server_lead_to_a_new_connection() {
    let id: SessionId = "ABCDEFGHIJKLMNOPQRSTUV".parse().unwrap();
    for error in [
        "READONLY You can't write against a read only replica.",
        "MOVED 1234 127.0.0.1:1",
        "ASK 1234 127.0.0.1:1",
        "LOADING Redis is loading the dataset in memory",
        "MASTERDOWN Link with MASTER is down",
        "CLUSTERDOWN The cluster is down",
        "NOAUTH Authentication required.",
    ] {
        let port = answers_first(error).await;
        let client = redis::Client::open(redis_url(port)).unwrap();
        let store =
            RedisStore::from_connection(tower_jwt_auth::RedisConnection::from_client(client))
                .timeout(LATER);
        assert!(store.load(&id).await.expect(error).is_none(), "{error}");
    }
    // Running out of memory is not a reason to reconnect, so the error is returned.
    let client = redis::Client::open(redis_url(answers_first("OOM no memory").await)).unwrap();
    let store = RedisStore::from_connection(tower_jwt_auth::RedisConnection::from_client(client))
        .timeout(LATER);
    for _ in 0..2 {
        let error = store.load(&id).await.unwrap_err().to_string();
        assert!(error.contains("memory"), "{error}");
    }
}

/// Checks that dead connections are replaced after the network has dropped packets. `patient` and
/// `hasty` use the same connections. `patient` has a long timeout, and `hasty` a short one.
async fn a_swallowing_network_is_left_behind<S: RefreshStore>(
    [patient, hasty]: [Sessions<S>; 2],
    proxy: &Proxy,
    connections: usize,
) {
    let mut tokens = Vec::new();
    for user in 0..connections {
        tokens.push(patient.start(NewSession::new(format!("{user}"))).await.unwrap().0);
    }
    proxy.swallow();
    let error = hasty.refresh(tokens[0].as_str(), None).await.unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::Unavailable);
    // From now on, the proxy forwards new connections. The connections on which it has dropped
    // bytes stay open, but it forwards nothing on them.
    proxy.pass();
    let start = Stopwatch::start();
    for token in &tokens {
        refreshed(&hasty, token).await;
    }
    assert!(start.elapsed() < Duration::from_millis(2_500), "{:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_connection_to_redis_is_replaced() {
    let redis = Redis::new("redis-swallowed");
    let proxy = Proxy::before(redis.port()).await;
    let store = RedisStore::connect(&redis_url(proxy.port)).await.unwrap();
    let both = [LATER, HASTE].map(|timeout| sessions(store.clone().timeout(timeout)));
    a_swallowing_network_is_left_behind(both, &proxy, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_connections_to_postgres_are_replaced_all_at_once() {
    let postgres = Postgres::new("postgres-swallowed");
    let proxy = Proxy::before(postgres.port()).await;
    let store = PostgresStore::connect(&postgres::url(proxy.port)).await.unwrap();
    let both = [LATER, HASTE].map(|timeout| sessions(store.clone().timeout(timeout)));
    // Start enough sessions at once to open every connection of the pool.
    let logins = (0..20).map(|_| both[0].start(NewSession::new("many")));
    for login in futures_util::future::join_all(logins).await {
        login.unwrap();
    }
    a_swallowing_network_is_left_behind(both, &proxy, 5).await;
}

#[tokio::test]
async fn a_missing_or_wrong_redis_password_fails_at_once_with_a_reason() {
    let redis = Redis::with("redis-password", &["--requirepass", "correct-horse"]);
    for (credentials, sentence) in [
        ("", "requires a password"),
        (":wrong@", "rejects the user or the password"),
        ("nobody:wrong@", "rejects the user or the password"),
    ] {
        let url = format!("redis://{credentials}127.0.0.1:{}", redis.port());
        let start = Stopwatch::start();
        let error = RedisStore::connect(&url).await.unwrap_err().to_string();
        assert!(error.contains(sentence), "{error}");
        assert!(start.elapsed() < Duration::from_secs(1));
        assert!(!error.contains("wrong"), "{error}");
    }
    let url = format!("redis://:correct-horse@127.0.0.1:{}", redis.port());
    RedisStore::connect(&url).await.unwrap();
}

/// A role or a database may be read-only for a while. Connections that were opened during that time
/// stay read-only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_to_postgres_that_are_read_only_are_closed() {
    let postgres = Postgres::new("postgres-read-only");
    let own = sqlx::postgres::PgPoolOptions::new().max_connections(5);
    let own = PostgresStore::from_pool(own.connect(&postgres.url()).await.unwrap());
    own.migrate().await.unwrap();
    let connected = PostgresStore::connect(&postgres.url()).await.unwrap();
    for store in [own, connected] {
        let sessions = sessions(store.timeout(LATER));
        let (token, _) = sessions.start(NewSession::new("alice")).await.unwrap();
        postgres.ask("ALTER DATABASE postgres SET default_transaction_read_only = on").await;
        postgres
            .ask(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
            )
            .await;
        // Log in several times at once, so that the pool fills with read-only connections.
        let logins = (0..5).map(|_| sessions.start(NewSession::new("bob")));
        for login in futures_util::future::join_all(logins).await {
            let error = login.unwrap_err();
            assert_eq!(error.kind(), SessionErrorKind::Unavailable);
        }
        postgres
            .ask(
                "BEGIN READ WRITE; ALTER DATABASE postgres RESET default_transaction_read_only; \
                 COMMIT",
            )
            .await;
        sessions.refresh(token.as_str(), None).await.expect("not one call fails");
    }
}

/// The proxy connects clients to a standby, both before and after the standby is promoted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_is_not_used_until_it_is_promoted() {
    let mut primary = Postgres::new("postgres-primary");
    let proxy = Proxy::before(primary.port()).await;
    let url = postgres::url(proxy.port);
    let store = PostgresStore::connect(&url).await.unwrap();
    let [patient, hasty] = [LATER, HASTE].map(|timeout| sessions(store.clone().timeout(timeout)));
    let (alices, _) = patient.start(NewSession::new("alice")).await.unwrap();
    let publisher = PostgresFeed::new(&url).unwrap();
    let member = Member::of(PostgresFeed::new(&url).unwrap(), |it| it);
    member.publish(&publisher, "before").await;
    member.expect("before", Verdict::Revoked, LATER).await;

    let standby = Postgres::standby_of(&primary, "postgres-standby");
    let error = PostgresStore::connect(&standby.url()).await.unwrap_err().to_string();
    assert!(error.contains("standby"), "{error}");
    // The standby lags from now on.
    standby.ask("SELECT pg_wal_replay_pause()").await;
    let (bobs, _) = patient.start(NewSession::new("bob")).await.unwrap();
    proxy.switch(standby.port());
    proxy.cut();
    tokio::time::sleep(Duration::from_millis(100)).await;
    proxy.pass();
    for _ in 0..3 {
        let error = hasty.refresh(bobs.as_str(), None).await.unwrap_err();
        assert_eq!(error.kind(), SessionErrorKind::Unavailable, "not unknown: bob stays logged in");
    }
    member.expect("good", Verdict::Unavailable, STALE).await;
    publisher.append(&crate::fleet::token("lost")).await.unwrap_err();

    primary.kill();
    standby.ask("SELECT pg_wal_replay_resume()").await;
    standby.ask("SELECT pg_promote()").await;
    refreshed(&hasty, &alices).await;
    member.publish(&publisher, "after").await;
    member.expect("after", Verdict::Revoked, LATER).await;
    member.expect_all_revoked();
    member.look();
}
