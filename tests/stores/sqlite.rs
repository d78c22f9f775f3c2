//! Tests of the SQLite file: durability, locks and permissions.

use std::time::Duration;

use sqlx::{Connection, SqliteConnection, SqlitePool};
use tower_jwt_auth::issuer::{NewSession, SessionErrorKind, Sessions, SqliteStore};
use tower_jwt_auth::{Clock, SystemClock};

use crate::child::AuthServer;
use crate::servers::Folder;
use crate::stopwatch::Stopwatch;
use crate::store::{PATIENCE, sessions};

fn url(folder: &Folder) -> String {
    format!("sqlite:{}/sessions.db", folder.0.display())
}

async fn open(folder: &Folder) -> Sessions<SqliteStore> {
    let store = SqliteStore::connect(&url(folder)).await.unwrap();
    sessions(store.timeout(PATIENCE))
}

#[tokio::test]
async fn sessions_survive_closing_the_file() {
    let folder = Folder::new();
    let new = NewSession::new("alice").scopes(["cart:read"]).data(&["acme"]).unwrap();
    let (mut token, session) = open(&folder).await.start(new.label("Firefox")).await.unwrap();
    for _ in 0..3 {
        let (next, same) = open(&folder).await.refresh(token.as_str(), None).await.unwrap();
        assert_eq!((same.id(), same.ends_at()), (session.id(), session.ends_at()));
        assert_eq!(same.data::<[String; 1]>().unwrap(), ["acme"]);
        assert_eq!(same.label(), Some("Firefox"));
        token = next;
    }
}

#[tokio::test]
async fn a_killed_process_between_write_and_answer_loses_nothing() {
    let folder = Folder::new();
    let sessions = open(&folder).await;
    for _ in 0..5 {
        let (token, _) = sessions.start(NewSession::new("alice")).await.unwrap();
        let mut server = AuthServer::start_stuck(&url(&folder), SystemClock.now());
        server.send(token.as_str()).unwrap();
        assert_eq!(server.line().as_deref(), Some("written"));
        server.kill();

        let reopened = open(&folder).await;
        let (next, _) = reopened.refresh(token.as_str(), None).await.unwrap();
        let (leaf, _) = reopened.refresh(next.as_str(), None).await.unwrap();
        // The killed process had finished its write, so another exchange of `token` returns the
        // current token, `leaf`.
        let (same, _) = sessions.refresh(token.as_str(), None).await.unwrap();
        assert_eq!(same.as_str(), leaf.as_str());
    }
}

#[tokio::test]
async fn a_locked_file_is_an_error_in_time() {
    let folder = Folder::new();
    let store = SqliteStore::connect(&url(&folder)).await.unwrap();
    for (timeout, longest) in [(1, 2), (3, 4)] {
        let [patient, hasty] = [PATIENCE, Duration::from_secs(timeout)]
            .map(|timeout| sessions(store.clone().timeout(timeout)));
        let (token, _) = patient.start(NewSession::new("alice")).await.unwrap();
        let mut other = SqliteConnection::connect(&url(&folder)).await.unwrap();
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
        let start = Stopwatch::start();
        let error = hasty.refresh(token.as_str(), None).await.unwrap_err();
        assert_eq!(error.kind(), SessionErrorKind::Unavailable);
        assert!(start.elapsed() < Duration::from_secs(longest));
        sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
        patient.refresh(token.as_str(), None).await.unwrap();
    }
}

#[tokio::test]
async fn a_pool_of_the_caller_works() {
    let folder = Folder::new();
    let pool = SqlitePool::connect(&format!("{}?mode=rwc", url(&folder))).await.unwrap();
    let store = SqliteStore::from_pool(pool).timeout(PATIENCE);
    assert!(Sessions::new(store.clone()).start(NewSession::new("alice")).await.is_err());
    store.migrate().await.unwrap();
    let sessions = Sessions::new(store);
    let (token, _) = sessions.start(NewSession::new("alice")).await.unwrap();
    sessions.refresh(token.as_str(), None).await.unwrap();
}

#[tokio::test]
async fn new_files_are_private_and_existing_ones_keep_their_mode() {
    use std::os::unix::fs::PermissionsExt;
    let mode =
        |path: std::path::PathBuf| std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    let folder = Folder::new();
    let sessions = open(&folder).await;
    sessions.start(NewSession::new("alice")).await.unwrap();
    for name in ["sessions.db", "sessions.db-wal", "sessions.db-shm"] {
        assert_eq!(mode(folder.0.join(name)), 0o600, "{name}");
    }
    let other = Folder::new();
    let file = other.0.join("sessions.db");
    std::fs::write(&file, "").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    open(&other).await.start(NewSession::new("alice")).await.unwrap();
    assert_eq!(mode(file), 0o640);
    // SQLite cannot create the database, since the folder `missing` does not exist.
    let url = format!("sqlite:{}/missing/sessions.db", other.0.display());
    assert!(SqliteStore::connect(&url).await.is_err());
}

#[tokio::test]
async fn a_database_in_memory_is_refused() {
    for url in ["sqlite::memory:", "sqlite://:memory:", "sqlite:file?mode=memory"] {
        assert!(SqliteStore::connect(url).await.is_err(), "{url}");
    }
}
