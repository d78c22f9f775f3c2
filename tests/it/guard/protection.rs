//! Tests of a layer at different positions in an axum router. The position decides which parts of
//! the router are protected. The name of each test states a rule.

use axum::Router;
use axum::routing::{get, post};
use tower::ServiceExt;
use tower_jwt_auth::{AuthError, has_role, require};

use crate::kit::shop;

/// Sends three requests without a token: to a route, to an unknown path, and to a route that does
/// not support the method. Returns the statuses of the responses.
async fn statuses(app: Router) -> [u16; 3] {
    let mut statuses = [0; 3];
    for (path, status) in ["/cart", "/missing", "/checkout"].into_iter().zip(&mut statuses) {
        let response = app.clone().oneshot(shop::anonymous(path)).await.unwrap();
        *status = response.status().as_u16();
        let is_challenged = response.headers().contains_key("www-authenticate");
        assert_eq!(is_challenged, *status == 401, "{path}");
    }
    statuses
}

fn routes() -> Router {
    Router::new()
        .route("/cart", get(|| async { "cart" }))
        .route("/checkout", post(|| async { "paid" }))
}

#[tokio::test]
async fn layer_protects_routes_and_unknown_paths_and_unknown_methods() {
    assert_eq!(statuses(routes().layer(shop::auth())).await, [401, 401, 401]);
}

#[tokio::test]
async fn layer_does_not_protect_routes_added_after_it() {
    let app = Router::new().layer(shop::auth()).merge(routes());
    assert_eq!(statuses(app).await, [200, 404, 405]);
}

#[tokio::test]
async fn route_layer_protects_routes_and_their_methods_but_not_unknown_paths() {
    assert_eq!(statuses(routes().route_layer(shop::auth())).await, [401, 404, 401]);
}

#[tokio::test]
async fn a_layer_on_one_method_route_protects_that_path_alone() {
    let app = Router::new()
        .route("/cart", get(|| async { "cart" }).layer(shop::auth()))
        .route("/checkout", post(|| async { "paid" }).layer(shop::auth()));
    assert_eq!(statuses(app).await, [401, 404, 401]);
}

#[tokio::test]
async fn a_route_layer_on_one_method_route_leaves_its_405_open() {
    let app = Router::new()
        .route("/cart", get(|| async { "cart" }).route_layer(shop::auth()))
        .route("/checkout", post(|| async { "paid" }).route_layer(shop::auth()));
    assert_eq!(statuses(app).await, [401, 404, 405]);
}

#[tokio::test]
async fn layer_protects_a_fallback_before_it_and_not_one_after_it() {
    let found = || async { "fallback" };
    assert_eq!(statuses(routes().fallback(found).layer(shop::auth())).await, [401, 401, 401]);
    assert_eq!(statuses(routes().layer(shop::auth()).fallback(found)).await, [401, 200, 401]);
    assert_eq!(statuses(routes().fallback(found).route_layer(shop::auth())).await[1], 200);
}

#[tokio::test]
async fn a_layer_around_a_nest_protects_it() {
    let shop = routes().nest("/admin", routes()).layer(shop::auth());
    for path in ["/admin/cart", "/admin/missing", "/admin/checkout", "/admin", "/"] {
        let response = shop.clone().oneshot(shop::anonymous(path)).await.unwrap();
        assert_eq!(response.status(), 401, "{path}");
    }
}

#[tokio::test]
async fn a_layer_within_a_nest_protects_the_nest_and_nothing_beside_it() {
    let app = routes().nest("/admin", routes().layer(shop::auth()));
    for (path, status) in [
        ("/admin/cart", 401),
        ("/admin/checkout", 401),
        // The nested router has no fallback, so the outer router's fallback responds.
        ("/admin/missing", 404),
        ("/cart", 200),
        ("/missing", 404),
    ] {
        let response = app.clone().oneshot(shop::anonymous(path)).await.unwrap();
        assert_eq!(response.status(), status, "{path}");
    }
}

#[tokio::test]
async fn merging_protects_each_side_by_its_own_layer() {
    let open = Router::new().route("/health", get(|| async { "well" }));
    let app = open.merge(routes().route_layer(shop::auth()));
    assert_eq!(statuses(app.clone()).await, [401, 404, 401]);
    let response = app.oneshot(shop::anonymous("/health")).await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_guard_by_route_layer_refuses_an_unknown_method_and_leaves_unknown_paths_to_404() {
    let guarded = routes().route_layer(require(has_role("admin"))).layer(shop::auth());
    for (path, status) in [("/cart", 403), ("/checkout", 403), ("/missing", 404)] {
        let request = shop::request(path, &shop::good());
        let response = guarded.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{path}");
    }
}

#[tokio::test]
async fn a_guard_on_one_route_does_not_guard_its_neighbour() {
    let app = Router::new()
        .route("/users", get(|| async { "users" }).route_layer(require(has_role("admin"))))
        .route("/cart", get(|| async { "cart" }))
        .layer(shop::auth());
    for (path, status) in [("/users", 403), ("/cart", 200)] {
        let response = app.clone().oneshot(shop::request(path, &shop::good())).await.unwrap();
        assert_eq!(response.status(), status, "{path}");
    }
}

#[tokio::test]
async fn a_guard_outside_the_layer_acts_as_if_there_were_no_layer() {
    let app = routes().layer(shop::auth()).layer(require(has_role("customer")));
    let response = app.oneshot(shop::request("/cart", &shop::good())).await.unwrap();
    assert_eq!(response.status(), 500);
    let reason = response.extensions().get::<AuthError>().unwrap().reason();
    assert!(reason.contains("Move `.layer(auth)` below the guard"), "{reason}");
}

#[tokio::test]
async fn a_guard_around_the_layer_is_reported_with_the_remedy() {
    let handled = tower::service_fn(async |_: http::Request<()>| {
        Ok::<_, std::convert::Infallible>(http::Response::new(bytes::Bytes::new()))
    });
    let service = tower::ServiceBuilder::new()
        .layer(require(has_role("customer")))
        .layer(shop::auth())
        .service(handled);
    let response = service.oneshot(http::Request::new(())).await.unwrap();
    let reason = response.extensions().get::<AuthError>().unwrap().reason();
    assert!(reason.contains("Move the guard behind the layer"), "{reason}");
}
