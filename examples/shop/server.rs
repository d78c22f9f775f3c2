//! One of the three servers: a port and what it answers there.

use std::env;
use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;

const LAST_MOMENT: Duration = Duration::from_secs(2);

/// A port that is taken, and that nobody is answered at yet.
pub(crate) struct Server {
    listener: TcpListener,
    port: u16,
}

impl Server {
    /// Takes the port that the environment variable names, or the default one.
    pub(crate) async fn bind(
        variable: &str,
        default: u16,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let port = match env::var(variable) {
            Ok(text) => text.parse().map_err(|_| format!("{variable} is no port: {text:?}"))?,
            Err(_) => default,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| {
            format!("cannot listen on port {port}, set {variable} to another one: {error}")
        })?;
        let port = listener.local_addr()?.port();
        Ok(Self { listener, port })
    }

    /// The server as a browser names it: cookies over `http` are for `localhost` alone, and all
    /// three are the same *site* there, though not the same origin.
    pub(crate) fn origin(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// The server as curl names it.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Serves until Ctrl-C. Requests that are being answered then have a moment to end: a live cart
    /// never does by itself.
    pub(crate) async fn serve(self, app: Router) -> io::Result<()> {
        // The limit on attempts asks for the address of the client.
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        let serving = axum::serve(self.listener, app).with_graceful_shutdown(ctrl_c());
        let too_long = async {
            ctrl_c().await;
            tokio::time::sleep(LAST_MOMENT).await;
        };
        tokio::select! {
            ended = serving => ended,
            () = too_long => Ok(()),
        }
    }
}

async fn ctrl_c() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without the signal there is no graceful end; that is no reason to end at once.
        std::future::pending::<()>().await;
    }
}
