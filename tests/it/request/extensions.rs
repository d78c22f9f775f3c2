//! Tests of the token and its claims in the extensions of a request.

use std::convert::Infallible;

use axum::routing::get;
use axum::{Extension, Router};
use bytes::Bytes;
use http::{Request, Response};
use serde_json::json;
use tower::{Layer, ServiceExt, service_fn};
use tower_jwt_auth::revocation::{Revocation, TokenNames, Verdict};
use tower_jwt_auth::{Claims, Clock, StandardClaims, Token};

use crate::kit;
use crate::kit::shop::{self, Shopper};

#[tokio::test]
async fn claims_and_token_are_both_in_the_extensions() {
    let inner = service_fn(|request: Request<axum::body::Body>| async move {
        let extensions = request.extensions();
        let claims = extensions.get::<Claims<Shopper>>().unwrap();
        let token = extensions.get::<Token>().unwrap();
        assert_eq!(token.subject(), Some(&*claims.sub));
        assert_eq!(token.claims::<Shopper>().unwrap().company, claims.company);
        Ok::<_, Infallible>(Response::new(Bytes::from(claims.sub.clone())))
    });
    let request = shop::request("/", &shop::good());
    let response = shop::auth().layer(inner).oneshot(request).await.unwrap();
    assert_eq!(response.into_body(), shop::SUBJECT);
}

#[tokio::test]
async fn the_extension_extractor_of_axum_finds_both() {
    let handler = async |Extension(claims): Extension<Claims<Shopper>>,
                         Extension(token): Extension<Token>| {
        format!("{} {}", claims.sub, token.subject().unwrap())
    };
    let app: Router = Router::new().route("/", get(handler)).layer(shop::auth());
    let response = app.oneshot(shop::request("/", &shop::good())).await.unwrap();
    let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
    assert_eq!(body, format!("{0} {0}", shop::SUBJECT));
}

#[test]
fn a_token_returns_its_claims_only_in_their_type() {
    let claims = shop::auth().verify(&shop::good()).unwrap();
    let token = claims.token().clone();
    drop(claims);
    assert!(token.claims::<StandardClaims>().is_none());
    let claims = token.claims::<Shopper>().unwrap();
    assert_eq!((&*claims.sub, &*claims.company), (shop::SUBJECT, shop::COMPANY));
    assert_eq!(claims.token().encoded(), token.encoded());
}

#[test]
fn a_token_has_methods_for_everything_but_its_claims() {
    let auth = shop::auth().tenant_claim("company");
    let changes = json!({ "jti": "t-1", "sid": "s-1", "nbf": shop::NOW - 5, "scope": "a b" });
    let encoded = shop::token(&changes);
    let claims = auth.verify(&encoded).unwrap();
    let token = claims.token();
    let secs = |time: Option<tower_jwt_auth::UnixTime>| time.unwrap().as_secs() - shop::NOW;
    assert_eq!(token.issuer(), Some(shop::ISSUER));
    assert_eq!(token.subject(), Some(shop::SUBJECT));
    assert_eq!(token.audience().collect::<Vec<_>>(), ["cart"]);
    assert_eq!(
        [secs(token.expires_at()), secs(token.issued_at()), secs(token.not_before())],
        [600, -10, -5]
    );
    assert_eq!((token.id(), token.session()), (Some("t-1"), Some("s-1")));
    assert_eq!(token.tenant(), Some(shop::COMPANY));
    assert_eq!(token.scopes().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(token.roles().collect::<Vec<_>>(), ["customer"]);
    assert_eq!((token.key_id(), token.encoded()), (None, &*encoded));
    let revocations = kit::revocations(shop::clock());
    revocations.current_as_of(revocations.as_of());
    assert_eq!(revocations.check(&TokenNames::from(token)), Verdict::Good);
    revocations.apply(&Revocation::tenant(shop::COMPANY, shop::clock().now()));
    assert_eq!(revocations.check(&TokenNames::from(token)), Verdict::Revoked);
}

/// An application may verify tokens in its own middleware, and insert the claims into the
/// extensions.
#[tokio::test]
async fn claims_that_the_application_inserted_are_extracted_if_there_is_no_layer() {
    let claims = shop::auth().verify(&shop::good()).unwrap();
    let handler = async |claims: Claims<Shopper>| claims.sub.clone();
    let app: Router = Router::new().route("/", get(handler)).layer(Extension(claims));
    let response = app.clone().oneshot(shop::anonymous("/")).await.unwrap();
    assert_eq!(response.status(), 200);
    // A layer ignores claims that the application inserted in front of it.
    let inserted_outside = Router::new()
        .route("/", get(async |claims: Claims<Shopper>| claims.sub.clone()))
        .layer(shop::auth().allow_anonymous())
        .layer(Extension(shop::auth().verify(&shop::good()).unwrap()));
    let response = inserted_outside.oneshot(shop::anonymous("/")).await.unwrap();
    assert_eq!(response.status(), 401);
}

/// A layer that replaces the claims must also replace the token, since guards read the token.
#[tokio::test]
async fn claims_that_are_removed_or_replaced_without_their_token_are_refused() {
    let others = shop::auth().verify(&shop::token(&json!({ "sub": "somebody else" }))).unwrap();
    for replacement in [None, Some(others)] {
        let handler = async |claims: Claims<Shopper>| claims.sub.clone();
        let swap = axum::middleware::map_request(move |mut request: axum::extract::Request| {
            request.extensions_mut().remove::<Claims<Shopper>>();
            if let Some(claims) = replacement.clone() {
                request.extensions_mut().insert(claims);
            }
            std::future::ready(request)
        });
        let app: Router = Router::new().route("/", get(handler)).layer(swap).layer(shop::auth());
        let response = app.oneshot(shop::request("/", &shop::good())).await.unwrap();
        assert_eq!(response.status(), 500);
        let error = response.extensions().get::<tower_jwt_auth::AuthError>().unwrap();
        assert!(error.reason().contains("removed or replaced"), "{}", error.reason());
    }
}
