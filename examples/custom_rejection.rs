//! Rejections in the application's own format. The status and the `WWW-Authenticate` challenge
//! still follow RFC 6750.
//!
//! `cargo run --example custom_rejection` prints curl commands; the server's own output shows the
//! reason for each rejection.

#![allow(clippy::print_stdout)]

use std::error::Error;

use axum::response::Response;
use axum::{Router, middleware, routing::get};
use serde_json::json;
use tower_jwt_auth::jwt::Signer;
use tower_jwt_auth::{
    AuthError, AuthErrorKind, Clock, JwtAuth, Key, RejectionBody, Secret, SystemClock, has_scope,
    require,
};

fn render(error: &AuthError) -> RejectionBody {
    // The message depends only on the error's kind. A message that named the failed check would
    // help an attacker to pass that check.
    let message = match error.kind() {
        AuthErrorKind::MissingCredentials => "Please log in.",
        AuthErrorKind::TokenExpired => "Your login has ended, please log in again.",
        AuthErrorKind::InsufficientScope => "Your login does not cover this.",
        _ => "You cannot do this.",
    };
    RejectionBody::json(json!({ "code": error.code(), "message": message }))
}

/// Logs refusals. This function runs outside the layer, so it sees the responses of both the layer
/// and the guards.
async fn log(response: Response) -> Response {
    if let Some(error) = response.extensions().get::<AuthError>() {
        // The client does not learn the reason.
        println!("refused: {}: {}", error.code(), error.reason());
    }
    response
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret = Secret::generate()?;
    let exp = SystemClock.now().as_secs().saturating_add(600);
    let signer = Signer::new(Key::hs256(secret.clone()));
    let token = signer.sign(&json!({ "sub": "alice", "scope": "read", "exp": exp }))?;

    let app = Router::new()
        .route("/pay", get(|| async { "paid\n" }).route_layer(require(has_scope("pay"))))
        .route("/", get(|| async { "hello\n" }))
        .layer(JwtAuth::new(secret).realm("shop").with_rejection(render))
        .layer(middleware::map_response(log));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("curl -i http://127.0.0.1:3000/");
    println!("curl -i http://127.0.0.1:3000/ -H 'Authorization: Bearer {token}'");
    println!("curl -i http://127.0.0.1:3000/ -H 'Authorization: Bearer {token}x'");
    println!("curl -i http://127.0.0.1:3000/pay -H 'Authorization: Bearer {token}'");
    Ok(axum::serve(listener, app).await?)
}
