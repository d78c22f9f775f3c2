//! A feed in Redis.

use std::fmt::{self, Debug};

use redis::aio::ConnectionLike;
use redis::{Client, Cmd, FromRedisValue, RedisError, Value, cmd};

use crate::clock::{Clock, SystemClock};
use crate::databases::redis::{RedisConnection, is_denied, sentence};
use crate::random;
use crate::revocation::feed::error::{FeedError, FeedErrorKind};
use crate::revocation::feed::{
    KEPT_LONGER, Position, Read, RevocationFeed, Snapshot, report_creation,
};
use crate::revocation::message::Revocation;

/// The default prefix of the keys. Its hash tag puts all keys on one node of a cluster.
const PREFIX: &str = "{tower_jwt_auth_revocations}";
const PART: usize = 5_000;
/// The approximate maximum number of messages in the log. If a follower needs a message that is no
/// longer in the log, it reads a snapshot.
const KEPT_IN_LOG: usize = 100_000;
const REMOVED_AT_ONCE: usize = 1_000;

/// Creates the log if it does not exist. Returns 1 if it created the log, and 0 otherwise. KEYS:
/// log, live, epoch. ARGV: a new epoch.
const CREATE: &str = "
if redis.call('EXISTS', KEYS[1], KEYS[3]) == 2 then return 0 end
redis.call('SET', KEYS[3], ARGV[1])
redis.call('XADD', KEYS[1], '*', 'epoch', ARGV[1])
return 1";

/// Appends a message to the log.
///
/// - KEYS: log, live, epoch.
/// - ARGV: the message; the Unix time at which the message expires, in seconds; the maximum
///   length of the log; the time for which expired messages are kept, in seconds; the maximum
///   number of expired messages that one call removes.
/// - Returns 0 if there is no log, and 1 otherwise.
///
/// One call removes only a limited number of messages, because Redis serves no other client while a
/// script runs. Removing many messages would delay the other clients.
const APPEND: &str = "
if redis.call('EXISTS', KEYS[1], KEYS[3]) ~= 2 then return 0 end
local over = string.format('(%.0f', redis.call('TIME')[1] - ARGV[4])
local expired = math.min(redis.call('ZCOUNT', KEYS[2], '-inf', over), ARGV[5])
if expired > 0 then redis.call('ZREMRANGEBYRANK', KEYS[2], 0, expired - 1) end
local known = redis.call('ZSCORE', KEYS[2], ARGV[1])
if known and tonumber(known) >= tonumber(ARGV[2]) then return 1 end
redis.call('ZADD', KEYS[2], 'GT', ARGV[2], ARGV[1])
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'message', ARGV[1])
return 1";

/// Reads messages, either from the log or from the set of messages that have not expired.
///
/// - KEYS: log, live, epoch.
/// - ARGV: the mode, which is 'log' or 'live'; the position, which is the last entry that was read
///   ('log') or the cursor ('live'); the number of entries to read; the maximum message length.
/// - Returns the epoch, the log's last entry, the number of entries ever added, the new position,
///   the messages, and, for 'live', the identifier of the Redis process. Returns nothing if there
///   is no log.
///
/// The script also reads the server's role (primary or replica), so that the role and the data come
/// from the same server.
const READ: &str = "
if string.match(redis.call('INFO', 'replication'), 'role:(%a+)') ~= 'master' then
    return redis.error_reply('READONLY revocations are read from the primary')
end
if redis.call('EXISTS', KEYS[1], KEYS[3]) ~= 2 then return {} end
local info = redis.call('XINFO', 'STREAM', KEYS[1])
local last, added
for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then last = info[i + 1] end
    if info[i] == 'entries-added' then added = string.format('%.0f', info[i + 1]) end
end
local place, messages, process = ARGV[2], {}, ''
local function add(message)
    messages[#messages + 1] = #message > tonumber(ARGV[4]) and 'too long' or message
end
if ARGV[1] == 'log' then
    for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '(' .. place, '+', 'COUNT', ARGV[3])) do
        place = entry[1]
        add(entry[2][1] == 'message' and entry[2][2] or '')
    end
else
    local part = redis.call('ZSCAN', KEYS[2], place, 'COUNT', ARGV[3])
    place = part[1]
    for i = 1, #part[2], 2 do add(part[2][i]) end
    -- If the server does not tell, nothing ties the parts together.
    process = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or ''
end
return {redis.call('GET', KEYS[3]), last, added, place, messages, process}";

