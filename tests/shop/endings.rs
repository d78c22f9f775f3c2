//! Tests that a browser learns the reason for the end of its session.

use reqwest::{Response, StatusCode, header};
use serde_json::{Value, json};

use crate::MASTER;
use crate::process::{Server, client};

/// Returns a browser's cookies as one header.
async fn log_in(auth: &Server) -> String {
    let body = json!({ "user": "alice", "password": "wonderland" });
    let login = client().post(format!("{}/auth/login", auth.url)).json(&body).send().await;
    cookies(&login.expect("the auth server answers"))
}

fn cookies(answer: &Response) -> String {
    assert_eq!(answer.status(), StatusCode::OK);
    let cookies = answer.headers().get_all(header::SET_COOKIE).into_iter();
    let pairs = cookies.map(|cookie| cookie.to_str().expect("it is text").split(';').next());
    pairs.flatten().collect::<Vec<_>>().join("; ")
}

async fn post(auth: &Server, path: &str, cookies: &str) -> Response {
    let request = client().post(format!("{}{path}", auth.url)).header(header::COOKIE, cookies);
    request.send().await.expect("the auth server answers")
}

async fn told(auth: &Server, cookies: &str) -> Value {
    let request = client().get(format!("{}/device", auth.url)).header(header::COOKIE, cookies);
    let answer = request.send().await.expect("the auth server answers");
    assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    answer.json().await.expect("the answer is JSON")
}

#[tokio::test]
async fn only_the_browser_itself_learns_why_its_session_ended() {
    let auth = Server::start("auth", &[("JWT_SECRET", MASTER)]);
    let never = json!({ "is_known": false, "ended": null });
    assert_eq!(told(&auth, "").await, never);
    let (mine, phone) = (log_in(&auth).await, log_in(&auth).await);
    let going_on = json!({ "is_known": true, "ended": null });
    assert_eq!(told(&auth, &mine).await, going_on);

    assert_eq!(post(&auth, "/auth/logout", &mine).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(told(&auth, &mine).await, json!({ "is_known": true, "ended": "logged_out" }));
    assert_eq!(told(&auth, &phone).await, going_on);
    assert_eq!(told(&auth, "__Host-device=forged").await, going_on);
    // The refusal does not contain the reason, since a thief may have sent the token.
    let refused = post(&auth, "/auth/refresh", &mine).await;
    let refused = refused.text().await.expect("it is text");
    let other = post(&auth, "/auth/refresh", "__Host-session=unknown").await;
    assert_eq!(refused, other.text().await.expect("it is text"));
    assert!(refused.contains(r#""error":"invalid_grant""#), "{refused}");
}
