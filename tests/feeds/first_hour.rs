//! Tests of the README's set-up with servers that are empty, are down, or require a password.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tower_jwt_auth::issuer::{Grant, MemoryStore, NewSession, Sessions, TokenIssuer};
use tower_jwt_auth::revocation::{FeedError, PostgresFeed, RedisFeed, RevocationFeed};
use tower_jwt_auth::{AuthErrorKind, JwtAuth, Revocations, Secret};

use crate::fleet::LATER;
use crate::postgres::Postgres;
use crate::redis::Redis;
use crate::server::{self, Server};
use crate::stopwatch::Stopwatch;

const ISSUER: &str = "https://auth.shop.example";
/// The time after which the data must be stale: the default `max_staleness`, plus a margin because
/// the machine may be busy.
const STALE: Duration = Duration::from_secs(8);

type Lines = Arc<Mutex<Vec<String>>>;

fn master() -> Secret {
    Secret::from_base64("YW4gZXhhbXBsZSBtYXN0ZXIgc2VjcmV0LCAzMisgYnl0ZXM=").unwrap()
}

/// A service with the event hook of the README. The README's hook prints a line for each event, and
/// this hook collects the lines instead.
struct Service {
    auth: JwtAuth,
    lines: Lines,
}

impl Service {
    fn start<F: RevocationFeed>(feed: F) -> Self {
        let lines = Lines::default();
        let printed = Arc::clone(&lines);
        let revocations = Revocations::new()
            .with_events(move |event| printed.lock().unwrap().push(format!("revocation: {event}")));
        tokio::spawn(revocations.follow(feed).run());
        let auth = JwtAuth::new(master().derive(ISSUER, "cart")).audience("cart");
        Self { auth: auth.with_revocation(revocations), lines }
    }

    fn status(&self, token: &str) -> u16 {
        match self.auth.verify(token) {
            Ok(_) => 200,
            Err(error) if error.kind() == AuthErrorKind::RevocationUnavailable => 503,
            Err(_) => 401,
        }
    }

