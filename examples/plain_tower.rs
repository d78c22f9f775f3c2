//! Without axum: hyper serves a tower service behind the layer and a guard.
//!
//! `cargo run --example plain_tower --no-default-features` prints two curl commands. An admin gets
//! 200, and another user gets 403. The claims are in the request's extensions.

#![allow(clippy::print_stdout)]

use std::convert::Infallible;
use std::error::Error;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::json;
use tower::ServiceBuilder;
use tower_jwt_auth::jwt::Signer;
use tower_jwt_auth::{Claims, Clock, JwtAuth, Key, Secret, SystemClock, has_role, require};

#[derive(serde::Deserialize)]
struct Shopper {
    sub: String,
}

async fn hello(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let Some(claims) = request.extensions().get::<Claims<Shopper>>() else {
        // The claims are missing only if somebody removes the layer. In that case every request is
        // refused.
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        return Ok(response);
    };
    Ok(Response::new(Full::from(format!("hello {}\n", claims.sub))))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret = Secret::generate()?;
    let signer = Signer::new(Key::hs256(secret.clone()));
    let exp = SystemClock.now().as_secs().saturating_add(600);

    // The first layer is the outermost: the token is verified before the guard looks at it.
    let service = ServiceBuilder::new()
        .layer(JwtAuth::new(secret).claims::<Shopper>())
        .layer(require(has_role("admin")))
        .service_fn(hello);

    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    for (name, role) in [("alice", "admin"), ("bob", "shopper")] {
        let token = signer.sign(&json!({ "sub": name, "roles": [role], "exp": exp }))?;
        println!("curl -i http://127.0.0.1:3000/ -H 'Authorization: Bearer {token}'");
    }
    loop {
        // An error here affects only one connection. For example, the client may have closed it.
        let Ok((stream, _)) = listener.accept().await else { continue };
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}
