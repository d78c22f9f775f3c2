//! What a refresh token is exchanged for.

use std::sync::atomic::Ordering::SeqCst;

use serde_json::{Value, json};

use super::kit::Server;

#[tokio::test]
async fn a_refresh_that_names_no_service_is_for_that_of_the_login() {
    let server = Server::new();
    let refresh = async |token: &str, audience: Option<&str>| {
        let wish = json!({ "refresh_token": token, "audience": audience });
        server.post("/refresh", wish).await
    };
    let is_for = |access: &str| {
        ["cart", "payment"].map(|audience| server.service(audience).verify(access).is_ok())
    };
    let first = server.log_in("alice").await.refresh;
    let mut last = first;
    // What one refresh names is true of one access token.
    for (named, expected) in [
        (None, [true, false]),
        (Some("payment"), [false, true]),
        (Some(""), [true, false]),
        (None, [true, false]),
    ] {
        let tokens = refresh(&last, named).await.tokens();
        assert_eq!(is_for(&tokens.access), expected, "{named:?}");
        last = tokens.refresh;
    }
    // What the account may no longer use is not replaced by what it may.
    *server.state.audience.lock().unwrap() = Some("payment");
    refresh(&last, None).await.is_error(400, "invalid_target");
    refresh(&last, Some("cart")).await.is_error(400, "invalid_target");
    assert_eq!(is_for(&refresh(&last, Some("payment")).await.tokens().access), [false, true]);

    let open = json!({ "user": "bob", "password": "right" });
    let open = server.post("/login", open).await.tokens();
    assert_eq!(is_for(&open.access), [false, true], "the account has one service");
    *server.state.audience.lock().unwrap() = Some("cart");
    let tokens = refresh(&open.refresh, None).await.tokens();
    assert_eq!(is_for(&tokens.access), [true, false], "a login that names none keeps to none");
}

#[tokio::test]
async fn every_refresh_token_that_is_not_good_is_refused_in_the_same_bytes() {
    let server = Server::new();
    let expired = server.log_in("alice").await.refresh;
    server.wait(7 * 86_400);
    let reused = server.log_in("alice").await.refresh;
    server.refresh(&reused).await.tokens();
    server.wait(10);
    let ended = server.log_in("alice").await.refresh;
    server.post("/logout", json!({ "refresh_token": ended })).await;
    let login = json!({ "user": "al", "password": "right", "audience": "cart", "client_id": "w" });
    let foreign = server.post("/login", login).await.tokens().refresh;
    let unknown = "A".repeat(64);

    let mut heads = Vec::new();
    for token in ["x", &unknown, &expired, &reused, &reused, &ended, &foreign] {
        let answer = server.refresh(token).await;
        answer.is_error(400, "invalid_grant");
        heads.push(format!("{:?}", answer.head.headers));
    }
    heads.dedup();
    assert_eq!(heads.len(), 1, "{heads:?}");
    let own = json!({ "refresh_token": foreign, "client_id": "w", "audience": "cart" });
    server.post("/refresh", own).await.tokens();
}

#[tokio::test]
async fn scopes_are_narrowed_and_never_widened() {
    let server = Server::new();
    let login = json!({
        "user": "alice", "password": "right", "audience": "cart", "scope": "cart:read",
    });
    let first = server.post("/login", login).await;
    assert_eq!(first.json()["scope"], "cart:read");
    let token = first.tokens().refresh;
    let wish = |scope: &str| json!({ "refresh_token": token, "audience": "cart", "scope": scope });
    server.post("/refresh", wish("pay")).await.is_error(400, "invalid_scope");
    server.post("/refresh", wish("cart:read pay")).await.is_error(400, "invalid_scope");
    let narrowed = server.post("/refresh", wish("cart:read")).await;
    assert_eq!(narrowed.json()["scope"], "cart:read");
    // The account may pay; this login may not.
    let next = server.refresh(&narrowed.tokens().refresh).await;
    assert_eq!(next.json()["scope"], "cart:read");

    let all = server.log_in("bob").await.refresh;
    let less = json!({ "refresh_token": all, "audience": "cart", "scope": "pay" });
    let less = server.post("/refresh", less).await;
    assert_eq!(less.json()["scope"], "pay");
    let again = server.refresh(&less.tokens().refresh).await;
    assert_eq!(again.json()["scope"], "cart:read pay", "narrowing is of one access token");
}

#[tokio::test]
async fn what_fails_leaves_the_clients_token_as_it_was() {
    let server = Server::new();
    let mut token = server.log_in("alice").await.refresh;
    for fault in [&server.state.store_down, &server.state.accounts_down] {
        fault.store(true, SeqCst);
        for _ in 0..2 {
            let answer = server.refresh(&token).await;
            answer.is_error(503, "temporarily_unavailable");
            assert_eq!(answer.head.headers["retry-after"], "1");
            server.wait(60);
        }
        let login = json!({ "user": "alice", "password": "right", "audience": "cart" });
        server.post("/login", login).await.is_error(503, "temporarily_unavailable");
        fault.store(false, SeqCst);
        token = server.refresh(&token).await.tokens().refresh;
    }
    for fault in [&server.state.accounts_panic, &server.state.huge] {
        fault.store(true, SeqCst);
        server.refresh(&token).await.is_error(500, "server_error");
        server.wait(60);
        fault.store(false, SeqCst);
        token = server.refresh(&token).await.tokens().refresh;
    }
}

#[tokio::test]
async fn an_answer_lost_after_the_write_can_be_had_again() {
    let server = Server::new();
    let token = server.log_in("alice").await.refresh;
    server.state.answers_lost.store(true, SeqCst);
    server.refresh(&token).await.is_error(503, "temporarily_unavailable");
    server.state.answers_lost.store(false, SeqCst);
    server.wait(9);
    let next = server.refresh(&token).await.tokens().refresh;
    server.wait(60);
    server.refresh(&next).await.tokens();
}

#[tokio::test]
async fn a_closed_account_ends_its_session() {
    let server = Server::new();
    let token = server.log_in("alice").await.refresh;
    server.state.closed.store(true, SeqCst);
    server.refresh(&token).await.is_error(400, "invalid_grant");
    server.state.closed.store(false, SeqCst);
    server.refresh(&token).await.is_error(400, "invalid_grant");
}

#[tokio::test]
async fn the_time_of_the_login_stays_that_of_the_login() {
    let server = Server::new();
    let first = server.log_in("alice").await;
    server.wait(1000);
    let second = server.refresh(&first.refresh).await.tokens();
    let payload = second.access.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&crate::kit::unb64(payload)).unwrap();
    assert_eq!(claims["auth_time"], crate::kit::NOW);
    assert_eq!(claims["iat"], crate::kit::NOW + 1000);
}
