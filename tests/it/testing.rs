//! Tests of the helpers that applications use in their own tests.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use http::Request;
use serde_json::json;
use tower::ServiceExt;
use tower_jwt_auth::issuer::Grant;
use tower_jwt_auth::testing::{TestIssuer, with_bearer, with_cookie};
use tower_jwt_auth::{
    AuthError, AuthErrorKind, Claims, Clock, JwtAuth, Secret, StandardClaims, has_scope, require,
};

use crate::kit::shop::{COMPANY, ISSUER, SUBJECT, Shopper};

fn grant() -> Grant<serde_json::Value> {
    Grant::new(SUBJECT).scopes(["pay"]).claims(json!({ "company": COMPANY }))
}

/// A typical application. It configures its own layer and uses the system clock.
fn app(secret: Secret) -> Router {
    let auth = JwtAuth::new(secret).issuer(ISSUER).audience("cart").cookie("__Host-cart_token");
    let pay = post(|| async {}).route_layer(require(has_scope("pay")));
    let who = get(|claims: Claims<Shopper>| async move { claims.company.clone() });
    Router::new().route("/", who).route("/pay", pay).layer(auth.claims::<Shopper>())
}

async fn send(app: &Router, request: Request<Body>) -> (u16, Option<AuthErrorKind>) {
    let answer = app.clone().oneshot(request).await.unwrap();
    let kind = answer.extensions().get::<AuthError>().map(AuthError::kind);
    (answer.status().as_u16(), kind)
}

fn request(path: &str) -> Request<Body> {
    let builder = if path == "/" { Request::get(path) } else { Request::post(path) };
    builder.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn an_application_on_the_system_clock_accepts_only_valid_tokens() {
    let issuer = TestIssuer::new(ISSUER, "cart");
    let app = app(issuer.secret());
    for path in ["/", "/pay"] {
        let good = with_bearer(request(path), issuer.token(&grant()));
        assert_eq!(send(&app, good).await, (200, None));
        for (why, token) in issuer.bad_tokens(&grant()) {
            let expected = match why {
                "expired" => AuthErrorKind::TokenExpired,
                _ => AuthErrorKind::InvalidToken,
            };
            let answer = send(&app, with_bearer(request(path), token)).await;
            assert_eq!(answer, (401, Some(expected)), "{why} at {path}");
        }
    }
    let poor = Grant::new(SUBJECT).claims(json!({ "company": COMPANY }));
    let answer = send(&app, with_bearer(request("/pay"), issuer.token(&poor))).await;
    assert_eq!(answer, (403, Some(AuthErrorKind::InsufficientScope)));
}

#[test]
fn each_bad_token_has_one_thing_wrong_with_it() {
    let issuer = TestIssuer::new(ISSUER, "cart");
    let accepts = |auth: JwtAuth, token: &str| auth.verify(token).is_ok();
    let bare = || JwtAuth::new(issuer.secret()).with_clock(issuer.clock());
    let other = issuer.of_other_audience(&grant());
    assert!(accepts(bare().issuer(ISSUER).audience("not-cart"), &other));
    let other = issuer.of_other_issuer(&grant());
    assert!(accepts(bare().issuer(format!("{ISSUER}/not")).audience("cart"), &other));

    let start = issuer.clock().now();
    let (expired, later) = (issuer.expired(&grant()), issuer.not_yet_valid(&grant()));
    assert!(!accepts(issuer.auth(), &expired));
    assert!(!accepts(issuer.auth(), &later));
    issuer.clock().advance(Duration::from_secs(3600));
    assert!(accepts(issuer.auth(), &later));
    issuer.clock().set(start.saturating_sub(Duration::from_secs(3601)));
    assert!(accepts(issuer.auth(), &expired));
}

#[tokio::test]
async fn a_cookie_is_accepted_like_a_header_except_cross_site() {
    let issuer = TestIssuer::new(ISSUER, "cart");
    let app = app(issuer.secret());
    let token = issuer.token(&grant());
    let mut ours = with_cookie(request("/pay"), "theme", "dark");
    ours = with_cookie(ours, "__Host-cart_token", &token);
    assert_eq!(ours.headers().get_all("cookie").iter().count(), 2);
    assert_eq!(send(&app, ours).await, (200, None));

    let mut foreign = with_cookie(request("/pay"), "__Host-cart_token", &token);
    foreign.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
    assert_eq!(send(&app, foreign).await, (403, Some(AuthErrorKind::CrossSiteRequest)));
}

#[test]
fn claims_can_be_created_without_a_request() {
    let issuer = TestIssuer::new(ISSUER, "cart").lifetime(Duration::from_secs(60));
    let claims = issuer.claims::<Shopper>(&grant());
    assert_eq!(*claims, Shopper { sub: SUBJECT.into(), company: COMPANY.into() });
    assert!(claims.token().scopes().eq(["pay"]));
    let strict = issuer.auth().max_lifetime(Duration::from_secs(60));
    assert!(strict.verify(claims.token().encoded()).is_ok());
    let any = issuer.claims::<StandardClaims>(&Grant::new("bob"));
    assert_eq!(any.sub.as_deref(), Some("bob"));
}

#[test]
fn an_existing_secret_can_be_used() {
    let master = Secret::generate().unwrap();
    let derived = master.derive(ISSUER, "cart");
    let issuer = TestIssuer::new(ISSUER, "cart").lifetime(Duration::from_secs(60));
    let issuer = issuer.with_secret(derived.clone());
    let service = JwtAuth::new(derived).issuer(ISSUER).audience("cart");
    let token = issuer.token(&grant());
    assert!(service.clone().max_lifetime(Duration::from_secs(60)).verify(&token).is_ok());
    assert!(service.verify(&issuer.forged(&grant())).is_err());
}

#[test]
fn mistakes_of_a_test_are_reported_without_tokens() {
    let issuer = TestIssuer::new(ISSUER, "cart");
    let sentence = |act: &dyn Fn()| {
        let panic = catch_unwind(AssertUnwindSafe(act)).unwrap_err();
        panic.downcast_ref::<String>().unwrap().clone()
    };
    let stranger = grant().audience("payment");
    assert!(sentence(&|| drop(issuer.token(&stranger))).contains("no key for the audience"));
    let nobody = Grant::new(SUBJECT);
    let missing = sentence(&|| drop(issuer.claims::<Shopper>(&nobody)));
    assert!(missing.contains("missing field `company`: give the grant what"), "{missing}");
    let line = sentence(&|| drop(with_bearer(Request::new(()), "a\nb")));
    assert!(line.contains("no header can have"), "{line}");

    let token = issuer.token(&grant());
    let printed = format!("{issuer:?} {:?}", with_bearer(Request::new(()), &token));
    assert!(!printed.contains(&token), "{printed}");
    assert!(!printed.contains(&issuer.secret().dangerous_to_base64()), "{printed}");
}
