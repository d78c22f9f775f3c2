//! Routes without authentication. Their times are subtracted from the times of the other routes.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use tower::layer::layer_fn;
use tower::{Service, layer::util::Identity};

pub fn no_layer() -> Router {
    Router::new().route("/cart", get(async || "cart"))
}

/// Returns the route behind a layer that does nothing. This measures the minimum cost of a layer.
pub fn no_op_layer() -> Router {
    no_layer().layer(Identity::new())
}

/// Returns a route that always answers 401. This measures the minimum cost of a rejection.
pub fn bare_401() -> Router {
    #[derive(Clone)]
    struct Refuse;
    impl Service<Request> for Refuse {
        type Response = Response;
        type Error = Infallible;
        type Future = Ready<Result<Response, Infallible>>;
        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }
        fn call(&mut self, _: Request) -> Self::Future {
            ready(Ok(StatusCode::UNAUTHORIZED.into_response()))
        }
    }
    no_layer().layer(layer_fn(|_| Refuse))
}