/// A feed in Redis 7 or later, or Valkey: a stream of new messages, and a sorted set of all
/// revocations that have not expired, for snapshots. The feed connects when it is first used, and
/// reconnects as documented for [`RedisConnection`].
///
/// Reading from a replica is an error ([`Replica`](FeedErrorKind::Replica)), since a replica may
/// lag behind. A Redis that is configured as a cache loses revocations: set `appendonly yes`,
/// `appendfsync always` and `maxmemory-policy noeviction`. Servers that only verify tokens need
/// read permissions: `+eval_ro +exists +xinfo +xrange +get +zscan +info`. Such a server cannot
/// create the log, and waits until a publishing server has created it.
///
/// All keys of the feed are on one node of a cluster. The feed still needs a connection to the
/// whole cluster: see [`from_connection`](Self::from_connection).
///
/// For an encrypted connection (`rediss://`), enable the feature `tokio-rustls-comp` or
/// `tokio-native-tls-comp` of [`redis`] in your own `Cargo.toml`. With `tokio-rustls-comp`, install
/// a crypto provider of `rustls` before the first connection: see
/// [`guide::reference::stores`](crate::guide::reference::stores).
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use tower_jwt_auth::revocation::{RedisFeed, Revocations};
///
/// let revocations = Revocations::new();
/// let feed = RedisFeed::new("redis://cache.shop.example")?;
/// tokio::spawn(revocations.follow(feed).run());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RedisFeed<C = RedisConnection> {
    connection: C,
    keys: [String; 3],
}

/// A position in the stream: the epoch of the log, the last entry that was read, and the total
/// number of entries that were added to the log up to and including that entry.
struct StreamPlace<'p> {
    epoch: &'p str,
    id: &'p str,
    added: u64,
}

/// The reply of the script [`READ`].
struct RedisBatch {
    epoch: String,
    last: String,
    added: String,
    place: String,
    messages: Vec<Vec<u8>>,
    process: String,
}

impl RedisFeed {
    /// Creates a feed for this URL. This function does not connect, so a service starts even if the
    /// server is down. If the server cannot be reached later, the service gets the event
    /// [`RevocationEvent::FeedFailed`](crate::revocation::RevocationEvent::FeedFailed).
    ///
    /// # Errors
    ///
    /// Fails if `url` is not a Redis URL.
    pub fn new(url: &str) -> Result<Self, FeedError> {
        Ok(Self::from_client(Client::open(url).map_err(FeedError::new)?))
    }

    /// Creates a feed from a client of the [`redis`] crate.
    pub fn from_client(client: Client) -> Self {
        Self::from_connection(RedisConnection::from_client(client))
    }
}

impl<C> RedisFeed<C> {
    /// Creates a feed from a connection of the [`redis`] crate, for example to a cluster (feature
    /// `cluster-async` of that crate): `ClusterClient::new(urls)?.get_async_connection().await?`.
    /// The connection must reconnect by itself after it is lost and after a failover. It must not
    /// read from replicas.
    pub fn from_connection(connection: C) -> Self {
        Self { connection, keys: keys(PREFIX) }
    }

    /// Sets the prefix of the keys. `{tower_jwt_auth_revocations}` by default. In a cluster, the
    /// prefix must contain braces, like the default.
    #[must_use]
    pub fn prefix(mut self, prefix: &str) -> Self {
        self.keys = keys(prefix);
        self
    }

    fn script(&self, eval: &str, script: &str) -> Cmd {
        let mut command = cmd(eval);
        command.arg(script).arg(self.keys.len()).arg(&self.keys);
        command
    }
}

impl<C: ConnectionLike + Clone> RedisFeed<C> {
    /// Runs a script. If this fails because the connection is closed, runs the script again: the
    /// connection may have been closed while it was idle. The server may have executed the first
    /// run, so every script must be harmless if it runs twice.
    async fn run<T: FromRedisValue>(&self, script: &Cmd) -> Result<T, FeedError> {
        let mut connection = self.connection.clone();
        let done = match script.query_async(&mut connection).await {
            Err(error) if error.is_connection_dropped() => {
                script.query_async(&mut connection).await
            }
            done => done,
        };
        done.map_err(feed_error)
    }

    async fn write(&self, script: &Cmd) -> Result<bool, FeedError> {
        Ok(self.run::<i64>(script).await? == 1)
    }

    /// Runs the script [`READ`]. The first argument is the script's mode. The mode "log" reads the
    /// log entries that follow the entry `after`. The mode "live" reads messages that have not
    /// expired, and starts at the cursor `after`.
    async fn entries(&self, of: &str, after: &str) -> Result<RedisBatch, FeedError> {
        let mut read = self.script("EVAL_RO", READ);
        read.arg(of).arg(after).arg(PART).arg(Revocation::MAX_MESSAGE_BYTES);
        let entries: Value = self.run(&read).await?;
        if matches!(&entries, Value::Array(entries) if entries.is_empty()) {
            return Err(FeedErrorKind::Missing.into());
        }
        let (epoch, last, added, place, messages, process) =
            redis::from_redis_value(entries).map_err(FeedError::new)?;
        Ok(RedisBatch { epoch, last, added, place, messages, process })
    }
}

