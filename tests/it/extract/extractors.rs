//! Tests of the handler arguments `Claims<T>`, `Option<Claims<T>>`, `Token`, `Option<Token>` and
//! `Allowed<P>`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use http::StatusCode;
use serde_json::{Value, json};
use tower::ServiceExt;
use tower_jwt_auth::guard::{Guard, claims_match, has_role};
use tower_jwt_auth::{
    Allowed, AuthErrorKind, AuthRejection, Claims, Policy, Source, StandardClaims, Token, require,
};

use crate::kit::shop::{self, Shopper};

struct Customer;

impl Policy for Customer {
    fn guard() -> impl Guard {
        has_role("customer")
    }
}

struct Admin;

impl Policy for Admin {
    fn guard() -> impl Guard {
        has_role("admin")
    }
}

/// Returns routes, and a counter of the calls to their handlers.
fn routes() -> (Router, Arc<AtomicUsize>) {
    let runs = Arc::<AtomicUsize>::default();
    macro_rules! runs {
        ($argument:ty) => {{
            let runs = Arc::clone(&runs);
            get(async move |_: $argument| {
                runs.fetch_add(1, Ordering::Relaxed);
                "ran"
            })
        }};
    }
    let app = Router::new()
        .route("/claims", runs!(Claims<Shopper>))
        .route("/optional-claims", runs!(Option<Claims<Shopper>>))
        .route("/standard", runs!(Claims))
        .route("/optional-standard", runs!(Option<Claims>))
        .route("/token", runs!(Token))
        .route("/optional-token", runs!(Option<Token>))
        .route("/customer", runs!(Allowed<Customer>))
        .route("/admin", runs!(Allowed<Admin>))
        .route(
            "/guarded-standard",
            runs!(()).route_layer(require(claims_match(|_: &StandardClaims| true))),
        )
        .route("/guarded", runs!(()).route_layer(require(has_role("customer"))));
    (app, runs)
}

const PATHS: [&str; 9] = [
    "/claims",
    "/optional-claims",
    "/standard",
    "/optional-standard",
    "/token",
    "/optional-token",
    "/customer",
    "/admin",
    "/guarded",
];

async fn statuses(app: Router, token: Option<&str>) -> [u16; 9] {
    let mut statuses = [0; 9];
    for (path, status) in PATHS.into_iter().zip(&mut statuses) {
        let request =
            token.map_or_else(|| shop::anonymous(path), |token| shop::request(path, token));
        *status = app.clone().oneshot(request).await.unwrap().status().as_u16();
    }
    statuses
}

