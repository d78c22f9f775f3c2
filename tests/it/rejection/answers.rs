//! Tests of every request in the table of the module `rows`. Each request is sent over HTTP/1.1,
//! over HTTP/2, and directly to the router without a connection.

mod grpc;
mod hooks;
mod rows;

use http::Method;
use serde_json::json;
use tower::ServiceExt;
use tower_jwt_auth::{AuthError, AuthErrorKind, OtherScheme};

use self::rows::{Row, app, rows};
use crate::kit::server::{self, Ask, Connection, Reply, WIRES};
use crate::kit::shop;

/// Returns the exact body of the refusal.
fn problem(row: &Row) -> String {
    let page = "https://docs.rs/tower-jwt-auth/latest/tower_jwt_auth/problems/index.html";
    format!(
        r#"{{"type":"{page}#{}","title":"{}","status":{},"code":"{}"}}"#,
        row.code, row.title, row.status, row.code,
    )
}

/// Returns true if the body must have a `detail`. Two responses have one: the response to an
/// `Authorization` header with a scheme other than `Bearer`, and, in debug builds, the response of
/// a misconfigured server.
fn is_explained(row: &Row) -> bool {
    let has_header = row.ask.headers.iter().any(|(name, _)| *name == "authorization");
    row.code == "misconfigured" || (row.code == "missing-credentials" && has_header)
}

/// Checks that the response contains no claim and no 16 consecutive bytes of a credential.
fn tells_nothing(row: &Row, reply: &Reply) {
    let headers = reply.headers.iter().map(|(name, value)| format!("{name}: {value:?}\n"));
    let answer = headers.collect::<String>() + reply.text();
    for (_, value) in &row.ask.headers {
        for piece in value.windows(16) {
            let piece = String::from_utf8_lossy(piece);
            assert!(!answer.contains(&*piece), "{}: {piece:?} is in {answer}", row.name);
        }
    }
    for value in [shop::SUBJECT, shop::COMPANY, shop::ISSUER, "customer", "cart:read"] {
        assert!(!answer.contains(value), "{}: {value:?} is in {answer}", row.name);
    }
}

#[tokio::test]
async fn every_row_is_answered_to_the_byte_over_tcp() {
    let addr = server::start(app()).await;
    for wire in WIRES {
        let mut connection = Connection::open(wire, addr).await;
        for row in rows() {
            // All requests use one connection, since a rejection must not break the connection.
            let reply = connection.send(&row.ask).await;
            let name = format!("{} over {wire:?}", row.name);
            assert_eq!(reply.status, row.status, "{name}");
            assert_eq!(reply.challenge(), row.challenge, "{name}");
            assert_eq!(reply.all("content-type"), ["application/problem+json"], "{name}");
            assert_eq!(reply.all("cache-control"), ["no-store"], "{name}");
            assert_eq!(reply.code(), row.code, "{name}");
            let retry_after: &[&str] = if row.status == 503 { &["1"] } else { &[] };
            assert_eq!(reply.all("retry-after"), retry_after, "{name}");
            assert_eq!(reply.json()["status"], row.status, "{name}");
            assert_eq!(reply.json()["title"], row.title, "{name}");
            assert_eq!(reply.all("x-content-type-options"), ["nosniff"], "{name}");
            assert_eq!(reply.json()["detail"].is_string(), is_explained(&row), "{name}");
            if !is_explained(&row) {
                assert_eq!(reply.text(), problem(&row), "{name}");
            }
            tells_nothing(&row, &reply);
        }
    }
}

#[tokio::test]
async fn every_refusal_leaves_its_error_in_the_response() {
    for row in rows() {
        let response = app().oneshot(row.ask.to_request()).await.unwrap();
        let error = response.extensions().get::<AuthError>().expect(row.name);
        assert_eq!(error.kind(), row.kind, "{}", row.name);
        assert_eq!(error.code(), row.code, "{}", row.name);
        assert_eq!(error.status(), row.status, "{}", row.name);
        assert_eq!(error.status(), response.status(), "{}", row.name);
    }
    let response = app().oneshot(shop::request("/open", &shop::good())).await.unwrap();
    assert!(response.extensions().get::<AuthError>().is_none());
}

#[tokio::test]
async fn the_handler_answers_accepted_requests() {
    let addr = server::start(app()).await;
    let pay = shop::token(&json!({ "scope": "pay cart:write", "roles": ["admin"] }));
    for wire in WIRES {
        let mut connection = Connection::open(wire, addr).await;
        for path in ["/open", "/scopes", "/role"] {
            let reply = connection.send(&Ask::get(path).bearer(&pay)).await;
            assert_eq!((reply.status.as_u16(), reply.text()), (200, "handled"), "{path} {wire:?}");
            assert_eq!(reply.challenge(), None);
        }
        let reply = connection.send(&Ask::get("/optional")).await;
        assert_eq!(reply.text(), "anonymous", "{wire:?}");
        let reply = connection.send(&Ask::get("/optional").bearer(&pay)).await;
        assert_eq!(reply.text(), shop::SUBJECT, "{wire:?}");
    }
}

