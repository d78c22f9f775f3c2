//! Tests that errors help client developers, but not an attacker who guesses passwords.

use std::sync::atomic::Ordering::SeqCst;

use axum::body::Body;
use http::{Method, Request};
use serde_json::{Value, json};

use crate::issuer::kit::{Server, json as json_request};

fn login(more: &Value) -> Value {
    let mut login = json!({ "user": "alice", "password": "right", "audience": "cart" });
    login.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    login
}

#[tokio::test]
async fn an_error_names_the_parameter_and_never_its_value() {
    let server = Server::new();
    for (path, body, description) in [
        ("/login", json!({ "user": "SECRET" }), "missing field `password`"),
        ("/login", json!({ "user": "a", "password": null }), "invalid type in `password`: null"),
        ("/login", login(&json!({ "user": ["SECRET"] })), "invalid type in `user`: an array"),
        (
            "/login",
            login(&json!({ "audience": { "SECRET": 1 } })),
            "`audience` is neither a string nor an array of strings",
        ),
        (
            "/login",
            login(&json!({ "audience": ["cart", 1] })),
            "`audience` is neither a string nor an array of strings",
        ),
        ("/login", login(&json!({ "scope": ["SECRET"] })), "`scope` is not a string"),
        ("/login", login(&json!({ "client_id": 4711 })), "`client_id` is not a string"),
        ("/login", json!(["SECRET"]), "the body is not a JSON object"),
        ("/login", json!("SECRET"), "the body is not a JSON object"),
        ("/refresh", json!({}), "`refresh_token` is missing"),
        ("/refresh", json!({ "refresh_token": null }), "`refresh_token` is missing"),
        ("/refresh", json!({ "refresh_token": "" }), "`refresh_token` is missing"),
        ("/refresh", json!({ "refresh_token": 4711 }), "`refresh_token` is not a string"),
        (
            "/refresh",
            json!({ "refresh_token": "x", "audience": 4711 }),
            "`audience` is neither a string nor an array of strings",
        ),
        ("/logout", json!({ "refreshToken": "SECRET" }), "`refresh_token` is missing"),
        ("/sessions", json!({}), "`refresh_token` is missing"),
        ("/sessions/x", json!({}), "`refresh_token` is missing"),
        ("/revoke", json!({ "refresh_token": "SECRET" }), "`token` is missing"),
        ("/revoke", json!({ "token": ["SECRET"] }), "`token` is not a string"),
        (
            "/login",
            login(&json!({ "password": "x".repeat(17_000) })),
            "the body ended early, or is longer than 16384 bytes",
        ),
    ] {
        let answer = server.post(path, body).await;
        answer.is_error(400, "invalid_request");
        assert_eq!(answer.description(), description, "{path}");
    }
    let odd = |content_type: &str, body: &'static str| {
        let request = Request::post("/login").header("content-type", content_type);
        server.send(request.body(Body::from(body)).unwrap())
    };
    for (content_type, body, description) in [
        ("application/json", "{\"user\":\"SECRET\"", "the body is not valid JSON"),
        ("application/json", "", "the body is not valid JSON"),
        ("application/json", "{\"user\":\"a\",\"user\":\"SECRET\"}", "the body has a member twice"),
        ("application/x-www-form-urlencoded", "user=a&user=SECRET", "the body has a member twice"),
        ("application/x-www-form-urlencoded", "user=SECRET", "missing field `password`"),
        (
            "text/plain",
            "SECRET",
            "the content type is neither application/json nor application/x-www-form-urlencoded",
        ),
    ] {
        let answer = odd(content_type, body).await;
        answer.is_error(400, "invalid_request");
        assert_eq!(answer.description(), description, "{content_type} {body}");
    }
}

#[tokio::test]
async fn errors_that_do_not_depend_on_the_account_come_before_the_password() {
    let server = Server::new();
    for (more, code) in [
        (json!({ "audience": "nowhere" }), "invalid_target"),
        (json!({ "audience": ["cart", "nowhere"] }), "invalid_target"),
        (json!({ "scope": "a\"b" }), "invalid_scope"),
        (json!({ "scope": "\u{e9}" }), "invalid_scope"),
        (json!({ "client_id": "x".repeat(257) }), "invalid_request"),
    ] {
        let mut bodies = Vec::new();
        for password in ["right", "wrong"] {
            let mut login = login(&more);
            login["password"] = json!(password);
            let answer = server.post("/login", login).await;
            answer.is_error(400, code);
            bodies.push(answer.body);
        }
        assert_eq!(bodies[0], bodies[1], "{more}");
    }
    assert!(server.state.logins.lock().unwrap().is_empty(), "a password was looked at");
}

#[tokio::test]
async fn every_answer_that_reveals_a_right_password_is_reported() {
    let server = Server::new();
    *server.state.audience.lock().unwrap() = Some("cart");
    *server.state.client.lock().unwrap() = Some("web");
    let refused = |server: &Server| {
        let events = server.state.events.lock().unwrap().split_off(0);
        events.into_iter().map(|(what, subject, _)| (what, subject)).collect::<Vec<_>>()
    };
    let of_alice = vec![("refused".to_owned(), "alice".to_owned())];
    for (more, status, code) in [
        (json!({ "scope": "cart:read admin" }), 400, "invalid_scope"),
        (json!({ "audience": "payment" }), 400, "invalid_target"),
        (json!({ "audience": ["cart", "payment"] }), 400, "invalid_target"),
        (json!({ "client_id": "backoffice" }), 400, "invalid_client"),
    ] {
        server.post("/login", login(&more)).await.is_error(status, code);
        assert_eq!(refused(&server), of_alice, "{more}");
        let mut wrong = login(&more);
        wrong["password"] = json!("wrong");
        server.post("/login", wrong).await.is_error(400, "invalid_grant");
        assert_eq!(refused(&server), []);
    }
    for failing in [&server.state.store_down, &server.state.huge, &server.state.answers_lost] {
        failing.store(true, SeqCst);
        assert!(server.post("/login", login(&json!({}))).await.status() >= 500);
        assert_eq!(refused(&server).last(), of_alice.last());
        failing.store(false, SeqCst);
    }
}

#[tokio::test]
async fn a_cross_site_login_is_rejected_without_cookies_too() {
    let server = Server::with(|routes| routes.trust_origin("https://app.example"));
    for (site, origin, status) in [
        ("cross-site", "https://evil.example", 403),
        ("cross-site", "null", 403),
        ("cross-site", "", 403),
        ("cross-site", "https://app.example", 200),
        ("same-site", "https://sibling.shop.example", 200),
        ("same-origin", "https://auth.shop.example", 200),
        ("none", "", 200),
    ] {
        let mut request = json_request(Method::POST, "/login", &login(&json!({})));
        request.headers_mut().insert("sec-fetch-site", site.parse().unwrap());
        if !origin.is_empty() {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        assert_eq!(server.send(request).await.status(), status, "{site} {origin}");
    }
    let form = Request::post("/login")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "cross-site")
        .header("origin", "https://evil.example");
    let form = form.body(Body::from("user=bob&password=right&audience=cart")).unwrap();
    assert_eq!(server.send(form).await.status(), 403);
    assert_eq!(server.state.logins.lock().unwrap().len(), 4, "no password was looked at");
}
