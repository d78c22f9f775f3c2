//! Sessions in Redis.

use std::fmt::{self, Debug};
use std::time::Duration;

use futures_util::future::join_all;
use redis::aio::ConnectionLike;
use redis::{Client, RedisError, Script, ScriptInvocation, cmd};

use crate::clock::UnixTime;
use crate::databases::redis::{RedisConnection, sentence};
use crate::issuer::sessions::id::SessionId;
use crate::issuer::sessions::store::timeout::{CallTimeout, DatabaseError};
use crate::issuer::sessions::store::{RefreshStore, StoreError, StoredSession};

const PREFIX: &str = "tower_jwt_auth_sessions";

// Each script touches only one key, so that the scripts work in a cluster.

/// The maximum number of rows that one command reads.
const READ_AT_ONCE: usize = 500;

/// Inserts a row and returns 1 if there is no row with this key. Otherwise returns 0. ARGV: the
/// subject, the version, the state, the row's expiry in Unix seconds, the same expiry in
/// milliseconds, and `ended` (1 or 0).
const INSERT: &str = "
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1],
    'subject', ARGV[1], 'version', ARGV[2], 'state', ARGV[3], 'delete_after', ARGV[4],
    'ended', ARGV[6])
redis.call('PEXPIREAT', KEYS[1], ARGV[5])
return 1";

/// Replaces a row and returns 1 if the row still has the old version. Otherwise returns 0. ARGV:
/// the old version, the new version, the state, the row's expiry in Unix seconds, the same expiry
/// in milliseconds, and `ended` (1 or 0). Versions are compared as text, since numbers in Lua are
/// floats.
const REPLACE: &str = "
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'state', ARGV[3], 'delete_after', ARGV[4],
    'ended', ARGV[6])
redis.call('PEXPIREAT', KEYS[1], ARGV[5])
return 1";

/// Adds a session to its user's list. ARGV: the session's identifier, and the expiry of the
/// session's row in Unix seconds. The list expires with its last session.
const INDEX: &str = "
redis.call('ZADD', KEYS[1], 'GT', ARGV[2], ARGV[1])
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
redis.call('EXPIREAT', KEYS[1], string.format('%.0f', tonumber(last[2])))
return 1";

/// Returns the identifiers of a user's unexpired sessions. The clock of the Redis server decides
/// whether a session has expired. The same clock decides when the row of a session is deleted.
const OF_SUBJECT: &str = "
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', redis.call('TIME')[1])
return redis.call('ZRANGE', KEYS[1], 0, -1)";

/// Keeps sessions in Redis 6.2 or later, or in Valkey, for any number of auth servers.
///
/// A Redis that is configured as a cache loses sessions. Set `appendonly yes`, and set
/// `maxmemory-policy` to `noeviction`. A `volatile-` policy would evict some sessions, since
/// sessions have an expiry. If users must stay logged in after a power cut, set `appendfsync` to
/// `always`. Writes do not wait for replication, so a replica that takes over may lack the last
/// rotation of a session. The newest refresh token of that session then counts as reused, and the
/// session ends.
///
/// Redis deletes expired sessions by its own clock, so [`prune`](RefreshStore::prune) does nothing.
/// A session that ends is removed from its user's list.
///
/// For an encrypted connection (`rediss://`), enable the feature `tokio-rustls-comp` or
/// `tokio-native-tls-comp` of [`redis`] in your own `Cargo.toml`. With `tokio-rustls-comp`, install
/// a crypto provider of `rustls` before the first connection: see
/// [`guide::reference::stores`](crate::guide::reference::stores).
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_jwt_auth::issuer::{RedisStore, Sessions};
///
/// let sessions = Sessions::new(RedisStore::connect("redis://cache.shop.example").await?);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RedisStore<C = RedisConnection> {
    connection: C,
    prefix: String,
    timeout: CallTimeout,
    scripts: Scripts,
}

#[derive(Clone)]
struct Scripts {
    insert: Script,
    replace: Script,
    index: Script,
    of_subject: Script,
}

