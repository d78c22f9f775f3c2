//! Tests of the presets. The test provider plays the role of each provider, with the claims and
//! responses that the provider documents.

use serde_json::{Value, json};

use super::kit::{REDEMPTION, REQUEST, Reply, SECRET, STARTED, TestProvider, redeem, redeem_as};
use crate::clock::UnixTime;
use crate::openid::provider::endpoints::OAuthEndpoints;
use crate::openid::provider::error::ProviderErrorKind;
use crate::openid::provider::login::Redemption;
use crate::openid::provider::login_provider::LoginProvider;

use ProviderErrorKind::IdTokenRejected;

#[tokio::test]
async fn both_spellings_of_an_issuer_are_one_issuer() {
    let provider = TestProvider::start().await;
    let config = || provider.config().alias("accounts.google.com");
    for spelling in [provider.issuer(), "accounts.google.com".to_owned()] {
        provider.answer_with_claims(&provider.claims_with("iss", spelling.into()));
        let login = redeem(&provider.client_of(config())).await.unwrap();
        assert_eq!(login.issuer, provider.issuer());
    }
    let other = "http://accounts.google.com";
    provider.answer_with_claims(&provider.claims_with("iss", other.into()));
    let error = redeem(&provider.client_of(config())).await.unwrap_err();
    assert_eq!(error.kind(), IdTokenRejected);
    // `accounts.google.com`, the other spelling of Google's issuer, is accepted only in ID tokens.
    let client = provider.client_of(config());
    assert!(client.check_response_issuer(Some("accounts.google.com")).await.is_err());
}

#[tokio::test]
async fn a_granted_scope_has_the_name_with_which_it_was_asked_for() {
    let provider = TestProvider::start().await;
    let long = "https://www.googleapis.com/auth/userinfo.profile";
    let config = || provider.config().scope_alias(long, "profile");
    let tokens = redeem(&provider.client()).await.unwrap().tokens;
    for (asked, answer, expected) in [
        (
            vec!["profile"],
            "openid https://www.googleapis.com/auth/userinfo.profile",
            vec!["openid", "profile"],
        ),
        (vec!["profile"], "openid", vec!["openid"]),
        (
            vec![long],
            "openid https://www.googleapis.com/auth/userinfo.profile",
            vec!["openid", long],
        ),
        (vec!["email"], "https://www.googleapis.com/auth/userinfo.profile", vec![long]),
    ] {
        provider.answer("/token", Reply::json(&json!({
            "access_token": "a", "token_type": "Bearer", "scope": answer, "id_token": tokens.id_token(),
        })));
        let login = redeem(&provider.client_of(config().scopes(asked))).await.unwrap();
        assert_eq!(login.scopes, expected, "{answer}");
    }
}

#[tokio::test]
async fn keycloak_needs_the_type_of_an_id_token() {
    let provider = TestProvider::start().await;
    let config = LoginProvider::keycloak("test", provider.issuer(), "shop")
        .client_secret(SECRET)
        .dangerous_allow_http();
    let client = provider.client_of(config);
    for (typ, is_accepted) in [
        (json!("ID"), true),
        (json!("Bearer"), false),
        (json!("Refresh"), false),
        (Value::Null, false),
    ] {
        provider.answer_with_claims(&provider.claims_with("typ", typ.clone()));
        let kind = redeem(&client).await.map_err(|error| error.kind()).err();
        assert_eq!(kind, (!is_accepted).then_some(IdTokenRejected), "{typ}");
    }
}

#[tokio::test]
async fn the_address_of_kakao_is_verified_by_its_user_info() {
    let provider = TestProvider::start().await;
    let config = provider.config().user_info().trust_verified_email();
    let client = provider.client_of(config);
    provider.answer_with_claims(&provider.claims_with("email", "a@kakao.example".into()));
    for (email, is_verified, expected) in [
        ("a@kakao.example", json!(true), Some("a@kakao.example")),
        ("a@kakao.example", json!(false), None),
        ("b@kakao.example", json!(true), None),
    ] {
        let user_info = json!({ "sub": "alice", "email": email, "email_verified": is_verified });
        provider.answer("/me", Reply::json(&user_info));
        let login = redeem(&client).await.unwrap();
        assert_eq!(login.verified_email.as_deref(), expected);
        assert_eq!(login.claims["email"], "a@kakao.example");
    }
}

#[tokio::test]
async fn a_plain_provider_receives_the_state_only_if_it_requires_it() {
    let provider = TestProvider::start().await;
    let endpoints = || {
        let url = |path| provider.url(path);
        OAuthEndpoints::new(url("/authorize"), url("/token"), url("/me"))
    };
    let config = || {
        LoginProvider::oauth("test", endpoints(), "shop", |user: Value| {
            user["response"]["id"].as_str().map(str::to_owned)
        })
        .client_secret(SECRET)
        .dangerous_allow_http()
    };
    let answer = json!({ "access_token": "a", "token_type": "bearer", "expires_in": "3600" });
    provider.answer("/token", Reply::json(&answer));
    provider.answer("/me", Reply::json(&json!({ "response": { "id": "1" } })));
    for (config, expected) in
        [(config(), None), (config().with_state_in_exchange(), Some(REDEMPTION.state.to_owned()))]
    {
        redeem(&provider.client_of(config)).await.unwrap();
        let form = provider.requests("/token").pop().unwrap().form();
        let state = form.into_iter().find(|(name, _)| name == "state").map(|(_, value)| value);
        assert_eq!(state, expected);
    }
}

#[tokio::test]
async fn presets_have_names_and_https_endpoints() {
    let provider = TestProvider::start().await;
    for (config, name) in [
        (LoginProvider::google("shop"), "google"),
        (LoginProvider::kakao("shop"), "kakao"),
        (LoginProvider::naver("shop"), "naver"),
        (LoginProvider::keycloak("company", "https://a.example/realms/shop", "shop"), "company"),
    ] {
        // This call panics if a URL of the preset is not `https`.
        assert_eq!(provider.client_of(config).name(), name);
    }
    let naver = provider.client_of(LoginProvider::naver("shop"));
    let url = naver.authorization_url(&REQUEST).await.unwrap();
    assert!(
        url.starts_with("https://nid.naver.com/oauth2.0/authorize?response_type=code&"),
        "{url}"
    );
    assert!(!url.contains("scope"), "{url}");
}

#[tokio::test]
async fn the_attempt_may_have_begun_within_a_second() {
    let provider = TestProvider::start().await;
    let client = provider.client_of(provider.config().leeway(std::time::Duration::ZERO));
    provider.answer_with_claims(&provider.claims_with("iat", STARTED.into()));
    let started_at =
        UnixTime::from_secs(STARTED).saturating_add(std::time::Duration::from_millis(900));
    let redemption = Redemption { started_at, ..REDEMPTION };
    assert!(redeem_as(&client, redemption).await.is_ok());
}
