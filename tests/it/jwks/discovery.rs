//! Discovery documents, over real connections.

use std::time::Duration;

use serde_json::json;
use tower_jwt_auth::jwks::{KeySourceErrorKind, RemoteKeys};

use super::provider::{Answer, Provider, response};
use super::time::{Frozen, until};
use super::{accepts, pair, set};

const OPENID: &str = "/realms/shop/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server/realms/shop";

/// Serves the document at `place` and the keys at `/keys` and `/moved`. All other paths get a 404.
fn publish(
    provider: &Provider,
    place: &'static str,
    issuer: String,
    keys_at: String,
    keys: String,
) {
    let document = json!({ "issuer": issuer, "jwks_uri": keys_at }).to_string();
    provider.answer_by_path(move |path| match path {
        "/keys" | "/moved" => Answer::json(&keys),
        path if path == place => Answer::json(&document),
        _ => Answer::status("404 Not Found"),
    });
}

async fn start() -> (Provider, String) {
    let provider = Provider::start(Answer::json("")).await;
    let issuer = provider.url("/realms/shop");
    (provider, issuer)
}

#[tokio::test]
async fn the_openid_document_is_read_first_and_then_that_of_rfc_8414() {
    let _time = Frozen::new();
    let key = pair("a");
    for (place, expected) in
        [(OPENID, &[OPENID, "/keys"][..]), (OAUTH, &[OPENID, OAUTH, "/keys"][..])]
    {
        let (provider, issuer) = start().await;
        publish(&provider, place, issuer.clone(), provider.url("/keys"), set(&[&key]));
        let keys = RemoteKeys::discover(issuer).dangerous_allow_http();
        keys.ready().await.unwrap();
        assert_eq!(provider.paths(), expected);
        assert!(accepts(&keys, &key));
    }
}

#[tokio::test]
async fn the_document_is_read_again_with_the_keys() {
    let time = Frozen::new();
    let key = pair("a");
    let (provider, issuer) = start().await;
    publish(&provider, OPENID, issuer.clone(), provider.url("/keys"), set(&[&key]));
    let keys = RemoteKeys::discover(&issuer).dangerous_allow_http();
    keys.ready().await.unwrap();
    publish(&provider, OPENID, issuer, provider.url("/moved"), set(&[&key]));
    time.pass(Duration::from_secs(3_600)).await;
    until(|| provider.requests() == 4).await;
    assert_eq!(provider.paths(), [OPENID, "/keys", OPENID, "/moved"]);
}

#[tokio::test]
async fn a_document_that_cannot_be_trusted_is_a_failed_fetch() {
    let time = Frozen::new();
    let key = pair("a");
    let (provider, issuer) = start().await;
    let document = |issuer: &str, keys_at: &str| {
        Answer::json(&json!({ "issuer": issuer, "jwks_uri": keys_at }).to_string())
    };
    let keys_at = provider.url("/keys");
    let redirect = format!("302 Found\r\nlocation: {OAUTH}");
    for (answer, kind, requests) in [
        (document(&format!("{issuer}/"), &keys_at), KeySourceErrorKind::WrongIssuer, 1),
        (document("https://other.example", &keys_at), KeySourceErrorKind::WrongIssuer, 1),
        (document(&issuer, "http://other.example/keys"), KeySourceErrorKind::BadUrl, 1),
        (document(&issuer, "/keys"), KeySourceErrorKind::BadUrl, 1),
        (document(&issuer, "file:///etc/passwd"), KeySourceErrorKind::BadUrl, 1),
        (Answer::json("<html>"), KeySourceErrorKind::Unreadable, 1),
        (Answer::json(&" ".repeat(257 << 10)), KeySourceErrorKind::TooLarge, 1),
        (Answer::Bytes(response(&redirect, "", b"")), KeySourceErrorKind::Status(302), 1),
        (Answer::status("503 Down"), KeySourceErrorKind::Status(503), 1),
        (Answer::status("401 No"), KeySourceErrorKind::Status(401), 2),
    ] {
        let before = provider.requests();
        provider.answer(answer);
        let keys = RemoteKeys::discover(&issuer).dangerous_allow_http();
        assert!(!accepts(&keys, &key));
        until(|| keys.health().failures == 1).await;
        let error = keys.health().last_error.unwrap();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert_eq!(provider.requests() - before, requests, "{kind:?}");
        drop(keys);
    }
    drop(time);
}

#[tokio::test]
async fn the_time_limit_covers_all_requests_of_a_fetch() {
    let time = Frozen::new();
    let key = pair("a");
    let (provider, issuer) = start().await;
    let document = json!({ "issuer": issuer, "jwks_uri": provider.url("/keys") }).to_string();
    provider.answer_by_path(move |path| match path {
        OAUTH => Answer::json(&document),
        "/keys" => Answer::Stall(vec![]),
        _ => Answer::status("404 Not Found"),
    });
    let keys = RemoteKeys::discover(issuer).dangerous_allow_http();
    assert!(!accepts(&keys, &key));
    until(|| provider.requests() == 3).await;
    time.pass(Duration::from_secs(5)).await;
    until(|| keys.health().failures == 1).await;
    assert_eq!(keys.health().last_error.unwrap().kind(), KeySourceErrorKind::TimedOut);
}
