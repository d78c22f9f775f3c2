//! Tests of services that know only the auth server's name, and fetch its keys over HTTP on
//! loopback.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tower_jwt_auth::issuer::TokenIssuer;
use tower_jwt_auth::jwks::{KeySourceErrorKind, RemoteKeys};
use tower_jwt_auth::jwt::TokenErrorKind;
use tower_jwt_auth::{Algorithm, Issuer, JwtAuth, KeyStore};

use crate::issuer::kit::Server;
use crate::kit::server::in_time;
use crate::kit::{NOW, at, fault, pairs, secret};

/// Starts an auth server under this path, on a new port. Returns the server and the issuer's name.
async fn start(path: &str, keys: KeyStore) -> (Server, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let name = format!("http://{}{path}", listener.local_addr().unwrap());
    let mut metadata = None;
    let issuer = TokenIssuer::new(&name).audience("cart", keys);
    let server = Server::with_parts(
        issuer,
        |sessions| sessions,
        |routes| {
            metadata = routes.metadata();
            routes
        },
    );
    let routes = server.router.clone();
    let app = if path.is_empty() {
        Router::new().merge(routes)
    } else {
        // RFC 8414 section 3.1 inserts the well-known path before the path of the issuer.
        let metadata = metadata.unwrap();
        let at_root = format!("/.well-known/oauth-authorization-server{path}");
        Router::new().nest(path, routes).route(&at_root, get(|| async move { metadata }))
    };
    tokio::spawn(async move { axum::serve(listener, app).await });
    (server, name)
}

#[tokio::test]
async fn services_discover_the_keys_of_the_auth_server() {
    for (path, algorithm) in [
        ("", Algorithm::EdDsa),
        ("/auth", Algorithm::Es256),
        ("/a/b", Algorithm::Rs256),
        ("", Algorithm::MlDsa44),
    ] {
        let keys = KeyStore::from(pairs::pair(algorithm));
        keys.announce(pairs::pair(Algorithm::Ps256)).unwrap();
        let (server, name) = start(path, keys.clone()).await;
        let fetched = RemoteKeys::discover(&name).dangerous_allow_http();
        fetched.ready().await.unwrap();
        assert_eq!(fetched.health().keys, 2);
        let service = |audience: &str| {
            let issuer = Issuer::new(&name, fetched.clone()).audience(audience);
            JwtAuth::from(issuer).with_clock(at(NOW))
        };
        let token = server.log_in("alice").await.access;
        assert_eq!(fault(&service("cart"), &token), None, "{name}");
        assert_eq!(fault(&service("mail"), &token), Some(TokenErrorKind::WrongAudience));

        // The issuer had announced this key before the services fetched the keys. The services
        // therefore accept the first token that this key signs.
        keys.rotate(pairs::pair(Algorithm::Ps256)).unwrap();
        let token = server.log_in("alice").await.access;
        assert_eq!(fault(&service("cart"), &token), None, "{name}");
    }
}

/// An issuer does not publish shared secrets, so a service finds no keys to fetch.
#[tokio::test]
async fn a_service_finds_no_keys_of_an_issuer_with_secrets_only() {
    let (_server, name) = start("", secret().into()).await;
    let fetched = RemoteKeys::discover(&name).dangerous_allow_http();
    let waiting = fetched.clone();
    tokio::spawn(async move { waiting.ready().await });
    let failed = async {
        loop {
            if let Some(error) = fetched.health().last_error {
                return error;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert_eq!(in_time(failed).await.kind(), KeySourceErrorKind::NoUsableKey);
}
