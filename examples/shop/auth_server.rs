//! The auth server, which issues tokens after a login and renews these tokens.

use std::env;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use tower_jwt_auth::Secret;
use tower_jwt_auth::issuer::{AuthRoutes, Cookies, EndCause, SessionEvent, Sessions, SqliteStore};

use crate::attempts::{self, Attempts};
use crate::devices::{self, Devices};
use crate::endings::{self, Endings};
use crate::keys;
use crate::openid::Providers;
use crate::origins::Origins;
use crate::page;
use crate::revocation::Feed;
use crate::users::Users;

/// The access cookies of the cart and payment servers.
pub(crate) const CART_COOKIE: &str = "__Host-cart_token";
pub(crate) const PAYMENT_COOKIE: &str = "__Host-payment_token";

/// Starts the auth server. `SHOP_DB` is the file with users and sessions. `ACCESS_SECS` is the
/// lifetime of access tokens. An account gains one login attempt every `GUESS_SECS` seconds.
pub(crate) async fn app(
    master: &Secret,
    origins: &Origins,
    feed: &Feed,
) -> Result<Router, Box<dyn Error + Send + Sync>> {
    let file = env::var("SHOP_DB").unwrap_or_else(|_| "shop.sqlite".to_owned());
    let mut issuer = keys::issuer(master)?;
    let providers = Providers::from_env(&origins.page, master)?;
    let buttons = providers.buttons();
    if let Ok(secs) = env::var("ACCESS_SECS") {
        issuer = issuer.lifetime(Duration::from_secs(secs.parse()?));
    }
    let endings = Arc::new(Endings::default());
    let recorded = Arc::clone(&endings);
    // `SqliteStore` creates the file with mode 0600. `Users` uses the same file, so open `Users`
    // after the store.
    let store = SqliteStore::connect(&format!("sqlite:{file}")).await?;
    let sessions = Sessions::new(store).with_events(move |event| {
        report(event);
        recorded.record(event);
    });
    let sessions = feed.published_by(sessions, &issuer)?;

    // Pages get tokens in cookies, which no script can read. Other clients get them in bodies.
    let cookies = Cookies::new("/auth")
        .add_access_cookie("cart", CART_COOKIE)
        .add_access_cookie("payment", PAYMENT_COOKIE);
    let devices = Arc::new(Devices::new(master));
    let period = env::var("GUESS_SECS").map_or(Ok(60), |secs| secs.parse())?;
    let attempts = Attempts::new(Duration::from_secs(period)).ok_or("GUESS_SECS is zero")?;
    let attempts = Arc::new(attempts);
    let users = Users::open(&file, Arc::clone(&attempts), Arc::clone(&devices)).await?;
    let users = Arc::new(users);
    let limit_addresses = from_fn_with_state(attempts, attempts::limit_addresses);
    let remember = from_fn_with_state(Arc::clone(&devices), devices::remember);

    let for_pages = AuthRoutes::new(Arc::clone(&users), issuer.clone(), sessions.clone())
        .cookies(cookies.clone())
        .add_login_layer(remember)
        .add_login_layer(limit_addresses.clone());
    let for_pages = providers.add_to(for_pages, &users, cookies, sessions.clone()).await?;
    let for_clients =
        AuthRoutes::new(users, issuer, sessions).add_login_layer(limit_addresses).into_router();
    Ok(Router::new()
        .nest("/auth", for_pages)
        .merge(for_clients)
        .merge(endings::routes(devices, endings))
        .merge(page::routes(origins, &buttons)?))
}

fn report(event: &SessionEvent<'_>) {
    if let SessionEvent::Ended(session, EndCause::Reused) = event {
        eprintln!(
            "{}: a refresh token was stolen, session {} ended",
            session.subject(),
            session.id()
        );
    }
}
