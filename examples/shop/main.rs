//! A shop of three servers. `auth` issues tokens. `cart` and `payment` verify them without asking
//! `auth`, and keep working while `auth` is down.
//!
//! `cargo run --example shop` starts all three servers. It prints curl commands for a shell, and
//! the address of a page for a browser. `JWT_SECRET` sets the secret. Without it, each run
//! generates a new random secret. With `ACCESS_SECS=10`, access tokens expire after ten seconds
//! instead of ten minutes, and the page shows how it renews the tokens. `SHOP_DB` names the file
//! that contains the users and sessions. The default is `shop.sqlite`. `GUESS_SECS` is the number
//! of seconds after which an account gains another login attempt. The default is 60.
//!
//! With `SHOP_ALG=EdDSA`, or another algorithm with public keys, only the auth server can sign
//! tokens: `SHOP_ALG=EdDSA cargo run --example shop --features jwks`. `cart` and `payment` then
//! fetch the auth server's public key from `/.well-known/jwks.json`. `SHOP_KEY` names a PEM file
//! with the key pair. Without `SHOP_KEY`, each run generates a new key pair.
//!
//! With the feature `openid-login`, users can also log in with an account at another provider, such
//! as Google, Kakao, Naver, Keycloak, or any other OpenID provider. Environment variables configure
//! the providers: see [`openid`].
//!
//! To run the servers as separate processes, run `JWT_SECRET=... cargo run --example shop -- auth`.
//! Run the same command twice more: once with `cart` and once with `payment` instead of `auth`.
//!
//! - The cart server can use `CART_SECRET` instead of `JWT_SECRET`, and the payment server can use
//!   `PAYMENT_SECRET`.
//! - If `SHOP_ALG` is set, the cart and payment servers need no secret. They fetch the public key
//!   from the auth server at `AUTH_URL`, by default `http://127.0.0.1:4000`.
//! - `AUTH_PORT`, `CART_PORT` and `PAYMENT_PORT` replace the ports 4000, 4001 and 4002. If you
//!   change a port, also set `PAGE_ORIGIN`, `CART_ORIGIN` and `PAYMENT_ORIGIN` in all three
//!   processes. They are the origins of the auth, cart and payment servers.
//! - `REVOCATIONS` is the URL of a Redis, such as `redis://localhost`, through which revocations
//!   reach all processes.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod attempts;
mod auth_server;
mod cart;
mod carts;
mod companies;
mod curl;
mod devices;
mod endings;
mod keys;
mod openid;
mod origins;
mod page;
mod payment;
mod revocation;
mod secrets;
mod server;
mod shopper;
mod users;

use std::error::Error;
use std::process::ExitCode;

use axum::Router;

use crate::origins::Origins;
use crate::revocation::Feed;
use crate::server::Server;

const AUTH: u16 = 4000;
const CART: u16 = 4001;
const PAYMENT: u16 = 4002;

#[tokio::main]
async fn main() -> ExitCode {
    match run(std::env::args().nth(1).as_deref()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("shop: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(service: Option<&str>) -> Result<(), Box<dyn Error + Send + Sync>> {
    match service {
        None => all().await,
        Some("auth") => {
            let master = secrets::master()?;
            let app =
                async |origins: &Origins| auth_server::app(&master, origins, &Feed::alone()).await;
            alone(Server::bind("AUTH_PORT", AUTH).await?, app).await
        }
        Some("cart") => {
            let keys = keys::of_service("cart")?;
            alone(Server::bind("CART_PORT", CART).await?, async |o| {
                cart::app(keys, o, &Feed::alone())
            })
            .await
        }
        Some("payment") => {
            let keys = keys::of_service("payment")?;
            let app = async |origins: &Origins| payment::app(keys, origins, &Feed::alone());
            alone(Server::bind("PAYMENT_PORT", PAYMENT).await?, app).await
        }
        Some(other) => Err(format!(
            "there is no server {other:?}: name auth, cart or payment, or none to start all three"
        )
        .into()),
    }
}

async fn all() -> Result<(), Box<dyn Error + Send + Sync>> {
    let master = secrets::master_or_new()?;
    let auth = Server::bind("AUTH_PORT", AUTH).await?;
    let cart = Server::bind("CART_PORT", CART).await?;
    let payment = Server::bind("PAYMENT_PORT", PAYMENT).await?;
    let origins = Origins { page: auth.origin(), cart: cart.origin(), payment: payment.origin() };
    let feed = Feed::shared();
    let apps = (
        auth_server::app(&master, &origins, &feed).await?,
        cart::app(keys::beside(&auth.url(), "cart", &master)?, &origins, &feed)?,
        payment::app(keys::beside(&auth.url(), "payment", &master)?, &origins, &feed)?,
    );
    println!("{}", curl::lines(&auth.url(), &cart.url(), &payment.url()));
    println!("# Or open {} in a browser. Ctrl-C ends the servers.", origins.page);
    tokio::try_join!(auth.serve(apps.0), cart.serve(apps.1), payment.serve(apps.2))?;
    Ok(())
}

async fn alone(
    server: Server,
    app: impl AsyncFnOnce(&Origins) -> Result<Router, Box<dyn Error + Send + Sync>>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let app = app(&Origins::from_env()).await?;
    println!("listening on {}", server.url());
    Ok(server.serve(app).await?)
}
