//! Tests that `poll_ready` and `call` reach the same instance of the inner service.

use std::convert::Infallible;
use std::future::{Ready, poll_fn, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::buffer::Buffer;
use tower::limit::ConcurrencyLimit;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_jwt_auth::{KeyStore, has_role, require};

use crate::kit::server::in_time;
use crate::kit::shop;

type Answer = Response<Full<Bytes>>;

/// A service that panics if `call` is not preceded by `poll_ready`. A clone is not ready, even if
/// the original service is.
#[derive(Debug)]
struct Strict {
    is_ready: bool,
    calls: Arc<AtomicUsize>,
}

impl Strict {
    fn new() -> (Self, Arc<AtomicUsize>) {
        let calls = Arc::<AtomicUsize>::default();
        (Self { is_ready: false, calls: Arc::clone(&calls) }, calls)
    }
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self { is_ready: false, calls: Arc::clone(&self.calls) }
    }
}

impl Service<Request<()>> for Strict {
    type Response = Answer;
    type Error = Infallible;
    type Future = Ready<Result<Answer, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        assert!(std::mem::take(&mut self.is_ready), "called without `poll_ready`");
        self.calls.fetch_add(1, Ordering::Relaxed);
        ready(Ok(Response::default()))
    }
}

fn good() -> Request<()> {
    shop::request("/", &shop::good()).map(drop)
}

fn bad() -> Request<()> {
    shop::request("/", "a.b.c").map(drop)
}

#[tokio::test]
async fn the_layer_calls_the_instance_that_was_ready() {
    let (strict, calls) = Strict::new();
    let stack = ServiceBuilder::new().layer(shop::auth()).layer(require(has_role("customer")));
    let mut service = stack.service(strict);
    for request in [good(), bad(), good(), bad(), bad(), good()] {
        service.ready().await.unwrap().call(request).await.unwrap();
    }
    assert_eq!(calls.load(Ordering::Relaxed), 3);
    let mut clone = service.clone();
    clone.ready().await.unwrap().call(good()).await.unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn a_guard_calls_the_instance_that_was_ready() {
    let (strict, calls) = Strict::new();
    let stack = ServiceBuilder::new().layer(shop::auth()).layer(require(has_role("admin")));
    let mut service = stack.service(strict);
    for _ in 0..3 {
        let response = service.ready().await.unwrap().call(good()).await.unwrap();
        assert_eq!(response.status(), 403);
    }
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn an_inner_concurrency_limit_gets_its_permits_back() {
    let (strict, calls) = Strict::new();
    let limited = ConcurrencyLimit::new(strict, 1);
    let mut service = shop::auth().layer(limited);
    for request in [good(), bad(), bad(), good(), good()] {
        in_time(service.ready()).await.unwrap().call(request).await.unwrap();
    }
    assert_eq!(calls.load(Ordering::Relaxed), 3);
    // A rejection does not consume the readiness of the inner service. The readiness remains for
    // the next call on the same instance, and is released when the instance is dropped.
    let mut other = service.clone();
    service.ready().await.unwrap().call(bad()).await.unwrap();
    let is_ready = poll_fn(|cx| Poll::Ready(other.poll_ready(cx)));
    assert!(is_ready.await.is_pending());
    in_time(service.ready()).await.unwrap().call(good()).await.unwrap();
    drop(service);
    in_time(other.ready()).await.unwrap().call(good()).await.unwrap();
}

#[tokio::test]
async fn an_inner_buffer_works() {
    let (strict, calls) = Strict::new();
    let mut service = shop::auth().layer(Buffer::new(strict, 2));
    for request in [good(), bad(), good()] {
        let response = in_time(service.ready()).await.unwrap().call(request).await.unwrap();
        assert!([200, 401].contains(&response.status().as_u16()));
    }
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

#[derive(Debug, PartialEq)]
struct OutOfStock;

#[tokio::test]
async fn the_error_of_the_service_is_that_of_the_inner_service() {
    let inner = service_fn(async |_: Request<()>| Err::<Answer, _>(OutOfStock));
    let stack = ServiceBuilder::new().layer(shop::auth()).layer(require(has_role("customer")));
    let mut service = stack.service(inner);
    let error: OutOfStock = service.ready().await.unwrap().call(good()).await.unwrap_err();
    assert_eq!(error, OutOfStock);
    let refused: Result<Answer, OutOfStock> = service.ready().await.unwrap().call(bad()).await;
    assert_eq!(refused.unwrap().status(), 401, "a refusal is an answer, not an error");
}

#[tokio::test]
async fn a_service_that_is_not_ready_stays_not_ready() {
    #[derive(Clone)]
    struct Busy;

    impl Service<Request<()>> for Busy {
        type Response = Answer;
        type Error = OutOfStock;
        type Future = Ready<Result<Answer, OutOfStock>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OutOfStock>> {
            Poll::Ready(Err(OutOfStock))
        }

        fn call(&mut self, _: Request<()>) -> Self::Future {
            unreachable!("it was never ready")
        }
    }

    let mut service = shop::auth().layer(require(has_role("x")).layer(Busy));
    assert_eq!(service.ready().await.err(), Some(OutOfStock));
}

#[tokio::test]
async fn clones_share_keys_and_configuration() {
    let keys = KeyStore::from(shop::secret());
    let auth = tower_jwt_auth::JwtAuth::new(keys.clone())
        .issuer(shop::ISSUER)
        .audience("cart")
        .with_clock(shop::clock());
    // Configuring a clone does not change the original.
    let strict = auth.clone().accept_type("other").allow_anonymous();
    let services = [auth.layer(Strict::new().0), auth.clone().layer(Strict::new().0)];
    for expected in [200, 401] {
        for service in &services {
            let response = service.clone().oneshot(good()).await.unwrap();
            assert_eq!(response.status(), expected);
            let nobody = service.clone().oneshot(Request::new(())).await.unwrap();
            assert_eq!(nobody.status(), 401);
        }
        keys.replace(shop::other_secret());
    }
    assert!(strict.verify(&shop::good()).is_err());
    assert_eq!(
        strict.layer(Strict::new().0).oneshot(Request::new(())).await.unwrap().status(),
        200
    );
}
