//! Typical hand-written authentication: `from_fn`, the header, `jsonwebtoken::decode` and an
//! extension. It answers an invalid token with a bare 401.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use http::{StatusCode, header::AUTHORIZATION};

use crate::routes::answer;
use crate::tokens::{Shopper, TokenKind};
use crate::verifiers::Decode;

pub fn route(kind: &TokenKind) -> Router {
    let layer = from_fn_with_state(Arc::new(Decode::new(kind)), authenticate);
    Router::new().route("/cart", get(cart)).layer(layer)
}

async fn cart(Extension(claims): Extension<Arc<Shopper>>) -> &'static str {
    answer(&claims)
}

async fn authenticate(
    State(decode): State<Arc<Decode>>,
    mut request: Request,
    next: Next,
) -> Response {
    let token = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let Some(claims) = token.and_then(|token| decode.verify(token)) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    request.extensions_mut().insert(Arc::new(claims));
    next.run(request).await
}
