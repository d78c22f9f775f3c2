//! Tests of application code that the layer calls: code that writes the body of a refusal, and code
//! that panics.

use std::borrow::Cow;

use axum::Router;
use axum::routing::{any, get};
use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Deserializer};
use serde_json::json;
use tower::ServiceExt;
use tower_jwt_auth::guard::{Access, Denied, Guard};
use tower_jwt_auth::{
    Allowed, AuthError, AuthErrorKind, BadCredentials, Claims, Clock, JwtAuth, Policy,
    RejectionBody, StandardClaims, TokenSource, UnixTime, claims_match, has_any_role, has_role,
    has_scope, path_param, require,
};

use crate::kit::server::{self, Ask, Connection, WIRES};
use crate::kit::shop::{self, Shopper};

#[tokio::test]
async fn the_applications_body_changes_neither_status_nor_challenge() {
    let body = |error: &AuthError| {
        RejectionBody::new(HeaderValue::from_static("application/vnd.shop"), error.code())
    };
    let app = |auth: JwtAuth<Shopper>| {
        Router::new()
            .route("/open", any(|| async { "handled" }))
            .route("/role", any(|| async {}).layer(require(has_role("admin"))))
            .route("/scope", any(|| async {}).layer(require(has_scope("pay"))))
            .route("/type", get(async |_: Claims<StandardClaims>| "handled"))
            .layer(auth.cookie("token"))
    };
    let plain = server::start(app(shop::auth())).await;
    let custom = server::start(app(shop::auth().with_rejection(body))).await;
    let good = shop::good();
    let cookie = format!("token={good}");
    let asks = [
        Ask::get("/open"),
        Ask::get("/open").header("authorization", "Bearer"),
        Ask::get("/open").bearer(&good).bearer("a.b.c"),
        Ask::get("/open").bearer(&"a".repeat(9000)),
        Ask::get("/open").bearer("a.b.c"),
        Ask::get("/open").bearer(&shop::token(&json!({ "exp": shop::NOW - 60 }))),
        Ask::get("/scope").bearer(&good),
        Ask::get("/role").bearer(&good),
        Ask::post("/open").header("cookie", cookie).header("sec-fetch-site", "cross-site"),
        Ask::get("/type").bearer(&good),
    ];
    for wire in WIRES {
        for ask in &asks {
            let ours = server::send(wire, plain, ask).await;
            let theirs = server::send(wire, custom, ask).await;
            assert_eq!(theirs.status, ours.status, "{ask:?}");
            assert_eq!(theirs.challenge(), ours.challenge(), "{ask:?}");
            assert_eq!(theirs.all("cache-control"), ours.all("cache-control"));
            assert_eq!(theirs.all("vary"), ours.all("vary"));
            assert_eq!(theirs.all("content-type"), ["application/vnd.shop"]);
            assert_eq!(theirs.text(), ours.code(), "{ask:?}");
        }
    }
}

#[tokio::test]
async fn ready_made_bodies_name_their_type() {
    for (body, content_type) in [
        (RejectionBody::json(json!({})), "application/json"),
        (RejectionBody::json_bytes("{}"), "application/json"),
        (RejectionBody::text("no"), "text/plain; charset=utf-8"),
        (RejectionBody::html("<p>no"), "text/html; charset=utf-8"),
    ] {
        let auth = shop::auth().with_rejection(move |_| body.clone());
        let app = Router::new().route("/", get(|| async {})).layer(auth);
        let response = app.oneshot(shop::anonymous("/")).await.unwrap();
        assert_eq!(response.headers()["content-type"], content_type);
    }
}

#[tokio::test]
async fn a_json_body_is_the_serialized_value() {
    let auth = shop::auth().with_rejection(|error| {
        RejectionBody::json(json!({ "error": error.code(), "say": "\"no\"" }))
    });
    let reply = server::send(WIRES[0], server::start(behind(auth)).await, &Ask::get("/")).await;
    assert_eq!(reply.text(), r#"{"error":"missing-credentials","say":"\"no\""}"#);
    assert_eq!(reply.all("content-type"), ["application/json"]);
}

/// A value whose serialization fails.
struct Unserializable;

impl serde::Serialize for Unserializable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("it cannot be said"))
    }
}

