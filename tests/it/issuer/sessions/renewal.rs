//! Tests of renewals, which exchange a refresh token for new tokens.

use std::sync::atomic::Ordering::SeqCst;

use serde_json::{Value, json};
use tower_jwt_auth::issuer::TokenIssuer;

use crate::issuer::kit::{Answer, ISSUER, Server, Tokens};
use crate::kit::secret;

/// Logs in for these audiences and returns the tokens.
async fn log_in_for(server: &Server, audience: Value) -> Tokens {
    let login = json!({ "user": "alice", "password": "right", "audience": audience });
    server.post("/login", login).await.tokens()
}

async fn refresh_for(server: &Server, token: &str, audience: Value) -> Answer {
    server.post("/refresh", json!({ "refresh_token": token, "audience": audience })).await
}

/// Verifies the token with the cart service and with the payment service. Returns true for each
/// service that accepts it.
fn is_for(server: &Server, access: &str) -> [bool; 2] {
    ["cart", "payment"].map(|audience| server.service(audience).verify(access).is_ok())
}

#[tokio::test]
async fn a_login_for_one_service_cannot_be_refreshed_for_another() {
    let server = Server::new();
    let mut last = log_in_for(&server, json!("cart")).await.refresh;
    for named in [json!("payment"), json!(["cart", "payment"]), json!("mail")] {
        let refused = refresh_for(&server, &last, named).await;
        refused.is_error(400, "invalid_target");
        assert_eq!(refused.description(), "`audience` has one that the login did not name");
    }
    for named in [json!(null), json!("cart"), json!(""), json!([]), json!(["cart", "cart"])] {
        let tokens = refresh_for(&server, &last, named).await.tokens();
        assert_eq!(is_for(&server, &tokens.access), [true, false]);
        last = tokens.refresh;
    }
}

#[tokio::test]
async fn a_login_for_several_services_can_be_refreshed_for_each_of_them() {
    let server = Server::new();
    let tokens = log_in_for(&server, json!(["payment", "cart"])).await;
    assert_eq!(is_for(&server, &tokens.access), [false, true], "the first: they share no key");
    let mut last = tokens.refresh;
    for (named, expected) in [
        (json!("cart"), [true, false]),
        (json!(null), [false, true]),
        (json!("payment"), [false, true]),
        (json!(["cart", "payment"]), [true, false]),
    ] {
        let tokens = refresh_for(&server, &last, named.clone()).await.tokens();
        assert_eq!(is_for(&server, &tokens.access), expected, "{named}");
        last = tokens.refresh;
    }
    // A renewal fails if it requests an audience to which the account no longer has access. The
    // server does not choose another audience instead. A renewal that requests no audience fails if
    // the account no longer has access to the audience that the login requested.
    *server.state.audience.lock().unwrap() = Some("cart");
    refresh_for(&server, &last, json!("payment")).await.is_error(400, "invalid_target");
    let tokens = refresh_for(&server, &last, json!(null)).await.tokens();
    assert_eq!(is_for(&server, &tokens.access), [true, false]);
    let bound = log_in_for(&server, json!("cart")).await.refresh;
    *server.state.audience.lock().unwrap() = Some("payment");
    refresh_for(&server, &bound, json!(null)).await.is_error(400, "invalid_target");
}

#[tokio::test]
async fn a_login_that_names_no_service_leaves_its_session_unbound() {
    let server = Server::new();
    *server.state.audience.lock().unwrap() = Some("payment");
    let open = log_in_for(&server, json!(null)).await;
    assert_eq!(is_for(&server, &open.access), [false, true], "the account has one service");
    *server.state.audience.lock().unwrap() = Some("cart");
    let tokens = refresh_for(&server, &open.refresh, json!(null)).await.tokens();
    assert_eq!(is_for(&server, &tokens.access), [true, false]);
    *server.state.audience.lock().unwrap() = None;
    let tokens = refresh_for(&server, &tokens.refresh, json!("payment")).await.tokens();
    assert_eq!(is_for(&server, &tokens.access), [false, true]);
}

#[tokio::test]
async fn services_that_share_a_key_share_the_token_of_a_login() {
    let issuer = TokenIssuer::new(ISSUER).audience(["cart", "payment"], secret());
    let server = Server::with_issuer(issuer);
    let access = log_in_for(&server, json!(["cart", "payment"])).await.access;
    let payload = crate::kit::unb64(access.split('.').nth(1).unwrap());
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(claims["aud"], json!(["cart", "payment"]));
}

#[tokio::test]
async fn every_invalid_refresh_token_gets_the_same_answer() {
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

    let mut answers = Vec::new();
    for token in ["x", &unknown, &expired, &reused, &reused, &ended, &foreign] {
        let answer = server.refresh(token).await;
        answer.is_error(400, "invalid_grant");
        let body = String::from_utf8(answer.body).unwrap();
        answers.push(format!("{:?} {body}", answer.head.headers));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
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
    // The account has the scope to pay, but this login was not granted that scope.
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
async fn a_failure_leaves_the_clients_token_unchanged() {
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
async fn a_lost_answer_can_be_repeated() {
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
async fn renewals_do_not_change_the_time_of_the_login() {
    let server = Server::new();
    let first = server.log_in("alice").await;
    server.wait(1000);
    let second = server.refresh(&first.refresh).await.tokens();
    let payload = second.access.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&crate::kit::unb64(payload)).unwrap();
    assert_eq!(claims["auth_time"], crate::kit::NOW);
    assert_eq!(claims["iat"], crate::kit::NOW + 1000);
}
