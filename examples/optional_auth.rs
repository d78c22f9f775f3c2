//! A public page that greets logged-in users by name.
//!
//! `cargo run --example optional_auth` prints curl commands. Without a token or with a valid token,
//! the response is 200. With an invalid token, the response is 401, so that a client notices when
//! its login has expired.

#![allow(clippy::print_stdout)]

use std::error::Error;

use axum::{Router, routing::get};
use serde::Deserialize;
use serde_json::json;
use tower_jwt_auth::jwt::Signer;
use tower_jwt_auth::{Claims, Clock, JwtAuth, Key, Secret, SystemClock};

#[derive(Deserialize)]
struct Shopper {
    sub: String,
}

async fn welcome(claims: Option<Claims<Shopper>>) -> String {
    match claims {
        Some(claims) => format!("welcome back, {}\n", claims.sub),
        None => "welcome, stranger\n".to_owned(),
    }
}

/// `Claims` without `Option` still requires a token.
async fn account(claims: Claims<Shopper>) -> String {
    format!("the account of {}\n", claims.sub)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret = Secret::generate()?;
    let exp = SystemClock.now().as_secs().saturating_add(600);
    let signer = Signer::new(Key::hs256(secret.clone()));
    let token = signer.sign(&json!({ "sub": "alice", "exp": exp }))?;

    let app = Router::new()
        .route("/", get(welcome))
        .route("/account", get(account))
        .layer(JwtAuth::new(secret).allow_anonymous().claims::<Shopper>());

    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("curl -i http://127.0.0.1:3000/");
    println!("curl -i http://127.0.0.1:3000/ -H 'Authorization: Bearer {token}'");
    println!("curl -i http://127.0.0.1:3000/ -H 'Authorization: Bearer {token}x'");
    println!("# 401 without a token:");
    println!("curl -i http://127.0.0.1:3000/account");
    Ok(axum::serve(listener, app).await?)
}
