//! Tests of a provider's metadata.

use std::time::Duration;

use serde_json::json;
use tokio::task::yield_now;

use super::kit::{DISCOVERY, REQUEST, Reply, TestProvider, pass, until, unusable};
use crate::openid::provider::client::ProviderClient;
use crate::openid::provider::error::ProviderErrorKind;
use crate::openid::provider::metadata_cache::{COOLDOWN, MAX_AGE};

use ProviderErrorKind::{Unavailable, WrongIssuer};

async fn start(client: &ProviderClient) -> Result<String, ProviderErrorKind> {
    client.authorization_url(&REQUEST).await.map_err(|error| error.kind())
}

/// Returns the number of times that the metadata was fetched. The client fetches the same document
/// once more to find the keys. That fetch is not counted.
fn fetches(provider: &TestProvider) -> usize {
    provider.requests(DISCOVERY).len() - provider.requests("/keys").len().min(1)
}

#[tokio::test]
async fn a_login_begins_at_the_authorization_endpoint() {
    let provider = TestProvider::start().await;
    let mut document = provider.document();
    document["authorization_endpoint"] = provider.url("/authorize?policy=p").into();
    provider.answer(DISCOVERY, Reply::json(&document));
    let config = provider.config().scopes(["email"]).add_parameter("prompt", "select_account");
    let url = provider.client_of(config).authorization_url(&REQUEST).await.unwrap();
    let expected = "/authorize?policy=p&response_type=code&client_id=shop\
                    &redirect_uri=https%3A%2F%2Fshop.example%2Flogin%2Ftest%2Fcallback\
                    &scope=openid+email&state=the-state&nonce=the-nonce-hunter2\
                    &code_challenge=the-challenge&code_challenge_method=S256&prompt=select_account";
    assert_eq!(url, provider.url(expected));
}

#[tokio::test]
async fn a_flood_of_starts_causes_one_fetch() {
    let provider = TestProvider::start().await;
    let client = provider.client();
    let starts: Vec<_> = (0..200)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { start(&client).await })
        })
        .collect();
    for task in starts {
        assert!(task.await.unwrap().is_ok());
    }
    until(|| !provider.requests("/keys").is_empty()).await;
    assert_eq!(fetches(&provider), 1);
}

#[tokio::test]
async fn a_failing_provider_is_asked_once_per_cooldown() {
    let provider = TestProvider::start().await;
    provider.answer(DISCOVERY, Reply::with("503 Down", "", ""));
    let client = provider.client();
    for attempt in 1..4 {
        for _ in 0..50 {
            assert_eq!(start(&client).await, Err(Unavailable));
        }
        assert_eq!(provider.requests(DISCOVERY).len(), attempt);
        pass(COOLDOWN).await;
    }
    provider.answer(DISCOVERY, Reply::json(&provider.document()));
    assert!(start(&client).await.is_ok());
}

#[tokio::test]
async fn a_login_waits_for_a_hanging_provider_for_at_most_two_seconds() {
    let provider = TestProvider::start().await;
    provider.answer(DISCOVERY, Reply::Stall(Vec::new()));
    let client = provider.client();
    let task = tokio::spawn({
        let client = client.clone();
        async move { client.authorization_url(&REQUEST).await }
    });
    until(|| provider.requests(DISCOVERY).len() == 1).await;
    pass(Duration::from_millis(1_900)).await;
    assert!(!task.is_finished());
    pass(Duration::from_millis(100)).await;
    let error = task.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), Unavailable);
    assert!(error.reason().contains("did not answer in time"), "{}", error.reason());
    assert_eq!(provider.requests(DISCOVERY).len(), 1);
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_cancel_the_fetch() {
    let provider = TestProvider::start().await;
    let client = provider.client();
    let task = tokio::spawn({
        let client = client.clone();
        async move { start(&client).await }
    });
    until(|| provider.requests(DISCOVERY).len() == 1).await;
    task.abort();
    assert!(start(&client).await.is_ok());
    until(|| !provider.requests("/keys").is_empty()).await;
    assert_eq!(fetches(&provider), 1);
}