    async fn expect(&self, token: &str, status: u16, within: Duration) {
        let start = Stopwatch::start();
        while self.status(token) != status {
            assert!(start.elapsed() < within, "not {status}: {:?}", self.lines.lock().unwrap());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn expect_line(&self, text: &str, within: Duration) {
        let start = Stopwatch::start();
        while !self.lines.lock().unwrap().iter().any(|line| line.contains(text)) {
            assert!(start.elapsed() < within, "no {text:?}: {:?}", self.lines.lock().unwrap());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

struct AuthServer {
    issuer: TokenIssuer,
    sessions: Sessions<MemoryStore>,
}

impl AuthServer {
    fn start<F: RevocationFeed>(feed: F) -> Self {
        let issuer = TokenIssuer::derived(ISSUER, &master(), ["cart"]);
        let sessions = Sessions::new(MemoryStore::new()).with_revocation(feed, &issuer);
        Self { issuer, sessions }
    }

    async fn log_in(&self) -> (String, tower_jwt_auth::issuer::Session) {
        let (_, session) = self.sessions.start(NewSession::new("alice")).await.unwrap();
        let grant = Grant::new("alice").audience("cart").session(session.id());
        (self.issuer.issue(&grant).unwrap().as_str().to_owned(), session)
    }
}

async fn works_in_any_order<S: Server, F: RevocationFeed>(
    new: impl Fn(&str) -> S,
    feed: impl Fn(u16) -> F,
) {
    let (token, _) =
        AuthServer::start(tower_jwt_auth::revocation::MemoryFeed::new()).log_in().await;

    // Two services start at the same time without an auth server. They agree on one log, and one of
    // them reports that it created the log.
    let server = new("alone");
    let services = [Service::start(feed(server.port())), Service::start(feed(server.port()))];
    for service in &services {
        service.expect(&token, 200, LATER).await;
    }
    let lines: Vec<_> = services.iter().flat_map(|it| it.lines.lock().unwrap().clone()).collect();
    let created = lines.iter().filter(|line| line.contains("created an empty revocation log"));
    assert_eq!(created.count(), 1, "{lines:?}");
    // Then the auth server starts, and its revocations take effect everywhere.
    let auth = AuthServer::start(feed(server.port()));
    let (stolen, session) = auth.log_in().await;
    auth.sessions.end(session.id()).await.unwrap();
    for service in &services {
        service.expect(&stolen, 401, LATER).await;
        service.expect(&token, 200, LATER).await;
    }

    // The auth server starts first and creates the log itself.
    let server = new("auth-first");
    let _auth = AuthServer::start(feed(server.port()));
    let start = Stopwatch::start();
    while feed(server.port()).snapshot(None).await.is_err() {
        assert!(start.elapsed() < LATER, "no log");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let service = Service::start(feed(server.port()));
    service.expect(&token, 200, LATER).await;
    assert!(!service.lines.lock().unwrap().iter().any(|line| line.contains("created")));
}

async fn is_visible_when_down<S: Server, F: RevocationFeed>(
    mut server: S,
    feed: impl Fn(u16) -> F,
    refused: &str,
) {
    let (token, _) =
        AuthServer::start(tower_jwt_auth::revocation::MemoryFeed::new()).log_in().await;
    // The feed's server is down when the service starts.
    let service = Service::start(feed(server.port()));
    service.expect_line(refused, LATER).await;
    assert_eq!(service.status(&token), 503);
    server.start_empty();
    service.expect(&token, 200, LATER).await;
    service.expect_line("can be read again", LATER).await;
    // Later the server stops answering. Tokens are accepted until the data is stale.
    server.pause();
    service.expect(&token, 503, STALE).await;
    service.expect_line("did not answer in time", LATER).await;
    server.resume();
    service.expect(&token, 200, LATER).await;
    // The feed's server is empty after a restart. The service continues, and reports that the log
    // was lost.
    server.kill();
    server.start_empty();
    service.expect_line("the revocation log is gone", LATER).await;
    service.expect_line("created an empty revocation log", LATER).await;
    service.expect(&token, 200, LATER).await;
}

fn redis_feed(port: u16) -> RedisFeed {
    RedisFeed::new(&format!("redis://127.0.0.1:{port}")).unwrap()
}

fn postgres_feed(port: u16) -> PostgresFeed {
    PostgresFeed::new(&crate::postgres::url(port)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_redis_works_in_any_order() {
    works_in_any_order(|name| Redis::new(&format!("redis-{name}")), redis_feed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_postgres_works_in_any_order() {
    works_in_any_order(|name| Postgres::new(&format!("postgres-{name}")), postgres_feed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_down_is_visible_and_needs_no_restart() {
    let redis = Redis::stopped("redis-down", &[]);
    is_visible_when_down(redis, redis_feed, "Connection refused").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_is_down_is_visible_and_needs_no_restart() {
    let postgres = Postgres::stopped("postgres-down");
    is_visible_when_down(postgres, postgres_feed, "Connection refused").await;
}

async fn says<F: RevocationFeed>(feed: Result<F, FeedError>, text: &str) {
    let service = Service::start(feed.unwrap());
    service.expect_line(text, LATER).await;
    let lines = service.lines.lock().unwrap();
    assert!(!lines.iter().any(|line| line.contains("correct-horse")), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_failure_to_reach_a_feed_is_reported_without_the_password() {
    let redis = Redis::with("redis-asks", &["--requirepass", "another"]);
    let port = redis.port();
    let wrong = "rejects the user or the password";
    says(RedisFeed::new(&format!("redis://:correct-horse@127.0.0.1:{port}")), wrong).await;
    says(RedisFeed::new(&format!("redis://127.0.0.1:{port}")), "requires a password").await;

    let nowhere = server::free_port();
    let unresolvable = "redis://:correct-horse@no-such-host.invalid";
    tokio::join!(
        says(RedisFeed::new(unresolvable), "cannot be read"),
        says(
            PostgresFeed::new("postgres://a:correct-horse@no-such-host.invalid/a"),
            "cannot be read"
        ),
        says(
            PostgresFeed::new(&format!("postgres://a:correct-horse@127.0.0.1:{nowhere}/a")),
            "Connection refused"
        ),
    );

    let postgres = Postgres::new("postgres-asks");
    postgres.ask("CREATE ROLE auth LOGIN PASSWORD 'another'; CREATE ROLE reader LOGIN").await;
    postgres.require_password_of("auth").await;
    let port = postgres.port();
    let url = |user: &str, database: &str| {
        PostgresFeed::new(&format!("postgres://{user}@127.0.0.1:{port}/{database}?sslmode=disable"))
    };
    says(url("auth:correct-horse", "postgres"), wrong).await;
    says(url("postgres", "nothing"), "no database of the name").await;
    // The database user `reader` has no permission to create the log. The service therefore waits
    // until the auth server has created the log.
    let service = Service::start(url("reader", "postgres").unwrap());
    service.expect_line("start the auth server", LATER).await;
    postgres.ask("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader").await;
    let auth = AuthServer::start(postgres_feed(port));
    let (token, _) = auth.log_in().await;
    service.expect(&token, 200, LATER).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_may_only_read_waits_for_the_auth_server() {
    let redis = Redis::new("redis-reader");
    let mut grant = redis::cmd("ACL");
    grant.arg(&["SETUSER", "reader", "on", ">secret", "~{tower_jwt_auth_revocations}:*", "-@all"]);
    grant.arg(&["+eval_ro", "+exists", "+xinfo", "+xrange", "+get", "+zscan", "+info"]);
    redis.ask(&grant).await;
    let url = format!("redis://reader:secret@127.0.0.1:{}", redis.port());
    let service = Service::start(RedisFeed::new(&url).unwrap());
    service.expect_line("start the auth server", LATER).await;
    let auth = AuthServer::start(redis_feed(redis.port()));
    let (token, session) = auth.log_in().await;
    service.expect(&token, 200, LATER).await;
    auth.sessions.end(session.id()).await.unwrap();
    service.expect(&token, 401, LATER).await;
}
