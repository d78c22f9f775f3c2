//! Tests of cancelled requests, which must leave nothing behind, and of the size and the traits of
//! the futures.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::sync::Semaphore;
use tower::limit::ConcurrencyLimit;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_jwt_auth::guard::RequireService;
use tower_jwt_auth::{Claims, JwtAuth, JwtAuthService, ResponseFuture, Token, has_role, require};

use crate::kit::shop::{self, Shopper};

type Answer = Response<Full<Bytes>>;

const AWAIT_POINTS: usize = 5;

fn good() -> Request<()> {
    shop::request("/", &shop::good()).map(drop)
}

#[tokio::test]
async fn a_request_dropped_at_any_await_point_releases_everything() {
    for dropped_at in 0..=AWAIT_POINTS + 1 {
        let permits = Arc::new(Semaphore::new(1));
        let alive = Arc::new(());
        let inner = {
            let (permits, alive) = (Arc::clone(&permits), Arc::clone(&alive));
            service_fn(move |request: Request<()>| {
                let (permits, alive) = (Arc::clone(&permits), Arc::clone(&alive));
                async move {
                    let _permit = permits.acquire().await;
                    let _held = (alive, request.extensions().get::<Token>().cloned());
                    for _ in 0..AWAIT_POINTS {
                        tokio::task::yield_now().await;
                    }
                    Ok::<_, Infallible>(Answer::default())
                }
            })
        };
        let limited = ConcurrencyLimit::new(inner, 1);
        let mut service = shop::auth().layer(require(has_role("customer")).layer(limited));
        {
            let mut future = pin!(service.ready().await.unwrap().call(good()));
            let mut cx = Context::from_waker(Waker::noop());
            for poll in 0..dropped_at {
                let is_done = future.as_mut().poll(&mut cx).is_ready();
                assert_eq!(is_done, poll == AWAIT_POINTS);
            }
        }
        assert_eq!(permits.available_permits(), 1, "dropped after {dropped_at} polls");
        // The single permit is free again, so the next request succeeds. The last assertion checks
        // that no request is kept in memory.
        let response = service.ready().await.unwrap().call(good()).await.unwrap();
        assert_eq!(response.status(), 200);
        drop(service);
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}

#[tokio::test]
async fn a_rejection_is_ready_at_the_first_poll() {
    let service = shop::auth()
        .layer(service_fn(async |_: Request<()>| Ok::<_, Infallible>(Answer::default())));
    let mut service = service;
    let mut future = pin!(service.ready().await.unwrap().call(Request::new(())));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(future.as_mut().poll(&mut cx).is_ready());
    assert!(future.as_mut().poll(&mut cx).is_pending(), "as good as never, and no panic");
}

#[derive(Clone)]
struct Inner;

impl Service<Request<()>> for Inner {
    type Response = Answer;
    type Error = Infallible;
    type Future = Ready<Result<Answer, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Answer::default()))
    }
}

#[test]
fn services_and_futures_are_send_and_static_where_the_inner_ones_are() {
    fn ok<T: Send + 'static>() {}
    fn shared<T: Send + Sync + Clone + std::fmt::Debug + 'static>() {}
    type F = <Inner as Service<Request<()>>>::Future;

    ok::<JwtAuthService<Inner, Shopper>>();
    ok::<ResponseFuture<F, Full<Bytes>>>();
    // The claims type need not be `Send`, since the service contains no value of that type.
    ok::<JwtAuthService<Inner, std::rc::Rc<()>>>();
    shared::<JwtAuth<Shopper>>();
    shared::<Claims<Shopper>>();
    shared::<Token>();
    fn is_sync<G: Sync + Send + 'static>(_: &RequireService<Inner, G>) {}
    is_sync(&require(has_role("admin")).layer(Inner));
}

#[test]
fn a_future_holds_the_inner_one_in_place() {
    struct Large;

    impl Future for Large {
        type Output = Result<Answer, Infallible>;

        fn poll(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
            Poll::Pending
        }
    }

    struct Padded<F, const N: usize>(F, [u8; N]);
    let size = |n: usize| match n {
        0 => size_of::<ResponseFuture<Padded<Large, 1024>, Full<Bytes>>>(),
        _ => size_of::<ResponseFuture<Padded<Large, 4096>, Full<Bytes>>>(),
    };
    assert!(size(0) >= 1024 && size(0) <= 1024 + 64, "{}", size(0));
    assert_eq!(size(1) - size(0), 4096 - 1024);
    // If the inner future is small, the response future has at most the size of a response plus two
    // `usize`.
    let refusal = size_of::<Answer>();
    assert!(size_of::<ResponseFuture<Large, Full<Bytes>>>() <= refusal + 2 * size_of::<usize>());
}