#[tokio::test]
async fn old_metadata_is_fetched_in_the_background_and_kept_while_that_fails() {
    let provider = TestProvider::start().await;
    let client = provider.client();
    let old = start(&client).await.unwrap();
    // Wait until the keys have been fetched. The task that fetches them also requests the document,
    // and this test counts the requests for the document.
    until(|| !provider.requests("/keys").is_empty()).await;
    let count = || provider.requests(DISCOVERY).len();
    provider.answer(DISCOVERY, Reply::with("503 Down", "", ""));
    pass(MAX_AGE).await;
    let before = count();
    assert_eq!(start(&client).await.as_ref(), Ok(&old));
    until(|| count() > before).await;
    assert_eq!(start(&client).await.as_ref(), Ok(&old));
    let mut document = provider.document();
    document["authorization_endpoint"] = provider.url("/moved").into();
    provider.answer(DISCOVERY, Reply::json(&document));
    pass(COOLDOWN).await;
    assert_eq!(start(&client).await.as_ref(), Ok(&old));
    let moved = provider.url("/moved");
    while !start(&client).await.unwrap().starts_with(&moved) {
        yield_now().await;
    }
}

#[tokio::test]
async fn unusable_metadata_starts_no_login() {
    let provider = TestProvider::start().await;
    for reply in unusable() {
        provider.answer(DISCOVERY, reply.clone());
        assert_eq!(start(&provider.client()).await, Err(Unavailable), "{reply:?}");
    }
    assert!(provider.requests("/elsewhere").is_empty());
}

#[tokio::test]
async fn metadata_of_another_issuer_starts_no_login() {
    let provider = TestProvider::start().await;
    let mut document = provider.document();
    document["issuer"] = "https://evil.example".into();
    provider.answer(DISCOVERY, Reply::json(&document));
    assert_eq!(start(&provider.client()).await, Err(WrongIssuer));
}

#[tokio::test]
async fn the_metadata_of_rfc_8414_is_read_too() {
    let provider = TestProvider::start().await;
    provider.answer("/.well-known/oauth-authorization-server", Reply::json(&provider.document()));
    provider.answer(DISCOVERY, Reply::with("404 Not Found", "", ""));
    assert!(start(&provider.client()).await.is_ok());
}

#[tokio::test]
async fn the_issuer_in_the_response_must_be_the_provider() {
    let provider = TestProvider::start().await;
    let issuer = provider.issuer();
    for (is_promised, iss, is_accepted) in [
        (false, None, true),
        (false, Some(issuer.as_str()), true),
        (false, Some("https://evil.example"), false),
        (false, Some(""), false),
        (true, None, false),
        (true, Some(issuer.as_str()), true),
        (true, Some("https://evil.example"), false),
    ] {
        let mut document = provider.document();
        document["authorization_response_iss_parameter_supported"] = json!(is_promised);
        provider.answer(DISCOVERY, Reply::json(&document));
        let checked = provider.client().check_response_issuer(iss).await;
        let kind = checked.map_err(|error| error.kind()).err();
        assert_eq!(kind, (!is_accepted).then_some(WrongIssuer), "{is_promised} {iss:?}");
    }
}

#[tokio::test]
async fn a_user_info_endpoint_is_required_only_if_the_user_info_is_fetched() {
    let provider = TestProvider::start().await;
    let mut document = provider.document();
    document.as_object_mut().unwrap().remove("userinfo_endpoint");
    provider.answer(DISCOVERY, Reply::json(&document));
    assert!(start(&provider.client()).await.is_ok());
    let client = provider.client_of(provider.config().user_info());
    assert_eq!(start(&client).await, Err(ProviderErrorKind::Misconfigured));
}
