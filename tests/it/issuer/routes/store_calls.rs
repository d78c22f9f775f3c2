//! Tests of the store calls that each route makes.

use std::sync::atomic::Ordering::SeqCst;

use http::Method;
use serde_json::json;

use super::cookies::{self, REFRESH, value};
use crate::issuer::kit::{Server, Tokens, json};

const LOG_IN: [&str; 3] = ["of_subject", "insert", "of_subject"];

/// Returns the names of the store's methods that were called since the previous call of this
/// function.
fn calls(server: &Server) -> Vec<&'static str> {
    std::mem::take(&mut *server.state.calls.lock().unwrap())
}

/// Returns a server at which `alice` has logged in twice. `bob` logged in before her, and his login
/// deleted expired sessions. The next logins therefore do not call the store to delete expired
/// sessions.
async fn server() -> (Server, Tokens, Tokens) {
    let server = Server::new();
    server.log_in("bob").await;
    let (first, second) = (server.log_in("alice").await, server.log_in("alice").await);
    calls(&server);
    (server, first, second)
}

#[tokio::test]
async fn a_login_reads_the_sessions_of_the_user_before_and_after_it_adds_one() {
    let (server, ..) = server().await;
    server.log_in("alice").await;
    assert_eq!(calls(&server), LOG_IN);
}

#[tokio::test]
async fn every_route_loads_the_session_once() {
    for (path, expected) in [
        ("/refresh", ["load", "replace"].as_slice()),
        ("/sessions", &["load", "of_subject"]),
        ("/sessions/{other}", &["load", "of_subject", "replace"]),
        ("/sessions/{own}", &["load", "of_subject", "replace"]),
        ("/logout", &["load", "replace"]),
        ("/logout-everywhere", &["load", "of_subject", "replace", "replace"]),
        ("/revoke", &["load", "replace"]),
    ] {
        let (server, own, other) = server().await;
        let list = server.post("/sessions", json!({ "refresh_token": own.refresh })).await.json();
        let id = |is_current: bool| {
            let listed = list["sessions"].as_array().unwrap();
            let session = listed.iter().find(|session| session["current"] == is_current);
            session.unwrap()["id"].as_str().unwrap().to_owned()
        };
        let uri = path.replace("{own}", &id(true)).replace("{other}", &id(false));
        calls(&server);
        let body =
            json!({ "refresh_token": own.refresh, "token": own.refresh, "audience": "cart" });
        let answer = server.post(&uri, body).await;
        assert!(answer.head.status.is_success(), "{path}: {answer:?}");
        assert_eq!(calls(&server), expected, "{path}");
        let is_other_live = !["/logout-everywhere", "/sessions/{other}"].contains(&path);
        assert_eq!(server.refresh(&other.refresh).await.head.status.is_success(), is_other_live);
    }
}

#[tokio::test]
async fn a_used_token_in_the_grace_period_costs_one_more_load_at_a_refresh_only() {
    for (path, expected) in
        [("/refresh", ["load", "load"].as_slice()), ("/logout", &["load", "replace"])]
    {
        let (server, own, _) = server().await;
        server.refresh(&own.refresh).await.tokens();
        calls(&server);
        let body = json!({ "refresh_token": own.refresh, "audience": "cart" });
        assert!(server.post(path, body).await.head.status.is_success());
        assert_eq!(calls(&server), expected, "{path}");
    }
}

#[tokio::test]
async fn a_closed_account_costs_one_load_and_one_write() {
    let (server, own, _) = server().await;
    server.state.closed.store(true, SeqCst);
    server.refresh(&own.refresh).await.is_error(400, "invalid_grant");
    assert_eq!(calls(&server), ["load", "replace"]);
}

#[tokio::test]
async fn a_login_ends_the_session_that_it_replaces_with_one_load_and_one_write() {
    let server = cookies::server();
    cookies::log_in(&server).await;
    let refresh = value(&cookies::log_in(&server).await, REFRESH);
    calls(&server);
    let mut login = cookies::with_cookie(Method::POST, "/login", &refresh);
    let body = json!({ "user": "alice", "password": "right" });
    *login.body_mut() = json(Method::POST, "/login", &body).into_body();
    assert_eq!(server.send(login).await.status(), 200);
    assert_eq!(calls(&server), [LOG_IN.as_slice(), &["load", "replace"]].concat());
}

#[tokio::test]
async fn an_ended_session_is_loaded_once() {
    let (server, own, _) = server().await;
    let log_out = || server.post("/logout", json!({ "refresh_token": own.refresh }));
    assert_eq!(log_out().await.status(), 204);
    calls(&server);
    assert_eq!(log_out().await.status(), 204);
    assert_eq!(calls(&server), ["load"]);
}
