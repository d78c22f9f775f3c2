//! The statements that SQLite and PostgreSQL share: all except those that create the tables.

use crate::clock::UnixTime;
use crate::issuer::sessions::store::timeout::DatabaseError;
use crate::issuer::sessions::store::{StoreError, StoredSession};

pub(crate) const INSERT: &str = "INSERT INTO tower_jwt_auth_sessions \
     (id, subject, version, state, delete_after, ended) VALUES ($1, $2, $3, $4, $5, $6) RETURNING 1";

pub(crate) const LOAD: &str = "SELECT id, subject, version, state, delete_after, ended \
     FROM tower_jwt_auth_sessions WHERE id = $1";

/// The statement that replaces the row of a session. It does not write the subject, which never
/// changes.
pub(crate) const REPLACE: &str = "UPDATE tower_jwt_auth_sessions \
     SET version = $3, state = $4, delete_after = $5, ended = $6 WHERE id = $1 AND version = $2 \
     RETURNING 1";

/// The statement that reads a subject's live sessions. `NOT ended` is also the condition of the
/// partial index, so that PostgreSQL and SQLite can use the index.
pub(crate) const OF_SUBJECT: &str = "SELECT id, subject, version, state, delete_after, ended \
     FROM tower_jwt_auth_sessions WHERE subject = $1 AND NOT ended";

/// The statement that deletes expired rows. The outer condition checks the expiry again, since
/// another request may renew a row after the inner statement has selected it.
pub(crate) const PRUNE: &str = "DELETE FROM tower_jwt_auth_sessions WHERE delete_after <= $1 \
     AND id IN (SELECT id FROM tower_jwt_auth_sessions WHERE delete_after <= $1 LIMIT $2) \
     RETURNING 1";

pub(crate) const SCHEMA: &str =
    "CREATE TABLE IF NOT EXISTS tower_jwt_auth_schema (version BIGINT PRIMARY KEY)";

pub(crate) const SCHEMA_VERSION: &str =
    "SELECT COALESCE(MAX(version), 0) FROM tower_jwt_auth_schema";

/// The result of a writing statement: the number 1 for each row that it wrote. Since writing
/// statements return rows, the same code can run reading and writing statements.
pub(crate) type Written = (i32,);

/// The columns of a session, in the order in which the statements list the columns.
pub(crate) type SessionRow = (String, String, i64, String, i64, bool);

pub(crate) fn session(
    (id, subject, version, state, delete_after, ended): SessionRow,
) -> Result<StoredSession, StoreError> {
    let id = id.parse().map_err(|_| StoreError::damaged())?;
    let version = u64::try_from(version).map_err(|_| StoreError::damaged())?;
    let delete_after = UnixTime::from_secs(delete_after);
    Ok(StoredSession { id, subject, version, state, delete_after, ended })
}

pub(crate) fn version(version: u64) -> Result<i64, StoreError> {
    i64::try_from(version).map_err(|_| StoreError::because("the version is out of range"))
}

/// Returns the migrations that are not done yet.
pub(crate) fn pending(
    migrations: &'static [&'static str],
    done: i64,
) -> Result<&'static [&'static str], StoreError> {
    let done = usize::try_from(done).map_err(|_| StoreError::damaged())?;
    migrations.get(done..).ok_or_else(|| {
        StoreError::because("the tables are of a later version of tower-jwt-auth than this one")
    })
}

impl From<sqlx::Error> for DatabaseError {
    /// Keeps only the database's error code, since an error message may quote a row.
    fn from(error: sqlx::Error) -> Self {
        #[cfg(feature = "postgres")]
        if let Some(sentence) = crate::databases::postgres::sentence(&error) {
            return StoreError::because(sentence).into();
        }
        let error = match &error {
            sqlx::Error::Database(answer) => StoreError::answered(answer.code().as_deref()),
            sqlx::Error::PoolTimedOut => StoreError::timed_out(),
            _ => StoreError::new(error),
        };
        error.into()
    }
}

