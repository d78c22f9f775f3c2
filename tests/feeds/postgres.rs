//! PostgreSQL.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tower_jwt_auth::revocation::{PostgresFeed, Read, RevocationFeed, conformance};

use crate::server::{self, Server};
use crate::{fleet, outages};

pub(crate) struct Postgres {
    folder: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Postgres {
    pub(crate) fn new(name: &str) -> Self {
        let (folder, port) = (server::folder(name), server::free_port());
        let mut postgres = Self { folder, port, child: None };
        postgres.start_empty();
        postgres
    }

    fn feed(&self) -> PostgresFeed {
        feed(self.port)
    }

    async fn connect(&self) -> PgConnection {
        PgConnection::connect(&url(self.port)).await.unwrap()
    }

    async fn ask(&self, statement: &'static str) {
        sqlx::raw_sql(statement).execute(&mut self.connect().await).await.unwrap();
    }
}

fn url(port: u16) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=disable")
}

fn feed(port: u16) -> PostgresFeed {
    PostgresFeed::new(&url(port)).unwrap()
}

/// A program of the newest PostgreSQL here, run as somebody other than root, who is refused.
fn program(name: &str) -> Command {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut paths: Vec<_> = versions.map(|version| version.unwrap().path().join("bin")).collect();
    paths.sort();
    let found = paths.pop().map(|path| path.join(name)).filter(|path| path.exists());
    let mut command = Command::new(found.unwrap_or_else(|| PathBuf::from(name)));
    if let Some((user, group)) = other_user() {
        command.uid(user).gid(group);
    }
    command.stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
    command
}

fn other_user() -> Option<(u32, u32)> {
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
        for process in self.processes().into_iter().skip(1) {
            let _ = Command::new("kill").args(["-KILL", &process.to_string()]).status();
        }
        server::end(&mut self.child);
    }

    fn start(&mut self) {
        let mut command = program("postgres");
        command.arg("-D").arg(self.folder.join("data"));
        command.args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        command.arg("-c").arg(format!("unix_socket_directories={}", self.folder.display()));
        let _ = fs::remove_file(self.folder.join("data/postmaster.pid"));
        self.child = Some(server::spawn(&mut command));
        server::wait_for_port(self.port);
        // It listens before it answers.
        for _ in 0..300 {
            let mut ready = program("pg_isready");
            ready.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
            if server::spawn(&mut ready).wait().unwrap().success() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("PostgreSQL does not answer");
    }

    fn start_empty(&mut self) {
        fs::remove_dir_all(&self.folder).unwrap();
        fs::create_dir_all(&self.folder).unwrap();
        if let Some((user, group)) = other_user() {
            chown(&self.folder, Some(user), Some(group)).unwrap();
        }
        let mut command = program("initdb");
        command.args(["-U", "postgres", "-A", "trust", "-N", "-D"]).arg(self.folder.join("data"));
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
    conformance::check(postgres.feed()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_outage_lets_a_revoked_token_in() {
    let mut postgres = Postgres::new("postgres-outages");
    outages::all(&mut postgres, feed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_committed_late_is_not_stepped_over() {
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
async fn news_are_told_and_another_log_is_a_gap() {
    let postgres = Postgres::new("postgres-told");
    let feed = postgres.feed();
    feed.append(&fleet::token_until("old", fleet::in_secs(-3_600))).await.unwrap();
    // A listener is there from the first wait on.
    let first = tokio::time::timeout(Duration::from_secs(2), feed.changed()).await;
    assert!(first.is_err());
    let publisher = postgres.feed();
    let (told, ()) =
        tokio::join!(tokio::time::timeout(Duration::from_secs(10), feed.changed()), async {
            publisher.append(&fleet::token("new")).await.unwrap()
        },);
    told.expect("a notification");
    let snapshot = feed.snapshot(None).await.unwrap();
    assert_eq!(snapshot.messages.len(), 1, "the other was outlived by everyone");
    postgres.ask("DELETE FROM tower_jwt_auth_revocation_log").await;
    assert!(feed.read(&snapshot.position).await.is_err());
    // Whoever publishes makes a new log, with what the table still has.
    feed.append(&fleet::token("newer")).await.unwrap();
    assert!(matches!(feed.read(&snapshot.position).await.unwrap(), Read::Gap));
    assert_eq!(feed.snapshot(None).await.unwrap().messages.len(), 2);
}
