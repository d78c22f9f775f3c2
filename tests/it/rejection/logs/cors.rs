//! Tests of the event that is logged if a CORS layer is behind the auth layer.

use axum::Router;
use axum::routing::any;
use http::{HeaderValue, Method};
use tower::ServiceExt;
use tower_http::cors::CorsLayer;

use super::Log;
use crate::kit::server::Ask;
use crate::kit::shop;

const APP: &str = "https://app.example";
const SENTENCE: &str = "router.layer(auth).layer(cors)";

async fn logged(router: Router, ask: &Ask) -> String {
    let log = Log::default();
    let _listening = log.listen();
    router.oneshot(ask.to_request()).await.unwrap();
    log.text()
}

#[tokio::test]
async fn an_inner_cors_layer_is_logged_with_the_remedy() {
    let cors = || CorsLayer::new().allow_origin(HeaderValue::from_static(APP));
    let routes = || Router::new().route("/", any(|| async {}));
    let preflight = Ask::new(Method::OPTIONS, "/")
        .header("origin", APP)
        .header("access-control-request-method", "POST");
    let behind = || routes().layer(cors()).layer(shop::auth());
    let log = logged(behind(), &preflight).await;
    // Do not check the level. It is WARN, or DEBUG if other tests of this process have already
    // caused ten events of this kind in the same minute.
    assert!(log.contains(SENTENCE), "{log}");

    let in_front = routes().layer(shop::auth()).layer(cors());
    assert!(!logged(in_front, &preflight).await.contains(SENTENCE));
    let without = routes().layer(shop::auth());
    assert!(!logged(without, &preflight).await.contains(SENTENCE));
    let post = Ask::post("/").header("origin", APP).bearer(&shop::good());
    assert!(!logged(behind(), &post).await.contains(SENTENCE));
}

/// Any client can send any number of preflight requests, so only a few of them are logged at WARN.
#[tokio::test]
async fn preflights_cannot_fill_the_log() {
    let cors = CorsLayer::new().allow_origin(HeaderValue::from_static(APP));
    let router = Router::new().route("/", any(|| async {})).layer(cors).layer(shop::auth());
    let preflight = Ask::new(Method::OPTIONS, "/")
        .header("origin", APP)
        .header("access-control-request-method", "POST");
    let log = Log::default();
    {
        let _listening = log.listen();
        for _ in 0..500 {
            router.clone().oneshot(preflight.to_request()).await.unwrap();
        }
    }
    let log = log.text();
    let loud =
        log.lines().filter(|line| line.contains(" WARN ") && line.contains(SENTENCE)).count();
    assert_eq!(log.matches(SENTENCE).count(), 500);
    assert!((1..=20).contains(&loud), "{loud}");
}
