//! `cargo bench --bench layer`: a request to an axum route, behind the layer and without it.

#![allow(clippy::expect_used, clippy::indexing_slicing)]

mod tokens;

use axum::{Router, body::Body, extract::Request, response::Response, routing::get};
use divan::Bencher;
use futures_util::FutureExt;
use http::{HeaderValue, StatusCode, header::AUTHORIZATION};
use tokens::{REFUSED, SIZES, Shopper, auth, token};
use tower_jwt_auth::Claims;
use tower_service::Service;

fn main() {
    divan::main();
}

#[divan::bench]
fn without(bencher: Bencher<'_, '_>) {
    run(bencher, Router::new().route("/", get(async || "cart")), "typical", StatusCode::OK);
}

#[divan::bench(args = SIZES)]
fn accepted(bencher: Bencher<'_, '_>, name: &str) {
    run(bencher, shop(), name, StatusCode::OK);
}

#[divan::bench(args = REFUSED)]
fn refused(bencher: Bencher<'_, '_>, name: &str) {
    // A comma is no character of a token: the request is malformed.
    let malformed = name == "malformed";
    let status = if malformed { StatusCode::BAD_REQUEST } else { StatusCode::UNAUTHORIZED };
    run(bencher, shop(), name, status);
}

fn shop() -> Router {
    async fn cart(claims: Claims<Shopper>) -> &'static str {
        if claims.sub.is_empty() || claims.company.is_empty() { "nobody" } else { "cart" }
    }
    Router::new().route("/", get(cart)).layer(auth())
}

fn run(bencher: Bencher<'_, '_>, mut router: Router, name: &str, status: StatusCode) {
    // As `axum::serve` does before the first request.
    router = router.with_state(());
    let value = HeaderValue::try_from(format!("Bearer {}", token(name))).expect("visible text");
    let request = || {
        let mut request = Request::new(Body::empty());
        request.headers_mut().insert(AUTHORIZATION, value.clone());
        request
    };
    assert_eq!(answer(&mut router, request()).status(), status);
    bencher.with_inputs(request).bench_local_values(|request| answer(&mut router, request));
}

fn answer(router: &mut Router, request: Request) -> Response {
    router.call(request).now_or_never().expect("nothing to wait for").expect("infallible")
}
