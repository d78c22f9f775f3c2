//! A shop of three servers: `auth` issues tokens, `cart` and `payment` check them by themselves,
//! from the token alone, and go on when the auth server is down.
//!
//! `cargo run --example shop` starts all three, with a secret made for the run unless `JWT_SECRET`
//! has one, and prints curl lines to paste. As processes of their own:
//! `JWT_SECRET=... cargo run --example shop -- auth`, and the same with `cart` and `payment`, which
//! may have `CART_SECRET` or `PAYMENT_SECRET` instead. `AUTH_PORT`, `CART_PORT` and `PAYMENT_PORT`
//! replace the ports 4000, 4001 and 4002.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod auth_server;
mod cart;
mod carts;
mod companies;
mod curl;
mod payment;
mod secrets;
mod server;
mod shopper;
mod users;

use std::error::Error;
use std::process::ExitCode;

use tower_jwt_auth::Secret;

use crate::server::Server;

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

async fn run(service: Option<&str>) -> Result<(), Box<dyn Error>> {
    match service {
        None => all().await,
        Some("auth") => alone(auth(secrets::master()?).await?).await,
        Some("cart") => alone(cart(secrets::of_service("cart")?).await?).await,
        Some("payment") => alone(payment(secrets::of_service("payment")?).await?).await,
        Some(other) => Err(format!(
            "there is no server {other:?}: name auth, cart or payment, or none to start all three"
        )
        .into()),
    }
}

async fn all() -> Result<(), Box<dyn Error>> {
    let master = secrets::master_or_new()?;
    let cart = cart(master.derive(secrets::ISSUER, "cart")).await?;
    let payment = payment(master.derive(secrets::ISSUER, "payment")).await?;
    let auth = auth(master).await?;
    println!("{}", curl::lines(&auth.url(), &cart.url(), &payment.url()));
    tokio::try_join!(auth.serve(), cart.serve(), payment.serve())?;
    Ok(())
}

async fn alone(server: Server) -> Result<(), Box<dyn Error>> {
    println!("listening on {}", server.url());
    Ok(server.serve().await?)
}

async fn auth(master: Secret) -> Result<Server, Box<dyn Error>> {
    Server::bind("AUTH_PORT", 4000, auth_server::app(&master)).await
}

async fn cart(secret: Secret) -> Result<Server, Box<dyn Error>> {
    Server::bind("CART_PORT", 4001, cart::app(secret)).await
}

async fn payment(secret: Secret) -> Result<Server, Box<dyn Error>> {
    Server::bind("PAYMENT_PORT", 4002, payment::app(secret)).await
}
