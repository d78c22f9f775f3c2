//! Tests of the request that a guard sees.

use axum::body::Body;
use axum::{Extension, Router, routing};
use http::{Method, Request};
use tower::ServiceExt;
use tower_jwt_auth::guard::{Access, Denied, Guard};
use tower_jwt_auth::require;

use crate::kit::shop;

#[derive(Clone, PartialEq)]
struct Region(&'static str);

/// Admits only the request `PUT /cart?page=2` with the header `x-device: till` and the extension
/// `Region("north")`.
struct SeesTheRequest;

impl Guard for SeesTheRequest {
    fn check(&self, access: &mut Access<'_>) -> Result<(), Denied> {
        let sees_all = access.method() == Method::PUT
            && access.uri() == "/cart?page=2"
            && access.headers().get("x-device").is_some_and(|value| value == "till")
            && access.extensions().get::<Region>() == Some(&Region("north"));
        if sees_all { Ok(()) } else { Err(Denied::new()) }
    }
}

#[tokio::test]
async fn a_guard_sees_the_method_the_uri_the_headers_and_the_extensions() {
    let app = |region| {
        Router::new()
            .route("/cart", routing::any(|| async { "cart" }))
            .layer(require(SeesTheRequest))
            .layer(shop::auth())
            .layer(Extension(Region(region)))
    };
    let request = |method: Method, uri: &str, device: &str| {
        let request = Request::builder().method(method).uri(uri).header("x-device", device);
        request.header("authorization", shop::bearer(&shop::good())).body(Body::empty()).unwrap()
    };
    for (region, request, status) in [
        ("north", request(Method::PUT, "/cart?page=2", "till"), 200),
        ("north", request(Method::GET, "/cart?page=2", "till"), 403),
        ("north", request(Method::PUT, "/cart?page=3", "till"), 403),
        ("north", request(Method::PUT, "/cart?page=2", "phone"), 403),
        ("south", request(Method::PUT, "/cart?page=2", "till"), 403),
    ] {
        let response = app(region).oneshot(request).await.unwrap();
        assert_eq!(response.status(), status);
    }
}
