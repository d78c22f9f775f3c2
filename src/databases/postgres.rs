//! The errors of PostgreSQL, and support for poolers in front of it.

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, Error, PgConnection};

const IN_RECOVERY: &str = "SELECT pg_is_in_recovery()";
const PROCESS: &str = "SELECT pg_backend_pid()";

/// The number of extra queries that [`is_behind_pooler`] sends on the first connection. Each query
/// returns the server process that executes it. Without a pooler, this is always the same process.
/// Behind a busy pooler, almost every query goes to a different process.
const LOOKS: usize = 4;

/// Removes the parameter `extra_float_digits`, which PgBouncer rejects.
pub(crate) fn for_poolers(options: PgConnectOptions) -> PgConnectOptions {
    options.extra_float_digits(None)
}

/// Returns the SQLSTATE of an error.
pub(crate) fn code(error: &Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

/// Returns true if the server accepts no writes on this connection.
pub(crate) fn is_read_only(error: &Error) -> bool {
    code(error).as_deref() == Some("25006")
}

/// Returns true if the connection is lost: the network failed, or the server has closed the
/// connection, for example during a restart.
pub(crate) fn is_lost(error: &Error) -> bool {
    matches!(error, Error::Io(_))
        || matches!(code(error).as_deref(), Some("57P01" | "57P02" | "57P03" | "57P05"))
}

/// Returns true if a prepared statement is missing or belongs to another connection, as happens
/// behind a pooler in transaction mode. The statement was not executed.
pub(crate) fn is_of_pooler(error: &Error) -> bool {
    matches!(code(error).as_deref(), Some("26000" | "42P05"))
}

/// Returns true if the server is a standby, which may lag behind its primary.
pub(crate) async fn is_standby(connection: &mut PgConnection) -> Result<bool, Error> {
    use sqlx::Row;
    // A prepared statement would not work behind a pooler in transaction mode.
    match sqlx::raw_sql(IN_RECOVERY).fetch_one(connection).await {
        // Some databases with PostgreSQL's protocol have no standbys, and lack the function
        // `pg_is_in_recovery`.
        Err(error) if matches!(code(&error).as_deref(), Some("42883" | "0A000")) => Ok(false),
        row => row?.try_get(0),
    }
}

/// Returns true if the connections go through a pooler in transaction mode, such as PgBouncer: two
/// connections can then share one server process. Prepared statements and `LISTEN` do not work
/// behind such a pooler.
///
/// To detect such a pooler, this function compares the server processes of two connections. Behind
/// an idle pooler, both connections use the same process. Behind a busy pooler, almost every query
/// of one connection goes to a different process.
pub(crate) async fn is_behind_pooler(options: &PgConnectOptions) -> Result<bool, Error> {
    let mut first = PgConnection::connect_with(options).await?;
    let process = process(&mut first).await?;
    let mut second = PgConnection::connect_with(options).await?;
    let mut transaction = second.begin().await?;
    let mut is_pooled = process == self::process(&mut transaction).await?;
    transaction.rollback().await?;
    for _ in 0..LOOKS {
        is_pooled = is_pooled || process != self::process(&mut first).await?;
    }
    // If `close` fails, dropping the connections still closes them.
    let _ = (first.close().await, second.close().await);
    Ok(is_pooled)
}

async fn process(connection: &mut PgConnection) -> Result<i32, Error> {
    use sqlx::Row;
    sqlx::raw_sql(PROCESS).fetch_one(connection).await?.try_get(0)
}

/// Returns a message for a server's error code. The server's own messages are not used, since they
/// may quote a row.
pub(crate) fn sentence(error: &Error) -> Option<&'static str> {
    Some(match code(error)?.as_str() {
        "28P01" => "PostgreSQL rejects the user or the password in the URL (28P01)",
        "28000" => {
            "PostgreSQL does not let this user connect from here: see its pg_hba.conf (28000)"
        }
        "3D000" => "PostgreSQL has no database of the name in the URL (3D000)",
        "42501" => "the user in the URL lacks a right in PostgreSQL (42501)",
        "25006" => "this PostgreSQL accepts no writes: it is a standby or read-only (25006)",
        "53300" => "PostgreSQL has no connection left (53300)",
        "53100" => "PostgreSQL has no disk space left (53100)",
        "57P01" | "57P02" | "57P03" => "PostgreSQL is starting up or shutting down (57P03)",
        "26000" | "42P05" => {
            "a pooler in transaction mode mixes up prepared statements: use session mode (26000)"
        }
        _ => return None,
    })
}
