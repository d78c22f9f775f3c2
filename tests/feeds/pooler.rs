//! Tests with a pooler in front of PostgreSQL.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tower_jwt_auth::issuer::{NewSession, PostgresStore, Sessions};
use tower_jwt_auth::revocation::conformance::Conformance;
use tower_jwt_auth::revocation::{PostgresFeed, RevocationFeed, Verdict};

use crate::fleet::{LATER, Member};
use crate::postgres::{self, Postgres, other_user};
use crate::server::{self, Server};

/// PgBouncer with three connections to the server. All clients share these connections.
struct PgBouncer {
    folder: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl PgBouncer {
    fn before(postgres: &Postgres, mode: &str) -> Self {
        let (folder, port) = (server::folder(&format!("pgbouncer-{mode}")), server::free_port());
        let settings = folder.join("pgbouncer.ini");
        let text = format!(
            "[databases]\n\
             postgres = host=127.0.0.1 port={} dbname=postgres user=postgres\n\
             [pgbouncer]\n\
             listen_addr = 127.0.0.1\n\
             listen_port = {port}\n\
             unix_socket_dir =\n\
             auth_type = any\n\
             pool_mode = {mode}\n\
             default_pool_size = 3\n\
             max_client_conn = 200\n",
            postgres.port(),
        );
        fs::write(&settings, text).unwrap();
        // Debian installs PgBouncer outside the users' search path.
        let found = PathBuf::from("/usr/sbin/pgbouncer");
        let program = if found.exists() { found } else { "pgbouncer".into() };
        let mut command = Command::new(program);
        // PgBouncer refuses to run as root.
        if let Some((user, group)) = other_user() {
            chown(&folder, Some(user), Some(group)).unwrap();
            command.uid(user).gid(group);
        }
        command.arg(&settings).current_dir(&folder).stdout(Stdio::null()).stderr(Stdio::null());
        let child = Some(server::spawn(&mut command));
        server::wait_for_port(port);
        Self { folder, port, child }
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        server::end(&mut self.child);
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Runs the store's statements for many users concurrently. The pooler then lets several
/// connections of the store share one server process.
async fn many_at_once(store: PostgresStore) {
    let sessions = Sessions::new(store);
    let users = (0..12).map(|user| {
        let sessions = sessions.clone();
        async move {
            let user = format!("user {user}");
            let (mut token, session) = sessions.start(NewSession::new(&user)).await.unwrap();
            for _ in 0..10 {
                token = sessions.refresh(token.as_str(), None).await.unwrap().0;
                assert_eq!(sessions.of_subject(&user).await.unwrap()[0].id(), session.id());
            }
            assert_eq!(sessions.end_all(&user).await.unwrap(), 1);
        }
    });
    futures_util::future::join_all(users).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_works_behind_a_pooler_in_transaction_mode() {
    let postgres = Postgres::new("postgres-pooled");
    let pooler = PgBouncer::before(&postgres, "transaction");
    let url = postgres::url(pooler.port);
    let store = PostgresStore::connect(&url).await.unwrap().timeout(LATER);
    many_at_once(store).await;
    let feed = PostgresFeed::new(&url).unwrap();
    Conformance::new(feed.clone()).check().await.unwrap();
    let member = Member::of(feed.clone(), |it| it);
    member.publish(&feed, "polled").await;
    member.expect("polled", Verdict::Revoked, LATER).await;
    member.look();
}

/// The application's connection pool still uses prepared statements, so the store must detect
/// PgBouncer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_existing_pool_detects_the_pooler() {
    let postgres = Postgres::new("postgres-pooled-own");
    let pooler = PgBouncer::before(&postgres, "transaction");
    let options: sqlx::postgres::PgConnectOptions = postgres::url(pooler.port).parse().unwrap();
    let pool = sqlx::postgres::PgPoolOptions::new().max_connections(8);
    let pool = pool.connect_with(options.extra_float_digits(None)).await.unwrap();
    let store = PostgresStore::from_pool(pool).timeout(LATER);
    store.migrate().await.unwrap();
    many_at_once(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notifications_pass_a_pooler_in_session_mode() {
    let postgres = Postgres::new("postgres-pooled-session");
    let pooler = PgBouncer::before(&postgres, "session");
    let url = postgres::url(pooler.port);
    let feed = PostgresFeed::new(&url).unwrap();
    feed.append(&crate::fleet::token("first")).await.unwrap();
    postgres.listens(&feed).await;
    let publisher = postgres.url();
    let publisher = PostgresFeed::new(&publisher).unwrap();
    let (told, ()) = tokio::join!(tokio::time::timeout(LATER, feed.changed()), async {
        publisher.append(&crate::fleet::token("second")).await.unwrap();
    });
    told.expect("a notification");
}
