//! Tests of the shop as three processes that share a Redis.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::fleet::LATER;
use crate::process::{Server, client};
use crate::redis::Redis;
use crate::server::Server as _;
use crate::stopwatch::Stopwatch;

const MASTER: &str = "an example master secret, 32+ bytes";

/// Sends requests with the token until the server `cart` rejects it, and returns the time that this
/// took.
async fn refused_after(cart: &Server, token: &str) -> Duration {
    let start = Stopwatch::start();
    loop {
        let status = cart.get("/cart", token).send().await.unwrap().status();
        if status == StatusCode::UNAUTHORIZED {
            return start.elapsed();
        }
        assert_eq!(status, StatusCode::OK);
        assert!(start.elapsed() < Duration::from_secs(1), "the stolen token still works");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_session_that_its_user_ends_is_refused_by_another_process_within_a_second() {
    let redis = Redis::new("shop");
    let url = format!("redis://127.0.0.1:{}", redis.port());
    let environment = [("JWT_SECRET", MASTER), ("REVOCATIONS", &url)];
    let auth = Server::start("auth", &environment);
    let cart = Server::start("cart", &environment);
    let log_in = async || {
        let answer = auth.login("alice", "wonderland", "cart").await;
        answer.json::<Value>().await.unwrap()
    };
    let (mine, thiefs) = (log_in().await, log_in().await);
    let text = |tokens: &Value, name: &str| tokens[name].as_str().unwrap().to_owned();
    let (my_refresh, my_access) = (text(&mine, "refresh_token"), text(&mine, "access_token"));
    let stolen = text(&thiefs, "access_token");

    // The cart accepts no token before it has read the feed once.
    let start = Stopwatch::start();
    while cart.get("/cart", &stolen).send().await.unwrap().status() != StatusCode::OK {
        assert!(start.elapsed() < LATER, "the cart never became ready");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let live = cart.get("/cart/live", &stolen).send().await.unwrap();
    assert_eq!(live.status(), StatusCode::OK);

    let post = async |path: &str| {
        let body = json!({ "refresh_token": my_refresh });
        client().post(format!("{}{path}", auth.url)).json(&body).send().await.unwrap()
    };
    let sessions: Value = post("/sessions").await.json().await.unwrap();
    let other = sessions["sessions"].as_array().unwrap().iter().find(|s| s["current"] == false);
    let id = other.unwrap()["id"].as_str().unwrap();
    assert_eq!(post(&format!("/sessions/{id}")).await.status(), StatusCode::NO_CONTENT);

    let start = Stopwatch::start();
    let ended = tokio::time::timeout(LATER, live.bytes()).await;
    let events = ended.expect("the stream outlived its token").unwrap();
    assert!(start.elapsed() < Duration::from_secs(2), "the stream ended late");
    assert!(events.starts_with(b"data: {\"cents\":0,\"items\":[]}"), "{events:?}");
    println!("refused {:?} after the answer", refused_after(&cart, &stolen).await);
    assert_eq!(cart.get("/cart", &my_access).send().await.unwrap().status(), StatusCode::OK);
    drop(auth);
    assert_eq!(cart.get("/cart", &my_access).send().await.unwrap().status(), StatusCode::OK);
}
