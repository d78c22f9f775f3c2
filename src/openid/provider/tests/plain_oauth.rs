//! Tests of plain OAuth 2.0 providers.

use serde::Deserialize;
use serde_json::{Value, json};

use super::kit::{REQUEST, Reply, SECRET, TestProvider, redeem, refusal};
use crate::openid::provider::authorization::AuthorizationRequest;
use crate::openid::provider::endpoints::OAuthEndpoints;
use crate::openid::provider::error::ProviderErrorKind;
use crate::openid::provider::login_provider::LoginProvider;

use ProviderErrorKind::{CodeRefused, Misconfigured, Unavailable, UserInfoRejected};

#[derive(Deserialize)]
struct User {
    response: Option<Profile>,
}

#[derive(Deserialize)]
struct Profile {
    id: String,
    email: Option<String>,
}

fn config(provider: &TestProvider) -> LoginProvider {
    let endpoints = OAuthEndpoints::new(
        provider.url("/authorize"),
        provider.url("/token"),
        provider.url("/me"),
    );
    let subject = |user: User| user.response.map(|profile| profile.id);
    LoginProvider::oauth("test", endpoints, "shop", subject)
        .client_secret(SECRET)
        .dangerous_allow_http()
}

async fn start() -> TestProvider {
    let provider = TestProvider::start().await;
    let answer = json!({ "access_token": "a", "token_type": "bearer", "expires_in": "3600" });
    provider.answer("/token", Reply::json(&answer));
    let user_info = json!({
        "resultcode": "00",
        "response": { "id": "32742776", "email": "alice@shop.example" },
    });
    provider.answer("/me", Reply::json(&user_info));
    provider
}

#[tokio::test]
async fn the_application_finds_the_subject_in_the_user_info() {
    let provider = start().await;
    let client = provider.client_of(config(&provider));
    let login = redeem(&client).await.unwrap();
    assert_eq!((login.subject.as_str(), login.issuer), ("32742776", provider.issuer()));
    assert_eq!(login.claims["resultcode"], "00");
    assert_eq!((login.verified_email, login.scopes), (None, Vec::new()));
    assert_eq!(login.tokens.id_token(), None);
    assert!(provider.requests("/.well-known/openid-configuration").is_empty());
}

#[tokio::test]
async fn the_application_decides_which_address_is_verified() {
    let provider = start().await;
    let email = |user: User| user.response.and_then(|profile| profile.email);
    let client = provider.client_of(config(&provider).with_verified_email(email));
    let login = redeem(&client).await.unwrap();
    assert_eq!(login.verified_email.as_deref(), Some("alice@shop.example"));
}

#[tokio::test]
async fn user_info_without_a_usable_subject_is_rejected() {
    let provider = start().await;
    let client = provider.client_of(config(&provider));
    for user_info in [
        json!({ "response": null }),
        json!({}),
        json!({ "response": { "id": "" } }),
        json!({ "response": { "id": "x".repeat(256) } }),
        json!({ "response": { "id": "3274\u{0}2776" } }),
        json!({ "response": { "id": ["hunter2"] } }),
        json!({ "response": "hunter2" }),
    ] {
        provider.answer("/me", Reply::json(&user_info));
        let (kind, reason) = refusal(&client).await;
        assert_eq!(kind, UserInfoRejected, "{user_info}: {reason}");
    }
}

#[tokio::test]
async fn errors_with_the_status_200_are_errors() {
    let provider = start().await;
    let client = provider.client_of(config(&provider));
    for (code, kind) in [("invalid_request", CodeRefused), ("unauthorized_client", Misconfigured)] {
        let body = json!({ "error": code, "error_description": "no valid data in session" });
        provider.answer("/token", Reply::json(&body));
        assert_eq!(refusal(&client).await.0, kind);
    }
    provider.answer("/token", Reply::json(&json!({ "access_token": "a" })));
    assert_eq!(refusal(&client).await.0, Unavailable);
    assert!(provider.requests("/me").is_empty());
}

#[tokio::test]
async fn a_plain_login_has_no_nonce_and_cannot_prove_a_fresh_login() {
    let provider = start().await;
    let client = provider.client_of(config(&provider).scopes(["profile"]));
    let url = client.authorization_url(&REQUEST).await.unwrap();
    assert!(url.contains("scope=profile") && url.contains("code_challenge=the-challenge"), "{url}");
    assert!(!url.contains("nonce"), "{url}");
    let fresh = AuthorizationRequest { needs_fresh_login: true, ..REQUEST };
    let error = client.authorization_url(&fresh).await.unwrap_err();
    assert_eq!(error.kind(), Misconfigured);
    assert!(client.check_response_issuer(Some("https://any.example")).await.is_ok());
    assert!(client.check_response_issuer(None).await.is_ok());
}

#[tokio::test]
async fn a_duplicate_member_of_the_user_info_is_rejected() {
    let provider = start().await;
    let json = r#"{"response":{"id":"alice","id":"bob"}}"#;
    provider.answer("/me", Reply::with("200 OK", "", json));
    assert_eq!(refusal(&provider.client_of(config(&provider))).await.0, Unavailable);
    let _: Value = serde_json::from_str(json).unwrap();
}
