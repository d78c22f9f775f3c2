//! Tests of the user info of an OpenID provider.

use std::time::Duration;

use serde_json::{Value, json};

use super::kit::{Reply, TestProvider, pass, redeem, refusal, until, unusable};
use crate::openid::provider::error::ProviderErrorKind;

use ProviderErrorKind::{Unavailable, UserInfoRejected};

#[tokio::test]
async fn the_user_info_is_fetched_only_if_configured_and_with_the_access_token() {
    let provider = TestProvider::start().await;
    provider.answer("/me", Reply::json(&json!({ "sub": "alice", "name": "Alice" })));
    redeem(&provider.client()).await.unwrap();
    assert!(provider.requests("/me").is_empty());
    let login = redeem(&provider.client_of(provider.config().user_info())).await.unwrap();
    assert_eq!(login.claims["name"], "Alice");
    let request = provider.requests("/me").pop().unwrap();
    assert_eq!(request.method, "GET");
    assert_eq!(request.header("authorization"), Some("Bearer the-access-token-hunter2"));
}

#[tokio::test]
async fn user_info_of_another_user_is_rejected() {
    let provider = TestProvider::start().await;
    let client = provider.client_of(provider.config().user_info());
    for user_info in [json!({ "sub": "bob" }), json!({}), json!({ "sub": null, "name": "x" })] {
        provider.answer("/me", Reply::json(&user_info));
        let (kind, reason) = refusal(&client).await;
        assert_eq!(kind, UserInfoRejected, "{user_info}: {reason}");
    }
}

#[tokio::test]
async fn unusable_user_info_is_rejected() {
    let provider = TestProvider::start().await;
    let client = provider.client_of(provider.config().user_info());
    let twice = Reply::with("200 OK", "", r#"{"sub":"bob","sub":"alice"}"#);
    for reply in unusable().into_iter().chain([twice]) {
        provider.answer("/me", reply.clone());
        let (kind, reason) = refusal(&client).await;
        assert_eq!(kind, Unavailable, "{reply:?}: {reason}");
        assert!(reason.contains("user info"), "{reason}");
    }
    assert!(provider.requests("/elsewhere").is_empty());
    let jwt = Reply::with("200 OK", "content-type: application/jwt\r\n", "a.b.c");
    for (reply, part) in [
        (jwt, "application/jwt"),
        (Reply::with("401 Unauthorized", "", ""), "401"),
        (Reply::with("403 Forbidden", "", "{}"), "403"),
    ] {
        provider.answer("/me", reply);
        let (kind, reason) = refusal(&client).await;
        assert_eq!(kind, UserInfoRejected, "{reason}");
        assert!(reason.contains(part), "{reason}");
    }
}

#[tokio::test]
async fn a_hanging_user_info_endpoint_ends_at_the_time_limit() {
    let provider = TestProvider::start().await;
    provider.answer("/me", Reply::Stall(Vec::new()));
    let config = provider.config().user_info().timeout(Duration::from_secs(3));
    let client = provider.client_of(config);
    let task = tokio::spawn(async move { refusal(&client).await });
    until(|| provider.requests("/me").len() == 1).await;
    pass(Duration::from_secs(3)).await;
    assert_eq!(task.await.unwrap().0, Unavailable);
}

#[tokio::test]
async fn an_address_counts_only_if_it_is_verified_and_the_provider_is_trusted() {
    let provider = TestProvider::start().await;
    let verified = |name: &str, value: Value| {
        let mut claims = provider.claims_with("email", "alice@shop.example".into());
        claims[name] = value;
        claims
    };
    for (claims, expected) in [
        (verified("email_verified", true.into()), Some("alice@shop.example")),
        (verified("email_verified", "true".into()), Some("alice@shop.example")),
        (verified("email_verified", false.into()), None),
        (verified("other", true.into()), None),
    ] {
        provider.answer_with_claims(&claims);
        let login = redeem(&provider.client()).await.unwrap();
        assert_eq!(login.verified_email, None, "{claims}");
        let client = provider.client_of(provider.config().trust_verified_email());
        let login = redeem(&client).await.unwrap();
        assert_eq!(login.verified_email.as_deref(), expected, "{claims}");
    }
}

#[tokio::test]
async fn the_user_info_does_not_verify_the_address_of_the_id_token() {
    let provider = TestProvider::start().await;
    let client = provider.client_of(provider.config().user_info().trust_verified_email());
    let user_info =
        json!({ "sub": "alice", "email": "alice@shop.example", "email_verified": true });
    provider.answer("/me", Reply::json(&user_info));
    let login = redeem(&client).await.unwrap();
    assert_eq!(login.verified_email.as_deref(), Some("alice@shop.example"));
    provider.answer_with_claims(&provider.claims_with("email", "admin@shop.example".into()));
    let login = redeem(&client).await.unwrap();
    assert_eq!(
        (login.verified_email, &login.claims["email"]),
        (None, &json!("admin@shop.example"))
    );
}
