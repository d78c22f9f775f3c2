//! One of the three servers: a port and what it answers there.

use std::env;
use std::error::Error;
use std::io;
use std::net::Ipv4Addr;

use axum::Router;
use tokio::net::TcpListener;

pub(crate) struct Server {
    listener: TcpListener,
    url: String,
    app: Router,
}

impl Server {
    /// Takes the port that the environment variable names, or the default one.
    pub(crate) async fn bind(
        variable: &str,
        default: u16,
        app: Router,
    ) -> Result<Self, Box<dyn Error>> {
        let port = match env::var(variable) {
            Ok(text) => text.parse().map_err(|_| format!("{variable} is no port: {text:?}"))?,
            Err(_) => default,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| {
            format!("cannot listen on port {port}, set {variable} to another one: {error}")
        })?;
        let url = format!("http://{}", listener.local_addr()?);
        Ok(Self { listener, url, app })
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// Serves until Ctrl-C, and ends when the requests that are being answered have ended.
    pub(crate) async fn serve(self) -> io::Result<()> {
        axum::serve(self.listener, self.app).with_graceful_shutdown(ctrl_c()).await
    }
}

async fn ctrl_c() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without the signal there is no graceful end; that is no reason to end at once.
        std::future::pending::<()>().await;
    }
}
