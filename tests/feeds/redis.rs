//! Tests with Redis.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::cmd;
use tower_jwt_auth::revocation::conformance::Conformance;
use tower_jwt_auth::revocation::{
    FeedErrorKind, Position, Read, RedisFeed, Revocation, RevocationFeed, Verdict,
};

use crate::server::{self, Server};
use crate::{fleet, outages};

pub(crate) struct Redis {
    folder: PathBuf,
    port: u16,
    options: Vec<String>,
    child: Option<Child>,
}

impl Redis {
    pub(crate) fn new(name: &str) -> Self {
        Self::with(name, &[])
    }

    /// Starts a server with these additional command-line options.
    pub(crate) fn with(name: &str, options: &[&str]) -> Self {
        let mut redis = Self::stopped(name, options);
        redis.start();
        redis
    }

    /// Creates a server that is not started yet.
    pub(crate) fn stopped(name: &str, options: &[&str]) -> Self {
        let options = options.iter().map(ToString::to_string).collect();
        Self { folder: server::folder(name), port: server::free_port(), options, child: None }
    }

    /// Adds a command-line option. It applies from the next start of the server.
    pub(crate) fn add_option(&mut self, name: &str, value: &str) {
        self.options.extend([name.to_owned(), value.to_owned()]);
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn feed(&self) -> RedisFeed {
        feed(self.port)
    }

    /// Writes `count` messages of `len` characters to Redis without using the feed, as another
    /// program could. Snapshots of the feed then contain these messages.
    async fn put(&self, count: usize, len: usize, end: i64) {
        let mut put = cmd("ZADD");
        put.arg("{tower_jwt_auth_revocations}:live");
        for n in 0..count {
            put.arg(end).arg(format!("{n:0len$}"));
        }
        self.ask(&put).await;
    }

    pub(crate) async fn ask(&self, command: &redis::Cmd) -> redis::Value {
        let client = redis::Client::open(self.url()).unwrap();
        let config = redis::AsyncConnectionConfig::new()
            .set_connection_timeout(Some(fleet::LATER))
            .set_response_timeout(Some(fleet::LATER));
        let connection = client.get_multiplexed_async_connection_with_config(&config).await;
        let mut connection = connection.unwrap();
        command.query_async(&mut connection).await.unwrap()
    }
}

fn feed(port: u16) -> RedisFeed {
    RedisFeed::new(&format!("redis://127.0.0.1:{port}")).unwrap()
}

impl Server for Redis {
    fn port(&self) -> u16 {
        self.port
    }

    fn processes(&self) -> Vec<u32> {
        self.child.iter().map(Child::id).collect()
    }

    fn kill(&mut self) {
        server::end(&mut self.child);
    }

    fn start(&mut self) {
        let mut command = Command::new("redis-server");
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
        command.args(["--appendonly", "yes", "--appendfsync", "always", "--dir"]).arg(&self.folder);
        command.args(&self.options);
        self.child = Some(server::spawn(command.stdout(Stdio::null())));
        server::wait_for_port(self.port);
    }

