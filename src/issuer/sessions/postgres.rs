//! Sessions in PostgreSQL.

use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use crate::clock::UnixTime;
use crate::issuer::sessions::id::SessionId;
use crate::issuer::sessions::sql::{self, sql_store};
use crate::issuer::sessions::store::{RefreshStore, StoreError, StoredSession};
use crate::issuer::sessions::time_limit::{MIGRATION_LIMIT, TimeLimit};

const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/postgres/0001_sessions.sql"),
    include_str!("../../../migrations/postgres/0002_ended_sessions.sql"),
];

/// With a lock until its end: two transactions that both find no table would both make it. The
/// number is "jwt_auth" in ASCII.
const BEGIN_MIGRATION: &str = "BEGIN; SELECT pg_advisory_xact_lock(7671728443254731880)";

/// Keeps sessions in PostgreSQL: for as many auth servers as you like on one database.
///
/// It needs no extension, and of rights only those on its two tables, if you run the files of
/// `migrations/postgres` yourself. `synchronous_commit` must not be `off` for this database, or a
/// crash of the server forgets rotations that were answered, and ends those sessions as reused.
///
/// For an encrypted connection, switch on one of the `tls-` features of [`sqlx`] in your own
/// `Cargo.toml`, and put `?sslmode=verify-full` into the URL.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_jwt_auth::issuer::{PostgresStore, Sessions};
///
/// let url = "postgres://auth@db.shop.example/auth?sslmode=verify-full";
/// let sessions = Sessions::new(PostgresStore::connect(url).await?);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct PostgresStore {
    writer: PgPool,
    readers: PgPool,
    limit: TimeLimit,
}

impl PostgresStore {
    /// Connects, with at most 10 connections, and makes the tables if there are none.
    ///
    /// # Errors
    ///
    /// A URL of something else; a server that cannot be reached; missing rights.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let limit = TimeLimit::default();
        let pool = PgPoolOptions::new().max_connections(10).acquire_timeout(limit.0);
        let store = Self::from_pool(limit.keep(pool.connect(url)).await?);
        store.migrate().await?;
        Ok(store)
    }

    /// A store on a pool of your own; call [`migrate`](Self::migrate).
    pub fn from_pool(pool: PgPool) -> Self {
        Self { writer: pool.clone(), readers: pool, limit: TimeLimit::default() }
    }
}

sql_store!(PostgresStore);
