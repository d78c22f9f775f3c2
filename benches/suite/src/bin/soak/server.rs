//! The server, as a separate process that reads commands from its standard input.

use std::io::{BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use serde_json::Value;
use suite::tokens::ISSUER;
use tokio::net::TcpListener;
use tokio::time::interval;
use tower_jwt_auth::jwt::KeyStore;
use tower_jwt_auth::revocation::{MemoryFeed, Revocation, RevocationFeed};
use tower_jwt_auth::{Claims, Clock, JwtAuth, Revocations, SystemClock};

use crate::generation::key;

/// The time until a revocation expires.
const REMEMBERED: Duration = Duration::from_secs(60);

pub(crate) struct Server {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    pub(crate) port: u16,
}

impl Server {
    pub(crate) fn start() -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("a server");
        let input = process.stdin.take().expect("its input");
        let output = BufReader::new(process.stdout.take().expect("its output"));
        let mut server = Self { process, input, output, port: 0 };
        server.port = server.line().parse().expect("a port");
        server
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        self.process.try_wait().expect("its state").is_none()
    }

    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("the server lives");
        assert_eq!(self.line(), "done");
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the server lives");
        line.trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs the server until standard input is closed.
pub(crate) async fn serve() {
    // Abort on any panic: a panic in a handler would otherwise end only one request.
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        default(info);
        std::process::abort();
    }));
    let keys = KeyStore::from(key(0));
    let revocations = Revocations::new();
    let feed = MemoryFeed::new();
    feed.create().await.expect("a log");
    tokio::spawn(revocations.follow(feed.clone()).run());
    tokio::spawn(revoke(feed));
    let auth = JwtAuth::new(keys.clone()).issuer(ISSUER).with_revocation(revocations);
    let router: Router = Router::new().route("/cart", get(cart)).layer(auth.claims::<Value>());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    println!("{}", listener.local_addr().expect("an address").port());
    std::thread::spawn(move || obey(&keys));
    axum::serve(listener, router).await.expect("serving");
}

async fn cart(claims: Claims<Value>) -> String {
    format!("the cart of {}", claims["company"])
}

fn obey(keys: &KeyStore) {
    for line in std::io::stdin().lines() {
        let line = line.expect("text");
        match line.split_once(' ') {
            Some(("rotate", generation)) => {
                keys.rotate(key(generation.parse().expect("a number"))).expect("another key");
            }
            _ => keys.retire_previous(),
        }
        println!("done");
    }
    std::process::exit(0);
}

/// Revokes ten sessions per second. The clients have no tokens of these sessions.
async fn revoke(feed: MemoryFeed) {
    let mut ticks = interval(Duration::from_millis(100));
    for n in 0_u64.. {
        ticks.tick().await;
        let until = SystemClock.now().saturating_add(REMEMBERED);
        let session = Revocation::session(format!("session {n}"), until).issuer(ISSUER);
        feed.append(&session).await.expect("appended");
    }
}
