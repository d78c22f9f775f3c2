//! A new key every 25 seconds, without a restart. No valid token is rejected.
//!
//! `cargo run --example key_rotation` prints two commands: the first fetches a token, and the
//! second uses the token. The token stays valid for 20 seconds, even if the key is replaced in the
//! meantime.

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::time::Duration;

use axum::extract::State;
use axum::{Router, http::StatusCode, routing::get};
use serde_json::json;
use tower_jwt_auth::jwt::Signer;
use tower_jwt_auth::{Clock, JwtAuth, Key, KeyError, KeyStore, Secret, SystemClock, Token};

const LIFETIME: Duration = Duration::from_secs(20);

fn new_key(number: u32) -> Result<Key, KeyError> {
    // The identifier is in the header of every token, so it must not be derived from the secret.
    Key::hs256(Secret::generate()?).with_id(format!("key-{number}"))
}

/// Replaces the key again and again. Each key signs for longer than a token is valid, so one
/// previous key is enough to verify all valid tokens.
///
/// Here one process signs and verifies. If separate servers verify, give them the new key before
/// the auth server signs with it.
async fn rotate(keys: KeyStore) -> Result<(), KeyError> {
    for number in 2.. {
        // An expired token is still accepted during the leeway, which is 5 seconds by default.
        tokio::time::sleep(LIFETIME.saturating_add(Duration::from_secs(5))).await;
        keys.retire_previous();
        keys.rotate(new_key(number)?)?;
        println!("# signing with key-{number} from now on");
    }
    Ok(())
}

async fn issue(State(keys): State<KeyStore>) -> Result<String, StatusCode> {
    let exp = SystemClock.now().saturating_add(LIFETIME).as_secs();
    let signer = Signer::new(keys.load().current().clone());
    signer
        .sign(&json!({ "sub": "alice", "exp": exp }))
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

async fn hello(token: Token) -> String {
    format!("this token was signed with {}\n", token.key_id().unwrap_or("a key without a name"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let keys = KeyStore::from(new_key(1)?);
    let app = Router::new()
        .route("/", get(hello))
        .layer(JwtAuth::new(keys.clone()))
        // This route is added after the layer, so anybody may call it.
        .route("/token", get(issue))
        .with_state(keys.clone());

    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("TOKEN=$(curl -s http://127.0.0.1:3000/token)");
    println!(r#"curl -i http://127.0.0.1:3000/ -H "Authorization: Bearer $TOKEN""#);
    let server = async { axum::serve(listener, app).await.map_err(Box::<dyn Error>::from) };
    let rotation = async { rotate(keys).await.map_err(Box::<dyn Error>::from) };
    tokio::try_join!(server, rotation)?;
    Ok(())
}
