//! A feed in PostgreSQL.

use std::fmt::{self, Debug};
use std::sync::{Arc, PoisonError};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, Error, FromRow, PgConnection};
use tokio::sync::Mutex;

use crate::clock::{Clock, SystemClock};
use crate::databases::postgres::{code, for_poolers, is_lost, is_standby, sentence};
use crate::revocation::feed::error::{FeedError, FeedErrorKind};
use crate::revocation::feed::kept_connection::KeptConnection;
use crate::revocation::feed::postgres_listener::PostgresListener;
use crate::revocation::feed::{
    KEPT_LONGER, Position, Read, RevocationFeed, Snapshot, report_creation,
};
use crate::revocation::message::Revocation;

const TABLES: &str = include_str!("../../../migrations/postgres/revocations.sql");
const PART: i64 = 5_000;

/// Appends a message, unless the table contains it already. A trigger assigns the message's number.
const APPEND: &str = "INSERT INTO tower_jwt_auth_revocations (message, forget_at) \
     SELECT $1::TEXT, $2::BIGINT WHERE NOT EXISTS \
         (SELECT 1 FROM tower_jwt_auth_revocations WHERE message = $1::TEXT)";

/// Deletes up to 1000 messages that no server needs any longer. The database's clock decides which
/// messages these are. The limit of 1000 keeps each deletion short.
const PRUNE: &str = "DELETE FROM tower_jwt_auth_revocations WHERE number IN \
     (SELECT number FROM tower_jwt_auth_revocations \
      WHERE forget_at < extract(epoch FROM now()) - KEPT LIMIT 1000)";

/// Returns the timeline of the server. A promoted standby or a restored server begins a new
/// timeline. Positions of the old timeline are meaningless on the new one, although the numbers may
/// continue.
const TIMELINE: &str = "SELECT CASE WHEN pg_is_in_recovery() THEN '' \
     ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END";

/// Reads the state of the log and the next messages. If the log exists, the result has at least one
/// row, even if there are no messages. All rows show the state at one moment. If a message is too
/// long, its text is left empty. Before the query is sent, the placeholders `TIMELINE`, `LONGEST`,
/// `AFTER` and `PART` are replaced in the text of the query. Query parameters would need a prepared
/// statement, which does not work behind a pooler in transaction mode.
const READ: &str = "SELECT log.epoch::TEXT || TIMELINE, log.last, pg_is_in_recovery(), entry.number, \
            CASE WHEN octet_length(entry.message) > LONGEST THEN '' ELSE entry.message END \
     FROM tower_jwt_auth_revocation_log AS log LEFT JOIN LATERAL \
         (SELECT number, message FROM tower_jwt_auth_revocations WHERE number > AFTER \
          ORDER BY number LIMIT PART) AS entry ON TRUE \
     ORDER BY entry.number";

const OF_TIMELINE: &str = "CASE WHEN pg_is_in_recovery() THEN '' \
     ELSE '-' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END";

const NO_TIMELINE: &str = "this PostgreSQL does not tell its timeline (pg_current_wal_lsn): after a \
     failover that loses confirmed messages, new ones may be missed for up to 10 minutes";

const HAS_LOG: &str = "SELECT one FROM tower_jwt_auth_revocation_log";

type LogRow = (String, i64, bool, Option<i64>, Option<String>);

/// A feed in PostgreSQL 14 or later. A table contains the messages. After each new message, a
/// notification wakes the servers that listen. The feed has one connection for queries and one for
/// notifications. It connects when it is first used, and again after a failed call.
///
/// Reading from a standby is an error ([`Replica`](FeedErrorKind::Replica)), since a standby may
/// lag behind. A logical replica must not be used: the feed cannot distinguish it from a primary.
/// `synchronous_commit` must not be `off`. A server that only verifies tokens needs `SELECT` on the
/// two tables of `migrations/postgres/revocations.sql`. It cannot create these tables, and waits
/// until a server that publishes has created them. A server that publishes also needs `INSERT` and
/// `DELETE` on `tower_jwt_auth_revocations`, and `UPDATE` on the other table.
///
/// The feed works through a pooler such as PgBouncer. A pooler in transaction mode does not pass on
/// notifications, so the feed is only polled. A database that sleeps when it is idle is kept awake
/// by polling: see [`poll_every`](crate::revocation::Follow::poll_every) and
/// [`max_staleness`](crate::Revocations::max_staleness).
///
/// The feed also works if `pg_current_wal_lsn()` is not available, as in Aurora. New messages may
/// then be missed for up to 10 minutes after a failover that loses confirmed messages. This
/// limitation is reported once ([`FeedWarning`](crate::revocation::RevocationEvent::FeedWarning)).
///
/// For an encrypted connection, enable one of the features `tls-rustls-..` or `tls-native-tls` of
/// [`sqlx`] in your own `Cargo.toml`, and add `?sslmode=verify-full` to the URL.
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
    connection: Arc<KeptConnection<PgConnection>>,
    listening: Arc<Mutex<PostgresListener>>,
    /// `Some(true)` if the server reports its timeline, `Some(false)` if it does not, and `None` if
    /// this is not known yet. A new connection may lead to another server, so the value is then set
    /// to `None`.
    tells_timeline: Arc<std::sync::Mutex<Option<bool>>>,
}

