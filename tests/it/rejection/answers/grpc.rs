//! Tests of the responses to gRPC clients, which read only `grpc-status`.

use http::Method;
use serde_json::Value;
use tower::ServiceExt;
use tower_jwt_auth::{AuthError, AuthErrorKind, RejectionBody};

use super::rows::{app, rows};
use crate::kit::server::{self, Ask, Connection, WIRES};
use crate::kit::shop;

fn expected(kind: AuthErrorKind) -> &'static str {
    match kind {
        AuthErrorKind::InsufficientScope
        | AuthErrorKind::InsufficientRole
        | AuthErrorKind::CrossSiteRequest => "7",
        AuthErrorKind::KeysUnavailable | AuthErrorKind::RevocationUnavailable => "14",
        AuthErrorKind::Misconfigured | AuthErrorKind::InternalError => "13",
        _ => "16",
    }
}

/// Turns the request into a gRPC request.
fn grpc(ask: Ask, content_type: &str) -> Ask {
    Ask { method: Method::POST, ..ask }.header("content-type", content_type)
}

#[tokio::test]
async fn every_row_is_sent_to_a_grpc_client_in_trailers_only() {
    let addr = server::start(app()).await;
    for wire in WIRES {
        let mut connection = Connection::open(wire, addr).await;
        for (content_type, answered) in [
            ("application/grpc", "application/grpc"),
            ("application/grpc+proto", "application/grpc"),
            ("application/grpc;a=b, text/html; charset=utf-7", "application/grpc"),
            ("application/grpc-web+proto", "application/grpc-web"),
        ] {
            for row in rows() {
                let ask = grpc(row.ask, content_type);
                let reply = connection.send(&ask).await;
                let name = format!("{} over {wire:?} as {content_type}", row.name);
                assert_eq!(reply.status, 200, "{name}");
                assert_eq!(reply.all("content-type"), [answered], "{name}");
                assert_eq!(reply.all("x-content-type-options"), ["nosniff"], "{name}");
                assert_eq!(reply.all("grpc-status"), [expected(row.kind)], "{name}");
                assert_eq!(reply.all("grpc-message"), [row.code], "{name}");
                assert_eq!(reply.challenge(), row.challenge, "{name}");
                assert_eq!(reply.all("cache-control"), ["no-store"], "{name}");
                assert!(reply.is_headers_only && reply.body.is_empty(), "{name}");
            }
        }
    }
}

#[tokio::test]
async fn the_error_is_in_the_response_for_grpc_too() {
    for row in rows() {
        let ask = grpc(row.ask, "application/grpc");
        let response = app().oneshot(ask.to_request()).await.unwrap();
        assert_eq!(response.extensions().get::<AuthError>().unwrap().kind(), row.kind);
    }
}

#[tokio::test]
async fn a_body_of_the_application_does_not_reach_a_grpc_client() {
    let auth = shop::auth().with_rejection(|_| RejectionBody::text("custom"));
    let app = axum::Router::new().fallback(|| async { "handled" }).layer(auth);
    let addr = server::start(app).await;
    let ask = Ask::post("/").header("content-type", "application/grpc");
    for wire in WIRES {
        let reply = server::send(wire, addr, &ask).await;
        assert_eq!(reply.all("grpc-status"), ["16"]);
        assert!(reply.body.is_empty());
    }
}

#[tokio::test]
async fn requests_without_grpc_get_http_answers() {
    let addr = server::start(app()).await;
    for content_type in ["application/grpcx", "application/json", "text/application/grpc", ""] {
        let ask = Ask::post("/open").header("content-type", content_type);
        let reply = server::send(WIRES[1], addr, &ask).await;
        assert_eq!((reply.status.as_u16(), reply.all("grpc-status").len()), (401, 0));
        assert!(matches!(reply.json(), Value::Object(_)));
    }
}

/// A client can send a gRPC content type with any request. A rejection must not have the status 200
/// just because of this header, since proxies may rely on the status.
#[tokio::test]
async fn only_a_post_can_be_grpc() {
    for row in rows().into_iter().filter(|row| row.ask.method != Method::POST) {
        let ask = row.ask.header("content-type", "application/grpc");
        let response = app().oneshot(ask.to_request()).await.unwrap();
        assert_eq!(response.status().as_u16(), row.status, "{}", row.name);
        assert!(!response.headers().contains_key("grpc-status"), "{}", row.name);
    }
}