    fn start_empty(&mut self) {
        fs::remove_dir_all(&self.folder).unwrap();
        fs::create_dir_all(&self.folder).unwrap();
        self.start();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        server::end(&mut self.child);
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_conforms() {
    let redis = Redis::new("redis-conforms");
    Conformance::new(redis.feed()).check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_outage_lets_a_revoked_token_in() {
    let mut redis = Redis::new("redis-outages");
    outages::all(&mut redis, feed).await;
}

#[tokio::test]
async fn a_trimmed_stream_is_a_gap_and_the_snapshot_is_whole() {
    let redis = Redis::new("redis-trimmed");
    let feed = redis.feed();
    feed.append(&fleet::token("first")).await.unwrap();
    let before = feed.snapshot(None).await.unwrap().position;
    feed.append(&fleet::token("second")).await.unwrap();
    feed.append(&fleet::token("third")).await.unwrap();
    let log = "{tower_jwt_auth_revocations}:log";
    redis.ask(cmd("XTRIM").arg(log).arg("MAXLEN").arg(1)).await;
    assert!(matches!(feed.read(&before).await.unwrap(), Read::Gap));
    let snapshot = feed.snapshot(None).await.unwrap();
    assert_eq!(snapshot.messages.len(), 3);
    let read = feed.read(&snapshot.position).await.unwrap();
    assert!(matches!(read, Read::Messages { messages, .. } if messages.is_empty()));
    // Remove all messages from the log. The snapshot contains all of them, so there is no gap.
    redis.ask(cmd("XTRIM").arg(log).arg("MAXLEN").arg(0)).await;
    let read = feed.read(&snapshot.position).await.unwrap();
    assert!(matches!(read, Read::Messages { .. }));
    // Delete the stream of the log. `create` then creates a different log, so the next read reports
    // a gap.
    redis.ask(cmd("DEL").arg(log)).await;
    let error = feed.read(&snapshot.position).await.unwrap_err();
    assert_eq!(error.kind(), FeedErrorKind::Missing);
    feed.create().await.unwrap();
    assert!(matches!(feed.read(&snapshot.position).await.unwrap(), Read::Gap));
    assert_eq!(feed.snapshot(None).await.unwrap().messages.len(), 3);
}

/// One read returns at most 5,000 messages.
#[tokio::test]
async fn a_long_log_is_read_in_parts_without_a_gap() {
    let redis = Redis::new("redis-long-log");
    let feed = redis.feed();
    feed.create().await.unwrap();
    let start = feed.snapshot(None).await.unwrap().position;
    let log = "{tower_jwt_auth_revocations}:log";
    let add = "for n = 1, 10000 do redis.call('XADD', KEYS[1], '*', 'message', n) end";
    redis.ask(cmd("EVAL").arg(add).arg(1).arg(log)).await;
    let mut after = start.clone();
    for (first, count) in [(1, 5_000), (5_001, 5_000), (10_001, 0)] {
        let Read::Messages { messages, position, has_more } = feed.read(&after).await.unwrap()
        else {
            panic!("a gap before message {first}")
        };
        let expected = (first..).take(count).map(|n| n.to_string());
        assert!(messages.iter().cloned().eq(expected), "{first}");
        assert_eq!(has_more, count > 0, "{first}");
        after = position;
    }
    // If messages are missing, the gap is detected when the last part is read.
    redis.ask(cmd("XTRIM").arg(log).arg("MAXLEN").arg(6_000)).await;
    let Read::Messages { position, has_more: true, .. } = feed.read(&start).await.unwrap() else {
        panic!("the first part is a gap, or reaches the end of the log")
    };
    assert!(matches!(feed.read(&position).await.unwrap(), Read::Gap));
}

/// After a failover, the new primary can lack the newest messages. If its clock is behind, it gives
/// new messages identifiers below the last one that was read.
#[tokio::test]
async fn new_messages_below_the_last_identifier_are_a_gap() {
    let redis = Redis::new("redis-older");
    let feed = redis.feed();
    feed.create().await.unwrap();
    let log = "{tower_jwt_auth_revocations}:log";
    let add = async |id: &str| {
        redis.ask(cmd("XADD").arg(log).arg(&[id, "message", id])).await;
    };
    let mut after = feed.snapshot(None).await.unwrap().position;
    for id in ["9000000000000-9", "9000000000000-10"] {
        add(id).await;
        let read = feed.read(&after).await.unwrap();
        let Read::Messages { messages, position, .. } = read else { panic!("a gap before {id}") };
        assert_eq!(messages, [id]);
        after = position;
    }
    redis.ask(cmd("DEL").arg(log)).await;
    for id in ["8000000000000-0", "8000000000000-1", "8000000000000-2"] {
        add(id).await;
    }
    assert!(matches!(feed.read(&after).await.unwrap(), Read::Gap));
}

#[tokio::test]
async fn expired_messages_leave_redis() {
    let redis = Redis::new("redis-outlived");
    let feed = redis.feed();
    feed.append(&fleet::token_until("old", fleet::in_secs(-3_600))).await.unwrap();
    let new = fleet::token("new").of_subject("alice", fleet::in_secs(0));
    feed.append(&new).await.unwrap();
    assert_eq!(feed.snapshot(None).await.unwrap().messages.len(), 1);
    // A repeated message takes no extra space.
    feed.append(&new).await.unwrap();
    assert_eq!(feed.snapshot(None).await.unwrap().messages.len(), 1);
    // The script blocks the server while it runs. If many messages have expired, the script
    // therefore removes only some of them. The next append removes more.
    redis.put(2_500, 8, 1_700_000_000).await;
    for left in [1_501, 501, 1, 1] {
        feed.append(&new).await.unwrap();
        let count = redis.ask(cmd("ZCARD").arg("{tower_jwt_auth_revocations}:live")).await;
        assert_eq!(count, redis::Value::Int(left));
    }
}

#[tokio::test]
async fn the_parts_of_a_snapshot_come_from_one_process() {
    let mut redis = Redis::new("redis-parts");
    let feed = redis.feed();
    feed.create().await.unwrap();
    redis.put(12_000, 100, 4_000_000_000).await;
    let first = feed.snapshot(None).await.unwrap();
    let mut seen = BTreeSet::from_iter(first.messages);
    let mut next = first.next.clone();
    while let Some(part) = next {
        let part = feed.snapshot(Some(part)).await.unwrap();
        seen.extend(part.messages);
        next = part.next;
    }
    assert_eq!(seen.len(), 12_000);
    redis.kill();
    redis.start();
    let feed = redis.feed();
    while feed.snapshot(None).await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // The restarted server still has the log, so a read reports no gap. A cursor from before the
    // restart is no longer valid, so the snapshot must reject it.
    assert!(matches!(feed.read(&first.position).await.unwrap(), Read::Messages { .. }));
    assert!(feed.snapshot(first.next).await.is_err());
}

#[tokio::test]
async fn a_message_that_is_too_long_is_not_sent() {
    let redis = Redis::new("redis-long");
    let feed = redis.feed();
    feed.create().await.unwrap();
    let start = feed.snapshot(None).await.unwrap().position;
    let limit = Revocation::MAX_MESSAGE_BYTES;
    for len in [limit, limit + 1] {
        redis.put(1, len, 4_000_000_000).await;
        let message = format!("{:0len$}", 0);
        let log = "{tower_jwt_auth_revocations}:log";
        redis.ask(cmd("XADD").arg(log).arg(&["*", "message", &message])).await;
    }
    let Read::Messages { messages, .. } = feed.read(&start).await.unwrap() else { panic!("a gap") };
    let snapshot = feed.snapshot(None).await.unwrap().messages;
    for mut messages in [messages, snapshot] {
        messages.sort();
        assert_eq!(messages.len(), 2, "it is not passed over either");
        assert_eq!((messages[0].len(), &*messages[1]), (limit, "too long"));
    }
}

#[tokio::test]
async fn a_closed_connection_is_not_a_failure() {
    let redis = Redis::new("redis-closed");
    let feed = redis.feed();
    let member = fleet::Member::patient(feed.clone());
    for name in ["before", "between", "after"] {
        member.publish(&feed, name).await;
        member.expect(name, Verdict::Revoked, fleet::LATER).await;
        redis
            .ask(cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal").arg("SKIPME").arg("yes"))
            .await;
    }
    assert_eq!(member.count("FeedFailed"), 0);
    member.look();
}

#[tokio::test]
async fn a_replica_is_refused() {
    let (primary, replica) = (Redis::new("redis-primary"), Redis::new("redis-replica"));
    primary.feed().append(&Revocation::everyone(fleet::in_secs(0))).await.unwrap();
    redis_replicates(&replica, &primary).await;
    let error = replica.feed().snapshot(None).await.unwrap_err();
    assert_eq!(error.kind(), FeedErrorKind::Replica);
    let error = replica.feed().read(&Position::new("a 0-0 0")).await.unwrap_err();
    assert_eq!(error.kind(), FeedErrorKind::Replica);
}

#[tokio::test]
async fn a_server_that_only_verifies_needs_only_the_right_to_read() {
    let redis = Redis::new("redis-rights");
    redis.feed().append(&fleet::token("a")).await.unwrap();
    let mut grant = cmd("ACL");
    grant.arg(&["SETUSER", "reader", "on", ">secret", "~{tower_jwt_auth_revocations}:*", "-@all"]);
    grant.arg(&["+hello", "+eval_ro", "+exists", "+xinfo", "+xrange", "+get", "+zscan", "+info"]);
    redis.ask(&grant).await;
    let url = format!("redis://reader:secret@127.0.0.1:{}", redis.port);
    let reader = RedisFeed::new(&url).unwrap();
    let snapshot = reader.snapshot(None).await.unwrap();
    assert_eq!(snapshot.messages.len(), 1);
    assert!(matches!(reader.read(&snapshot.position).await.unwrap(), Read::Messages { .. }));
    reader.append(&fleet::token("b")).await.unwrap_err();
}

pub(crate) async fn redis_replicates(replica: &Redis, primary: &Redis) {
    replica.ask(cmd("REPLICAOF").arg("127.0.0.1").arg(primary.port)).await;
    for _ in 0..1_200 {
        let size = replica.ask(&cmd("DBSIZE")).await;
        if size != redis::Value::Int(0) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the replica does not replicate");
}
