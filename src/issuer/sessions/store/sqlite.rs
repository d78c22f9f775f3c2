//! Sessions in a file.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::query::QueryAs;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{FromRow, Sqlite, SqlitePool};

use crate::clock::UnixTime;
use crate::issuer::sessions::id::SessionId;
use crate::issuer::sessions::store::sql::{self, sql_store};
use crate::issuer::sessions::store::timeout::{CallTimeout, DatabaseError, MIGRATION_TIMEOUT};
use crate::issuer::sessions::store::{RefreshStore, StoreError, StoredSession};

const MIGRATIONS: &[&str] = &[
    include_str!("../../../../migrations/sqlite/0001_sessions.sql"),
    include_str!("../../../../migrations/sqlite/0002_ended_sessions.sql"),
];

/// Takes the write lock at the start of the transaction. If a transaction reads first and writes
/// later, SQLite may reject the write immediately instead of waiting for the lock.
const BEGIN_MIGRATION: &str = "BEGIN IMMEDIATE";

const READERS: u32 = 4;
/// The time to wait for a lock. It is shorter than the default timeout of a call, so that the error
/// reports the lock and not a timeout.
const BUSY: Duration = Duration::from_secs(2);

/// Keeps sessions in an SQLite file, for auth servers on one machine. Several processes may use the
/// file at the same time. Every change is synced to the disk before the call returns, so the change
/// is not lost if the process is killed. It is not lost in a power cut either, unless the disk
/// reports a sync before the sync is complete.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_jwt_auth::issuer::{Sessions, SqliteStore};
///
/// let sessions = Sessions::new(SqliteStore::connect("sqlite:sessions.db").await?);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct SqliteStore {
    /// The pool for writes. [`Self::connect`] creates it with a single connection, since SQLite
    /// allows only one writer at a time. Tasks get this connection in the order in which they ask
    /// for it. After [`Self::from_pool`], this is the application's pool.
    writer: SqlitePool,
    readers: SqlitePool,
    timeout: CallTimeout,
}

impl SqliteStore {
    /// Opens the file. Creates the file and its tables if they do not exist. `url` is for example
    /// `sqlite:sessions.db` or `sqlite:///var/lib/auth/sessions.db`. The file must not be on a
    /// network share.
    ///
    /// # Security
    ///
    /// On Unix a new file is readable by its owner only (mode 0600), and so are the `-wal` and
    /// `-shm` files next to it. The mode of an existing file does not change: run `chmod 600` on a
    /// file that another program created.
    ///
    /// # Errors
    ///
    /// Fails if `url` is not an SQLite URL, if the file cannot be opened, or if `url` names a
    /// database in memory: use [`MemoryStore`](crate::issuer::MemoryStore) instead.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        // If the URL did not begin with this prefix, sqlx would treat it as the name of a file.
        if !url.starts_with("sqlite:") {
            return Err(StoreError::because("the URL of SqliteStore begins with `sqlite:`"));
        }
        if url.contains(":memory:") || url.contains("mode=memory") {
            return Err(StoreError::because("SqliteStore needs a file"));
        }
        let options = SqliteConnectOptions::from_str(url)
            .map_err(DatabaseError::from)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // Use FULL: in WAL mode, NORMAL may lose the last changes in a power cut.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY);
        create_private(options.get_filename());
        let timeout = CallTimeout::default();
        let pool = |connections: u32| {
            SqlitePoolOptions::new().max_connections(connections).acquire_timeout(timeout.0)
        };
        let writer = timeout.apply(opened(&pool(1), &options)).await?;
        let readers = pool(READERS).connect_lazy_with(options);
        let store = Self { writer, readers, timeout };
        store.migrate().await?;
        Ok(store)
    }

    /// Creates a store on an existing pool. Call [`migrate`](Self::migrate) afterward. The pool's
    /// options decide how long a call waits for a lock, and whether changes survive a power cut.
    /// `connect` uses [`SqliteJournalMode::Wal`], [`SqliteSynchronous::Full`] and a `busy_timeout`.
    pub fn from_pool(pool: SqlitePool) -> Self {
        Self { writer: pool.clone(), readers: pool, timeout: CallTimeout::default() }
    }

    /// Does nothing, since SQLite has no connection pooler to detect.
    async fn prepare(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn rows<'q, T>(
        &self,
        pool: &SqlitePool,
        query: impl Fn() -> QueryAs<'q, Sqlite, T, SqliteArguments>,
    ) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        self.timeout.apply(query().fetch_all(pool)).await
    }
}

/// Creates the database file if it does not exist. Only the owner can read the new file, whereas
/// SQLite would create a file that everybody can read. SQLite gives the `-wal` and `-shm` files the
/// mode of the database file. If this function cannot create the file, SQLite reports the reason
/// later.
fn create_private(file: &Path) {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let _ = options.open(file);
}

/// Opens the file. If several processes switch a new file to WAL mode at the same time, all but one
/// of them fail immediately, whatever the `busy_timeout` is. This function therefore tries again.
async fn opened(
    pool: &SqlitePoolOptions,
    options: &SqliteConnectOptions,
) -> Result<SqlitePool, sqlx::Error> {
    loop {
        match pool.clone().connect_with(options.clone()).await {
            Err(error) if is_busy(&error) => tokio::time::sleep(Duration::from_millis(10)).await,
            done => return done,
        }
    }
}

fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|answer| answer.code()?.parse::<u32>().ok());
    // The lowest byte of an extended error code is the primary error code.
    code.is_some_and(|code| code & 0xff == 5)
}

sql_store!(SqliteStore);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_change_is_synced() {
        let name = format!("synced-{}.db", std::process::id());
        let file = std::env::temp_dir().join(name);
        let store = SqliteStore::connect(&format!("sqlite:{}", file.display())).await.unwrap();
        for pool in [&store.writer, &store.readers] {
            let mode = sqlx::query_scalar::<_, String>("PRAGMA journal_mode");
            assert_eq!(mode.fetch_one(pool).await.unwrap(), "wal");
            let synchronous = sqlx::query_scalar::<_, i64>("PRAGMA synchronous");
            assert_eq!(synchronous.fetch_one(pool).await.unwrap(), 2, "FULL");
            pool.close().await;
        }
        std::fs::remove_file(file).unwrap();
    }
}
