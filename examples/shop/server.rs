//! One of the three servers of the shop. It listens on a port and serves one application.

use std::env;
use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::middleware::map_response;
use axum::response::Response;
use tokio::net::TcpListener;
use tower_jwt_auth::AuthError;

const LAST_MOMENT: Duration = Duration::from_secs(2);

/// A server that has bound its port, but does not accept connections yet.
pub(crate) struct Server {
    listener: TcpListener,
    port: u16,
}

impl Server {
    /// Binds the port that the environment variable names, or the default port.
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

    /// Returns the server's origin in a browser. The host is `localhost`, since most browsers
    /// accept `Secure` cookies over `http` only from this host. Safari accepts them only over
    /// HTTPS. On `localhost`, the three servers of the example have different origins, but belong
    /// to the same *site*.
    pub(crate) fn origin(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Returns the URL at which curl reaches the server.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Serves until Ctrl-C. Running requests then have two seconds to end. Without this limit, a
    /// page that listens to the events of a cart would keep the server running.
    pub(crate) async fn serve(self, app: Router) -> io::Result<()> {
        let app = app.layer(map_response(print_reason));
        // The limit on password guesses from one address needs the client's address.
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

/// Prints the reason why a token was rejected. The response to the client contains less detail.
async fn print_reason(response: Response) -> Response {
    if let Some(error) = response.extensions().get::<AuthError>() {
        eprintln!("refused: {}: {}", error.code(), error.reason());
    }
    response
}

async fn ctrl_c() {
    if tokio::signal::ctrl_c().await.is_err() {
        // The signal cannot be received, so the server runs until the process is killed.
        std::future::pending::<()>().await;
    }
}
