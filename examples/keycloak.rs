//! A service that accepts the access tokens of a Keycloak realm.
//!
//! ```console
//! $ export KEYCLOAK_REALM=https://keycloak.shop.example/realms/shop
//! $ export AUDIENCE=cart          # needs an audience mapper in the realm
//! $ cargo run --example keycloak --features jwks
//! ```
//!
//! Without `KEYCLOAK_REALM`, a mock server stands in for Keycloak, and the example prints a curl
//! command with a token. The mock server needs node 20 and npm.

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
    let issuer = match env::var("KEYCLOAK_REALM") {
        Ok(realm) => {
            let audience = env::var("AUDIENCE")
                .map_err(|_| "set AUDIENCE to the `aud` that the realm writes for this service")?;
            Issuer::keycloak(realm).audience(audience)
        }
        Err(_) => {
            mock = mock_provider::MockProvider::start("keycloak")?;
            println!("curl -i {url} -H 'Authorization: Bearer {}'", mock.token);
            Issuer::keycloak("https://keycloak.example/realms/shop")
                .audience("cart")
                .with_keys(mock.keys())
        }
    };

    let admin = get(|| async { "hello admin\n" }).layer(require(has_role("admin")));
    let auth = JwtAuth::from(issuer).claims::<User>();
    let app = Router::new().route("/", get(hello)).route("/admin", admin).layer(auth);
    Ok(axum::serve(listener, app).await?)
}
