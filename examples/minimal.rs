//! The smallest service: one layer, and the claims as an argument of a handler.
//!
//! `cargo run --example minimal` prints a curl command with a token that is valid for ten minutes.
//! A request without the token, or with a changed token, gets a 401, and the server prints the
//! reason.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::error::Error;

use axum::{Router, middleware::map_response, response::Response, routing::get};
use serde::Deserialize;
use serde_json::json;
use tower_jwt_auth::jwt::Signer;
use tower_jwt_auth::{AuthError, Claims, Clock, JwtAuth, Key, Secret, SystemClock};

#[derive(Deserialize)]
struct Shopper {
    sub: String,
    company: String,
}

async fn hello(claims: Claims<Shopper>) -> String {
    format!("hello {} of {}\n", claims.sub, claims.company)
}

/// Prints the reason for each rejection. The response to the client does not contain the reason.
async fn print_reason(response: Response) -> Response {
    if let Some(error) = response.extensions().get::<AuthError>() {
        eprintln!("{}: {}", error.code(), error.reason());
    }
    response
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // If another server issues the tokens, use `Secret::from_env("JWT_SECRET")?` here.
    let secret = Secret::generate()?;
    let token = Signer::new(Key::hs256(secret.clone())).sign(&json!({
        "sub": "alice",
        "company": "acme",
        "aud": "hello",
        "exp": SystemClock.now().as_secs().saturating_add(600),
    }))?;

    let auth = JwtAuth::new(secret).audience("hello").claims::<Shopper>();
    let app = Router::new().route("/", get(hello)).layer(auth).layer(map_response(print_reason));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("curl -i http://127.0.0.1:3000/ -H 'Authorization: Bearer {token}'");
    Ok(axum::serve(listener, app).await?)
}
