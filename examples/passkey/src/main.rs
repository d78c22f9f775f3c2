//! Logins with passkeys. `webauthn-rs` checks the passkey, and `Logins::start` starts the session.
//!
//! `cargo run --manifest-path examples/passkey/Cargo.toml` prints the address of the page. If you
//! have no security key or phone, Chromium can emulate a security key: see the tab "WebAuthn" of
//! its developer tools.

mod ceremonies;
mod passkeys;
mod users;

use std::error::Error;
use std::sync::Arc;

use axum::response::Html;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tower_jwt_auth::issuer::{AuthRoutes, Cookies, MemoryStore, Sessions, TokenIssuer};
use tower_jwt_auth::{Claims, JwtAuth, Secret};
use webauthn_rs::prelude::{Url, WebauthnBuilder};

use crate::passkeys::Site;
use crate::users::{LoggedIn, Users};

const ISSUER: &str = "http://localhost";
const ACCESS_COOKIE: &str = "__Host-site_token";

/// Returns the name of the user. The layer in front rejects users who are not logged in.
async fn who_am_i(claims: Claims<LoggedIn>) -> Json<Value> {
    Json(json!({ "name": claims.name }))
}

fn app(origin: &Url) -> Result<Router, Box<dyn Error>> {
    // The domain is part of every passkey. Passkeys of another domain do not work here.
    let domain = origin.domain().ok_or("the origin has no domain")?;
    let webauthn = WebauthnBuilder::new(domain, origin)?.rp_name("Passkey example").build()?;

    let (users, secret) = (Arc::new(Users::default()), Secret::generate()?);
    let issuer = TokenIssuer::new(ISSUER).audience("site", secret.clone());
    let routes = AuthRoutes::new(Arc::clone(&users), issuer, Sessions::new(MemoryStore::new()))
        .cookies(Cookies::new("/auth").add_access_cookie("site", ACCESS_COOKIE));
    let site = Site::new(webauthn, users, routes.logins());

    let auth = JwtAuth::new(secret).issuer(ISSUER).audience("site").cookie(ACCESS_COOKIE);
    let auth = auth.claims::<LoggedIn>();
    // These routes are below the path of the cookies, so each login request contains the refresh
    // token of the browser's previous session. The login can then end that session.
    let passkeys = passkeys::routes(site, auth.clone().allow_anonymous());
    Ok(Router::new()
        .route("/me", get(who_am_i).layer(auth))
        .nest("/auth", routes.into_router().merge(passkeys))
        .route("/", get(|| async { Html(include_str!("page.html")) })))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::var("PORT").map_or(Ok(8000), |port| port.parse())?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    // Browsers allow passkeys and `Secure` cookies only on https, with the exception of
    // http://localhost.
    let origin = format!("http://localhost:{}", listener.local_addr()?.port());
    let app = app(&Url::parse(&origin)?)?;
    println!("open {origin} in a browser");
    Ok(axum::serve(listener, app).await?)
}
