//! The cart server: everybody has a cart, and sees it with the token in a header or a cookie.

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
use tower_jwt_auth::{Claims, JwtAuth, Secret, has_scope, require};

use crate::auth_server::CART_COOKIE;
use crate::carts::Carts;
use crate::companies;
use crate::origins::Origins;
use crate::revocation::Feed;
use crate::secrets::ISSUER;
use crate::shopper::Shopper;

pub(crate) fn app(
    secret: Secret,
    origins: &Origins,
    feed: &Feed,
) -> Result<Router, Box<dyn Error + Send + Sync>> {
    // A browser sends a cookie by itself, so the layer refuses to *change* anything when the
    // cookie comes with a request of another origin than these: who may *send*. CORS is who may
    // *read*.
    let auth = JwtAuth::new(secret)
        .issuer(ISSUER)
        .audience("cart")
        .realm("cart")
        .cookie(CART_COOKIE)
        .trust_origin(&origins.page)
        .claims::<Shopper>();
    // `route_layer` guards the methods in front of it, so looking into the cart needs no scope.
    let cart = post(add).route_layer(require(has_scope("cart"))).get(show);
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

/// The cart, once a second, for as long as the token is good: it may expire or be revoked.
async fn live(claims: Claims<Shopper>, State(carts): State<Carts>) -> impl IntoResponse {
    let shopper = claims.clone();
    let second = Duration::from_secs(1);
    let events = stream::unfold(Duration::ZERO, move |pause| {
        let (shopper, carts) = (shopper.clone(), carts.clone());
        async move {
            tokio::time::sleep(pause).await;
            Some((Event::default().json_data(carts.of(&shopper)), second))
        }
    });
    Sse::new(claims.until_ended(events))
}

async fn show(claims: Claims<Shopper>, State(carts): State<Carts>) -> Json<Value> {
    Json(json!({ "user": claims.sub, "company": claims.company, "items": carts.of(&claims) }))
}
