//! Tests of token requests and their responses.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::kit::{
    CLIENT, DISCOVERY, REDEMPTION, REQUEST, Reply, Request, SECRET, TestProvider, pass, redeem,
    refusal, until, unusable,
};
use crate::openid::provider::client::MAX_EXCHANGES;
use crate::openid::provider::error::ProviderErrorKind;
use crate::openid::provider::login_provider::LoginProvider;

use ProviderErrorKind::{CodeRefused, Misconfigured, Unavailable};

fn value(request: &Request, name: &str) -> Option<String> {
    let found: Vec<_> = request.form().into_iter().filter(|(other, _)| other == name).collect();
    assert!(found.len() < 2, "{name} occurs twice");
    found.into_iter().next().map(|(_, value)| value)
}

async fn token_request(provider: &TestProvider, config: LoginProvider) -> Request {
    redeem(&provider.client_of(config)).await.unwrap();
    provider.requests("/token").pop().unwrap()
}

#[tokio::test]
async fn the_code_is_sent_with_its_verifier_and_redirect_uri() {
    let provider = TestProvider::start().await;
    let request = token_request(&provider, provider.config()).await;
    assert_eq!(request.method, "POST");
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(request.header("accept"), Some("application/json"));
    let expected = [
        ("grant_type", "authorization_code"),
        ("code", REDEMPTION.code),
        ("redirect_uri", REDEMPTION.redirect_uri),
        ("code_verifier", REDEMPTION.code_verifier),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(request.form(), expected);
    let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("{CLIENT}:{SECRET}")));
    assert_eq!(request.header("authorization"), Some(basic.as_str()));
}

#[tokio::test]
async fn the_metadata_decides_how_the_secret_is_sent() {
    let provider = TestProvider::start().await;
    for (methods, is_in_form) in [
        (json!(["client_secret_basic", "client_secret_post"]), false),
        (json!(["private_key_jwt", "client_secret_post"]), true),
        (Value::Null, false),
    ] {
        let mut document = provider.document();
        document["token_endpoint_auth_methods_supported"] = methods;
        provider.answer(DISCOVERY, Reply::json(&document));
        let request = token_request(&provider, provider.config()).await;
        assert_eq!(request.header("authorization").is_none(), is_in_form);
        let secret = value(&request, "client_secret");
        assert_eq!(secret.as_deref(), is_in_form.then_some(SECRET));
        assert_eq!(value(&request, "client_id").is_some(), is_in_form);
        // The application can choose to send the secret in the request body.
        let request = token_request(&provider, provider.config().client_secret_post()).await;
        assert_eq!(value(&request, "client_secret").as_deref(), Some(SECRET));
        assert_eq!(request.header("authorization"), None);
    }
}

#[tokio::test]
async fn a_provider_that_takes_no_secret_is_reported_before_the_user_is_sent_there() {
    let provider = TestProvider::start().await;
    let mut document = provider.document();
    document["token_endpoint_auth_methods_supported"] = json!(["private_key_jwt"]);
    provider.answer(DISCOVERY, Reply::json(&document));
    let client = provider.client();
    let error = client.authorization_url(&REQUEST).await.unwrap_err();
    assert_eq!(error.kind(), Misconfigured, "{error}");
    assert_eq!(refusal(&client).await.0, Misconfigured);
    assert!(provider.requests("/token").is_empty());
}

#[tokio::test]
async fn a_public_client_names_itself_and_sends_no_secret() {
    let provider = TestProvider::start().await;
    let config = LoginProvider::openid("test", provider.issuer(), CLIENT).dangerous_allow_http();
    let request = token_request(&provider, config).await;
    assert_eq!(value(&request, "client_id").as_deref(), Some(CLIENT));
    assert_eq!((request.header("authorization"), value(&request, "client_secret")), (None, None));
}

#[tokio::test]
async fn errors_of_the_token_endpoint_have_their_kinds() {
    let provider = TestProvider::start().await;
    let client = provider.client();
    for (status, code, kind) in [
        ("400 Bad Request", "invalid_grant", CodeRefused),
        ("200 OK", "invalid_grant", CodeRefused),
        ("401 Unauthorized", "invalid_client", Misconfigured),
        ("400 Bad Request", "invalid_scope", Misconfigured),
        ("400 Bad Request", "temporarily_unavailable", Unavailable),
        ("400 Bad Request", "hunter2", CodeRefused),
    ] {
        let body = json!({ "error": code, "error_description": "the code the-code-hunter2" });
        provider.answer("/token", Reply::status(status, &body));
        let (found, reason) = refusal(&client).await;
        assert_eq!(found, kind, "{status} {code}: {reason}");
        let advice = "not for this redirect URI or verifier";
        assert_eq!(reason.contains(advice), code == "invalid_grant", "{reason}");
    }
}

