//! Tests of encrypted connections to Redis and PostgreSQL.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ::redis::{Client, TlsCertificates};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tower_jwt_auth::RedisConnection;
use tower_jwt_auth::issuer::{NewSession, PostgresStore, RedisStore, RefreshStore, Sessions};
use tower_jwt_auth::revocation::conformance::Conformance;
use tower_jwt_auth::revocation::{FeedErrorKind, PostgresFeed, RedisFeed, RevocationFeed};

use crate::fleet;
use crate::postgres::{Postgres, other_user};
use crate::redis::Redis;
use crate::server::Server;

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/tls").join(name)
}

/// Starts a server that accepts only encrypted connections.
fn redis(name: &str) -> Redis {
    let mut redis = Redis::stopped(name, &["--tls-auth-clients", "no", "--port", "0"]);
    let port = redis.port().to_string();
    for (option, value) in [
        ("--tls-port", port),
        ("--tls-cert-file", file("server.pem").display().to_string()),
        ("--tls-key-file", file("server_key.pem").display().to_string()),
        ("--tls-ca-cert-file", file("ca.pem").display().to_string()),
    ] {
        redis.add_option(option, &value);
    }
    redis.start();
    redis
}

/// Returns a client that trusts the certificates of one authority.
fn client(port: u16, authority: &str) -> Client {
    // As the documentation says, the program selects a provider at its start.
    let _ = aws_lc_rs::default_provider().install_default();
    let root_cert = Some(fs::read(file(authority)).unwrap());
    let url = format!("rediss://localhost:{port}");
    Client::build_with_tls(url, TlsCertificates { client_tls: None, root_cert }).unwrap()
}

/// Appends a message to the feed of a server that is starting.
async fn appends_again(feed: &impl RevocationFeed) {
    let start = Instant::now();
    while let Err(error) = feed.append(&fleet::token("after")).await {
        assert!(start.elapsed() < fleet::LATER, "{error:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn renews<S: RefreshStore>(store: S) {
    let sessions = Sessions::new(store);
    let (token, session) = sessions.start(NewSession::new("alice")).await.unwrap();
    let (_, renewed) = sessions.refresh(token.as_str(), None).await.unwrap();
    assert_eq!(session.id(), renewed.id());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_reached_through_tls_and_again_after_a_restart() {
    let mut redis = redis("redis-tls");
    let feed = RedisFeed::from_client(client(redis.port(), "ca.pem"));
    Conformance::new(feed.clone()).check().await.unwrap();
    let connection = RedisConnection::from_client(client(redis.port(), "ca.pem"));
    renews(RedisStore::from_connection(connection)).await;
    redis.kill();
    redis.start();
    appends_again(&feed).await;
}

#[tokio::test]
async fn a_redis_with_a_certificate_of_another_authority_is_not_used() {
    let redis = redis("redis-other-authority");
    let feed = RedisFeed::from_client(client(redis.port(), "other_ca.pem"));
    let error = feed.append(&fleet::token("a")).await.unwrap_err();
    assert_eq!(error.kind(), FeedErrorKind::Unavailable);
    // A connection without TLS fails.
    let plain = RedisFeed::new(&redis.url()).unwrap();
    plain.append(&fleet::token("a")).await.unwrap_err();
}

/// Starts a server that rejects unencrypted connections from the user `safe`.
async fn postgres(name: &str) -> Postgres {
    let postgres = Postgres::new(name);
    for (from, to) in [("server.pem", "server.crt"), ("server_key.pem", "server.key")] {
        let to = postgres.data().join(to);
        fs::copy(file(from), &to).unwrap();
        // PostgreSQL refuses a key that other users can read.
        fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).unwrap();
        if let Some((user, group)) = other_user() {
            chown(&to, Some(user), Some(group)).unwrap();
        }
    }
    postgres.ask("CREATE ROLE safe LOGIN; GRANT ALL ON SCHEMA public TO safe").await;
    postgres.ask("ALTER SYSTEM SET ssl = on").await;
    postgres.add_access_rule("hostnossl all safe 127.0.0.1/32 reject").await;
    postgres
}

fn url(port: u16, more: &str) -> String {
    format!("postgres://safe@localhost:{port}/postgres?{more}")
}

fn verified(port: u16, authority: &str) -> String {
    url(port, &format!("sslmode=verify-full&sslrootcert={}", file(authority).display()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_is_reached_through_tls_and_again_after_a_restart() {
    let mut postgres = postgres("postgres-tls").await;
    let url = verified(postgres.port(), "ca.pem");
    let feed = PostgresFeed::new(&url).unwrap();
    Conformance::new(feed.clone()).check().await.unwrap();
    // The listener has a connection of its own.
    postgres.listens(&feed).await;
    renews(PostgresStore::connect(&url).await.unwrap()).await;
    postgres.kill();
    postgres.start();
    appends_again(&feed).await;
}

#[tokio::test]
async fn a_postgres_with_a_certificate_of_another_authority_is_not_used() {
    let postgres = postgres("postgres-other-authority").await;
    let port = postgres.port();
    for url in [verified(port, "other_ca.pem"), url(port, "sslmode=disable")] {
        PostgresFeed::new(&url).unwrap().append(&fleet::token("a")).await.unwrap_err();
        PostgresStore::connect(&url).await.unwrap_err();
    }
    let feed = PostgresFeed::new(&verified(port, "ca.pem")).unwrap();
    feed.append(&fleet::token("a")).await.unwrap();
}