/// The response says that `Authorization` has a scheme other than `Bearer`, or no scheme. If the
/// scheme is a common one, the response names it. The response never repeats other text of the
/// header.
#[tokio::test]
async fn the_answer_and_the_reason_name_the_scheme_that_was_sent_instead() {
    let good = shop::good();
    for (field, scheme, detail) in [
        (format!("Token {good}"), OtherScheme::Known("Token"), "has the scheme Token;"),
        (format!("JWT {good}"), OtherScheme::Known("JWT"), "has the scheme JWT;"),
        ("basic dGVzdA==".to_owned(), OtherScheme::Known("Basic"), "has the scheme Basic;"),
        (format!("Acme-Scheme {good}"), OtherScheme::Unknown, "has another scheme;"),
        (good.clone(), OtherScheme::Missing, "has no scheme;"),
        ("an-opaque-token".to_owned(), OtherScheme::Missing, "has no scheme;"),
    ] {
        for path in ["/open", "/nobody"] {
            if path == "/nobody" && field.contains(&good) {
                // If `Authorization` contains a token without the scheme `Bearer`, the layer
                // refuses the request before the extractor runs.
                continue;
            }
            let ask = Ask::get(path).header("authorization", field.as_bytes());
            let response = app().oneshot(ask.to_request()).await.unwrap();
            let error = response.extensions().get::<AuthError>().unwrap().clone();
            assert_eq!(error.other_scheme(), Some(scheme), "{field}");
            assert!(error.reason().contains("`Authorization` has"), "{}", error.reason());
            let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert!(body["detail"].as_str().unwrap().contains(detail), "{body}");
            for text in [body.to_string(), format!("{error:?} {}", error.reason())] {
                assert!(!text.contains("Acme") && !text.contains("opaque"), "{text}");
                assert!(!text.contains(&good[..16]), "{text}");
            }
        }
    }
    let response = app().oneshot(Ask::get("/open").to_request()).await.unwrap();
    let error = response.extensions().get::<AuthError>().unwrap();
    assert_eq!(error.other_scheme(), None);
    assert!(error.reason().starts_with("the request has no access token; searched: "));
    assert!(error.reason().contains("the cookie `__Host-token`"), "{}", error.reason());
}

/// A token in `Authorization` under a scheme other than `Bearer` is not ignored: the request is
/// rejected, even if it has a valid cookie or if anonymous access is allowed.
#[tokio::test]
async fn a_token_under_another_scheme_never_gives_way_to_a_cookie() {
    let (good, other) = (shop::good(), shop::other());
    let cookie = format!("__Host-token={good}");
    for field in [
        format!("Basic dGVzdDp0ZXN0, Bearer {other}"),
        format!("Basic dGVzdDp0ZXN0,bearer {other}"),
        format!("Basic dGVzdDp0ZXN0 Bearer {other}"),
        format!("Bearer {other}, Basic dGVzdDp0ZXN0"),
        other.clone(),
        format!("JWT {other}"),
        format!("Token token=\"{other}\""),
        format!("DPoP {other}"),
    ] {
        let ask = Ask::get("/open").header("cookie", &cookie).header("authorization", &field);
        let reply = reply_of(&ask).await;
        assert_eq!(reply, (400, "ambiguous-credentials".to_owned()), "{field}");
        let ask = Ask::get("/optional").header("authorization", &field);
        let (status, _) = reply_of(&ask).await;
        assert!(status == 401 || status == 400, "{field}: {status}");
    }
    let split = Ask::get("/open")
        .header("cookie", &cookie)
        .header("authorization", "Basic dGVzdDp0ZXN0")
        .bearer(&other);
    assert_eq!(reply_of(&split).await, (400, "ambiguous-credentials".to_owned()));
    // Credentials with these schemes may be for a proxy in front of a test system. This layer
    // ignores them.
    for field in ["Basic dGVzdDp0ZXN0", "Digest username=\"bearer\"", "Negotiate YII="] {
        let ask = Ask::get("/open").header("cookie", &cookie).header("authorization", field);
        assert_eq!(reply_of(&ask).await.0, 200, "{field}");
        let ask = Ask::get("/optional").header("authorization", field);
        assert_eq!(reply_of(&ask).await.0, 200, "{field}");
    }
    // The same token in `Authorization` and in the cookie counts as one credential.
    let ask = Ask::get("/open").header("cookie", &cookie).header("authorization", &good);
    assert_eq!(reply_of(&ask).await.0, 200);
}

