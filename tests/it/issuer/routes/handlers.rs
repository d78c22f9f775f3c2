//! Tests of routes that send tokens in response bodies.

use std::sync::atomic::Ordering::SeqCst;

use axum::body::Body;
use http::{Method, Request};
use serde_json::{Value, json};

use crate::issuer::kit::{Employee, Server, json};

#[tokio::test]
async fn a_login_gets_the_answer_of_rfc_6749() {
    let server = Server::new();
    let login = json!({ "user": "alice", "password": "right", "audience": "cart" });
    let answer = server.post("/login", login).await;
    let tokens = answer.tokens();
    let body = answer.json();
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 600);
    assert_eq!(body["scope"], "cart:read pay");
    assert_eq!(body.as_object().unwrap().len(), 5);

    let claims = server.service("cart").verify(&tokens.access).unwrap();
    assert_eq!(*claims, Employee { company: "acme".into(), hobbies: Vec::new() });
    assert_eq!(claims.token().subject(), Some("alice"));
    assert!(server.service("payment").verify(&tokens.access).is_err());
}

#[tokio::test]
async fn forms_are_accepted_like_json() {
    let server = Server::new();
    let form = |path: &str, body: String| {
        Request::builder()
            .method(Method::POST)
            .uri(path)
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            .body(Body::from(body))
            .unwrap()
    };
    let login = "user=alice&password=right&audience=cart&audience=payment".to_owned();
    let tokens = server.send(form("/login", login)).await.tokens();
    let refresh = tokens.refresh;
    let refresh = format!("grant_type=refresh_token&refresh_token={refresh}&audience=payment");
    let tokens = server.send(form("/refresh", refresh)).await.tokens();
    assert!(server.service("payment").verify(&tokens.access).is_ok());
    let twice = "refresh_token=a&refresh_token=b".to_owned();
    server.send(form("/refresh", twice)).await.is_error(400, "invalid_request");
    let other = format!("grant_type=password&refresh_token={}", tokens.refresh);
    server.send(form("/refresh", other)).await.is_error(400, "unsupported_grant_type");
}

