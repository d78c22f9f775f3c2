//! Tests of the `client_id` of a login and of a token.

use http::Method;
use serde_json::{Value, json};
use tower_jwt_auth::issuer::Cookies;

use crate::issuer::kit::{Answer, Server, json as json_request};

async fn log_in(server: &Server, client: Value) -> Answer {
    let login =
        json!({ "user": "mallory", "password": "right", "audience": "cart", "client_id": client });
    server.post("/login", login).await
}

async fn refresh(server: &Server, token: &str, client: Value) -> Answer {
    server.post("/refresh", json!({ "refresh_token": token, "client_id": client })).await
}

fn signed(access: &str) -> Value {
    let payload = crate::kit::unb64(access.split('.').nth(1).unwrap());
    serde_json::from_slice::<Value>(&payload).unwrap()["client_id"].clone()
}

#[tokio::test]
async fn a_client_named_at_the_login_binds_refreshes_and_is_in_no_token() {
    let server = Server::new();
    let tokens = log_in(&server, json!("backoffice")).await.tokens();
    assert_eq!(signed(&tokens.access), Value::Null);
    for other in [json!(null), json!("web")] {
        refresh(&server, &tokens.refresh, other).await.is_error(400, "invalid_grant");
    }
    let renewed = refresh(&server, &tokens.refresh, json!("backoffice")).await.tokens();
    assert_eq!(signed(&renewed.access), Value::Null);
}

#[tokio::test]
async fn the_client_of_a_grant_is_signed_and_binds_the_session() {
    let server = Server::new();
    *server.state.client.lock().unwrap() = Some("web");
    for named in [json!(null), json!("web"), json!("")] {
        let tokens = log_in(&server, named).await.tokens();
        assert_eq!(signed(&tokens.access), "web");
        for other in [json!(null), json!("backoffice")] {
            refresh(&server, &tokens.refresh, other).await.is_error(400, "invalid_grant");
        }
        let renewed = refresh(&server, &tokens.refresh, json!("web")).await.tokens();
        assert_eq!(signed(&renewed.access), "web");
        // From now on, the application returns grants that name another client.
        *server.state.client.lock().unwrap() = Some("app");
        let refused = refresh(&server, &renewed.refresh, json!("web")).await;
        refused.is_error(400, "invalid_client");
        *server.state.client.lock().unwrap() = Some("web");
    }
}

#[tokio::test]
async fn a_login_that_names_another_client_than_the_grant_is_refused() {
    let server = Server::new();
    *server.state.client.lock().unwrap() = Some("web");
    let refused = log_in(&server, json!("backoffice")).await;
    refused.is_error(400, "invalid_client");
    assert_eq!(refused.description(), "`client_id` is not the client of the grant");
    assert_eq!(server.state.writes.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_client_id_that_is_long_or_not_printable_ascii_is_refused_before_the_password() {
    let server = Server::new();
    for client in ["x".repeat(257), "web\u{0}".into(), "web\r\nx".into(), "\u{e9}".into()] {
        log_in(&server, json!(client)).await.is_error(400, "invalid_request");
        refresh(&server, "token", json!(client)).await.is_error(400, "invalid_request");
        let revoke = json!({ "token": "token", "client_id": client });
        server.post("/revoke", revoke).await.is_error(400, "invalid_request");
    }
    assert!(server.state.logins.lock().unwrap().is_empty());
    let longest = "~ ".repeat(128);
    let tokens = log_in(&server, json!(longest)).await.tokens();
    refresh(&server, &tokens.refresh, json!(longest)).await.tokens();
    // The application (`Accounts`) gets the name of the client, so it can refuse a login by that
    // client.
    assert_eq!(*server.state.logins.lock().unwrap(), [Some(longest)]);
}

#[tokio::test]
async fn a_browser_renews_whatever_client_its_grant_names() {
    let server = Server::with(|routes| {
        routes.cookies(Cookies::new("/auth").add_access_cookie("cart", "__Host-cart_token"))
    });
    *server.state.client.lock().unwrap() = Some("web");
    log_in(&server, json!("backoffice")).await.is_error(400, "invalid_client");
    let mut answer = log_in(&server, json!("web")).await;
    for _ in 0..2 {
        assert_eq!(signed(&answer.cookies()[0].1), "web");
        let pairs = answer.cookies().into_iter().map(|(name, value, _)| format!("{name}={value}"));
        let cookies = pairs.collect::<Vec<_>>().join("; ");
        let mut request = json_request(Method::POST, "/refresh", &Value::Null);
        request.headers_mut().insert("cookie", cookies.parse().unwrap());
        answer = server.send(request).await;
        assert_eq!(answer.status(), 200, "{answer:?}");
    }
}