impl<C: ConnectionLike + Clone + Send + Sync + 'static> RevocationFeed for RedisFeed<C> {
    async fn create(&self) -> Result<bool, FeedError> {
        let epoch = random::id().map_err(FeedError::new)?;
        self.write(self.script("EVAL", CREATE).arg(epoch)).await
    }

    async fn append(&self, revocation: &Revocation) -> Result<(), FeedError> {
        let mut script = self.script("EVAL", APPEND);
        // Redis stores the expiry of the revocation as the score of a sorted set. A score is a
        // 64-bit floating-point number, which represents every whole number up to this limit
        // exactly.
        let end = revocation.until.as_secs().clamp(0, 1 << 52);
        script.arg(revocation.to_message(SystemClock.now())?).arg(end);
        script.arg(KEPT_IN_LOG).arg(KEPT_LONGER.as_secs()).arg(REMOVED_AT_ONCE);
        if !self.write(&script).await? {
            report_creation(Ok(self.create().await?));
            if !self.write(&script).await? {
                return Err(FeedErrorKind::Missing.into());
            }
        }
        Ok(())
    }

    async fn snapshot(&self, part: Option<String>) -> Result<Snapshot, FeedError> {
        let part = part.as_deref().map(|part| part.split_once(' ').unwrap_or_default());
        let (process, cursor) = part.unwrap_or(("", "0"));
        let entries = self.entries("live", cursor).await?;
        // A cursor is valid only in the process that returned it. Another process, such as a
        // promoted replica or the same server after a restart, orders the messages differently, so
        // continuing there would skip some of them.
        if part.is_some() && process != entries.process {
            return Err(FeedError::new("another Redis, or a new process, gave the parts before"));
        }
        let RedisBatch { epoch, last, added, place, messages, process } = entries;
        let next = (place != "0").then(|| format!("{process} {place}"));
        let messages = messages.into_iter().map(text).collect();
        let position = Position::new(format!("{epoch} {last} {added}"));
        Ok(Snapshot { messages, next, position })
    }

    async fn read(&self, after: &Position) -> Result<Read, FeedError> {
        let Some(place) = StreamPlace::parse(after.as_str()) else { return Ok(Read::Gap) };
        let entries = self.entries("log", place.id).await?;
        let RedisBatch { epoch, last, added, place: id, messages, .. } = entries;
        let added: u64 = added.parse().map_err(FeedError::new)?;
        let seen = place.added.saturating_add(u64::try_from(messages.len()).unwrap_or(u64::MAX));
        let has_more = messages.len() >= PART;
        // If entries were removed from the log before they were read, `seen` is less than `added`.
        // If the log was restored to an older state, its last entry is older than the position.
        let is_whole = if has_more { seen <= added } else { seen == added };
        if epoch != place.epoch || !is_whole || order(&last) < order(place.id) {
            return Ok(Read::Gap);
        }
        let messages = messages.into_iter().filter(|message| !message.is_empty());
        let messages = messages.map(text).collect();
        let position = Position::new(format!("{epoch} {id} {seen}"));
        Ok(Read::Messages { messages, position, has_more })
    }
}

impl<'p> StreamPlace<'p> {
    fn parse(position: &'p str) -> Option<Self> {
        let mut parts = position.split(' ');
        let (epoch, id, added) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { epoch, id, added: added.parse().ok()? })
    }
}

impl<C> Debug for RedisFeed<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The output omits the connection, since it may contain a password.
        f.debug_struct("RedisFeed").field("keys", &self.keys).finish_non_exhaustive()
    }
}

/// Keeps only the server's error code, since an error message may quote a command.
fn feed_error(error: RedisError) -> FeedError {
    let kind = match error.code() {
        _ if is_denied(&error) => FeedErrorKind::Denied,
        Some("READONLY" | "MASTERDOWN") => FeedErrorKind::Replica,
        _ => FeedErrorKind::Unavailable,
    };
    match (sentence(&error), error.code()) {
        (Some(sentence), _) => FeedError::caused(kind, sentence),
        (None, Some(code)) => FeedError::caused(kind, format!("Redis answered {code}")),
        (None, None) => FeedError::new(error),
    }
}

/// Turns bytes into text. A message that is not valid UTF-8 is malformed, but must not prevent
/// other messages from being read.
fn text(message: Vec<u8>) -> String {
    String::from_utf8(message)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn keys(prefix: &str) -> [String; 3] {
    ["log", "live", "epoch"].map(|name| format!("{prefix}:{name}"))
}

/// Parses an entry's identifier, which consists of milliseconds and a number. Parsed identifiers
/// sort in the order of the entries.
fn order(id: &str) -> Option<(u64, u64)> {
    let (millis, number) = id.split_once('-')?;
    Some((millis.parse().ok()?, number.parse().ok()?))
}
