//! The route behind [`JwtAuth`].

use axum::Router;
use axum::routing::get;
use tower_jwt_auth::{Claims, JwtAuth};

use crate::routes::answer;
use crate::tokens::{Shopper, keyed, secret};
use crate::verifiers::ours;

pub fn route(parties: bool) -> Router {
    behind(ours(secret(), parties))
}

/// Returns the route with a key that has a `kid`.
pub fn keyed_route(parties: bool) -> Router {
    behind(ours(keyed(), parties))
}

fn behind(auth: JwtAuth<Shopper>) -> Router {
    Router::new().route("/cart", get(cart)).layer(auth)
}

async fn cart(claims: Claims<Shopper>) -> &'static str {
    answer(&claims)
}
