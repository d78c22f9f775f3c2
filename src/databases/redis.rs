//! A Redis connection that is reopened after a failure.

use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, Pipeline, RedisError, RedisFuture, RedisResult,
    Value, cmd,
};

/// The time limit for one attempt to connect. It also applies if the caller sets no time limit.
const CONNECTING_TAKES_AT_MOST: Duration = Duration::from_secs(3);

/// If a caller waits at least this long for a reply and then gives up, the connection is dropped.
/// The connection may be dead: a network that loses packets reports no error.
const PATIENCE: Duration = Duration::from_millis(250);

/// The number of keys that are probed. If the cluster has several nodes, at least one of these keys
/// almost certainly belongs to a node other than the connected one.
const PROBES: usize = 16;

/// A connection to one Redis server, shared by all clones. It is opened when it is first used.
///
/// The connection is reopened, and the host name resolved again, after a network error, after a
/// call that timed out, and after an error that indicates the wrong server: `READONLY`, `MOVED`,
/// `ASK`, `LOADING`, `MASTERDOWN`, `CLUSTERDOWN` or `NOAUTH`. If a host name or a proxy leads to
/// another server after a failover, the new connection reaches that server. A server that returns
/// one of these errors has not executed the command, so a single command is repeated once on the
/// new connection.
///
/// The type implements [`ConnectionLike`], so the major version of [`redis`] is part of its API.
#[derive(Clone)]
pub struct RedisConnection {
    shared: Arc<Connector>,
}

struct Connector {
    client: Client,
    current: Mutex<Current>,
    /// A lock that a caller holds while it connects, so that concurrent callers open only one
    /// connection.
    connecting: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Current {
    connection: Option<MultiplexedConnection>,
    /// The serial number of the connection. Each call remembers the number of its connection, so
    /// that a failed call does not drop a newer connection.
    number: u64,
}

impl RedisConnection {
    /// Creates a connection from a client of the [`redis`] crate.
    pub fn from_client(client: Client) -> Self {
        let (current, connecting) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { shared: Arc::new(Connector { client, current, connecting }) }
    }

    /// Returns true if the server is a node of a cluster and other nodes hold some of the keys with
    /// this prefix.
    ///
    /// # Errors
    ///
    /// Fails if the server cannot be reached, requires a password, rejects the password in the URL,
    /// or belongs to a cluster that is down. A server that is still loading its data does not cause
    /// an error.
    pub(crate) async fn is_one_of_several_nodes(&self, prefix: &str) -> RedisResult<bool> {
        for probe in 0..PROBES {
            let mut read = cmd("HMGET");
            read.arg(format!("{prefix}:probe {probe}")).arg("none");
            let Err(error) = read.query_async::<Value>(&mut self.clone()).await else { continue };
            match error.code() {
                Some("MOVED") => return Ok(true),
                Some("CLUSTERDOWN") | None => return Err(error),
                _ if is_denied(&error) => return Err(error),
                _ => {}
            }
        }
        Ok(false)
    }

    async fn connected(&self) -> RedisResult<(MultiplexedConnection, u64)> {
        if let Some(current) = self.kept() {
            return Ok(current);
        }
        let _alone = self.shared.connecting.lock().await;
        if let Some(current) = self.kept() {
            return Ok(current);
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECTING_TAKES_AT_MOST))
            .set_response_timeout(None);
        let client = &self.shared.client;
        let connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut current = self.shared.current();
        current.number = current.number.wrapping_add(1);
        current.connection = Some(connection.clone());
        Ok((connection, current.number))
    }

    fn kept(&self) -> Option<(MultiplexedConnection, u64)> {
        let current = self.shared.current();
        current.connection.clone().map(|connection| (connection, current.number))
    }

    async fn start(&self) -> RedisResult<Call<'_>> {
        let (connection, number) = self.connected().await?;
        Ok(Call {
            shared: &self.shared,
            connection,
            number,
            unanswered_since: Some(Instant::now()),
        })
    }
}