struct PostgresBatch {
    epoch: String,
    last: i64,
    messages: Vec<String>,
    /// The number of the last message.
    end: i64,
    has_more: bool,
}

impl PostgresFeed {
    /// Creates a feed for the database at this URL. This function does not connect, so a service
    /// starts even if the server is down. If the server cannot be reached later, the service gets
    /// the event [`RevocationEvent::FeedFailed`](crate::revocation::RevocationEvent::FeedFailed).
    ///
    /// # Errors
    ///
    /// Fails if `url` is not a PostgreSQL URL.
    pub fn new(url: &str) -> Result<Self, FeedError> {
        Ok(Self::from_options(url.parse().map_err(FeedError::new)?))
    }

    /// Creates a feed from connection options of the [`sqlx`] crate.
    pub fn from_options(options: PgConnectOptions) -> Self {
        Self {
            options: for_poolers(options),
            connection: Arc::new(KeptConnection::none()),
            listening: Arc::default(),
            tells_timeline: Arc::default(),
        }
    }

    async fn connected(&self) -> Result<PgConnection, Error> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => self.connect().await,
        }
    }

    /// Opens a new connection. It may lead to another server than the previous connection, so ask
    /// again whether the server reports its timeline.
    async fn connect(&self) -> Result<PgConnection, Error> {
        self.set_tells_timeline(None);
        PgConnection::connect_with(&self.options).await
    }

    fn set_tells_timeline(&self, tells: Option<bool>) {
        *self.tells_timeline.lock().unwrap_or_else(PoisonError::into_inner) = tells;
    }

    fn known_to_tell_timeline(&self) -> Option<bool> {
        *self.tells_timeline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn has_log(&self) -> Result<bool, FeedError> {
        let mut connection = self.connected().await.map_err(feed_error)?;
        match sqlx::raw_sql(HAS_LOG).fetch_all(&mut connection).await {
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(feed_error(error)),
            Ok(rows) => {
                self.connection.put(connection);
                Ok(!rows.is_empty())
            }
        }
    }

    /// Inserts a message. If the insert fails on the kept connection, the insert is tried again on
    /// a new connection. The kept connection may have broken since it was last used, or its server
    /// may have become read-only. Inserting a message twice is harmless.
    async fn insert(&self, message: &str, forget_at: i64) -> Result<(), Error> {
        if let Some(kept) = self.connection.take() {
            match self.insert_on(kept, message, forget_at).await {
                Err(error) if !is_missing(&error) => {}
                done => return done,
            }
        }
        let connection = self.connect().await?;
        self.insert_on(connection, message, forget_at).await
    }

    async fn insert_on(
        &self,
        mut connection: PgConnection,
        message: &str,
        forget_at: i64,
    ) -> Result<(), Error> {
        // A query consists of several protocol messages. Within a transaction, a pooler sends all
        // of them to the same server process.
        let mut transaction = connection.begin().await?;
        let insert = sqlx::query(APPEND).bind(message).bind(forget_at).persistent(false);
        insert.execute(&mut *transaction).await?;
        transaction.commit().await?;
        // Delete messages that no server needs. If this statement fails, a later call deletes them.
        let prune = PRUNE.replace("KEPT", &KEPT_LONGER.as_secs().to_string());
        if sqlx::raw_sql(AssertSqlSafe(prune)).execute(&mut connection).await.is_ok() {
            self.connection.put(connection);
        }
        Ok(())
    }

    /// Returns true if the server reports its timeline. Asks the server only if the answer is not
    /// known yet for this connection.
    async fn tells_timeline(&self, connection: &mut PgConnection) -> Result<bool, Error> {
        if let Some(known) = self.known_to_tell_timeline() {
            return Ok(known);
        }
        let tells = match sqlx::raw_sql(TIMELINE).fetch_one(connection).await {
            Ok(_) => true,
            Err(error) if has_no_timeline(&error) => false,
            Err(error) => return Err(error),
        };
        self.set_tells_timeline(Some(tells));
        Ok(tells)
    }

    async fn rows(&self, connection: &mut PgConnection, after: i64) -> Result<Vec<LogRow>, Error> {
        let timeline = if self.tells_timeline(connection).await? { OF_TIMELINE } else { "''" };
        let read = READ
            .replace("TIMELINE", timeline)
            .replace("LONGEST", &Revocation::MAX_MESSAGE_BYTES.to_string())
            .replace("AFTER", &after.to_string())
            .replace("PART", &PART.to_string());
        let rows = sqlx::raw_sql(AssertSqlSafe(read)).fetch_all(connection).await;
        if rows.as_ref().is_err_and(has_no_timeline) {
            // This server does not report its timeline, but the previous server of this connection
            // did. A pooler must have switched the connection to another server. Before the next
            // read, ask again whether the server reports its timeline.
            self.set_tells_timeline(None);
        }
        rows?.iter().map(LogRow::from_row).collect()
    }

    async fn rows_of_some_connection(
        &self,
        after: i64,
    ) -> Result<(Vec<LogRow>, PgConnection), Error> {
        let mut connection = self.connected().await?;
        match self.rows(&mut connection, after).await {
            // The connection may have been closed since it was last used, so repeat the read on a
            // new connection.
            Err(error) if is_lost(&error) => {
                connection = self.connect().await?;
                Ok((self.rows(&mut connection, after).await?, connection))
            }
            rows => Ok((rows?, connection)),
        }
    }

    async fn entries(&self, after: i64) -> Result<PostgresBatch, FeedError> {
        let (rows, connection) = self.rows_of_some_connection(after).await.map_err(feed_error)?;
        let Some((epoch, last, is_standby, ..)) = rows.first() else {
            return Err(FeedErrorKind::Missing.into());
        };
        if *is_standby {
            return Err(FeedErrorKind::Replica.into());
        }
        // A connection to a standby is not kept, since a new connection may lead to the primary.
        self.connection.put(connection);
        let (epoch, last) = (epoch.clone(), *last);
        let has_more = i64::try_from(rows.len()).is_ok_and(|len| len >= PART);
        let end = rows.last().and_then(|row| row.3).filter(|_| has_more).unwrap_or(last);
        let messages = rows.into_iter().filter_map(|row| row.4).collect();
        Ok(PostgresBatch { epoch, last, messages, end, has_more })
    }
}

