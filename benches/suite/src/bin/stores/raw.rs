//! The smallest write that a renewal could make: one statement that changes one row. The row is as
//! large as the row of a session. The durability settings and the number of connections are the
//! same as for the store.

use std::str::FromStr;
use std::sync::Mutex;
use std::time::Duration;

use redis::aio::ConnectionManager;
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, SqlitePool};
use tower_jwt_auth::issuer::StoredSession;

const UPDATE: &str = "UPDATE tower_jwt_auth_sessions SET version = version + 1, state = $2, \
     delete_after = $3 WHERE id = $1";

pub(crate) struct Raw {
    database: Database,
    rows: Mutex<Vec<StoredSession>>,
}

enum Database {
    None,
    Sqlite(SqlitePool),
    Postgres(PgPool),
    Redis(ConnectionManager),
}

impl Raw {
    /// Creates a contender that writes to no database. Its result is the overhead of the
    /// benchmark itself.
    pub(crate) fn nothing() -> Self {
        Self::new(Database::None)
    }

    fn new(database: Database) -> Self {
        Self { database, rows: Mutex::default() }
    }

    pub(crate) async fn sqlite(url: &str) -> Self {
        let options = SqliteConnectOptions::from_str(url).unwrap();
        let options = options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(5));
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await;
        Self::new(Database::Sqlite(pool.unwrap()))
    }

    pub(crate) async fn postgres(url: &str) -> Self {
        let pool = PgPoolOptions::new().max_connections(10).connect(url).await.unwrap();
        Self::new(Database::Postgres(pool))
    }

    pub(crate) async fn redis(url: &str) -> Self {
        let client = redis::Client::open(url).unwrap();
        Self::new(Database::Redis(ConnectionManager::new(client).await.unwrap()))
    }

    /// Sets the row that this client changes in each call of [`write`](Self::write).
    pub(crate) fn take(&self, client: usize, row: &StoredSession) {
        let mut rows = self.rows.lock().unwrap();
        assert_eq!(rows.len(), client);
        rows.push(row.clone());
    }

    pub(crate) async fn write(&self, client: usize) {
        let row = self.rows.lock().unwrap()[client].clone();
        let (id, state, end) = (row.id.as_str(), &row.state, row.delete_after.as_secs());
        match &self.database {
            Database::None => {}
            Database::Sqlite(pool) => {
                let update = sqlx::query(UPDATE).bind(id).bind(state).bind(end);
                assert_eq!(update.execute(pool).await.unwrap().rows_affected(), 1);
            }
            Database::Postgres(pool) => {
                let update = sqlx::query(UPDATE).bind(id).bind(state).bind(end);
                assert_eq!(update.execute(pool).await.unwrap().rows_affected(), 1);
            }
            Database::Redis(connection) => {
                let key = format!("raw:{id}");
                let mut write = redis::pipe();
                write.atomic().hset(&key, "state", state).ignore();
                write.pexpire_at(&key, end * 1000).ignore();
                write.exec_async(&mut connection.clone()).await.unwrap();
            }
        }
    }
}