#[tokio::test]
async fn an_unusable_answer_leaves_no_login_and_is_not_followed() {
    let provider = TestProvider::start().await;
    let client = provider.client();
    for reply in unusable() {
        provider.answer("/token", reply.clone());
        let (kind, reason) = refusal(&client).await;
        assert_eq!(kind, Unavailable, "{reply:?}: {reason}");
        assert!(reason.contains("token endpoint"), "{reason}");
    }
    for status in ["400 Bad Request", "404 Not Found", "429 Too Many Requests"] {
        provider.answer("/token", Reply::with(status, "", "<html>"));
        assert_eq!(refusal(&client).await.0, Unavailable, "{status}");
    }
    assert!(provider.requests("/elsewhere").is_empty());
}

#[tokio::test]
async fn a_hanging_token_endpoint_ends_at_the_time_limit() {
    let provider = TestProvider::start().await;
    let client = provider.client();
    redeem(&client).await.unwrap();
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{".to_vec();
    for (requests, reply) in [Reply::Stall(Vec::new()), Reply::Stall(head)].into_iter().enumerate()
    {
        provider.answer("/token", reply);
        let task = tokio::spawn({
            let client = client.clone();
            async move { refusal(&client).await }
        });
        until(|| provider.requests("/token").len() == requests + 2).await;
        pass(Duration::from_millis(4_900)).await;
        assert!(!task.is_finished());
        pass(Duration::from_millis(100)).await;
        let (kind, reason) = task.await.unwrap();
        assert_eq!(kind, Unavailable);
        assert!(reason.contains("in time"), "{reason}");
    }
}

#[tokio::test]
async fn exchanges_at_the_same_time_are_bounded() {
    let provider = TestProvider::start().await;
    let client = Arc::new(provider.client());
    redeem(&client).await.unwrap();
    provider.answer("/token", Reply::Stall(Vec::new()));
    let hanging: Vec<_> = (0..MAX_EXCHANGES)
        .map(|_| {
            let client = Arc::clone(&client);
            tokio::spawn(async move { refusal(&client).await })
        })
        .collect();
    until(|| provider.requests("/token").len() == MAX_EXCHANGES + 1).await;
    // The hanging exchanges use up the limit on concurrent exchanges, so one more exchange is
    // refused immediately. Without the limit, this exchange would hang, too.
    let one_more = tokio::spawn({
        let client = Arc::clone(&client);
        async move { refusal(&client).await }
    });
    until(|| one_more.is_finished()).await;
    let (kind, reason) = one_more.await.unwrap();
    assert_eq!(kind, Unavailable);
    assert!(reason.contains("64 logins"), "{reason}");
    assert_eq!(provider.requests("/token").len(), MAX_EXCHANGES + 1);
    pass(Duration::from_secs(5)).await;
    for task in hanging {
        assert_eq!(task.await.unwrap().0, Unavailable);
    }
    provider.answer_with_claims(&provider.claims());
    redeem(&client).await.unwrap();
}

#[tokio::test]
async fn granted_scopes_are_those_of_the_answer() {
    let provider = TestProvider::start().await;
    let config = || provider.config().scopes(["profile", "email"]);
    let login = redeem(&provider.client_of(config())).await.unwrap();
    assert_eq!(login.scopes, ["openid", "profile", "email"]);
    provider.answer_by("/token", {
        let token = provider.requests("/token").len();
        assert_eq!(token, 1);
        let id_token = login.tokens.id_token().unwrap().to_owned();
        move |_| {
            Reply::json(&json!({
                "access_token": "a", "token_type": "bearer", "expires_in": "3600",
                "scope": "openid email", "id_token": id_token, "refresh_token": "r",
            }))
        }
    });
    let login = redeem(&provider.client_of(config())).await.unwrap();
    assert_eq!(login.scopes, ["openid", "email"]);
    assert_eq!(login.tokens.refresh_token(), Some("r"));
}
