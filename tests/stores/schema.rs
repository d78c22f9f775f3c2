//! Tests of the tables: their creation by a server or an administrator, and their migration.

use sqlx::{AssertSqlSafe, PgPool, SqlitePool};
use tower_jwt_auth::issuer::{NewSession, PostgresStore, RefreshStore, Sessions, SqliteStore};

use crate::servers::{Folder, Server};
use crate::store::{PATIENCE, Store};

async fn start_together(url: &str) {
    let url = url.to_owned();
    let starts = (0..8).map(|_| {
        let url = url.clone();
        tokio::spawn(async move { Store::connect(&url).await.map(drop) })
    });
    for start in starts.collect::<Vec<_>>() {
        start.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_servers_may_start_at_once_on_sqlite() {
    for _ in 0..5 {
        let folder = Folder::new();
        start_together(&format!("sqlite:{}/sessions.db", folder.0.display())).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_servers_may_start_at_once_on_postgres() {
    let server = Server::postgres();
    let pool = PgPool::connect(&server.url).await.unwrap();
    for _ in 0..5 {
        start_together(&server.url).await;
        for table in ["sessions", "schema"] {
            let drop = format!("DROP TABLE tower_jwt_auth_{table}");
            sqlx::raw_sql(AssertSqlSafe(drop)).execute(&pool).await.unwrap();
        }
    }
}

#[tokio::test]
async fn an_account_needs_no_right_to_create_existing_tables() {
    let server = Server::postgres();
    let owner = PgPool::connect(&server.url).await.unwrap();
    for statements in [
        include_str!("../../migrations/postgres/0001_sessions.sql"),
        include_str!("../../migrations/postgres/0002_ended_sessions.sql"),
        "CREATE ROLE auth LOGIN; GRANT SELECT ON tower_jwt_auth_schema TO auth; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON tower_jwt_auth_sessions TO auth",
    ] {
        sqlx::raw_sql(statements).execute(&owner).await.unwrap();
    }
    let url = server.url.replace("postgres@", "auth@");
    let store = PostgresStore::connect(&url).await.unwrap();
    let sessions = Sessions::new(store.timeout(PATIENCE));
    let (token, _) = sessions.start(NewSession::new("alice")).await.unwrap();
    sessions.refresh(token.as_str(), None).await.unwrap();
    assert_eq!(sessions.end_all("alice").await.unwrap(), 1);
    sessions.prune().await.unwrap();
}

#[tokio::test]
async fn tables_of_a_later_version_are_refused() {
    let folder = Folder::new();
    let url = format!("sqlite:{}/sessions.db", folder.0.display());
    SqliteStore::connect(&url).await.unwrap().migrate().await.unwrap();
    let pool = SqlitePool::connect(&url).await.unwrap();
    let version: i64 = sqlx::query_scalar("SELECT max(version) FROM tower_jwt_auth_schema")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(version, 2);
    sqlx::query("INSERT INTO tower_jwt_auth_schema VALUES (3)").execute(&pool).await.unwrap();
    let error = SqliteStore::connect(&url).await.unwrap_err();
    assert!(error.to_string().contains("later version"), "{error}");
}

#[tokio::test]
async fn a_damaged_row_is_an_error_that_does_not_quote_it() {
    let folder = Folder::new();
    let url = format!("sqlite:{}/sessions.db", folder.0.display());
    let store = SqliteStore::connect(&url).await.unwrap();
    let sessions = Sessions::new(store.timeout(PATIENCE));
    let pool = SqlitePool::connect(&url).await.unwrap();
    for (id, version, state) in [
        ("short", 1, "{}"),
        ("ABCDEFGHIJKLMNOPQRSTUV", -1, "{}"),
        ("1BCDEFGHIJKLMNOPQRSTUV", 1, "secret"),
    ] {
        sqlx::query(
            "INSERT INTO tower_jwt_auth_sessions VALUES ($1, 'eve', $2, $3, 9999999999, 0)",
        )
        .bind(id)
        .bind(version)
        .bind(state)
        .execute(&pool)
        .await
        .unwrap();
        let error = sessions.of_subject("eve").await.unwrap_err();
        assert!(!error.is_refusal());
        let shown = format!("{error} {error:?}");
        assert!(
            !shown.contains(id) && !shown.contains("secret") && !shown.contains("eve"),
            "{shown}"
        );
        sqlx::query("DELETE FROM tower_jwt_auth_sessions").execute(&pool).await.unwrap();
    }
}

/// The migrated tables contain a live session and an ended one.
#[tokio::test]
async fn tables_of_the_first_version_are_migrated() {
    let (folder, server) = (Folder::new(), Server::postgres());
    let file = format!("sqlite:{}/sessions.db", folder.0.display());
    let schemas = [
        (server.url.as_str(), include_str!("../../migrations/postgres/0001_sessions.sql")),
        (file.as_str(), include_str!("../../migrations/sqlite/0001_sessions.sql")),
    ];
    for (url, schema) in schemas {
        let sessions = Sessions::new(Store::connect(url).await.unwrap());
        let (token, _) = sessions.start(NewSession::new("alice")).await.unwrap();
        let (_, over) = sessions.start(NewSession::new("alice")).await.unwrap();
        sessions.end(over.id()).await.unwrap();
        back_to_first_version(url, schema).await;

        let store = Store::connect(url).await.unwrap();
        assert_eq!(store.of_subject("alice").await.unwrap().len(), 2, "as it was");
        let sessions = Sessions::new(store);
        assert_eq!(sessions.of_subject("alice").await.unwrap().len(), 1);
        sessions.refresh(token.as_str(), None).await.unwrap();
        assert_eq!(sessions.end_all("alice").await.unwrap(), 1);
        assert!(sessions.refresh(token.as_str(), None).await.unwrap_err().is_refusal());
    }
}

async fn back_to_first_version(url: &str, schema: &str) {
    let columns = "id, subject, version, state, delete_after";
    let moves = format!(
        "CREATE TABLE kept AS SELECT {columns} FROM tower_jwt_auth_sessions; \
         DROP TABLE tower_jwt_auth_sessions; DROP TABLE tower_jwt_auth_schema; {schema} \
         INSERT INTO tower_jwt_auth_sessions SELECT {columns} FROM kept; DROP TABLE kept;"
    );
    if url.starts_with("sqlite") {
        let pool = SqlitePool::connect(url).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(moves)).execute(&pool).await.unwrap();
    } else {
        let pool = PgPool::connect(url).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(moves)).execute(&pool).await.unwrap();
    }
}