impl ConnectionLike for RedisConnection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let mut call = self.start().await?;
            let result = call.connection.req_packed_command(cmd).await;
            let is_repeated = call.ends_with(result.as_ref().map(std::slice::from_ref));
            // After a network error the command may have been executed, so it is not repeated.
            if result.is_err() || !is_repeated {
                return result;
            }
            let mut call = self.start().await?;
            let result = call.connection.req_packed_command(cmd).await;
            call.ends_with(result.as_ref().map(std::slice::from_ref));
            result
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            // A pipeline is not repeated, since some of its commands may have been executed.
            let mut call = self.start().await?;
            let result = call.connection.req_packed_commands(pipeline, offset, count).await;
            call.ends_with(result.as_deref());
            result
        })
    }

    fn get_db(&self) -> i64 {
        self.shared.client.get_connection_info().redis_settings().db()
    }
}

/// A call on a connection. The connection is dropped if the call fails. It is also dropped if the
/// caller has waited for a reply for at least [`PATIENCE`] and then cancels the call.
struct Call<'s> {
    shared: &'s Connector,
    connection: MultiplexedConnection,
    number: u64,
    unanswered_since: Option<Instant>,
}

impl Call<'_> {
    /// Drops the connection if the call failed, or if a reply shows that another server or a new
    /// connection is needed. Returns true in that case.
    fn ends_with(&mut self, answers: Result<&[Value], &RedisError>) -> bool {
        self.unanswered_since = None;
        let is_useless = answers.map_or(true, |answers| {
            answers.iter().any(|answer| match answer {
                Value::ServerError(error) => is_elsewhere(error.code()),
                _ => false,
            })
        });
        if is_useless {
            self.shared.drop_connection(self.number);
        }
        is_useless
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if self.unanswered_since.is_some_and(|since| since.elapsed() >= PATIENCE) {
            self.shared.drop_connection(self.number);
        }
    }
}

impl Connector {
    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn drop_connection(&self, number: u64) {
        let mut current = self.current();
        if current.number == number {
            current.connection = None;
        }
    }
}

impl Debug for RedisConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The output omits the client, since the client contains a password.
        f.debug_struct("RedisConnection").finish_non_exhaustive()
    }
}

/// Returns true if a call that failed with this error code may succeed on another server or on a
/// new connection.
fn is_elsewhere(code: &str) -> bool {
    matches!(
        code,
        "READONLY" | "MOVED" | "ASK" | "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "NOAUTH"
    )
}

/// Returns true if the server requires a password, rejects the password, or denies a permission.
pub(crate) fn is_denied(error: &RedisError) -> bool {
    let code = error.code();
    error.kind() == ErrorKind::AuthenticationFailed
        || matches!(code, Some("NOAUTH" | "WRONGPASS" | "NOPERM"))
}

/// Returns a message for a server's error code. The server's own messages are not used, since they
/// may quote a command.
pub(crate) fn sentence(error: &RedisError) -> Option<&'static str> {
    if error.kind() == ErrorKind::AuthenticationFailed {
        return Some("Redis rejects the user or the password in the URL (WRONGPASS)");
    }
    Some(match error.code()? {
        "NOAUTH" => {
            "Redis requires a password: put it into the URL, as in redis://:password@host (NOAUTH)"
        }
        "WRONGPASS" => "Redis rejects the user or the password in the URL (WRONGPASS)",
        "NOPERM" => "the user in the URL lacks a right in Redis (NOPERM)",
        "READONLY" => "this Redis is a replica, which accepts no writes (READONLY)",
        "MASTERDOWN" => "this Redis is a replica that has lost its primary (MASTERDOWN)",
        "LOADING" => "Redis is still loading its data (LOADING)",
        "MOVED" | "ASK" => {
            "this Redis is one of several nodes of a cluster: pass a cluster connection to \
             `from_connection` (MOVED)"
        }
        "CLUSTERDOWN" => "the Redis cluster is down (CLUSTERDOWN)",
        "TRYAGAIN" => "the Redis cluster is moving these keys (TRYAGAIN)",
        "OOM" => "Redis has no memory left (OOM)",
        "MISCONF" => "Redis cannot write to its disk, and so accepts no writes (MISCONF)",
        "NOREPLICAS" => "Redis has too few replicas to accept writes (NOREPLICAS)",
        "ERR" if error.detail().is_some_and(|detail| detail.contains("nknown command")) => {
            "this Redis lacks a command: RedisStore needs Redis 6.2 or later, RedisFeed 7 or later"
        }
        _ => return None,
    })
}
