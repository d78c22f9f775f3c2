//! A service that accepts the access tokens of an Auth0 tenant.
//!
//! ```console
//! $ export AUTH0_DOMAIN=shop.eu.auth0.com
//! $ export AUDIENCE=https://api.shop.example    # the identifier of the API
//! $ cargo run --example auth0 --features jwks
//! ```
//!
//! Without `AUTH0_DOMAIN`, a mock server stands in for Auth0, and the example prints a curl command
//! with a token. The mock server needs node 20 and npm.

#![allow(clippy::print_stdout)]

mod mock_provider;

use std::env;
use std::error::Error;

use axum::{Router, routing::get};
use tower_jwt_auth::{Issuer, JwtAuth, Token, has_scope, require};

async fn hello(token: Token) -> String {
    format!("hello {}\n", token.subject().unwrap_or("stranger"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = env::var("ADDRESS").unwrap_or("127.0.0.1:3000".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    let url = format!("http://{}/", listener.local_addr()?);

    let mock;
    let issuer = match env::var("AUTH0_DOMAIN") {
        Ok(domain) => {
            let audience =
                env::var("AUDIENCE").map_err(|_| "set AUDIENCE to the identifier of the API")?;
            Issuer::auth0(domain).audience(audience)
        }
        Err(_) => {
            mock = mock_provider::MockProvider::start("auth0")?;
            println!("curl -i {url} -H 'Authorization: Bearer {}'", mock.token);
            Issuer::auth0("shop.eu.auth0.com")
                .audience("https://api.shop.example")
                .with_keys(mock.keys())
        }
    };

    let cart = get(|| async { "your cart\n" }).layer(require(has_scope("cart:read")));
    let auth = JwtAuth::from(issuer);
    let app = Router::new().route("/", get(hello)).route("/cart", cart).layer(auth);
    Ok(axum::serve(listener, app).await?)
}
