//! Tests of the layer together with a CORS layer, in both orders.

use axum::Router;
use axum::routing::{any, get};
use http::{HeaderName, HeaderValue, Method};
use tower::Layer;
use tower_http::cors::CorsLayer;
use tower_jwt_auth::guard::{Guard, Require};
use tower_jwt_auth::{Allowed, Claims, Policy, has_role, require};

use crate::kit::server::{self, Ask, WIRES};
use crate::kit::shop;

const APP: &str = "https://app.example";

fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(HeaderValue::from_static(APP))
        .allow_methods([Method::POST])
        .allow_headers([HeaderName::from_static("authorization")])
        .expose_headers([HeaderName::from_static("www-authenticate")])
}

fn preflight() -> Ask {
    Ask::new(Method::OPTIONS, "/")
        .header("origin", APP)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization")
}

fn app() -> Router {
    Router::new().route("/", any(|| async { "done" }))
}

#[tokio::test]
async fn a_script_can_read_the_rejection_if_the_cors_layer_is_outside() {
    let addr = server::start(app().layer(shop::auth()).layer(cors())).await;
    for wire in WIRES {
        for ask in [Ask::post("/"), Ask::post("/").bearer("a.b.c")] {
            let reply = server::send(wire, addr, &ask.header("origin", APP)).await;
            assert_eq!(reply.status, 401);
            assert_eq!(reply.all("access-control-allow-origin"), [APP]);
            assert_eq!(reply.all("access-control-expose-headers"), ["www-authenticate"]);
            assert!(reply.challenge().is_some());
        }
    }
}

#[tokio::test]
async fn a_script_cannot_read_the_rejection_if_the_cors_layer_is_inside() {
    let addr = server::start(app().layer(cors()).layer(shop::auth())).await;
    for wire in WIRES {
        let ask = Ask::post("/").header("origin", APP);
        let reply = server::send(wire, addr, &ask).await;
        assert_eq!(reply.status, 401);
        assert!(reply.all("access-control-allow-origin").is_empty());
    }
}

#[tokio::test]
async fn a_preflight_is_answered_by_cors_on_either_side() {
    let outside = server::start(app().layer(shop::auth()).layer(cors())).await;
    let inside = server::start(app().layer(cors()).layer(shop::auth())).await;
    for wire in WIRES {
        for addr in [outside, inside] {
            let reply = server::send(wire, addr, &preflight()).await;
            assert!(reply.status.is_success(), "{}", reply.status);
            assert_eq!(reply.all("access-control-allow-origin"), [APP]);
            assert_eq!(reply.all("access-control-allow-headers"), ["authorization"]);
            let ask = Ask::post("/").header("origin", APP).bearer(&shop::good());
            let reply = server::send(wire, addr, &ask).await;
            assert_eq!((reply.status.as_u16(), reply.text()), (200, "done"));
            assert_eq!(reply.all("access-control-allow-origin"), [APP]);
        }
    }
}

fn admins() -> Require<impl Guard> {
    require(has_role("admin"))
}

struct Admins;

impl Policy for Admins {
    fn guard() -> impl Guard {
        has_role("admin")
    }
}

/// Anyone can send a request that looks like a preflight, even with a body.
#[tokio::test]
async fn a_request_like_a_preflight_reaches_no_guarded_handler() {
    let run = async || "run";
    let guarded = Router::new()
        .route("/layer", any(run).layer(admins()))
        .route("/policy", any(async |_: Allowed<Admins>, _: String| "run"))
        .route("/claims", any(async |_: Claims<shop::Shopper>| "run"))
        .route("/route-layer", get(run).route_layer(admins()))
        .fallback_service(admins().layer(any(run)))
        .layer(shop::auth());
    let addr = server::start(guarded).await;
    for wire in WIRES {
        for path in ["/layer", "/policy", "/claims", "/elsewhere"] {
            let ask = Ask { path: path.to_owned(), ..preflight().body("a body") };
            let reply = server::send(wire, addr, &ask).await;
            assert_eq!((reply.status.as_u16(), &*reply.code()), (401, "missing-credentials"));
        }
        let ask = Ask { path: "/route-layer".to_owned(), ..preflight() };
        assert_eq!(server::send(wire, addr, &ask).await.status, 405);
    }
}

#[tokio::test]
async fn a_guard_can_let_preflights_through_to_an_inner_cors_layer() {
    let behind = |guard| app().layer(cors()).route_layer(guard).layer(shop::auth());
    let strict = server::start(behind(admins())).await;
    let told = server::start(behind(admins().dangerous_pass_preflight())).await;
    for wire in WIRES {
        assert_eq!(server::send(wire, strict, &preflight()).await.status, 401);
        assert!(server::send(wire, told, &preflight()).await.status.is_success());
        let ask = Ask::post("/").header("origin", APP).bearer(&shop::good());
        assert_eq!(server::send(wire, told, &ask).await.status, 403);
        let ask = Ask::post("/").header("origin", APP);
        assert_eq!(server::send(wire, told, &ask).await.status, 401);
    }
}