#[tokio::test]
async fn a_value_that_cannot_be_serialized_is_replaced_by_the_default_body() {
    let auth = shop::auth().with_rejection(|_| RejectionBody::json(Unserializable));
    let reply = server::send(WIRES[0], server::start(behind(auth)).await, &Ask::get("/")).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (401, "missing-credentials".to_owned()));
    assert_eq!(reply.all("content-type"), ["application/problem+json"]);
    assert!(reply.challenge().is_some());
}

const PANIC: &str = "x-panic";

/// Returns true if the request has the header that triggers a panic.
fn wants_panic(headers: &HeaderMap) -> bool {
    headers.contains_key(PANIC)
}

#[derive(Debug)]
struct PanickingSource;

impl TokenSource for PanickingSource {
    fn token<'r>(&self, headers: &'r HeaderMap) -> Result<Option<Cow<'r, str>>, BadCredentials> {
        assert!(!wants_panic(headers), "a source panics");
        Ok(None)
    }
}

struct PanickingGuard;

impl Guard for PanickingGuard {
    fn check(&self, access: &mut Access<'_>) -> Result<(), Denied> {
        assert!(!wants_panic(access.headers()), "a guard panics");
        Ok(())
    }
}

/// A guard that denies access if a request header tells it to. The guard's method `required_scopes`
/// panics.
struct PanickingScopes;

impl Guard for PanickingScopes {
    fn check(&self, access: &mut Access<'_>) -> Result<(), Denied> {
        if wants_panic(access.headers()) { Err(Denied::missing_scope()) } else { Ok(()) }
    }

    fn required_scopes(&self) -> Vec<&str> {
        panic!("a list of scopes panics")
    }
}

struct PanickingPolicy;

impl Policy for PanickingPolicy {
    fn guard() -> impl Guard {
        PanickingGuard
    }
}

struct ImpossiblePolicy;

impl Policy for ImpossiblePolicy {
    fn guard() -> impl Guard {
        has_any_role::<&str>([])
    }
}

/// Claims whose deserialization panics unless the subject is [`shop::SUBJECT`].
#[derive(Debug)]
struct PanickingClaims;

impl<'de> Deserialize<'de> for PanickingClaims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let claims = StandardClaims::deserialize(deserializer)?;
        assert_eq!(claims.sub.as_deref(), Some(shop::SUBJECT), "reading claims panics");
        Ok(Self)
    }
}

/// A clock that panics on every second call.
#[derive(Debug, Default)]
struct PanickingClock(std::sync::atomic::AtomicBool);

impl Clock for PanickingClock {
    fn now(&self) -> UnixTime {
        let panics = !self.0.fetch_xor(true, std::sync::atomic::Ordering::Relaxed);
        assert!(!panics, "a clock panics");
        UnixTime::from_secs(shop::NOW)
    }
}

/// Checks that the first request gets a 500, and that the next one on the same connection succeeds.
async fn panics_alone(app: Router, bad: Ask, good: Ask) {
    let response = app.clone().oneshot(bad.to_request()).await.unwrap();
    let error = response.extensions().get::<AuthError>().unwrap();
    assert_eq!(error.kind(), AuthErrorKind::InternalError);
    let addr = server::start(app.clone()).await;
    for wire in WIRES {
        if wire == WIRES[0] {
            // A `PanickingClock` panics on every second call. Its last call panicked, so its next
            // call succeeds. Make that call here, so that the clock panics during the first request
            // below.
            let _ = app.clone().oneshot(good.to_request()).await;
        }
        let mut connection = Connection::open(wire, addr).await;
        for _ in 0..2 {
            let reply = connection.send(&bad).await;
            assert_eq!(reply.status, 500, "{wire:?}");
            assert_eq!(reply.challenge(), None);
            assert_eq!(reply.all("cache-control"), ["no-store"]);
            assert_eq!(reply.code(), "internal-error");
            assert!(!reply.text().contains("panics"), "{}", reply.text());
            let reply = connection.send(&good).await;
            assert_eq!((reply.status.as_u16(), reply.text()), (200, "handled"), "{wire:?}");
        }
    }
}