#[tokio::test]
async fn the_reason_names_the_two_places_whose_tokens_differ() {
    let cookie = format!("__Host-token={}", shop::good());
    let ask = Ask::get("/open").header("cookie", &cookie).bearer(&shop::other());
    let response = app().oneshot(ask.to_request()).await.unwrap();
    let reason = response.extensions().get::<AuthError>().unwrap().reason();
    assert_eq!(reason, "`Authorization` and the cookie have tokens that differ");
}

async fn reply_of(ask: &Ask) -> (u16, String) {
    let response = app().oneshot(ask.to_request()).await.unwrap();
    let code = response.extensions().get::<AuthError>().map(AuthError::code);
    (response.status().as_u16(), code.unwrap_or_default().to_owned())
}

/// A proxy may repeat a header. Two headers with the same credential count as one credential.
#[tokio::test]
async fn two_headers_that_agree_are_one_credential() {
    let addr = server::start(app()).await;
    let good = shop::good();
    for wire in WIRES {
        let ask = Ask::get("/open").bearer(&good).bearer(&good);
        assert_eq!(server::send(wire, addr, &ask).await.status, 200, "{wire:?}");
        let ask = Ask::get("/open").bearer("a.b.c").bearer("a.b.c");
        assert_eq!(server::send(wire, addr, &ask).await.code(), "invalid-token", "{wire:?}");
    }
}

#[tokio::test]
async fn every_401_and_every_403_about_a_token_has_exactly_one_challenge() {
    let addr = server::start(app()).await;
    for row in rows() {
        let reply = server::send(WIRES[0], addr, &row.ask).await;
        let about_token = row.kind != AuthErrorKind::CrossSiteRequest;
        if reply.status == 401 || (reply.status == 403 && about_token) {
            let challenge = reply.challenge().expect(row.name);
            assert!(challenge.starts_with("Bearer realm=\"shop\""), "{challenge}");
        }
    }
}

/// A client that probes with different tokens gets the same response for every `invalid-token`
/// rejection.
#[tokio::test]
async fn rejections_of_the_generic_class_have_the_same_bytes() {
    let addr = server::start(app()).await;
    for wire in WIRES {
        let mut seen: Vec<Vec<u8>> = Vec::new();
        for row in rows().into_iter().filter(|row| row.code == "invalid-token") {
            let mut reply = server::send(wire, addr, &row.ask).await;
            reply.headers.remove("date");
            let mut bytes = format!("{:?}", reply.headers).into_bytes();
            bytes.extend(&reply.body);
            seen.push(bytes);
        }
        assert!(seen.len() > 10);
        seen.dedup();
        assert_eq!(seen.len(), 1, "{wire:?}");
    }
}

#[tokio::test]
async fn a_head_request_is_answered_as_a_get_without_the_body() {
    let addr = server::start(app()).await;
    for wire in WIRES {
        let mut connection = Connection::open(wire, addr).await;
        for token in ["a.b.c", &shop::token(&json!({ "exp": shop::NOW - 600 }))] {
            let get = connection.send(&Ask::get("/open").bearer(token)).await;
            let head = connection.send(&Ask::new(Method::HEAD, "/open").bearer(token)).await;
            assert_eq!(head.status, get.status);
            assert_eq!(head.challenge(), get.challenge());
            assert_eq!(head.all("content-type"), get.all("content-type"));
            assert!(head.body.is_empty());
        }
        let reply = connection.send(&Ask::get("/open").bearer(&shop::good())).await;
        assert_eq!(reply.status, 200);
    }
}

#[tokio::test]
async fn a_browser_that_prefers_html_still_reads_the_problem() {
    let addr = server::start(app()).await;
    for wire in WIRES {
        for accept in ["text/html,application/xhtml+xml,*/*;q=0.8", "image/png", ""] {
            let reply = server::send(wire, addr, &Ask::get("/open").header("accept", accept)).await;
            assert_eq!(reply.status, 401);
            assert_eq!(reply.all("content-type"), ["application/problem+json"]);
            assert_eq!(reply.code(), "missing-credentials");
        }
    }
}

#[tokio::test]
async fn a_response_to_another_site_is_not_cached_for_this_one() {
    let addr = server::start(app()).await;
    let row = rows().into_iter().find(|row| row.code == "cross-site-request").unwrap();
    for wire in WIRES {
        let reply = server::send(wire, addr, &row.ask).await;
        assert_eq!(reply.all("vary"), ["Sec-Fetch-Site, Origin"]);
    }
}