#[tokio::test]
async fn without_a_layer_every_argument_and_guard_is_500_and_no_handler_runs() {
    let (app, runs) = routes();
    assert_eq!(statuses(app.clone(), None).await, [500; 9]);
    assert_eq!(statuses(app, Some(&shop::good())).await, [500; 9]);
    assert_eq!(runs.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn with_a_token_an_argument_is_extracted_if_its_type_is_that_of_the_layer() {
    let (app, runs) = routes();
    let statuses = statuses(app.layer(shop::auth()), Some(&shop::good())).await;
    assert_eq!(statuses, [200, 200, 500, 500, 200, 200, 200, 403, 200]);
    assert_eq!(runs.load(Ordering::Relaxed), 6);
}

#[tokio::test]
async fn optional_arguments_are_none_for_anonymous_requests_and_others_give_401() {
    let (app, runs) = routes();
    let statuses = statuses(app.layer(shop::auth().allow_anonymous()), None).await;
    assert_eq!(statuses, [401, 200, 401, 200, 401, 200, 401, 401, 401]);
    assert_eq!(runs.load(Ordering::Relaxed), 3);
}

async fn detail(app: Router, path: &str) -> String {
    let response = app.oneshot(shop::request(path, &shop::good())).await.unwrap();
    assert_eq!(response.status(), 500);
    let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    body["detail"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_500_has_a_sentence_that_names_both_types_and_the_remedy() {
    let _layer = Router::<()>::new().fallback(|| async {}).layer(shop::auth());
    let shopper = std::any::type_name::<Shopper>();
    for path in ["/standard", "/optional-standard"] {
        let sentence = detail(routes().0.layer(shop::auth()), path).await;
        for part in [
            "asks for `Claims<StandardClaims>`".to_owned(),
            format!("reads claims into `{shopper}`"),
            ".claims::<StandardClaims>()".to_owned(),
            format!("Claims<{shopper}>"),
        ] {
            assert!(sentence.contains(&part), "{part} is not in: {sentence}");
        }
        assert!(!sentence.contains("tower_jwt_auth::"), "a private path is in: {sentence}");
    }
    let sentence = detail(routes().0.layer(shop::auth()), "/guarded-standard").await;
    for part in [
        "asks for claims of type `StandardClaims`".to_owned(),
        format!("reads them into `{shopper}`"),
        ".claims::<StandardClaims>()".to_owned(),
    ] {
        assert!(sentence.contains(&part), "{part} is not in: {sentence}");
    }
    for (path, asked) in [
        ("/claims", &*format!("`Claims<{shopper}>`")),
        ("/optional-claims", &format!("`Claims<{shopper}>`")),
        ("/standard", "`Claims<StandardClaims>`"),
        ("/token", "`Token`"),
        ("/optional-token", "`Token`"),
    ] {
        let sentence = detail(routes().0, path).await;
        assert!(sentence.contains(asked), "{asked} is not in: {sentence}");
        assert!(sentence.contains("no `JwtAuth` layer is in front of it"), "{sentence}");
        let is_typed = asked.contains(shopper);
        let claims = if is_typed { format!(".claims::<{shopper}>()") } else { String::new() };
        // If a process has built no service with a layer, the hint is to add a layer. This process
        // has built such a service, so the hint is to move the layer.
        let layer = format!("Move `.layer(JwtAuth::new(secret){claims})` below the route");
        assert!(sentence.contains(&layer), "{layer} is not in: {sentence}");
    }
    for path in ["/customer", "/guarded"] {
        let sentence = detail(routes().0, path).await;
        assert!(sentence.starts_with("a guard has no `JwtAuth` layer"), "{sentence}");
        assert!(sentence.contains("Move `.layer(auth)` below the guard"), "{sentence}");
    }
}

#[tokio::test]
async fn an_argument_has_the_values_of_the_token() {
    let handler = async |claims: Claims<Shopper>, token: Token| {
        assert_eq!((claims.sub.as_str(), claims.company.as_str()), (shop::SUBJECT, shop::COMPANY));
        for token in [claims.token(), &token] {
            assert_eq!(token.issuer(), Some(shop::ISSUER));
            assert_eq!(token.subject(), Some(shop::SUBJECT));
            assert_eq!(token.audience().collect::<Vec<_>>(), ["cart"]);
            assert_eq!(token.roles().collect::<Vec<_>>(), ["customer"]);
            assert_eq!(token.scopes().collect::<Vec<_>>(), ["cart:read"]);
            assert_eq!(token.expires_at().unwrap().as_secs(), 1_700_000_600);
            assert_eq!(token.issued_at().unwrap().as_secs(), 1_699_999_990);
            assert_eq!((token.id(), token.key_id()), (Some("7"), None));
            assert_eq!(token.source(), Source::Authorization);
            assert_eq!(token.encoded(), shop::token(&json!({ "jti": "7" })));
        }
    };
    let app = Router::new().route("/", get(handler)).layer(shop::auth());
    let token = shop::token(&json!({ "jti": "7" }));
    let response = app.oneshot(shop::request("/", &token)).await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_handler_can_inspect_and_answer_a_rejection() {
    let handler = async |claims: Result<Claims<Shopper>, AuthRejection>| match claims {
        Ok(_) => "known".into_response(),
        Err(rejection) => {
            assert_eq!(rejection.error().kind(), AuthErrorKind::MissingCredentials);
            assert_eq!(rejection.to_string(), "no credentials");
            let mut response = rejection.into_response();
            assert_eq!(response.status(), 401);
            *response.status_mut() = StatusCode::IM_A_TEAPOT;
            response
        }
    };
    let app = Router::new().route("/", get(handler)).layer(shop::auth().allow_anonymous());
    assert_eq!(app.oneshot(shop::anonymous("/")).await.unwrap().status(), 418);
}

/// An application can test its handler without a layer, by inserting claims from `JwtAuth::verify`
/// into the request.
#[tokio::test]
async fn claims_inserted_without_a_layer_are_extracted() {
    let (app, runs) = routes();
    let mut request = shop::anonymous("/claims");
    request.extensions_mut().insert(shop::auth().verify(&shop::good()).unwrap());
    assert_eq!(app.oneshot(request).await.unwrap().status(), 200);
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}
