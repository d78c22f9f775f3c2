//! A feed in PostgreSQL.

use std::fmt::{self, Debug};
use std::sync::Arc;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, Error, PgConnection};
use tokio::sync::Mutex;

use crate::clock::{Clock, SystemClock};
use crate::revocation::feed::{KEPT_LONGER, Position, Read, RevocationFeed, Snapshot};
use crate::revocation::feed_error::{FeedError, FeedErrorKind};
use crate::revocation::message::Revocation;
use crate::revocation::postgres_listener::Listening;
use crate::revocation::slot::Slot;

const TABLES: &str = include_str!("../../migrations/postgres/revocations.sql");
const PART: i64 = 5_000;

/// The number is given by the trigger.
const APPEND: &str = "INSERT INTO tower_jwt_auth_revocations (message, forget_at) VALUES ($1, $2)";

/// What everyone has outlived, by the server's clock, and not so much at once that it would take
/// long.
const PRUNE: &str = "DELETE FROM tower_jwt_auth_revocations WHERE number IN \
     (SELECT number FROM tower_jwt_auth_revocations \
      WHERE forget_at < extract(epoch FROM now()) - $1 LIMIT 1000)";

/// One row at least if there is a log, all as of one moment. A message that is too long is not sent.
/// A standby that is promoted, or a restored server, begins another timeline: what was read on the
/// old one says nothing of it, though its numbers may go on.
const READ: &str = "SELECT log.epoch::TEXT || CASE WHEN pg_is_in_recovery() THEN '' \
            ELSE '-' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END, log.last, pg_is_in_recovery(), entry.number, \
            CASE WHEN octet_length(entry.message) > $3 THEN '' ELSE entry.message END \
     FROM tower_jwt_auth_revocation_log AS log LEFT JOIN LATERAL \
         (SELECT number, message FROM tower_jwt_auth_revocations WHERE number > $1 \
          ORDER BY number LIMIT $2) AS entry ON TRUE \
     ORDER BY entry.number";

const HAS_LOG: &str = "SELECT count(*) FROM tower_jwt_auth_revocation_log";

type Row = (String, i64, bool, Option<i64>, Option<String>);

/// A feed in PostgreSQL 14 or later: a table, and a notification for whoever listens. It connects
/// when it is first used, and again whenever a call failed, with one connection to ask and one to
/// listen.
///
/// A standby is not read but an error; a logical replica cannot be told from a primary, and must not
/// be named here. `synchronous_commit` must not be `off`. Servers that only verify need `SELECT` on
/// the two tables of `migrations/postgres/revocations.sql`. One that publishes needs `INSERT` and
/// `DELETE` on `tower_jwt_auth_revocations`, and `UPDATE` on the other.
///
/// For an encrypted connection, switch on one of the `tls-` features of [`sqlx`] in your own
/// `Cargo.toml`, and put `?sslmode=verify-full` into the URL.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_jwt_auth::revocation::{PostgresFeed, Revocations};
///
/// let revocations = Revocations::new();
/// let feed = PostgresFeed::new("postgres://auth@db.shop.example/auth?sslmode=verify-full")?;
/// tokio::spawn(revocations.follow(feed).run());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct PostgresFeed {
    options: PgConnectOptions,
    connection: Arc<Slot<PgConnection>>,
    listening: Arc<Mutex<Listening>>,
}

struct Entries {
    epoch: String,
    last: i64,
    messages: Vec<String>,
    /// Where they end.
    end: i64,
    has_more: bool,
}

impl PostgresFeed {
    /// A feed in this database.
    ///
    /// # Errors
    ///
    /// A URL of something else.
    pub fn new(url: &str) -> Result<Self, FeedError> {
        Ok(Self::from_options(url.parse().map_err(FeedError::new)?))
    }

    /// A feed in the database that these options name.
    pub fn from_options(options: PgConnectOptions) -> Self {
        Self { options, connection: Arc::new(Slot::empty()), listening: Arc::default() }
    }

