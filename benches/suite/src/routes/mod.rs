//! The axum routes that are measured: one for each way to authenticate requests, and a few without
//! authentication. The handler of an authenticated route reads one claim.

mod by_hand;
mod ours;
mod peers;
mod references;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use futures_util::FutureExt;
use http::request::Parts;
use http::{HeaderValue, Request, header::AUTHORIZATION};
use tower::Service;

use crate::tokens::{Shopper, TokenKind};

/// Returns the route with this name, for one kind of token.
pub fn route(name: &str, kind: &TokenKind) -> Router {
    let router = match name {
        "no layer" => references::no_layer(),
        "no-op layer" => references::no_op_layer(),
        "bare 401" => references::bare_401(),
        "by hand" => by_hand::route(kind),
        "tower-jwt-auth" => ours::route(kind),
        "tower-jwt-auth, cached" => ours::cached_route(kind),
        "tower-jwt-auth, kid" => ours::keyed_route(kind),
        "aliri_tower" => peers::aliri_tower(kind),
        "axum-jwt-auth" => peers::axum_jwt_auth(kind),
        "huskarl-axum" => peers::huskarl_axum(kind),
        "jwt-authorizer" => peers::jwt_authorizer(kind),
        "tower-oauth2-resource-server" => peers::tower_oauth2_resource_server(kind),
        other => panic!("no route {other:?}"),
    };
    // Build the layered route once, as `axum::serve` does before the first request. Otherwise every
    // request would build it again.
    router.with_state(())
}

/// The work of each handler.
fn answer(claims: &Shopper) -> &'static str {
    if claims.company.is_empty() { "nobody" } else { "cart" }
}

/// Returns the head of a request. A real server reads the head from the connection, so the time to
/// build the head must not be measured. Therefore build the head once, and send clones. Cloning the
/// head takes less time than building it.
pub fn request(token: Option<&str>) -> Parts {
    let mut request = Request::new(());
    *request.uri_mut() = http::Uri::from_static("/cart");
    let headers = request.headers_mut();
    headers.insert("host", HeaderValue::from_static("cart.shop.example"));
    headers.insert("user-agent", HeaderValue::from_static("bench"));
    headers.insert("accept", HeaderValue::from_static("*/*"));
    if let Some(token) = token {
        let value = HeaderValue::try_from(format!("Bearer {token}")).expect("a header");
        headers.insert(AUTHORIZATION, value);
    }
    request.into_parts().0
}

/// Sends `request` to `router` and returns the response.
pub fn ask(router: &mut Router, request: &Parts) -> Response {
    let request = Request::from_parts(request.clone(), Body::empty());
    let response = router.call(request).now_or_never().expect("nothing to wait for");
    response.expect("infallible")
}
