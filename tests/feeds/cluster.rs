//! Tests with a Redis cluster of three nodes.

use std::process::Command;
use std::time::{Duration, Instant};

use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::cmd;
use tower_jwt_auth::issuer::RedisStore;
use tower_jwt_auth::revocation::{RedisFeed, RevocationFeed, Verdict};
use tower_jwt_auth::{issuer, revocation};

use crate::fleet::{LATER, Member};
use crate::redis::Redis;
use crate::server::{self, Server};

struct Cluster {
    nodes: Vec<Redis>,
}

impl Cluster {
    async fn new(name: &str) -> Self {
        let nodes: Vec<_> = (0..3)
            .map(|node| {
                let bus = server::free_port().to_string();
                let options = ["--cluster-enabled", "yes", "--cluster-port", &bus];
                Redis::with(&format!("{name}-{node}"), &options)
            })
            .collect();
        let mut create = Command::new("redis-cli");
        create.args(["--cluster", "create", "--cluster-yes"]);
        create.args(nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())));
        let created = create.output().unwrap();
        assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stdout));
        // It takes a moment until all nodes report a working cluster.
        let start = Instant::now();
        for node in &nodes {
            while !format!("{:?}", node.ask(cmd("CLUSTER").arg("INFO")).await).contains("state:ok")
            {
                assert!(start.elapsed() < LATER, "the cluster is not up");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Self { nodes }
    }

    async fn connection(&self) -> ClusterConnection {
        let client = ClusterClient::builder(self.nodes.iter().map(Redis::url))
            .connection_timeout(LATER)
            .response_timeout(LATER)
            .build()
            .unwrap();
        client.get_async_connection().await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn feeds_and_stores_work_on_a_cluster_connection() {
    let cluster = Cluster::new("cluster").await;
    let feed = RedisFeed::from_connection(cluster.connection().await);
    revocation::conformance::Conformance::new(feed.clone()).check().await.unwrap();
    let member = Member::of(feed.clone(), |it| it);
    member.publish(&feed, "a").await;
    member.expect("a", Verdict::Revoked, LATER).await;
    member.look();
    let store = RedisStore::from_connection(cluster.connection().await).timeout(LATER);
    if let Err(failure) = issuer::conformance::Conformance::new(store).trials(1).check().await {
        panic!("{failure}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_to_one_node_of_a_cluster_is_rejected_with_a_reason() {
    let cluster = Cluster::new("cluster-node").await;
    let mut refused = 0;
    for node in &cluster.nodes {
        let error = RedisStore::connect(&node.url()).await.unwrap_err().to_string();
        assert!(error.contains("from_connection"), "{error}");
        // A connection to a single node works only if that node has the feed's keys.
        if let Err(error) = RedisFeed::new(&node.url()).unwrap().create().await {
            let sentence = std::error::Error::source(&error).unwrap().to_string();
            assert!(sentence.contains("from_connection"), "{sentence}");
            refused += 1;
        }
    }
    assert_eq!(refused, 2);
}
