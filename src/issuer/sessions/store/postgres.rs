//! Sessions in PostgreSQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::postgres::{PgArguments, PgPoolOptions, PgRow};
use sqlx::query::QueryAs;
use sqlx::{Connection, Error, FromRow, PgConnection, PgPool, Postgres};

use crate::clock::UnixTime;
use crate::databases::postgres::{
    for_poolers, is_behind_pooler, is_of_pooler, is_read_only, is_standby,
};
use crate::issuer::sessions::id::SessionId;
use crate::issuer::sessions::store::sql::{self, sql_store};
use crate::issuer::sessions::store::timeout::{CallTimeout, DatabaseError, MIGRATION_TIMEOUT};
use crate::issuer::sessions::store::{RefreshStore, StoreError, StoredSession};

const MIGRATIONS: &[&str] = &[
    include_str!("../../../../migrations/postgres/0001_sessions.sql"),
    include_str!("../../../../migrations/postgres/0002_ended_sessions.sql"),
];

/// The transaction holds a lock until its end. Otherwise two transactions could both find that the
/// table is missing, and create it. The lock's number is "jwt_auth" in ASCII.
const BEGIN_MIGRATION: &str = "BEGIN; SELECT pg_advisory_xact_lock(7671728443254731880)";

/// Keeps sessions in PostgreSQL, for any number of auth servers on one database.
///
/// The store needs no extension. If you run the files of `migrations/postgres` yourself, the
/// store's database user needs rights only on the tables `tower_jwt_auth_schema` and
/// `tower_jwt_auth_sessions`. `synchronous_commit` must not be `off` for this database. Otherwise,
/// a crash of PostgreSQL can undo a renewal after the client has received the new refresh token.
/// If the client then presents this token, the token counts as reused, and the session ends.
///
/// After a failover the store reconnects. It closes connections to a server that has become
/// read-only or is a standby, since the sessions there may be out of date. Behind a pooler in
/// transaction mode, such as PgBouncer, each call is a transaction without a prepared statement.
/// Such a call takes three more round trips. A pooler in session mode needs no extra round trips.
/// [`migrate`](Self::migrate) detects the mode. A pooler in statement mode does not work.
///
/// For an encrypted connection, enable one of the features `tls-rustls-..` or `tls-native-tls` of
/// [`sqlx`] in your own `Cargo.toml`, and add `?sslmode=verify-full` to the URL.
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
    timeout: CallTimeout,
    /// True after a pooler in transaction mode has been detected.
    is_pooled: Arc<AtomicBool>,
}

impl PostgresStore {
    /// Connects with at most 10 connections, and creates the tables if there are none.
    ///
    /// # Errors
    ///
    /// Fails if `url` is not a PostgreSQL URL, or if the server cannot be reached, rejects the
    /// user, is a standby, or does not grant a required right.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let options = for_poolers(url.parse().map_err(StoreError::new)?);
        let timeout = CallTimeout::default();
        let check = async {
            let mut connection = PgConnection::connect_with(&options).await?;
            let is_standby = is_standby(&mut connection).await?;
            connection.close().await?;
            Ok::<_, Error>(is_standby)
        };
        if timeout.apply(check).await? {
            return Err(StoreError::because(
                "this PostgreSQL is a standby: put the address of the primary into the URL",
            ));
        }
        // The two checks below replace the pool's own ping.
        let pool = PgPoolOptions::new()
            .max_connections(10)
            .acquire_timeout(timeout.0)
            .test_before_acquire(false)
            .before_acquire(|connection, _| {
                Box::pin(async move { Ok(!is_standby(connection).await?) })
            })
            .after_connect(|connection, _| {
                Box::pin(async move {
                    if is_standby(connection).await? {
                        return Err(Error::Configuration("this PostgreSQL is a standby".into()));
                    }
                    Ok(())
                })
            });
        let store = Self::from_pool(pool.connect_lazy_with(options));
        store.migrate().await?;
        Ok(store)
    }

    /// Creates a store on an existing pool. Call [`migrate`](Self::migrate) afterward.
    ///
    /// Like a store from [`connect`](Self::connect), this store closes connections that have become
    /// read-only. However, it detects a connection to a standby only at the next write. To detect
    /// such a connection earlier, configure the pool to check `pg_is_in_recovery()` before it hands
    /// out a connection.
    pub fn from_pool(pool: PgPool) -> Self {
        Self {
            writer: pool.clone(),
            readers: pool,
            timeout: CallTimeout::default(),
            is_pooled: Arc::default(),
        }
    }

    /// Detects a pooler in transaction mode in front of the server.
    async fn prepare(&self) -> Result<(), StoreError> {
        let options = self.writer.connect_options();
        let is_pooled = self.timeout.apply(is_behind_pooler(&options)).await?;
        self.is_pooled.store(is_pooled, Ordering::Relaxed);
        Ok(())
    }

    /// Runs a statement. If the statement fails because the connection is read-only or belongs to a
    /// pooler, the database has not executed the statement. This method then tries it once more, on
    /// another connection.
    async fn rows<'q, T>(
        &self,
        pool: &PgPool,
        query: impl Fn() -> QueryAs<'q, Postgres, T, PgArguments>,
    ) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let attempts = async {
            let mut connection = pool.acquire().await?;
            match self.attempt(&mut connection, query()).await {
                Err(error) if is_read_only(&error) || is_of_pooler(&error) => {
                    let is_pooled = is_of_pooler(&error);
                    self.is_pooled.fetch_or(is_pooled, Ordering::Relaxed);
                    connection.close_on_drop();
                }
                done => return done,
            }
            drop(connection);
            close_idle(pool);
            let mut connection = pool.acquire().await?;
            let done = self.attempt(&mut connection, query()).await;
            if done.is_err() {
                connection.close_on_drop();
            }
            done
        };
        match tokio::time::timeout(self.timeout.0, attempts).await {
            Ok(Err(Error::PoolTimedOut)) | Err(_) => {
                // Close the idle connections, since they may be dead too. If the network drops
                // packets, a connection does not report that it is dead.
                close_idle(pool);
                Err(StoreError::timed_out())
            }
            Ok(done) => Ok(done.map_err(DatabaseError::from)?),
        }
    }

    async fn attempt<T>(
        &self,
        connection: &mut PgConnection,
        query: QueryAs<'_, Postgres, T, PgArguments>,
    ) -> Result<Vec<T>, Error>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        if !self.is_pooled.load(Ordering::Relaxed) {
            return query.fetch_all(connection).await;
        }
        // A query consists of several messages, and all of them must reach the same server process.
        // A pooler guarantees this only within a transaction.
        let mut transaction = connection.begin().await?;
        let rows = query.persistent(false).fetch_all(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(rows)
    }
}

/// Closes idle connections.
fn close_idle(pool: &PgPool) {
    for _ in 0..pool.num_idle() {
        // A graceful close would wait for a server that may be gone.
        drop(pool.try_acquire().map(|connection| connection.detach()));
    }
}

sql_store!(PostgresStore);
