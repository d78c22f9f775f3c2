//! A WebSocket that requires a token. A script in a browser cannot set `Authorization` on a
//! WebSocket, so it sends the token as a second subprotocol: `["bearer", token]`. The socket closes
//! when the token expires or is revoked.
//!
//! `cargo run --example websocket` prints the address of a page that opens a WebSocket, and a curl
//! command that makes the handshake. The response to the handshake is 101 if the handshake has a
//! valid token, and 401 otherwise.

#![allow(clippy::print_stdout)]

use std::error::Error;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::{Html, Response};
use axum::{Router, routing::any, routing::get};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tower_jwt_auth::jwt::Signer;
use tower_jwt_auth::{Claims, Clock, JwtAuth, Key, Secret, SystemClock};

async fn open(claims: Claims, upgrade: WebSocketUpgrade) -> Response {
    // A browser closes the connection if the server selects none of the subprotocols that the
    // browser offered.
    upgrade.protocols(["bearer"]).on_upgrade(move |socket| echo(socket, claims))
}

async fn echo(socket: WebSocket, claims: Claims) {
    let who = claims.token().subject().unwrap_or("somebody");
    // The token was verified when the socket opened. It may expire or be revoked later.
    let mut socket = claims.until_ended(socket);
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        if socket.send(format!("{who} said: {text}").into()).await.is_err() {
            return;
        }
    }
    if let Some(why) = socket.ended() {
        let reason = format!("{why:?}").into();
        let close = Message::Close(Some(CloseFrame { code: close_code::POLICY, reason }));
        // The client may have disconnected already.
        let _ = socket.into_inner().send(close).await;
    }
}

fn page(token: &str) -> Html<String> {
    Html(format!(
        r#"<!doctype html>
<pre id="log"></pre>
<script>
  const socket = new WebSocket("ws://127.0.0.1:3000/ws", ["bearer", "{token}"]);
  socket.onopen = () => socket.send("hello");
  socket.onmessage = (event) => document.getElementById("log").append(event.data + "\n");
  socket.onclose = () => document.getElementById("log").append("closed\n");
</script>
"#
    ))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret = Secret::generate()?;
    let exp = SystemClock.now().as_secs().saturating_add(600);
    let signer = Signer::new(Key::hs256(secret.clone()));
    let token = signer.sign(&json!({ "sub": "alice", "exp": exp }))?;

    let page = page(&token);
    let app = Router::new()
        .route("/ws", any(open))
        .layer(JwtAuth::new(secret).websocket_protocol("bearer"))
        // For demonstration purposes, the page contains the token.
        .route("/", get(|| async { page }));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("# open http://127.0.0.1:3000/ in a browser, or:");
    println!(
        "curl -i -N http://127.0.0.1:3000/ws -H 'Connection: Upgrade' -H 'Upgrade: websocket' \
         -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' \
         -H 'Sec-WebSocket-Protocol: bearer, {token}'"
    );
    Ok(axum::serve(listener, app).await?)
}