/// Implements the common part of the SQL stores. Each store needs the fields `writer`, `readers`
/// and `timeout` and the methods `rows` and `prepare`. Its module needs the constants `MIGRATIONS`
/// and `BEGIN_MIGRATION`. This is a macro, since code that is generic over databases would consist
/// mostly of trait bounds.
macro_rules! sql_store {
    ($store:ident) => {
        impl $store {
            /// Sets the time limit for each call. 3 seconds by default.
            #[must_use]
            pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
                self.timeout = CallTimeout(timeout);
                self
            }

            /// Creates or updates the tables. Several processes may call this method at the same
            /// time. If the tables are up to date, the method writes nothing, and the database user
            /// needs no right to create tables. A change to a large table may take minutes.
            ///
            /// # Errors
            ///
            /// Fails if the store fails, or if a later version of this crate created the tables.
            pub async fn migrate(&self) -> Result<(), StoreError> {
                self.prepare().await?;
                // Usually the tables are up to date. This query checks their version without a
                // lock. If there is no table, the query fails, and the code below creates the
                // tables.
                if let Ok(done) = self.schema_version().await
                    && sql::pending(MIGRATIONS, done)?.is_empty()
                {
                    return Ok(());
                }
                let migration = async {
                    let mut transaction = self.writer.begin_with(BEGIN_MIGRATION).await?;
                    sqlx::raw_sql(sql::SCHEMA).execute(&mut *transaction).await?;
                    let done = sqlx::query_scalar(sql::SCHEMA_VERSION).persistent(false);
                    let done = done.fetch_one(&mut *transaction).await?;
                    for migration in sql::pending(MIGRATIONS, done)? {
                        sqlx::raw_sql(*migration).execute(&mut *transaction).await?;
                    }
                    transaction.commit().await?;
                    Ok::<_, DatabaseError>(())
                };
                MIGRATION_TIMEOUT.apply(migration).await
            }

            async fn schema_version(&self) -> Result<i64, StoreError> {
                let query = || sqlx::query_as::<_, (i64,)>(sql::SCHEMA_VERSION);
                let rows = self.rows(&self.writer, query).await?;
                rows.first().map(|row| row.0).ok_or_else(StoreError::damaged)
            }
        }

        impl RefreshStore for $store {
            async fn insert(&self, session: &StoredSession) -> Result<(), StoreError> {
                let version = sql::version(session.version)?;
                let query = || {
                    sqlx::query_as::<_, sql::Written>(sql::INSERT)
                        .bind(session.id.as_str())
                        .bind(session.subject.as_str())
                        .bind(version)
                        .bind(session.state.as_str())
                        .bind(session.delete_after.as_secs())
                        .bind(session.ended)
                };
                self.rows(&self.writer, query).await?;
                Ok(())
            }

            async fn load(&self, id: &SessionId) -> Result<Option<StoredSession>, StoreError> {
                let query = || sqlx::query_as::<_, sql::SessionRow>(sql::LOAD).bind(id.as_str());
                let rows = self.rows(&self.readers, query).await?;
                rows.into_iter().next().map(sql::session).transpose()
            }

            async fn replace(&self, session: &StoredSession) -> Result<bool, StoreError> {
                let version = sql::version(session.version)?;
                let query = || {
                    sqlx::query_as::<_, sql::Written>(sql::REPLACE)
                        .bind(session.id.as_str())
                        .bind(version.saturating_sub(1))
                        .bind(version)
                        .bind(session.state.as_str())
                        .bind(session.delete_after.as_secs())
                        .bind(session.ended)
                };
                Ok(!self.rows(&self.writer, query).await?.is_empty())
            }

            async fn of_subject(&self, subject: &str) -> Result<Vec<StoredSession>, StoreError> {
                let query = || sqlx::query_as::<_, sql::SessionRow>(sql::OF_SUBJECT).bind(subject);
                let rows = self.rows(&self.readers, query).await?;
                rows.into_iter().map(sql::session).collect()
            }

            async fn prune(&self, now: UnixTime, at_most: usize) -> Result<u64, StoreError> {
                let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
                let query = || {
                    sqlx::query_as::<_, sql::Written>(sql::PRUNE).bind(now.as_secs()).bind(at_most)
                };
                let pruned = self.rows(&self.writer, query).await?.len();
                Ok(u64::try_from(pruned).unwrap_or(u64::MAX))
            }
        }

        impl std::fmt::Debug for $store {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                // The output omits the pool, since its options name the database and the user.
                f.debug_struct(stringify!($store))
                    .field("timeout", &self.timeout)
                    .finish_non_exhaustive()
            }
        }
    };
}

pub(crate) use sql_store;