impl RedisStore {
    /// Connects, and reconnects as documented for [`RedisConnection`].
    ///
    /// # Errors
    ///
    /// Fails if `url` is not a Redis URL, or if the server cannot be reached, requires a password,
    /// or rejects the password in `url`. Also fails if the server is one of several nodes of a
    /// cluster: use [`from_connection`](Self::from_connection) instead.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let client = Client::open(url).map_err(StoreError::new)?;
        let connection = RedisConnection::from_client(client);
        let check = connection.is_one_of_several_nodes(PREFIX);
        if CallTimeout::default().apply(check).await? {
            return Err(StoreError::because(
                "this Redis is one of several nodes of a cluster: pass a cluster connection to \
                 RedisStore::from_connection",
            ));
        }
        Ok(Self::from_connection(connection))
    }
}

impl<C> RedisStore<C> {
    /// Creates a store on an existing connection, such as a connection to a cluster (feature
    /// `cluster-async` of [`redis`]). The connection must reconnect by itself after a loss and
    /// after a failover.
    pub fn from_connection(connection: C) -> Self {
        let scripts = Scripts {
            insert: Script::new(INSERT),
            replace: Script::new(REPLACE),
            index: Script::new(INDEX),
            of_subject: Script::new(OF_SUBJECT),
        };
        Self { connection, prefix: PREFIX.to_owned(), timeout: CallTimeout::default(), scripts }
    }

    /// Sets the prefix of the keys. `tower_jwt_auth_sessions` by default.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets the time limit for each call. 3 seconds by default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = CallTimeout(timeout);
        self
    }

    fn row(&self, id: &SessionId) -> String {
        format!("{}:id:{id}", self.prefix)
    }

    fn index(&self, subject: &str) -> String {
        format!("{}:subject:{subject}", self.prefix)
    }
}

impl<C: ConnectionLike + Clone> RedisStore<C> {
    async fn run<T: redis::FromRedisValue>(
        &self,
        script: &mut ScriptInvocation<'_>,
    ) -> Result<T, DatabaseError> {
        Ok(script.invoke_async(&mut self.connection.clone()).await?)
    }

    /// Adds a session to its user's list. The session stays in the list at least until it ends or
    /// expires.
    async fn list(&self, session: &StoredSession) -> Result<(), DatabaseError> {
        let mut script = self.scripts.index.key(self.index(&session.subject));
        script.arg(session.id.as_str()).arg(end(session));
        self.run(&mut script).await
    }

    /// Fails if the server is a replica. A replica may lack a new session, and the user of that
    /// session would be logged out. To find out, this method sends a command that deletes a field
    /// that never exists. The command changes nothing, but a replica rejects it.
    async fn require_primary(&self, id: &SessionId) -> Result<(), DatabaseError> {
        let mut write = cmd("HDEL");
        write.arg(self.row(id)).arg("none");
        Ok(write.query_async(&mut self.connection.clone()).await?)
    }

    async fn read(&self, id: &SessionId) -> Result<Option<StoredSession>, DatabaseError> {
        let mut query = cmd("HMGET");
        query.arg(self.row(id)).arg(&["subject", "version", "state", "delete_after", "ended"]);
        let fields: [Option<Vec<u8>>; 5] = query.query_async(&mut self.connection.clone()).await?;
        if fields.iter().all(Option::is_none) {
            return Ok(None);
        }
        Ok(Some(session(id, fields).ok_or_else(StoreError::damaged)?))
    }

    /// Removes sessions from a user's list.
    async fn unlist(&self, subject: &str, ids: &[&SessionId]) -> Result<(), DatabaseError> {
        let mut command = cmd("ZREM");
        command.arg(self.index(subject));
        for id in ids {
            command.arg(id.as_str());
        }
        Ok(command.exec_async(&mut self.connection.clone()).await?)
    }

    /// Reads the listed sessions of a user in batches. Removes ended and expired sessions from the
    /// list, since those sessions cannot become live again.
    async fn read_listed(&self, subject: &str) -> Result<Vec<StoredSession>, DatabaseError> {
        let mut script = self.scripts.of_subject.key(self.index(subject));
        let names: Vec<String> = self.run(&mut script).await?;
        let ids: Result<Vec<SessionId>, _> = names.into_iter().map(TryInto::try_into).collect();
        let ids = ids.map_err(|_| StoreError::damaged())?;
        let mut sessions = Vec::new();
        for ids in ids.chunks(READ_AT_ONCE) {
            // Send the commands concurrently. Otherwise there would be a round trip for each row. A
            // pipeline would not help, since it works with only one node of a cluster.
            let rows = join_all(ids.iter().map(|id| self.read(id))).await;
            let mut outdated = Vec::new();
            for (id, row) in ids.iter().zip(rows) {
                match row? {
                    Some(row) if !row.ended => sessions.push(row),
                    _ => outdated.push(id),
                }
            }
            if !outdated.is_empty() {
                self.unlist(subject, &outdated).await?;
            }
        }
        Ok(sessions)
    }
}

