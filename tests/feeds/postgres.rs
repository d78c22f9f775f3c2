//! Tests with PostgreSQL.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tower_jwt_auth::revocation::conformance::Conformance;
use tower_jwt_auth::revocation::{
    FeedErrorKind, PostgresFeed, Read, Revocation, RevocationFeed, Verdict,
};

use crate::proxy::Proxy;
use crate::server::{self, Server};
use crate::{fleet, outages};

pub(crate) struct Postgres {
    folder: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Postgres {
    pub(crate) fn new(name: &str) -> Self {
        let mut postgres = Self::stopped(name);
        postgres.start_empty();
        postgres
    }

    /// Creates a server that is not started yet and has no data.
    pub(crate) fn stopped(name: &str) -> Self {
        Self { folder: server::folder(name), port: server::free_port(), child: None }
    }

    /// Creates a standby that follows another server.
    pub(crate) fn standby_of(primary: &Self, name: &str) -> Self {
        let mut standby = Self::stopped(name);
        standby.clear();
        let mut copy = program("pg_basebackup");
        copy.args(["-h", "127.0.0.1", "-p", &primary.port.to_string(), "-U", "postgres"]);
        copy.args(["-R", "-X", "stream", "-c", "fast", "-D"]).arg(standby.data());
        assert!(server::spawn(&mut copy).wait().unwrap().success(), "pg_basebackup failed");
        standby.start();
        standby
    }

    /// Returns the folder with the server's data and configuration.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Makes the server require a password from this user.
    pub(crate) async fn require_password_of(&self, user: &str) {
        self.add_access_rule(&format!("host all {user} 127.0.0.1/32 scram-sha-256")).await;
    }

    /// Adds a line before the other lines of `pg_hba.conf`, and reloads the configuration.
    pub(crate) async fn add_access_rule(&self, rule: &str) {
        let rules = self.data().join("pg_hba.conf");
        let others = fs::read_to_string(&rules).unwrap();
        fs::write(&rules, format!("{rule}\n{others}")).unwrap();
        self.ask("SELECT pg_reload_conf()").await;
    }

    pub(crate) fn url(&self) -> String {
        url(self.port)
    }

    async fn kill_connections_of(&self, role: &str) {
        let mut connection = self.connect().await;
        sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1")
            .bind(role)
            .execute(&mut connection)
            .await
            .unwrap();
    }

    /// Waits until the feed has connected its listener. Panics if the feed reports a change in the
    /// meantime.
    pub(crate) async fn listens(&self, feed: &PostgresFeed) {
        let listeners = "SELECT count(*) FROM pg_stat_activity WHERE query ~ '^LISTEN'";
        let mut connection = self.connect().await;
        for _ in 0..600 {
            let told = tokio::time::timeout(Duration::from_millis(100), feed.changed()).await;
            assert!(told.is_err(), "announced, although nothing was appended");
            let listeners: i64 =
                sqlx::query_scalar(listeners).fetch_one(&mut connection).await.unwrap();
            if listeners > 0 {
                return;
            }
        }
        panic!("the feed does not listen");
    }

    fn clear(&self) {
        fs::remove_dir_all(&self.folder).unwrap();
        fs::create_dir_all(&self.folder).unwrap();
        if let Some((user, group)) = other_user() {
            chown(&self.folder, Some(user), Some(group)).unwrap();
        }
    }

    fn feed(&self) -> PostgresFeed {
        feed(self.port)
    }

    /// Returns a feed that connects as this role.
    fn feed_as(&self, role: &str) -> PostgresFeed {
        PostgresFeed::new(&self.url().replace("postgres@", &format!("{role}@"))).unwrap()
    }

    pub(crate) async fn connect(&self) -> PgConnection {
        PgConnection::connect(&url(self.port)).await.unwrap()
    }

    pub(crate) async fn ask(&self, statement: &'static str) {
        sqlx::raw_sql(statement).execute(&mut self.connect().await).await.unwrap();
    }
}

pub(crate) fn url(port: u16) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=disable")
}

fn feed(port: u16) -> PostgresFeed {
    PostgresFeed::new(&url(port)).unwrap()
}

