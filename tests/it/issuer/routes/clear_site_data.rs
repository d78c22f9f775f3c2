//! Tests of an application layer that adds a header to the response to a logout.

use std::sync::atomic::Ordering::SeqCst;

use axum::Router;
use axum::body::Body;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http::{Method, Request};
use serde_json::json;

use super::cookies::{REFRESH, server, value, with_cookie};
use crate::issuer::kit::{Answer, json};

/// The layer of `docs/explanation/sessions.md`.
#[tokio::test]
async fn a_layer_adds_clear_site_data_to_a_successful_logout() {
    async fn clear_storage(request: Request<Body>, next: Next) -> Response {
        let is_logout = request.uri().path().starts_with("/logout");
        let mut answer = next.run(request).await;
        if is_logout && answer.status() == 204 {
            let storage = http::HeaderValue::from_static("\"storage\"");
            answer.headers_mut().insert("Clear-Site-Data", storage);
        }
        answer
    }
    let mut server = server();
    let routes = server.router.layer(from_fn(clear_storage));
    server.router = Router::new().nest("/auth", routes);
    let clears =
        |answer: &Answer| answer.head.headers.get("clear-site-data").map(|v| v.as_bytes().to_vec());

    let login = json!({ "user": "alice", "password": "right" });
    let login = server.send(json(Method::POST, "/auth/login", &login)).await;
    assert_eq!(clears(&login), None);
    let token = value(&login, REFRESH);
    let log_out = || server.send(with_cookie(Method::POST, "/auth/logout", &token));
    server.state.store_down.store(true, SeqCst);
    assert_eq!(clears(&log_out().await), None);
    server.state.store_down.store(false, SeqCst);
    assert_eq!(clears(&log_out().await).as_deref(), Some(&b"\"storage\""[..]));
}
