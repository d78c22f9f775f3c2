//! Tests that requests and responses may have bodies of any type. The layer and the guards do not
//! read a body before they accept the request.

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt, service_fn};
use tower_http::map_response_body::MapResponseBodyLayer;
use tower_jwt_auth::{Allowed, Policy, guard::Guard, has_role, require};

use crate::kit::shop;

async fn handle<B>(request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible> {
    drop(request.into_body());
    Ok(Response::new(Full::from("handled")))
}

async fn passes<B>(body: B, other: B) {
    let guarded = require(has_role("customer")).layer(service_fn(handle::<B>));
    let service = shop::auth().layer(guarded);
    let accepted = service.clone().oneshot(shop::request("/", &shop::good()).map(|_| body));
    let body = accepted.await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(body.to_bytes(), "handled");
    let refused = service.oneshot(shop::request("/", "a.b.c").map(|_| other)).await.unwrap();
    assert_eq!(refused.status(), 401);
}

#[tokio::test]
async fn requests_may_have_any_body() {
    passes((), ()).await;
    passes(String::from("text"), String::from("text")).await;
    passes(Full::new(Bytes::from_static(b"bytes")), Full::new(Bytes::from_static(b"bytes"))).await;
    passes(Body::empty(), Body::empty()).await;
    passes(Rc::new("not Send"), Rc::new("not Send")).await;
}

async fn answers<B: From<Bytes> + Default + Into<Vec<u8>>>() {
    let inner = service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(B::default())));
    let response = shop::auth().layer(inner).oneshot(Request::new(())).await.unwrap();
    assert_eq!(response.status(), 401);
    let body: Vec<u8> = response.into_body().into();
    assert!(body.starts_with(b"{\"type\":"));
}

#[tokio::test]
async fn responses_may_have_any_body_that_bytes_can_become() {
    answers::<Bytes>().await;
    answers::<Vec<u8>>().await;
}

#[tokio::test]
async fn a_layer_of_tower_http_adapts_other_response_bodies() {
    let text = service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(String::from("handled")))
    });
    let mapped = MapResponseBodyLayer::new(|text: String| Full::<Bytes>::from(text)).layer(text);
    let service = shop::auth().layer(mapped);
    let request = shop::request("/", &shop::good()).map(drop);
    let body = service.clone().oneshot(request).await.unwrap().into_body();
    assert_eq!(body.collect().await.unwrap().to_bytes(), "handled");
    assert_eq!(service.oneshot(Request::new(())).await.unwrap().status(), 401);
}

/// A body that panics if it is read.
struct Untouchable;

impl http_body::Body for Untouchable {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        panic!("the body was read before the request was admitted")
    }
}

struct Admin;

impl Policy for Admin {
    fn guard() -> impl Guard {
        has_role("admin")
    }
}

#[tokio::test]
async fn nothing_of_a_refused_request_is_read() {
    let app = Router::new()
        .route("/open", post(async |body: String| body))
        .route("/layer", post(async |body: String| body).route_layer(require(has_role("admin"))))
        .route("/argument", post(async |_: Allowed<Admin>, body: String| body))
        .layer(shop::auth());
    let post = |path: &str, token: &str| {
        let request = Request::post(path).header("authorization", shop::bearer(token));
        request.body(Body::new(Untouchable)).unwrap()
    };
    let good = shop::good();
    for (request, status) in [
        (post("/open", "a.b.c"), 401),
        (post("/layer", &good), 403),
        (post("/argument", &good), 403),
    ] {
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status);
        assert!(!response.into_body().collect().await.unwrap().to_bytes().is_empty());
    }
}