fn behind<T>(auth: JwtAuth<T>) -> Router
where
    T: serde::de::DeserializeOwned + Send + Sync + 'static,
{
    Router::new().route("/", any(|| async { "handled" })).layer(auth)
}

fn asks() -> (Ask, Ask) {
    let good = Ask::get("/").bearer(&shop::good());
    (good.clone().header(PANIC, "1"), good)
}

#[tokio::test]
async fn a_panic_in_a_source_fails_only_that_request() {
    let (bad, good) = asks();
    panics_alone(behind(shop::auth().add_source(PanickingSource)), bad, good).await;
}

#[tokio::test]
async fn a_panic_in_a_guard_fails_only_that_request() {
    let handled = || async { "handled" };
    for guarded in
        [any(handled).layer(require(PanickingGuard)), any(handled).layer(require(PanickingScopes))]
    {
        let (bad, good) = asks();
        panics_alone(Router::new().route("/", guarded).layer(shop::auth()), bad, good).await;
    }
}

#[tokio::test]
async fn a_panic_in_a_closure_of_a_guard_fails_only_that_request() {
    let is_alice = |claims: &Shopper| {
        assert_eq!(claims.sub, shop::SUBJECT, "a closure panics");
        true
    };
    let company = |claims: &Shopper| {
        assert_eq!(claims.sub, shop::SUBJECT, "a closure panics");
        ""
    };
    let own = path_param("company", move |claims: &Shopper| {
        let _ = company(claims);
        &claims.company
    });
    let app = Router::new()
        .route("/", any(|| async { "handled" }).layer(require(claims_match(is_alice))))
        .route("/{company}", any(|| async { "handled" }).layer(require(own)))
        .layer(shop::auth());
    for path in ["/", &format!("/{}", shop::COMPANY)] {
        let bad = Ask::get(path).bearer(&shop::other());
        panics_alone(app.clone(), bad, Ask::get(path).bearer(&shop::good())).await;
    }
}

#[tokio::test]
async fn a_panic_in_a_policy_fails_only_that_request() {
    let app = Router::new()
        .route("/", any(async |_: Allowed<PanickingPolicy>| "handled"))
        .route("/impossible", any(async |_: Allowed<ImpossiblePolicy>| "handled"))
        .layer(shop::auth());
    let (bad, good) = asks();
    panics_alone(app.clone(), bad, good.clone()).await;
    panics_alone(app, Ask::get("/impossible").bearer(&shop::good()), good).await;
}

#[tokio::test]
async fn a_panic_while_claims_are_read_fails_only_that_request() {
    let auth = shop::auth().claims::<PanickingClaims>();
    let bad = Ask::get("/").bearer(&shop::other());
    panics_alone(behind(auth), bad, Ask::get("/").bearer(&shop::good())).await;
}

#[tokio::test]
async fn a_panic_in_the_clock_fails_only_that_request() {
    let good = Ask::get("/").bearer(&shop::good());
    let auth = shop::auth().with_clock(PanickingClock::default());
    panics_alone(behind(auth), good.clone(), good).await;
}

#[tokio::test]
async fn a_panic_in_a_custom_body_fails_only_that_request() {
    let auth = shop::auth().with_rejection(|error| {
        assert_eq!(error.kind(), AuthErrorKind::InternalError, "a renderer panics");
        RejectionBody::text("fine")
    });
    panics_alone(behind(auth), Ask::get("/"), Ask::get("/").bearer(&shop::good())).await;
}