/// Returns a command that runs a program of the newest installed PostgreSQL version. PostgreSQL
/// refuses to run as root, so if the test runs as root, the command runs as another user.
pub(crate) fn program(name: &str) -> Command {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let newest = versions.map(|version| version.unwrap().path().join("bin")).max();
    let found = newest.map(|path| path.join(name)).filter(|path| path.exists());
    let mut command = Command::new(found.unwrap_or_else(|| PathBuf::from(name)));
    if let Some((user, group)) = other_user() {
        command.uid(user).gid(group);
    }
    command.stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
    command
}

pub(crate) fn other_user() -> Option<(u32, u32)> {
    (fs::metadata("/proc/self").unwrap().uid() == 0).then(|| {
        let users = fs::read_to_string("/etc/passwd").unwrap();
        let id = |name: &str| {
            let line = users.lines().find(|line| line.starts_with(&format!("{name}:")))?;
            let mut parts = line.split(':').skip(2).map(|part| part.parse().unwrap());
            Some((parts.next()?, parts.next()?))
        };
        id("postgres").or_else(|| id("nobody")).expect("a user postgres or nobody")
    })
}

impl Server for Postgres {
    fn port(&self) -> u16 {
        self.port
    }

    fn processes(&self) -> Vec<u32> {
        let Some(first) = self.child.as_ref().map(Child::id) else { return Vec::new() };
        let children = fs::read_to_string(format!("/proc/{first}/task/{first}/children")).unwrap();
        let children = children.split_whitespace().map(|process| process.parse().unwrap());
        std::iter::once(first).chain(children).collect()
    }

    fn kill(&mut self) {
        // Kill the parent process first. Otherwise it would restart the child processes.
        let children = self.processes().into_iter().skip(1);
        let children: Vec<_> = children.map(|process| process.to_string()).collect();
        server::end(&mut self.child);
        let mut kill = Command::new("kill");
        let _ = kill.arg("-KILL").args(children).stderr(Stdio::null()).status();
    }

    fn start(&mut self) {
        let mut command = program("postgres");
        command.arg("-D").arg(self.data());
        command.args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        command.arg("-c").arg(format!("unix_socket_directories={}", self.folder.display()));
        let _ = fs::remove_file(self.folder.join("data/postmaster.pid"));
        self.child = Some(server::spawn(&mut command));
        // A starting server accepts connections before it can answer queries, so `pg_isready` is
        // run until it succeeds. If the previous server is still running, the new server exits. It
        // is then started again.
        for _ in 0..1_200 {
            std::thread::sleep(Duration::from_millis(50));
            let mut ready = program("pg_isready");
            ready.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
            if server::spawn(&mut ready).wait().unwrap().success() {
                return;
            }
            if self.child.as_mut().unwrap().try_wait().unwrap().is_some() {
                self.child = Some(server::spawn(&mut command));
            }
        }
        panic!("PostgreSQL does not answer");
    }