#[tokio::test]
async fn malformed_requests_are_refused() {
    let server = Server::new();
    for (path, body) in [
        ("/login", json!({ "user": "alice" })),
        ("/login", json!([])),
        ("/refresh", json!({})),
        ("/refresh", json!({ "refresh_token": 1 })),
        ("/refresh", json!({ "refresh_token": null })),
        ("/logout", json!({})),
        ("/revoke", json!({ "token": [] })),
        ("/login", json!({ "user": "a", "password": "x".repeat(17_000) })),
    ] {
        server.post(path, body).await.is_error(400, "invalid_request");
    }
    let text = Request::post("/login").body(Body::from(r#"{"user":"a","password":"right"}"#));
    server.send(text.unwrap()).await.is_error(400, "invalid_request");
    let read = Request::get("/login").body(Body::empty()).unwrap();
    assert_eq!(server.send(read).await.status(), 405);
}

#[tokio::test]
async fn wrong_credentials_and_wrong_parameters_get_different_errors() {
    let server = Server::new();
    let login = |more: Value| {
        let mut login = json!({ "user": "alice", "password": "right", "audience": "cart" });
        login.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        server.post("/login", login)
    };
    login(json!({ "password": "wrong" })).await.is_error(400, "invalid_grant");
    login(json!({ "audience": "mail" })).await.is_error(400, "invalid_target");
    login(json!({ "scope": "pay admin" })).await.is_error(400, "invalid_scope");
    // The two audiences have different keys, so the client must name one audience.
    let login = json!({ "user": "alice", "password": "right" });
    server.post("/login", login).await.is_error(400, "invalid_target");
    assert_eq!(server.state.writes.load(SeqCst), 0, "nothing was done for them");

    *server.state.audience.lock().unwrap() = Some("cart");
    let login = |audience: &str| {
        server.post("/login", json!({ "user": "a", "password": "right", "audience": audience }))
    };
    let own = login("cart").await.tokens().refresh;
    login("payment").await.is_error(400, "invalid_target");
    let other = json!({ "refresh_token": own, "audience": "payment" });
    server.post("/refresh", other).await.is_error(400, "invalid_target");
    let unsaid = server.post("/refresh", json!({ "refresh_token": own })).await;
    assert!(server.service("cart").verify(&unsaid.tokens().access).is_ok());
}

#[tokio::test]
async fn users_list_and_end_their_sessions() {
    let server = Server::new();
    let phone = server.log_in("alice").await.refresh;
    let mut login = json(
        Method::POST,
        "/login",
        &json!({ "user": "alice", "password": "right", "audience": "cart" }),
    );
    login.headers_mut().insert("user-agent", "Laptop".parse().unwrap());
    let laptop = server.send(login).await.tokens().refresh;
    let bob = server.log_in("bob").await.refresh;

    let list = server.post("/sessions", json!({ "refresh_token": laptop })).await.json();
    let sessions = list["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    let of = |current: bool| sessions.iter().find(|s| s["current"] == current).unwrap();
    assert_eq!(of(true)["label"], "Laptop");
    let id = of(false)["id"].as_str().unwrap().to_owned();

    let end = async |token: &str, id: &str| {
        let body = json!({ "refresh_token": token });
        server.send(json(Method::DELETE, &format!("/sessions/{id}"), &body)).await.status()
    };
    assert_eq!(end(&bob, &id).await, 404, "not his");
    assert_eq!(end(&laptop, "unknown").await, 404);
    assert_eq!(end(&laptop, &id).await, 204);
    server.refresh(&phone).await.is_error(400, "invalid_grant");
    let everywhere = server.post("/logout-everywhere", json!({ "refresh_token": laptop })).await;
    assert_eq!((everywhere.status(), everywhere.body.len()), (204, 0));
    server.refresh(&laptop).await.is_error(400, "invalid_grant");
    server.refresh(&bob).await.tokens();
}

#[tokio::test]
async fn logging_out_is_always_possible() {
    let server = Server::new();
    let token = server.log_in("alice").await.refresh;
    for token in [&token, &token, "nonsense"] {
        let answer = server.post("/logout", json!({ "refresh_token": token })).await;
        assert_eq!(answer.status(), 204);
    }
    server.refresh(&token).await.is_error(400, "invalid_grant");
    let list = server.post("/sessions", json!({ "refresh_token": token })).await;
    list.is_error(400, "invalid_grant");
}

#[tokio::test]
async fn revocation_follows_rfc_7009() {
    let server = Server::new();
    let tokens = server.log_in("alice").await;
    let revoke = async |body: Value| server.post("/revoke", body).await;
    let foreign = revoke(json!({ "token": tokens.refresh, "client_id": "other" })).await;
    foreign.is_error(400, "invalid_client");
    let successor = server.refresh(&tokens.refresh).await.tokens().refresh;

    for body in [
        json!({ "token": successor, "token_type_hint": "access_token" }),
        json!({ "token": successor, "token_type_hint": "nonsense" }),
        json!({ "token": "unknown" }),
    ] {
        assert_eq!(revoke(body).await.status(), 200);
    }
    server.refresh(&successor).await.is_error(400, "invalid_grant");
}

#[tokio::test]
async fn a_parameter_without_a_value_counts_as_absent() {
    let server = Server::new();
    let login = json!({
        "user": "alice", "password": "right", "audience": "cart", "scope": "", "client_id": "",
    });
    let answer = server.post("/login", login).await;
    assert_eq!(answer.json()["scope"], "cart:read pay");
    let refresh = json!({
        "refresh_token": answer.tokens().refresh, "audience": "cart", "grant_type": "", "scope": "",
        "client_id": "",
    });
    server.post("/refresh", refresh).await.tokens();
    server.refresh("").await.is_error(400, "invalid_request");
}

#[tokio::test]
async fn any_client_with_the_token_may_log_out() {
    let server = Server::new();
    let log_in = async || {
        let login = json!({
            "user": "alice", "password": "right", "audience": "cart", "client_id": "web",
        });
        server.post("/login", login).await.tokens().refresh
    };
    for path in ["/logout", "/logout-everywhere", "/revoke"] {
        let token = log_in().await;
        let body = json!({ "refresh_token": token, "token": token });
        assert!(server.post(path, body).await.head.status.is_success(), "{path}");
        let refresh = json!({ "refresh_token": token, "audience": "cart", "client_id": "web" });
        server.post("/refresh", refresh).await.is_error(400, "invalid_grant");
    }
}

#[tokio::test]
async fn a_login_layer_applies_to_the_login_only() {
    let limit = tower::util::MapResponseLayer::new(|_| http::StatusCode::TOO_MANY_REQUESTS);
    let server = Server::with(|routes| routes.add_login_layer(limit));
    let login = json!({ "user": "alice", "password": "right", "audience": "cart" });
    assert_eq!(server.post("/login", login).await.status(), 429);
    server.refresh("unknown").await.is_error(400, "invalid_grant");
}

/// A thief with a stolen refresh token could request the list of sessions again and again, to find
/// out when the user renews the token.
#[tokio::test]
async fn the_list_of_sessions_does_not_show_a_thief_when_the_user_renews() {
    let server = Server::new();
    let mut token = server.log_in("alice").await.refresh;
    let post =
        async |path: &str, token: &str| server.post(path, json!({ "refresh_token": token })).await;
    for _ in 0..5 {
        server.wait(600);
        assert_eq!(post("/sessions", &token).await.status(), 200);
        assert_eq!(post("/sessions/AAAAAAAAAAAAAAAAAAAAAA", &token).await.status(), 404);
        let stolen = token;
        token = server.refresh(&stolen).await.tokens().refresh;
        server.wait(2);
        // The thief's next requests are refused, and the responses do not reveal the reason.
        let unknown = post("/sessions", &"A".repeat(64)).await;
        for path in ["/sessions", "/sessions/AAAAAAAAAAAAAAAAAAAAAA"] {
            let poll = post(path, &stolen).await;
            assert_eq!((poll.status(), &poll.body), (400, &unknown.body));
        }
    }
    // In each of the five rounds, the thief presented a used token 2 seconds after its exchange.
    // The session ended because five renewals in a row had such a late repeat.
    server.refresh(&token).await.is_error(400, "invalid_grant");
}

/// One tab logs out just after another tab has renewed the token.
#[tokio::test]
async fn a_token_that_was_used_a_moment_ago_logs_out() {
    let server = Server::new();
    let first = server.log_in("alice").await.refresh;
    let second = server.refresh(&first).await.tokens().refresh;
    let body = json!({ "refresh_token": first });
    assert_eq!(server.post("/logout", body).await.status(), 204);
    server.refresh(&second).await.is_error(400, "invalid_grant");
}