impl<C: ConnectionLike + Clone + Send + Sync + 'static> RefreshStore for RedisStore<C> {
    async fn insert(&self, session: &StoredSession) -> Result<(), StoreError> {
        let inserted: bool = self
            .timeout
            .apply(async {
                // Write the row before the list, since a reader of the list removes every session
                // without a row. If adding the session to the list fails, the login fails, and
                // nobody gets a token of this session.
                let mut script = self.scripts.insert.key(self.row(&session.id));
                script.arg(&session.subject).arg(session.version).arg(&session.state);
                let is_new = self.run(with_end(&mut script, session)).await?;
                if is_new && !session.ended {
                    self.list(session).await?;
                }
                Ok::<_, DatabaseError>(is_new)
            })
            .await?;
        if inserted { Ok(()) } else { Err(StoreError::because("there is a session of that name")) }
    }

    async fn load(&self, id: &SessionId) -> Result<Option<StoredSession>, StoreError> {
        let loading = async {
            match self.read(id).await? {
                None => {
                    self.require_primary(id).await?;
                    self.read(id).await
                }
                found => Ok(found),
            }
        };
        self.timeout.apply(loading).await
    }

    async fn replace(&self, session: &StoredSession) -> Result<bool, StoreError> {
        let replacement = async {
            // Write the list before the row. In the other order, a failure could leave a renewed
            // session that is not listed, and its user could not find and end this session.
            if !session.ended {
                self.list(session).await?;
            }
            let mut script = self.scripts.replace.key(self.row(&session.id));
            script.arg(session.version.saturating_sub(1)).arg(session.version).arg(&session.state);
            let is_replaced = self.run(with_end(&mut script, session)).await?;
            if is_replaced && session.ended {
                // If this call fails, the next call that reads the user's list removes the session
                // from the list.
                let _ = self.unlist(&session.subject, &[&session.id]).await;
            }
            Ok::<_, DatabaseError>(is_replaced)
        };
        self.timeout.apply(replacement).await
    }

    async fn of_subject(&self, subject: &str) -> Result<Vec<StoredSession>, StoreError> {
        let mut sessions = self.timeout.apply(self.read_listed(subject)).await?;
        sessions.retain(|session| session.subject == subject);
        Ok(sessions)
    }

    async fn prune(&self, _now: UnixTime, _at_most: usize) -> Result<u64, StoreError> {
        Ok(0)
    }
}

fn with_end<'i, 's>(
    script: &'i mut ScriptInvocation<'s>,
    session: &StoredSession,
) -> &'i mut ScriptInvocation<'s> {
    let end = end(session);
    script.arg(end).arg(end.saturating_mul(1_000)).arg(u8::from(session.ended))
}

/// Returns the time at which Redis must delete the stored session, limited to the end of the year
/// 9999. Redis converts this time to milliseconds, and rejects a time that overflows.
fn end(session: &StoredSession) -> i64 {
    session.delete_after.as_secs().min(253_402_300_799)
}

fn session(id: &SessionId, fields: [Option<Vec<u8>>; 5]) -> Option<StoredSession> {
    let [subject, version, state, delete_after, ended] =
        fields.map(|field| field.and_then(|bytes| String::from_utf8(bytes).ok()));
    let delete_after = UnixTime::from_secs(delete_after?.parse().ok()?);
    let version = version?.parse().ok()?;
    let ended = ended.as_deref() == Some("1");
    let (id, subject, state) = (id.clone(), subject?, state?);
    Some(StoredSession { id, subject, version, state, delete_after, ended })
}

impl From<RedisError> for DatabaseError {
    /// Keeps only the server's error code, since an error message may quote a command.
    fn from(error: RedisError) -> Self {
        let error = match (sentence(&error), error.code()) {
            (Some(sentence), _) => StoreError::because(sentence),
            (None, Some(code)) => StoreError::answered(Some(code)),
            (None, None) => StoreError::new(error),
        };
        error.into()
    }
}

impl<C> Debug for RedisStore<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("prefix", &self.prefix)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