impl RevocationFeed for PostgresFeed {
    async fn create(&self) -> Result<bool, FeedError> {
        // Run the script `TABLES` only if the log is missing. If the database user lacks the right
        // to create tables, the script fails even if the tables exist.
        if self.has_log().await? {
            return Ok(false);
        }
        let mut connection = self.connected().await.map_err(feed_error)?;
        if is_standby(&mut connection).await.map_err(feed_error)? {
            return Err(FeedErrorKind::Replica.into());
        }
        // The script returns a row when it takes the lock, and a second row if it creates the log.
        let rows = sqlx::raw_sql(TABLES).fetch_all(&mut connection).await.map_err(feed_error)?;
        self.connection.put(connection);
        Ok(rows.len() > 1)
    }

    async fn append(&self, revocation: &Revocation) -> Result<(), FeedError> {
        let message = revocation.to_message(SystemClock.now())?;
        let forget_at = revocation.until.as_secs().saturating_add(1);
        let mut inserted = self.insert(&message, forget_at).await;
        if inserted.as_ref().is_err_and(is_missing) {
            report_creation(Ok(self.create().await?));
            inserted = self.insert(&message, forget_at).await;
        }
        inserted.map_err(feed_error)
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
        // The log was replaced by another log, or restored to an older state.
        if entries.epoch != epoch || entries.last < after {
            return Ok(Read::Gap);
        }
        let position = Position::new(format!("{epoch} {}", entries.end));
        Ok(Read::Messages { messages: entries.messages, position, has_more: entries.has_more })
    }

    fn warning(&self) -> Option<&'static str> {
        (self.known_to_tell_timeline() == Some(false)).then_some(NO_TIMELINE)
    }

    async fn changed(&self) {
        let mut listening = self.listening.lock().await;
        if listening.wait(&self.options).await.is_err() {
            drop(listening);
            // This failure is not reported, since the follower also reads the feed at regular
            // intervals.
            std::future::pending().await
        }
    }
}

impl Debug for PostgresFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The output omits the options, since they contain a password.
        f.debug_struct("PostgresFeed").finish_non_exhaustive()
    }
}

/// Converts an error of the database. If the error came from the server, only its code is kept,
/// since the server's message may quote a row.
fn feed_error(error: Error) -> FeedError {
    let Some(code) = code(&error) else { return FeedError::new(error) };
    let kind = match code.as_str() {
        _ if is_missing(&error) => return FeedErrorKind::Missing.into(),
        "28P01" | "28000" | "3D000" | "42501" => FeedErrorKind::Denied,
        "25006" => FeedErrorKind::Replica,
        _ => FeedErrorKind::Unavailable,
    };
    match sentence(&error) {
        Some(sentence) => FeedError::caused(kind, sentence),
        None => FeedError::caused(kind, format!("PostgreSQL answered {code}")),
    }
}

/// Returns true if the error means that the server does not report its timeline. The function that
/// returns the timeline may be unavailable, forbidden to this user, missing, or unsupported.
fn has_no_timeline(error: &Error) -> bool {
    matches!(code(error).as_deref(), Some("55000" | "42501" | "42883" | "0A000"))
}

/// Returns true if a table, or the row that identifies the log, is missing.
fn is_missing(error: &Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(code.as_deref(), Some("42P01" | "P0002" | "02000"))
}