    async fn connected(&self) -> Result<PgConnection, Error> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => PgConnection::connect_with(&self.options).await,
        }
    }

    async fn has_log(&self) -> Result<bool, FeedError> {
        let mut connection = self.connected().await?;
        let count = sqlx::query_scalar::<_, i64>(HAS_LOG).fetch_one(&mut connection).await;
        match count {
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(error.into()),
            Ok(count) => {
                self.connection.put(connection);
                Ok(count > 0)
            }
        }
    }

    /// May insert twice, which is harmless. The connection may be one that broke since it was used.
    async fn insert(&self, message: &str, forget_at: i64) -> Result<(), Error> {
        let insert = || sqlx::query(APPEND).bind(message).bind(forget_at);
        let mut connection = match self.connection.take() {
            None => PgConnection::connect_with(&self.options).await?,
            Some(mut kept) => match insert().execute(&mut kept).await {
                Ok(_) => return self.prune(kept).await,
                Err(error) if is_missing(&error) => return Err(error),
                Err(_) => PgConnection::connect_with(&self.options).await?,
            },
        };
        insert().execute(&mut connection).await?;
        self.prune(connection).await
    }

    async fn prune(&self, mut connection: PgConnection) -> Result<(), Error> {
        // What is not deleted now is deleted another time.
        let kept_longer = i64::try_from(KEPT_LONGER.as_secs()).unwrap_or(i64::MAX);
        let pruned = sqlx::query(PRUNE).bind(kept_longer).execute(&mut connection).await;
        if pruned.is_ok() {
            self.connection.put(connection);
        }
        Ok(())
    }

    async fn entries(&self, after: i64) -> Result<Entries, FeedError> {
        let mut connection = self.connected().await?;
        let longest = i64::try_from(Revocation::MAX_MESSAGE_BYTES).unwrap_or(i64::MAX);
        let rows = sqlx::query_as::<_, Row>(READ).bind(after).bind(PART).bind(longest);
        let rows = rows.fetch_all(&mut connection).await?;
        self.connection.put(connection);
        let Some((epoch, last, is_standby, ..)) = rows.first() else {
            return Err(FeedErrorKind::Missing.into());
        };
        if *is_standby {
            return Err(FeedErrorKind::Replica.into());
        }
        let (epoch, last) = (epoch.clone(), *last);
        let has_more = i64::try_from(rows.len()).is_ok_and(|len| len >= PART);
        let end = rows.last().and_then(|row| row.3).filter(|_| has_more).unwrap_or(last);
        let messages = rows.into_iter().filter_map(|row| row.4).collect();
        Ok(Entries { epoch, last, messages, end, has_more })
    }
}

impl RevocationFeed for PostgresFeed {
    async fn create(&self) -> Result<(), FeedError> {
        // Who has no right to make tables can still use those that are there.
        if self.has_log().await? {
            return Ok(());
        }
        let mut connection = self.connected().await?;
        sqlx::raw_sql(TABLES).execute(&mut connection).await?;
        self.connection.put(connection);
        Ok(())
    }

    async fn append(&self, revocation: &Revocation) -> Result<(), FeedError> {
        let message = revocation.to_message(SystemClock.now())?;
        let forget_at = revocation.until.as_secs().saturating_add(1);
        match self.insert(&message, forget_at).await {
            Err(error) if is_missing(&error) => {
                self.create().await?;
                Ok(self.insert(&message, forget_at).await?)
            }
            other => Ok(other?),
        }
    }

    async fn snapshot(&self, part: Option<String>) -> Result<Snapshot, FeedError> {
        let after = part.and_then(|number| number.parse().ok()).unwrap_or(0);
        let entries = self.entries(after).await?;
        let position = Position::new(format!("{} {}", entries.epoch, entries.last));
        let next = entries.has_more.then(|| entries.end.to_string());
        Ok(Snapshot { messages: entries.messages, next, position })
    }

    async fn read(&self, after: &Position) -> Result<Read, FeedError> {
        let parsed = after.as_str().split_once(' ');
        let Some((epoch, after)) =
            parsed.and_then(|(epoch, after)| Some((epoch, after.parse().ok()?)))
        else {
            return Ok(Read::Gap);
        };
        let entries = self.entries(after).await?;
        // Another log, or an older state of this one.
        if entries.epoch != epoch || entries.last < after {
            return Ok(Read::Gap);
        }
        let position = Position::new(format!("{epoch} {}", entries.end));
        Ok(Read::Messages { messages: entries.messages, position, has_more: entries.has_more })
    }

    async fn changed(&self) {
        let mut listening = self.listening.lock().await;
        if listening.wait(&self.options).await.is_err() {
            drop(listening);
            // Whoever asks without being told asks less often.
            std::future::pending().await
        }
    }
}

impl From<Error> for FeedError {
    fn from(error: Error) -> Self {
        if is_missing(&error) { FeedErrorKind::Missing.into() } else { Self::new(error) }
    }
}

impl Debug for PostgresFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the options, which know a password.
        f.debug_struct("PostgresFeed").finish_non_exhaustive()
    }
}

/// Whether there is no table, or no row that says which log it is.
fn is_missing(error: &Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(code.as_deref(), Some("42P01" | "P0002" | "02000"))
}
