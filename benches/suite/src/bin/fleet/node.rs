//! One server of the fleet, as a separate process.

use std::future::Future;
use std::io::{BufRead, BufReader, Read};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};

use axum::Router;
use axum::routing::get;
use suite::tokens;
use tokio::net::TcpListener;
use tower_jwt_auth::revocation::{PostgresFeed, RedisFeed, RevocationFeed};
use tower_jwt_auth::{JwtAuth, Revocations};

pub(crate) struct Node {
    process: Child,
    pub(crate) port: u16,
}

impl Node {
    pub(crate) fn start(url: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["serve", url]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("a server");
        let mut line = String::new();
        let output = process.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).expect("its port");
        Self { process, port: line.trim().parse().expect("a port") }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Serves until the parent process is gone.
pub(crate) async fn serve(url: &str) {
    let revocations = Revocations::new();
    if url.starts_with("postgres") {
        follow(&revocations, PostgresFeed::new(url).expect("a URL"));
    } else {
        follow(&revocations, RedisFeed::new(url).expect("a URL"));
    }
    let (port, serving) = listen(Some(revocations)).await;
    println!("{port}");
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    serving.await;
}

pub(crate) fn follow<F: RevocationFeed>(revocations: &Revocations, feed: F) {
    tokio::spawn(revocations.follow(feed).run());
}

/// Starts a server on a free port.
pub(crate) async fn listen(revocations: Option<Revocations>) -> (u16, impl Future<Output = ()>) {
    let mut auth = JwtAuth::new(tokens::secret()).issuer(tokens::ISSUER);
    if let Some(revocations) = revocations {
        auth = auth.with_revocation(revocations);
    }
    let router: Router = Router::new().route("/cart", get(async || "cart")).layer(auth);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    (port, async { axum::serve(listener, router).await.expect("serving") })
}
