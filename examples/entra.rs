//! A service that accepts the access tokens of a Microsoft Entra tenant.
//!
//! ```console
//! $ export ENTRA_TENANT=8f1e6b0c-3a2d-4c57-9b1f-2f6f0d8e4a11
//! $ export AUDIENCE=5b7e3c1a-0d2f-4e68-8a9b-c1d2e3f40516    # the client id of the API
//! $ cargo run --example entra --features jwks
//! ```
//!
//! Without `ENTRA_TENANT`, a mock server stands in for Entra, and the example prints a curl command
//! with a token. The mock server needs node 20 and npm.

#![allow(clippy::print_stdout)]

mod mock_provider;

use std::env;
use std::error::Error;

use axum::{Router, routing::get};
use serde::Deserialize;
use tower_jwt_auth::{Claims, Issuer, JwtAuth, has_role, require};

#[derive(Deserialize)]
struct User {
    preferred_username: String,
}

async fn hello(user: Claims<User>) -> String {
    format!("hello {}\n", user.preferred_username)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = env::var("ADDRESS").unwrap_or("127.0.0.1:3000".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    let url = format!("http://{}/", listener.local_addr()?);

    let mock;
    let issuer = match env::var("ENTRA_TENANT") {
        Ok(tenant) => {
            let audience =
                env::var("AUDIENCE").map_err(|_| "set AUDIENCE to the client id of the API")?;
            Issuer::entra(tenant).audience(audience)
        }
        Err(_) => {
            mock = mock_provider::MockProvider::start("entra")?;
            println!("curl -i {url} -H 'Authorization: Bearer {}'", mock.token);
            Issuer::entra("8f1e6b0c-3a2d-4c57-9b1f-2f6f0d8e4a11")
                .audience("5b7e3c1a-0d2f-4e68-8a9b-c1d2e3f40516")
                .with_keys(mock.keys())
        }
    };

    let admin = get(|| async { "hello admin\n" }).layer(require(has_role("admin")));
    let auth = JwtAuth::from(issuer).claims::<User>();
    let app = Router::new().route("/", get(hello)).route("/admin", admin).layer(auth);
    Ok(axum::serve(listener, app).await?)
}
