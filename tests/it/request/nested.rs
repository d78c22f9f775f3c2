//! Tests of nested layers. Each layer can refuse the request, but guards and handlers see only the
//! results of the inner layer.

use axum::Router;
use axum::extract::Request;
use axum::routing::get;
use serde_json::json;
use tower::ServiceExt;
use tower_jwt_auth::{
    AuthError, AuthErrorKind, Claims, JwtAuth, StandardClaims, Token, claims_match, has_role,
    require,
};

use crate::kit::server::Ask;
use crate::kit::shop::{self, Shopper};

/// Returns the shop's layer with the claims type `StandardClaims`.
fn standard() -> JwtAuth<StandardClaims> {
    shop::auth().claims()
}

fn app() -> Router {
    let is_anyone = || require(claims_match(|_: &Shopper| true));
    Router::new()
        .route("/shopper", get(async |claims: Claims<Shopper>| claims.sub.clone()))
        .route(
            "/maybe",
            get(async |claims: Option<Claims<Shopper>>| {
                claims.map_or("nobody".to_owned(), |claims| claims.sub.clone())
            }),
        )
        .route("/standard", get(async |claims: Claims<StandardClaims>| claims.sub.clone().unwrap()))
        .route("/token", get(async |token: Token| token.subject().unwrap().to_owned()))
        .route("/customer", get(|| async { "in" }).route_layer(require(has_role("customer"))))
        .route("/guard", get(|| async { "in" }).route_layer(is_anyone()))
}

async fn ask(app: &Router, ask: Ask) -> (u16, String) {
    let response = app.clone().oneshot(ask.to_request()).await.unwrap();
    let status = response.status().as_u16();
    if let Some(error) = response.extensions().get::<AuthError>() {
        return (status, error.code().to_owned());
    }
    let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn is(status: u16, text: &str) -> (u16, String) {
    (status, text.to_owned())
}

#[tokio::test]
async fn a_request_that_is_anonymous_to_the_inner_layer_has_no_user_of_the_outer_one() {
    let inner = app().layer(standard().allow_anonymous());
    let app = inner.layer(shop::auth().cookie("outer"));
    let by_cookie = |path: &str| Ask::get(path).header("cookie", format!("outer={}", shop::good()));
    assert_eq!(ask(&app, by_cookie("/maybe")).await, is(200, "nobody"));
    for path in ["/shopper", "/standard", "/token", "/customer", "/guard"] {
        assert_eq!(ask(&app, by_cookie(path)).await, is(401, "missing-credentials"), "{path}");
    }
}

#[tokio::test]
async fn two_layers_of_one_type_do_not_mix_their_results() {
    let inner = app().layer(shop::auth().allow_anonymous());
    let app = inner.layer(shop::auth().cookie("outer"));
    let by_cookie = |path: &str| Ask::get(path).header("cookie", format!("outer={}", shop::good()));
    assert_eq!(ask(&app, by_cookie("/maybe")).await, is(200, "nobody"));
    for path in ["/shopper", "/token", "/customer", "/guard"] {
        assert_eq!(ask(&app, by_cookie(path)).await, is(401, "missing-credentials"), "{path}");
    }
    assert_eq!(ask(&app, Ask::get("/maybe").bearer(&shop::good())).await, is(200, shop::SUBJECT));
}

/// If a guard read the claims of the outer layer's token, the guard would check one user while the
/// handler serves another.
#[tokio::test]
async fn the_claims_of_an_outer_token_are_not_used_for_the_inner_one() {
    let app = app().layer(standard().cookie("inner")).layer(shop::auth().cookie("outer"));
    let other = shop::token(&json!({ "sub": "bob" }));
    let both = |path: &str| {
        Ask::get(path).header("cookie", format!("outer={}; inner={other}", shop::good()))
    };
    assert_eq!(ask(&app, both("/token")).await, is(200, "bob"));
    assert_eq!(ask(&app, both("/standard")).await, is(200, "bob"));
    for path in ["/shopper", "/maybe", "/guard"] {
        assert_eq!(ask(&app, both(path)).await, is(500, "misconfigured"), "{path}");
    }
}

#[tokio::test]
async fn a_wrong_type_is_reported_even_if_an_outer_layer_is_anonymous() {
    let inner = app().layer(standard().cookie("inner"));
    let app = inner.layer(shop::auth().allow_anonymous());
    let by_cookie = |path: &str| Ask::get(path).header("cookie", format!("inner={}", shop::good()));
    assert_eq!(ask(&app, by_cookie("/standard")).await, is(200, shop::SUBJECT));
    assert_eq!(ask(&app, by_cookie("/customer")).await, is(200, "in"));
    for path in ["/shopper", "/maybe", "/guard"] {
        assert_eq!(ask(&app, by_cookie(path)).await, is(500, "misconfigured"), "{path}");
    }
}

#[tokio::test]
async fn the_stricter_layer_refuses_wherever_it_stands_and_in_its_own_realm() {
    let strict = || shop::auth().realm("strict").require_claim("jti");
    let outer = app().layer(shop::auth()).layer(strict());
    let inner = app().layer(strict()).layer(shop::auth());
    for app in [outer, inner] {
        let request = shop::request("/shopper", &shop::good());
        let response = app.clone().oneshot(request).await.unwrap();
        let challenge = response.headers()["www-authenticate"].to_str().unwrap();
        assert!(challenge.starts_with("Bearer realm=\"strict\""), "{challenge}");
        let error = response.extensions().get::<AuthError>().unwrap();
        assert_eq!(error.kind(), AuthErrorKind::InvalidToken);
        let whole = shop::token(&json!({ "jti": "1" }));
        assert_eq!(ask(&app, Ask::get("/shopper").bearer(&whole)).await, is(200, shop::SUBJECT));
    }
}

#[tokio::test]
async fn a_layer_that_strips_the_token_leaves_none_for_an_inner_layer() {
    let app = app().layer(shop::auth()).layer(shop::auth().strip_token());
    let reply = ask(&app, Ask::get("/shopper").bearer(&shop::good())).await;
    assert_eq!(reply, is(401, "missing-credentials"));
}

/// The inner layer removes the results of the outer layer from the extensions of the request. Code
/// that reads the extensions without an extractor therefore does not find these results.
#[tokio::test]
async fn an_inner_layer_removes_the_results_of_an_outer_one() {
    let raw = |request: Request| async move {
        let extensions = request.extensions();
        let outer = extensions.get::<Claims<Shopper>>().is_some();
        let inner = extensions.get::<Claims<StandardClaims>>().is_some();
        format!("{outer} {inner} {}", extensions.get::<Token>().is_some())
    };
    let inner = Router::new().fallback(raw).layer(standard().allow_anonymous());
    let app = inner.layer(shop::auth().cookie("outer"));
    let by_cookie = Ask::get("/").header("cookie", format!("outer={}", shop::good()));
    assert_eq!(ask(&app, by_cookie).await, is(200, "false false false"));
    let by_header = Ask::get("/").bearer(&shop::good());
    assert_eq!(ask(&app, by_header).await, is(200, "false true true"));
}