    fn start_empty(&mut self) {
        self.clear();
        let mut command = program("initdb");
        command.args(["-U", "postgres", "-A", "trust", "-N", "-D"]).arg(self.data());
        assert!(server::spawn(&mut command).wait().unwrap().success(), "initdb failed");
        self.start();
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_conforms() {
    let postgres = Postgres::new("postgres-conforms");
    Conformance::new(postgres.feed()).check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_outage_lets_a_revoked_token_in() {
    let mut postgres = Postgres::new("postgres-outages");
    outages::all(&mut postgres, feed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_committed_late_is_not_skipped() {
    let postgres = Postgres::new("postgres-late");
    let feed = postgres.feed();
    feed.create().await.unwrap();
    let start = feed.snapshot(None).await.unwrap().position;
    let mut early = postgres.connect().await;
    let mut early = early.begin().await.unwrap();
    let insert = "INSERT INTO tower_jwt_auth_revocations (message) VALUES ($1)";
    let message = r#"{"v":1,"revoke":"token","jti":"early","until":4000000000}"#;
    sqlx::query(insert).bind(message).execute(&mut *early).await.unwrap();
    let late = tokio::spawn({
        let feed = feed.clone();
        async move { feed.append(&fleet::token("late")).await.unwrap() }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let Read::Messages { messages, position, .. } = feed.read(&start).await.unwrap() else {
        panic!("a gap")
    };
    assert!(messages.is_empty());
    early.commit().await.unwrap();
    late.await.unwrap();
    let Read::Messages { messages, .. } = feed.read(&position).await.unwrap() else {
        panic!("a gap")
    };
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0], message);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_are_announced_and_another_log_is_a_gap() {
    let postgres = Postgres::new("postgres-told");
    let feed = postgres.feed();
    feed.append(&fleet::token_until("old", fleet::in_secs(-3_600))).await.unwrap();
    postgres.listens(&feed).await;
    let publisher = postgres.feed();
    let (told, ()) = tokio::join!(tokio::time::timeout(fleet::LATER, feed.changed()), async {
        publisher.append(&fleet::token("new")).await.unwrap()
    },);
    told.expect("a notification");
    let snapshot = feed.snapshot(None).await.unwrap();
    assert_eq!(snapshot.messages.len(), 1, "the other was outlived by everyone");
    postgres.ask("DELETE FROM tower_jwt_auth_revocation_log").await;
    assert!(feed.read(&snapshot.position).await.is_err());
    // The next append creates a new log. The new log contains the messages that are still in the
    // table of messages.
    feed.append(&fleet::token("newer")).await.unwrap();
    assert!(matches!(feed.read(&snapshot.position).await.unwrap(), Read::Gap));
    assert_eq!(feed.snapshot(None).await.unwrap().messages.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn short_waits_are_enough_to_connect_the_listener() {
    let postgres = Postgres::new("postgres-slow");
    let publisher = postgres.feed();
    publisher.create().await.unwrap();
    let proxy = Proxy::before(postgres.port).await;
    let feed = feed(proxy.port);
    // Each wait lasts 100 ms, but connecting takes several round trips of 200 ms each. The feed
    // must therefore continue an attempt to connect that began during an earlier wait.
    let is_told = async || tokio::time::timeout(Duration::from_millis(100), feed.changed()).await;
    proxy.slow(Duration::from_millis(100));
    for name in ["once", "when the connection was lost"] {
        let mut rounds = 0..600;
        while is_told().await.is_err() {
            assert!(rounds.next().is_some(), "not told {name}");
            // Append repeatedly, since messages that are appended before the listener connects are
            // not announced.
            publisher.append(&fleet::token(name)).await.unwrap();
        }
        // Wait until every append is announced.
        tokio::time::sleep(Duration::from_secs(1)).await;
        while is_told().await.is_ok() {}
        postgres
            .ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ '^LISTEN'")
            .await;
        // After the connection is lost, `changed` must return even if no message is announced,
        // since the feed may have missed announcements.
        let mut rounds = 0..600;
        while is_told().await.is_err() {
            assert!(rounds.next().is_some(), "the loss is not noticed");
        }
    }
}

#[tokio::test]
async fn the_rights_to_read_and_to_publish_are_separate() {
    let postgres = Postgres::new("postgres-rights");
    postgres.feed().append(&fleet::token("a")).await.unwrap();
    postgres
        .ask(
            "CREATE ROLE reader LOGIN; CREATE ROLE publisher LOGIN; \
             GRANT SELECT ON tower_jwt_auth_revocations, tower_jwt_auth_revocation_log \
                 TO reader, publisher; \
             GRANT INSERT, DELETE ON tower_jwt_auth_revocations TO publisher; \
             GRANT UPDATE ON tower_jwt_auth_revocation_log TO publisher",
        )
        .await;
    let (reader, publisher) = (postgres.feed_as("reader"), postgres.feed_as("publisher"));
    reader.create().await.unwrap();
    publisher.append(&fleet::token("b")).await.unwrap();
    let snapshot = reader.snapshot(None).await.unwrap();
    assert_eq!(snapshot.messages.len(), 2);
    assert!(matches!(reader.read(&snapshot.position).await.unwrap(), Read::Messages { .. }));
    reader.append(&fleet::token("c")).await.unwrap_err();
}

/// Tests two users who cannot call `pg_current_wal_lsn`, which is needed to read the timeline. For
/// the user `aurora`, the function raises an error, as it does in Aurora. The user `denied` lacks
/// the permission to call it.
#[tokio::test]
async fn a_feed_works_without_the_timeline_and_reports_that_once() {
    let postgres = Postgres::new("postgres-timeline");
    postgres
        .ask(
            "CREATE SCHEMA fake; \
             CREATE FUNCTION fake.pg_current_wal_lsn() RETURNS pg_lsn LANGUAGE plpgsql AS $$ \
             BEGIN RAISE EXCEPTION 'not available' USING ERRCODE = '55000'; END $$; \
             CREATE ROLE aurora LOGIN; GRANT ALL ON SCHEMA fake, public TO aurora; \
             ALTER ROLE aurora SET search_path = fake, pg_catalog, public; \
             CREATE ROLE denied LOGIN; \
             GRANT ALL ON SCHEMA public TO denied; \
             REVOKE EXECUTE ON FUNCTION pg_catalog.pg_current_wal_lsn() FROM PUBLIC",
        )
        .await;
    postgres.feed().create().await.unwrap();
    postgres
        .ask(
            "GRANT ALL ON tower_jwt_auth_revocations, tower_jwt_auth_revocation_log \
             TO aurora, denied",
        )
        .await;
    for role in ["aurora", "denied"] {
        let feed = postgres.feed_as(role);
        let member = fleet::Member::patient(feed.clone());
        member.publish(&feed, role).await;
        member.expect(role, Verdict::Revoked, fleet::LATER).await;
        // A new connection must not report the missing timeline a second time.
        postgres.kill_connections_of(role).await;
        member.publish(&feed, &format!("{role} again")).await;
        member.expect(&format!("{role} again"), Verdict::Revoked, fleet::LATER).await;
        assert_eq!(member.count("FeedWarning"), 1);
        assert_eq!(member.count("FeedFailed"), 0, "a connection that was closed is no failure");
        member.look();
    }
}

/// After a failover, it is possible that the new server does not report its timeline, although the
/// old server did.
#[tokio::test]
async fn a_server_that_no_longer_reports_its_timeline_does_not_stop_the_feed() {
    let postgres = Postgres::new("postgres-no-longer");
    postgres.ask("CREATE ROLE reader LOGIN; GRANT ALL ON SCHEMA public TO reader").await;
    let feed = postgres.feed();
    feed.create().await.unwrap();
    postgres
        .ask(
            "GRANT ALL ON tower_jwt_auth_revocations, tower_jwt_auth_revocation_log TO reader; \
             GRANT EXECUTE ON FUNCTION pg_catalog.pg_current_wal_lsn() TO reader",
        )
        .await;
    let member = fleet::Member::patient(postgres.feed_as("reader"));
    member.publish(&feed, "before").await;
    member.expect("before", Verdict::Revoked, fleet::LATER).await;
    assert_eq!(member.count("FeedWarning"), 0);
    let revoke = "REVOKE EXECUTE ON FUNCTION pg_catalog.pg_current_wal_lsn() FROM PUBLIC, reader";
    postgres.ask(revoke).await;
    member.publish(&feed, "after").await;
    member.expect("after", Verdict::Revoked, fleet::LATER).await;
    assert_eq!(member.count("FeedWarning"), 1);
    postgres.ask("GRANT EXECUTE ON FUNCTION pg_catalog.pg_current_wal_lsn() TO PUBLIC").await;
    postgres.kill_connections_of("reader").await;
    member.publish(&feed, "back").await;
    member.expect("back", Verdict::Revoked, fleet::LATER).await;
    member.look();
}

#[tokio::test]
async fn a_server_that_accepts_no_writes_is_reported_as_a_replica() {
    let postgres = Postgres::new("postgres-read-only");
    postgres.feed().create().await.unwrap();
    postgres
        .ask(
            "CREATE ROLE writer LOGIN; ALTER ROLE writer SET default_transaction_read_only = on; \
             GRANT ALL ON tower_jwt_auth_revocations, tower_jwt_auth_revocation_log TO writer",
        )
        .await;
    let feed = postgres.feed_as("writer");
    let error = feed.append(&fleet::token("a")).await.unwrap_err();
    assert_eq!(error.kind(), FeedErrorKind::Replica);
}

/// Only the errors that mean that a server never reports its timeline are accepted.
#[tokio::test]
async fn another_error_of_the_timeline_is_an_error_of_the_feed() {
    let postgres = Postgres::new("postgres-timeline-error");
    postgres.feed().create().await.unwrap();
    postgres
        .ask(
            "CREATE SCHEMA fake; \
             CREATE FUNCTION fake.pg_current_wal_lsn() RETURNS pg_lsn LANGUAGE plpgsql AS $$ \
             BEGIN RAISE EXCEPTION 'canceled' USING ERRCODE = '57014'; END $$; \
             CREATE ROLE canceled LOGIN; GRANT ALL ON SCHEMA fake TO canceled; \
             ALTER ROLE canceled SET search_path = fake, pg_catalog, public; \
             GRANT ALL ON tower_jwt_auth_revocations, tower_jwt_auth_revocation_log TO canceled",
        )
        .await;
    let feed = postgres.feed_as("canceled");
    feed.snapshot(None).await.unwrap_err();
    postgres.ask("ALTER ROLE canceled RESET search_path").await;
    postgres.kill_connections_of("canceled").await;
    feed.snapshot(None).await.unwrap();
}

/// The position contains the timeline, so that readers notice a failover that lost messages.
#[tokio::test]
async fn each_new_connection_asks_again_for_the_timeline() {
    let postgres = Postgres::new("postgres-asks-again");
    postgres.feed().create().await.unwrap();
    postgres
        .ask(
            "CREATE ROLE reader LOGIN; \
             GRANT ALL ON tower_jwt_auth_revocations, tower_jwt_auth_revocation_log TO reader; \
             GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO reader; \
             GRANT EXECUTE ON FUNCTION pg_catalog.pg_current_wal_lsn() TO reader",
        )
        .await;
    let feed = postgres.feed_as("reader");
    let log = async || {
        let position = feed.snapshot(None).await.unwrap().position;
        position.as_str().split_once(' ').unwrap().0.to_owned()
    };
    let with_timeline = log().await;
    let revoke = "REVOKE EXECUTE ON FUNCTION pg_catalog.pg_current_wal_lsn() FROM PUBLIC, reader";
    let grant = "GRANT EXECUTE ON FUNCTION pg_catalog.pg_current_wal_lsn() TO PUBLIC";
    for appends in [false, true] {
        postgres.ask(revoke).await;
        postgres.kill_connections_of("reader").await;
        assert_ne!(log().await, with_timeline);
        postgres.ask(grant).await;
        postgres.kill_connections_of("reader").await;
        if appends {
            feed.append(&fleet::token("a")).await.unwrap();
        }
        assert_eq!(log().await, with_timeline, "{appends}");
    }
}

#[tokio::test]
async fn only_a_valid_message_can_be_published_with_plain_sql() {
    let postgres = Postgres::new("postgres-sql");
    let feed = postgres.feed();
    feed.create().await.unwrap();
    postgres
        .ask(
            "INSERT INTO tower_jwt_auth_revocations (message) \
             VALUES ('{\"v\":1,\"revoke\":\"everyone\",\"at\":4000000000}')",
        )
        .await;
    let mut connection = postgres.connect().await;
    let insert = "INSERT INTO tower_jwt_auth_revocations (message) VALUES ($1)";
    let long = Revocation::MAX_MESSAGE_BYTES;
    let too_long = format!(r#"{{"v":1,"revoke":"everyone","at":4000000000,"why":"{:long$}"}}"#, "");
    for message in ["", "revoke alice", "{}", &too_long] {
        sqlx::query(insert).bind(message).execute(&mut connection).await.unwrap_err();
    }
    assert_eq!(feed.snapshot(None).await.unwrap().messages.len(), 1);
    // If somebody drops the constraint on the length, the table can contain a message that is too
    // long. The feed then returns an empty text instead of the message. The empty text counts as
    // unreadable.
    let constraint = "tower_jwt_auth_revocations_message_check";
    let drop = format!("ALTER TABLE tower_jwt_auth_revocations DROP CONSTRAINT {constraint}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(drop)).execute(&mut connection).await.unwrap();
    sqlx::query(insert).bind(&too_long).execute(&mut connection).await.unwrap();
    assert_eq!(feed.snapshot(None).await.unwrap().messages.pop().as_deref(), Some(""));
}
