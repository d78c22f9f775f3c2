//! Together with a CORS layer: which one has to be outside, and what each order gives a browser.

use axum::Router;
use axum::routing::any;
use http::{HeaderName, HeaderValue, Method};
use tower_http::cors::CorsLayer;

use crate::server::{self, Ask, WIRES};
use crate::shop;

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
async fn with_cors_outside_a_script_can_read_the_refusal() {
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
async fn with_cors_inside_a_script_cannot_read_the_refusal() {
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

#[tokio::test]
async fn a_preflight_passes_a_guard_and_reaches_cors_behind_it() {
    let guarded = app()
        .layer(cors())
        .route_layer(tower_jwt_auth::require(tower_jwt_auth::has_role("admin")))
        .layer(shop::auth());
    let addr = server::start(guarded).await;
    for wire in WIRES {
        assert!(server::send(wire, addr, &preflight()).await.status.is_success());
        let ask = Ask::post("/").header("origin", APP).bearer(&shop::good());
        assert_eq!(server::send(wire, addr, &ask).await.status, 403);
    }
}
