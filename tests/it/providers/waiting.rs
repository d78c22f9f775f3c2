//! Tests of layers whose keys are fetched: which requests wait, and for how long.

use std::convert::Infallible;
use std::future::{poll_fn, ready};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use serde_json::json;
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tower::limit::ConcurrencyLimit;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_jwt_auth::jwks::{FetchedKeys, KeySource, KeySourceError, RemoteKeys};
use tower_jwt_auth::jwt::{Signer, TokenErrorKind};
use tower_jwt_auth::{Algorithm, AuthErrorKind, Issuer, JwtAuth, Key, Token, UnixTime};

use crate::kit::{self, NOW, panics};

const LOGIN: &str = "https://login.shop.example";

/// A key source that waits for a permit and then returns the keys of `set`.
#[derive(Clone)]
struct Source {
    set: Arc<Mutex<Vec<Key>>>,
    permits: Arc<Semaphore>,
    fetches: Arc<AtomicUsize>,
}

impl Source {
    fn new(keys: &[&Key], permits: usize) -> Self {
        Self {
            set: Arc::new(Mutex::new(keys.iter().map(|key| (*key).clone()).collect())),
            permits: Arc::new(Semaphore::new(permits)),
            fetches: Arc::default(),
        }
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

impl KeySource for Source {
    async fn fetch(&self) -> Result<FetchedKeys, KeySourceError> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        let Ok(permit) = self.permits.acquire().await else {
            return Err(KeySourceError::new("the source is closed"));
        };
        permit.forget();
        let set = self.set.lock().unwrap();
        let keys: Vec<_> = set.iter().map(|key| key.to_jwk().unwrap()).collect();
        Ok(FetchedKeys::new(format!(r#"{{"keys":[{}]}}"#, keys.join(","))))
    }
}

fn pair() -> Key {
    Key::generate(Algorithm::EdDsa).unwrap()
}

fn token(key: &Key) -> String {
    let claims = json!({ "iss": LOGIN, "aud": "cart", "sub": "alice", "exp": NOW + 600 });
    Signer::new(key.clone()).sign(&claims).unwrap()
}

fn auth(source: &Source) -> JwtAuth {
    JwtAuth::from(Issuer::key_source(LOGIN, source.clone()).audience("cart"))
        .with_clock(kit::at(NOW))
}

/// Sends a request through the layer. The inner service responds with the subject of the token.
async fn send(auth: &JwtAuth, token: &str) -> Response<Bytes> {
    let inner = service_fn(|request: Request<()>| {
        let token = request.extensions().get::<Token>().unwrap();
        let body = Bytes::from(token.subject().unwrap().to_owned());
        ready(Ok::<_, Infallible>(Response::new(body)))
    });
    auth.layer(inner).oneshot(kit::bearer(token)).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_first_request_waits_for_the_keys_and_later_ones_do_not() {
    let key = pair();
    let source = Source::new(&[&key], 1);
    let auth = auth(&source);
    let response = send(&auth, &token(&key)).await;
    assert_eq!((response.status(), &response.body()[..]), (StatusCode::OK, &b"alice"[..]));
    assert_eq!(source.fetches(), 1);
    // `verify` does not wait, and finds the key that was fetched.
    assert!(auth.verify(&token(&key)).is_ok());
    assert_eq!(auth.remote_keys().next().unwrap().health().keys, 1);
}

#[tokio::test(start_paused = true)]
async fn the_keys_of_all_issuers_are_fetched_when_the_layer_is_applied() {
    let [first, second] = [Source::new(&[&pair()], 1), Source::new(&[&pair()], 1)];
    let other = Issuer::key_source("https://other.example", second.clone()).audience("cart");
    let auth: JwtAuth = JwtAuth::issuers([
        Issuer::key_source(LOGIN, first.clone()).audience("cart"),
        Issuer::new("https://local.example", pair()).audience("cart"),
        other,
    ]);
    assert_eq!((first.fetches(), second.fetches()), (0, 0));
    let _service = auth.layer(());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((first.fetches(), second.fetches()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn while_the_source_hangs_known_keys_work_and_an_unknown_one_waits_two_seconds() {
    let [known, new] = [pair(), pair()];
    let source = Source::new(&[&known], 1);
    let auth = auth(&source);
    assert_eq!(send(&auth, &token(&known)).await.status(), StatusCode::OK);
    tokio::time::sleep(Duration::from_secs(31)).await;

    let start = tokio::time::Instant::now();
    let unknown = {
        let (auth, token) = (auth.clone(), token(&new));
        tokio::spawn(async move { send(&auth, &token).await })
    };
    tokio::task::yield_now().await;
    assert_eq!(send(&auth, &token(&known)).await.status(), StatusCode::OK);
    assert_eq!(start.elapsed(), Duration::ZERO, "a known key never waits");
    let response = unknown.await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(start.elapsed(), Duration::from_secs(2));
    assert_eq!(kit::code(&response), Some("keys-unavailable"));
    assert_eq!(source.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_new_key_is_fetched_once_for_all_requests_that_wait() {
    let [old, new] = [pair(), pair()];
    let source = Source::new(&[&old], 1);
    let auth = auth(&source);
    assert_eq!(send(&auth, &token(&old)).await.status(), StatusCode::OK);
    *source.set.lock().unwrap() = vec![new.clone()];
    tokio::time::sleep(Duration::from_secs(31)).await;
    let requests: Vec<_> = (0..20)
        .map(|_| {
            let (auth, token) = (auth.clone(), token(&new));
            tokio::spawn(async move { send(&auth, &token).await.status() })
        })
        .collect();
    tokio::task::yield_now().await;
    source.permits.add_permits(1);
    for request in requests {
        assert_eq!(request.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(source.fetches(), 2);
    assert_eq!(kit::fault(&auth, &token(&old)), Some(TokenErrorKind::UnknownKeyId));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_the_issuer_does_not_have_is_refused_like_any_invalid_token() {
    let [known, foreign] = [pair(), pair()];
    let source = Source::new(&[&known], 10);
    let auth = auth(&source);
    assert_eq!(send(&auth, &token(&known)).await.status(), StatusCode::OK);
    tokio::time::sleep(Duration::from_secs(31)).await;
    for _ in 0..3 {
        let response = send(&auth, &token(&foreign)).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(kit::code(&response), Some("invalid-token"));
    }
    assert_eq!(source.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_down_is_answered_503_with_the_time_of_the_next_attempt() {
    let key = pair();
    let source = Source::new(&[&key], 0);
    source.permits.close();
    let auth = auth(&source);
    let response = send(&auth, &token(&key)).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let seconds: u64 = response.headers()[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!((1..=30).contains(&seconds), "{seconds}");
    assert_eq!(response.headers().get(header::WWW_AUTHENTICATE), None);
    let error = response.extensions().get::<tower_jwt_auth::AuthError>().unwrap();
    assert_eq!(error.kind(), AuthErrorKind::KeysUnavailable);
    assert!(error.reason().contains("the source is closed"), "{}", error.reason());
    assert_eq!(error.to_string(), "the keys of the issuer are not available");
}

#[tokio::test(start_paused = true)]
async fn garbage_never_starts_a_fetch_for_an_unknown_key() {
    let key = pair();
    let source = Source::new(&[&key], 10);
    let auth = auth(&source);
    assert_eq!(send(&auth, &token(&key)).await.status(), StatusCode::OK);
    tokio::time::sleep(Duration::from_secs(31)).await;
    let good = token(&key);
    let forged = format!("{}AAAA", &good[..good.len() - 4]);
    for bad in ["a.b.c", "", &forged] {
        assert!(send(&auth, bad).await.status().is_client_error(), "{bad}");
    }
    assert_eq!(source.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn verify_does_not_wait_and_verify_async_does() {
    let key = pair();
    let source = Source::new(&[&key], 0);
    let auth = auth(&source);
    let error = auth.verify(&token(&key)).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::KeysUnavailable);
    source.permits.add_permits(1);
    assert!(auth.verify_async(&token(&key)).await.is_ok());
    assert!(auth.verify(&token(&key)).is_ok());
    let error = auth.verify_async("a.b.c").await.unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::InvalidToken);
}

/// A service that panics if `call` is not preceded by `poll_ready`. A clone is not ready, even if
/// the original service is.
struct ReadyOnce {
    is_ready: bool,
    calls: Arc<AtomicUsize>,
}

impl Clone for ReadyOnce {
    fn clone(&self) -> Self {
        Self { is_ready: false, calls: Arc::clone(&self.calls) }
    }
}

impl Service<Request<()>> for ReadyOnce {
    type Response = Response<Bytes>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Bytes>, Infallible>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        assert!(std::mem::take(&mut self.is_ready), "called without poll_ready");
        self.calls.fetch_add(1, Ordering::SeqCst);
        ready(Ok(Response::new(Bytes::new())))
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_waited_polls_its_service_ready_before_the_call() {
    let key = pair();
    let source = Source::new(&[&key], 1);
    let calls = Arc::new(AtomicUsize::new(0));
    let mut service = auth(&source).layer(ReadyOnce { is_ready: false, calls: Arc::clone(&calls) });
    poll_fn(|context| service.poll_ready(context)).await.unwrap();
    let waiting = service.call(kit::bearer(&token(&key)));
    poll_fn(|context| service.poll_ready(context)).await.unwrap();
    assert_eq!(waiting.await.unwrap().status(), StatusCode::OK);
    assert_eq!(service.call(kit::bearer(&token(&key))).await.unwrap().status(), StatusCode::OK);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_waits_for_a_key_takes_no_permit_of_the_inner_service() {
    let [known, new] = [pair(), pair()];
    let source = Source::new(&[&known], 1);
    let auth = auth(&source);
    assert_eq!(send(&auth, &token(&known)).await.status(), StatusCode::OK);
    tokio::time::sleep(Duration::from_secs(31)).await;

    let inner =
        service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(Response::new(Bytes::new()))));
    let mut service = auth.layer(ConcurrencyLimit::new(inner, 1));
    let start = tokio::time::Instant::now();
    poll_fn(|context| service.poll_ready(context)).await.unwrap();
    let waiting = tokio::spawn(service.call(kit::bearer(&token(&new))));
    tokio::task::yield_now().await;
    // Send a request on another connection, while the first connection stays open without a
    // request.
    let response = service.clone().oneshot(kit::bearer(&token(&known))).await.unwrap();
    assert_eq!((response.status(), start.elapsed()), (StatusCode::OK, Duration::ZERO));
    *source.set.lock().unwrap() = vec![new];
    source.permits.add_permits(1);
    assert_eq!(waiting.await.unwrap().unwrap().status(), StatusCode::OK);
}

/// A service whose second `poll_ready` fails.
#[derive(Clone)]
struct ReadyTwice(Arc<AtomicUsize>);

impl Service<Request<()>> for ReadyTwice {
    type Response = Response<Bytes>;
    type Error = &'static str;
    type Future = std::future::Ready<Result<Response<Bytes>, &'static str>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> Poll<Result<(), &'static str>> {
        match self.0.fetch_add(1, Ordering::SeqCst) {
            0 => Poll::Ready(Ok(())),
            _ => Poll::Ready(Err("closed")),
        }
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        panic!("the service is closed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_closes_during_the_wait_answers_with_its_error() {
    let key = pair();
    let source = Source::new(&[&key], 1);
    let service = auth(&source).layer(ReadyTwice(Arc::default()));
    let error = service.oneshot(kit::bearer(&token(&key))).await.unwrap_err();
    assert_eq!(error, "closed");
}

#[test]
fn a_request_in_a_runtime_without_timers_is_answered_without_a_wait() {
    let key = pair();
    let auth = auth(&Source::new(&[&key], 0));
    let with_timers = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    with_timers.block_on(async { drop(auth.layer(())) });
    let without = Builder::new_current_thread().build().unwrap();
    let response = without.block_on(send(&auth, &token(&key)));
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[test]
fn keys_become_too_old_even_if_nothing_drives_the_runtime_of_their_task() {
    let paused = || Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    for is_dropped in [false, true] {
        let key = pair();
        let auth = auth(&Source::new(&[&key], 1));
        let (idle, other) = (paused(), paused());
        idle.block_on(auth.remote_keys().next().unwrap().ready()).unwrap();
        if is_dropped {
            drop(idle);
        }
        other.block_on(async {
            tokio::time::advance(Duration::from_secs(24 * 3_600 - 60)).await;
            assert!(auth.verify(&token(&key)).is_ok());
            tokio::time::advance(Duration::from_secs(60)).await;
            let error = auth.verify(&token(&key)).unwrap_err();
            assert_eq!(error.kind(), AuthErrorKind::KeysUnavailable);
            assert!(error.reason().contains("are too old"), "{}", error.reason());
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_hangs_up_does_not_cancel_the_fetch() {
    let key = pair();
    let source = Source::new(&[&key], 0);
    let auth = auth(&source);
    let request = {
        let (auth, token) = (auth.clone(), token(&key));
        tokio::spawn(async move { send(&auth, &token).await })
    };
    tokio::time::sleep(Duration::from_millis(10)).await;
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    source.permits.add_permits(1);
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert!(auth.verify(&token(&key)).is_ok());
    assert_eq!(source.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_request_keeps_its_body_and_loses_its_token_only_when_it_is_accepted() {
    let key = pair();
    let source = Source::new(&[&key], 1);
    let inner = service_fn(|request: Request<&'static str>| {
        let headers: &HeaderMap = request.headers();
        let body = format!("{} {}", request.body(), headers.contains_key(header::AUTHORIZATION));
        ready(Ok::<_, Infallible>(Response::new(Bytes::from(body))))
    });
    let request = Request::builder()
        .header(header::AUTHORIZATION, format!("Bearer {}", token(&key)))
        .body("body")
        .unwrap();
    let response = auth(&source).strip_token().layer(inner).oneshot(request).await.unwrap();
    assert_eq!(&response.body()[..], b"body false");
}

#[tokio::test(start_paused = true)]
async fn one_dead_issuer_does_not_stop_another() {
    let [ours, theirs] = [pair(), pair()];
    let (source, dead) = (Source::new(&[&ours], 1), Source::new(&[&theirs], 0));
    let auth = JwtAuth::issuers([
        Issuer::key_source(LOGIN, source).audience("cart"),
        Issuer::key_source("https://dead.example", dead).audience("cart"),
    ])
    .with_clock(kit::at(NOW));
    assert_eq!(send(&auth, &token(&ours)).await.status(), StatusCode::OK);
    let claims = json!({ "iss": "https://dead.example", "aud": "cart", "exp": NOW + 600 });
    let other = Signer::new(theirs).sign(&claims).unwrap();
    assert_eq!(send(&auth, &other).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(send(&auth, &token(&ours)).await.status(), StatusCode::OK);
}

#[test]
fn an_issuer_of_many_services_needs_a_rule_that_tells_their_tokens_apart() {
    let build = |change: fn(Issuer) -> Issuer| {
        let issuer = || change(Issuer::discover(LOGIN));
        std::panic::catch_unwind(|| drop(JwtAuth::from(issuer()))).is_ok()
    };
    assert!(build(|issuer| issuer.audience("cart")));
    assert!(build(|issuer| issuer.claim_is("azp", "cart-web")));
    assert!(build(|issuer| issuer.claim_is("client_id", ["cart-web"])));
    assert!(build(Issuer::dangerous_any_audience));
    assert!(!build(|issuer| issuer));
    assert!(!build(|issuer| issuer.claim_is("token_use", "access")));
    assert!(!build(|issuer| issuer.require_claim("azp")));
    let sentence = panics::refused(|| JwtAuth::issuers([Issuer::discover(LOGIN)]));
    assert!(sentence.contains("call `.audience(..)`"), "{sentence}");
}

#[test]
fn settings_for_fetched_keys_are_refused_for_keys_in_memory() {
    let local = || Issuer::new(LOGIN, pair());
    let sentence = panics::refused(|| {
        Issuer::discover(LOGIN).algorithms([Algorithm::Es256, Algorithm::Hs256])
    });
    assert!(sentence.contains("HS256 has a shared secret"), "{sentence}");
    let sentence = panics::refused(|| local().algorithms([Algorithm::Rs256]));
    assert!(sentence.contains("Issuer::algorithms(..)"), "{sentence}");
    let limited = || Issuer::jwks(LOGIN, "https://keys.example").algorithms([Algorithm::Rs256]);
    let sentence = panics::refused(|| limited().with_keys(pair()));
    assert!(sentence.contains("Issuer::algorithms(..)"), "{sentence}");
    let sentence = panics::refused(|| local().dangerous_allow_http());
    assert!(sentence.contains("in memory"), "{sentence}");
    let http = || Issuer::discover("http://127.0.0.1:9").audience("cart");
    let sentence = panics::refused(|| JwtAuth::from(http()));
    assert!(sentence.contains("dangerous_allow_http"), "{sentence}");
    let _ = JwtAuth::from(http().dangerous_allow_http());
}

#[tokio::test(start_paused = true)]
async fn operators_see_each_source_once_and_can_remove_a_key() {
    let key = pair();
    let source = Source::new(&[&key], 1);
    let keys = RemoteKeys::new(source);
    let auth = JwtAuth::issuers([
        Issuer::new(LOGIN, keys.clone()).audience("cart"),
        Issuer::new("https://other.example", keys.clone()).audience("cart"),
    ])
    .with_clock(kit::at(NOW));
    assert_eq!(auth.remote_keys().count(), 1);
    for keys in auth.remote_keys() {
        keys.ready().await.unwrap();
    }
    let claims = auth.verify(&token(&key)).unwrap();
    assert_eq!(claims.token().expires_at(), Some(UnixTime::from_secs(NOW + 600)));
    keys.forget(claims.token().key_id().unwrap());
    assert_eq!(kit::fault(&auth, &token(&key)), Some(TokenErrorKind::UnknownKeyId));
}
