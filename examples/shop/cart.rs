//! The cart server. Each user has a cart, and gets it with a token in a header or a cookie.

use std::error::Error;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use tower_jwt_auth::{Claims, Clock, Issuer, IssuerKeys, JwtAuth, SystemClock, has_scope, require};

use crate::auth_server::CART_COOKIE;
use crate::carts::Carts;
use crate::companies;
use crate::origins::Origins;
use crate::revocation::Feed;
use crate::secrets::ISSUER;
use crate::shopper::Shopper;

/// The price of every item.
const CENTS: u64 = 499;

pub(crate) fn app(
    keys: IssuerKeys,
    origins: &Origins,
    feed: &Feed,
) -> Result<Router, Box<dyn Error + Send + Sync>> {
    // A browser adds cookies to requests from any site. If a state-changing request is
    // authenticated by the token's cookie, the layer therefore accepts the request only from a page
    // of the trusted origin. CORS decides which origins may read responses.
    let auth = JwtAuth::from(Issuer::new(ISSUER, keys).audience("cart"))
        .realm("cart")
        .cookie(CART_COOKIE)
        .trust_origin(&origins.page)
        .claims::<Shopper>();
    // `route_layer` guards only the methods that were added before it. `show` is added later and
    // needs no scope.
    let cart = post(add).delete(empty).route_layer(require(has_scope("cart"))).get(show);
    let auth = feed.checked_by(auth)?;
    let routes = Router::new()
        .route("/cart", cart)
        .route("/cart/live", get(live))
        .merge(companies::routes());
    Ok(routes.layer(auth).layer(origins.cors()?).with_state(Carts::default()))
}

#[derive(Deserialize)]
struct Order {
    item: String,
}

async fn add(
    claims: Claims<Shopper>,
    State(carts): State<Carts>,
    Json(order): Json<Order>,
) -> StatusCode {
    carts.add(&claims, order.item);
    StatusCode::CREATED
}

async fn empty(claims: Claims<Shopper>, State(carts): State<Carts>) -> StatusCode {
    carts.empty(&claims);
    StatusCode::NO_CONTENT
}

/// Sends the cart once a second, until the token expires or is revoked.
async fn live(claims: Claims<Shopper>, State(carts): State<Carts>) -> impl IntoResponse {
    let shopper = claims.clone();
    let second = Duration::from_secs(1);
    let events = stream::unfold(Duration::ZERO, move |pause| {
        let (shopper, carts) = (shopper.clone(), carts.clone());
        async move {
            tokio::time::sleep(pause).await;
            let items = carts.of(&shopper);
            let event =
                Event::default().json_data(json!({ "cents": price(&items), "items": items }));
            // The browser reconnects on its own. It then presents a renewed token, or gets 401.
            Some((event.map(|event| event.retry(second)), second))
        }
    });
    Sse::new(claims.until_ended(events))
}

async fn show(claims: Claims<Shopper>, State(carts): State<Carts>) -> Json<Value> {
    let items = carts.of(&claims);
    // The page shows when its token expires, but cannot read the token itself.
    let now = SystemClock.now();
    let expires_in = claims.token().expires_at().map(|end| end.saturating_since(now).as_secs());
    Json(json!({
        "user": claims.sub,
        "company": claims.company,
        "cents": price(&items),
        "items": items,
        "expires_in": expires_in,
    }))
}

fn price(items: &[String]) -> u64 {
    items.iter().fold(0, |sum, _| CENTS.saturating_add(sum))
}
