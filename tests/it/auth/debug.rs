//! Tests that `Debug` and `Display` of public types show no secret, no token and no claim.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{HeaderMap, Request, Response};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_jwt_auth::guard::{Access, Denied, Guard};
use tower_jwt_auth::jwt::{Signer, Validation, Verifier};
use tower_jwt_auth::{
    Allowed, AuthError, AuthRejection, BadCredentials, Claims, Key, KeySet, KeyStore, Policy,
    Token, TokenSource, claims_match, has_all_scopes, has_role, path_param, require,
};

use crate::kit::shop::{self, Shopper};

#[track_caller]
fn hides(value: &impl Debug) {
    for text in [format!("{value:?}"), format!("{value:#?}")] {
        hides_text(&text);
    }
}

#[track_caller]
fn hides_text(text: &str) {
    let good = shop::good();
    for piece in good.as_bytes().windows(16) {
        let piece = std::str::from_utf8(piece).unwrap();
        assert!(!text.contains(piece), "{piece} is in {text}");
    }
    let bytes: Vec<u8> = (0..32).collect();
    for form in [
        format!("{bytes:?}"),
        "0, 1, 2, 3, 4".to_owned(),
        "00010203".to_owned(),
        "AAECAwQF".to_owned(),
        String::from_utf8(bytes).unwrap(),
    ] {
        assert!(!text.contains(&form), "the secret is in {text}");
    }
    for value in [shop::SUBJECT, shop::COMPANY, "customer", "cart:read"] {
        assert!(!text.contains(value), "{value} is in {text}");
    }
}

#[test]
fn keys_and_configuration_show_no_secret() {
    let secret = shop::secret();
    let key = Key::hs256(secret.clone()).with_id("2026-11").unwrap();
    hides(&secret);
    hides(&key);
    hides(&KeySet::new([key.clone(), Key::hs256(shop::other_secret())]).unwrap());
    hides(&KeyStore::from(key.clone()));
    hides(&Signer::new(key.clone()));
    hides(&Verifier::new(key).with_validation(Validation::new().issuer(shop::ISSUER)));
    let auth = shop::auth().cookie("token").websocket_protocol("bearer").strip_token();
    hides(&auth);
    hides(&auth.layer("inner"));
    assert!(format!("{auth:?}").contains(shop::ISSUER), "what is configured is shown");
}

#[test]
fn debug_of_a_verified_token_shows_no_claim() {
    let claims = shop::auth().verify(&shop::good()).unwrap();
    hides(&claims);
    hides(claims.token());
    let verifier = Verifier::new(shop::secret())
        .with_clock(shop::clock())
        .with_validation(Validation::new().audience("cart"));
    let verified = verifier.verify::<Shopper>(&shop::good()).unwrap();
    hides(&verified);
    hides(verified.token());
}

#[test]
fn guards_show_only_their_requirements() {
    hides(&require(has_role("admin")));
    hides(&require(has_role("admin")).layer("inner"));
    let own = path_param("company", |claims: &Shopper| &claims.company);
    hides(&own);
    hides(&claims_match(|claims: &Shopper| claims.company.is_empty()));
    hides(&has_role("admin").and(has_all_scopes(["pay"])).or(has_role("support").not()));
    hides(&Denied::misconfigured("a sentence"));
}

/// A guard that records the `Debug` output of its [`Access`], and of the values that the `Access`
/// returns.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Guard for Notes {
    fn check(&self, access: &mut Access<'_>) -> Result<(), Denied> {
        let mut notes = self.0.lock().unwrap();
        notes.push(format!("{access:?} {:?}", access.headers()));
        notes.push(format!("{:?} {:?}", access.extensions(), access.token()));
        notes.push(format!("{:?}", access.claims::<Shopper>()));
        Ok(())
    }
}

struct Customer;

impl Policy for Customer {
    fn guard() -> impl Guard {
        has_role("customer")
    }
}

#[tokio::test]
async fn a_request_inside_the_stack_shows_no_token() {
    let notes = Notes::default();
    let inner = notes.clone();
    let handler = async move |claims: Claims<Shopper>,
                              token: Token,
                              allowed: Allowed<Customer>,
                              request: Request<Body>| {
        let mut notes = inner.0.lock().unwrap();
        notes.extend([format!("{claims:?}"), format!("{token:?}"), format!("{allowed:?}")]);
        notes.push(format!("{request:?}"));
    };
    let app = Router::new()
        .route("/", get(handler).route_layer(require(notes.clone())))
        .layer(shop::auth().cookie("token"));
    let mut request = shop::request("/", &shop::good());
    let cookie = format!("token={}", shop::good()).parse().unwrap();
    request.headers_mut().insert("cookie", cookie);
    assert_eq!(app.oneshot(request).await.unwrap().status(), 200);
    let notes = notes.0.lock().unwrap();
    // `Access::claims` returns the application's own type. The application decides what the `Debug`
    // output of that type shows.
    assert!(notes[2].contains(shop::SUBJECT));
    assert_eq!(notes.len(), 7);
    for (_, note) in notes.iter().enumerate().filter(|(place, _)| *place != 2) {
        hides_text(note);
    }
}

#[derive(Debug)]
struct OldHeader;

impl TokenSource for OldHeader {
    fn token<'r>(&self, headers: &'r HeaderMap) -> Result<Option<Cow<'r, str>>, BadCredentials> {
        let value = headers.get("x-credentials").and_then(|value| value.to_str().ok());
        Ok(value.and_then(|value| value.strip_prefix("token ")).map(Cow::Borrowed))
    }
}

#[tokio::test]
async fn a_token_from_a_custom_source_is_not_shown() {
    let notes = Notes::default();
    let app = Router::new()
        .route("/", get(|| async {}).route_layer(require(notes.clone())))
        .layer(shop::auth().add_source(OldHeader));
    let value = format!("token {}", shop::good());
    let request = Request::get("/").header("x-credentials", value).header("x-other", "shown");
    let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    let notes = notes.0.lock().unwrap();
    assert!(notes[0].contains("\"shown\""));
    hides_text(&notes[0]);
}

#[tokio::test]
async fn refusals_show_no_token() {
    let inner =
        service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::<Body>::default()));
    let mut service = shop::auth().cookie("token").layer(inner);
    let good = shop::good();
    for value in [
        format!("Bearer {good}x"),
        format!("Bearer {}", &good[1..]),
        format!("{good} {good}"),
        format!("Bearer {good}{good}"),
        format!("Bearer {}", good.repeat(40)),
    ] {
        let request = Request::get("/").header("authorization", value).body(Body::empty()).unwrap();
        let future = service.ready().await.unwrap().call(request);
        hides(&future);
        let response = future.await.unwrap();
        let error = response.extensions().get::<AuthError>().unwrap();
        hides(error);
        hides_text(&error.to_string());
        hides(&response);
        let mut source: Option<&dyn std::error::Error> = Some(error);
        while let Some(cause) = source {
            hides_text(&format!("{cause} {cause:?}"));
            source = cause.source();
        }
    }
    let handler = async |claims: Result<Claims, AuthRejection>| {
        let rejection = claims.unwrap_err();
        hides(&rejection);
        hides_text(&rejection.to_string());
    };
    let app = Router::new().route("/", get(handler)).layer(shop::auth());
    assert_eq!(app.oneshot(shop::request("/", &good)).await.unwrap().status(), 200);
}
