//! The route behind [`JwtAuth`].

use axum::Router;
use axum::routing::get;
use tower_jwt_auth::{Claims, JwtAuth, TokenCache};

use crate::routes::answer;
use crate::tokens::{Shopper, TokenKind, keyed, verifying_key};
use crate::verifiers::ours;

pub fn route(kind: &TokenKind) -> Router {
    behind(ours(verifying_key(kind.algorithm), kind.parties))
}

/// Returns the route behind a layer with a cache of the default size.
pub fn cached_route(kind: &TokenKind) -> Router {
    let auth = ours(verifying_key(kind.algorithm), kind.parties);
    behind(auth.with_cache(TokenCache::new()))
}

/// Returns the route behind a layer whose key has a `kid`.
pub fn keyed_route(kind: &TokenKind) -> Router {
    behind(ours(keyed(), kind.parties))
}

fn behind(auth: JwtAuth<Shopper>) -> Router {
    Router::new().route("/cart", get(cart)).layer(auth)
}

async fn cart(claims: Claims<Shopper>) -> &'static str {
    answer(&claims)
}
