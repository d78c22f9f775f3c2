//! Tests of the rules for ID tokens.

use serde_json::{Value, json};

use super::kit::{
    CLIENT, NOW, REDEMPTION, Reply, SECRET, STARTED, TestProvider, pair, redeem, redeem_as,
    refusal, set,
};
use crate::clock::UnixTime;
use crate::jwt::base64url;
use crate::jwt::{Algorithm, Key, Secret, Signer};
use crate::openid::provider::error::ProviderErrorKind;
use crate::openid::provider::login::Redemption;

use ProviderErrorKind::{IdTokenRejected, Unavailable};

#[tokio::test]
async fn a_valid_login_has_the_subject_the_claims_and_the_tokens() {
    let provider = TestProvider::start().await;
    let claims = provider.claims_with("name", "Alice".into());
    provider.answer_with_claims(&claims);
    let login = redeem(&provider.client()).await.unwrap();
    assert_eq!((login.issuer, login.subject.as_str()), (provider.issuer(), "alice"));
    assert_eq!(Value::Object(login.claims), claims);
    assert_eq!((login.scopes, login.verified_email), (vec!["openid".to_owned()], None));
    assert_eq!(login.tokens.access_token(), "the-access-token-hunter2");
    assert_eq!(login.tokens.expires_at(), Some(UnixTime::from_secs(NOW + 300)));
    assert!(login.tokens.id_token().is_some() && login.tokens.refresh_token().is_none());
    assert!(!format!("{:?}", login.tokens).contains("hunter2"));
}

#[tokio::test]
async fn a_token_with_another_claim_is_rejected() {
    let provider = TestProvider::start().await;
    let client = provider.client();
    for (name, value, part) in [
        ("iss", json!("https://evil.example"), "`iss`"),
        ("iss", json!(format!("{}/", provider.issuer())), "`iss`"),
        ("iss", Value::Null, "`iss`"),
        ("aud", json!("another"), "`aud`"),
        ("aud", json!(["another"]), "`aud`"),
        ("aud", Value::Null, "`aud`"),
        ("nonce", json!("another"), "`nonce`"),
        ("nonce", json!("the-nonce-hunter"), "`nonce`"),
        ("nonce", json!(""), "`nonce`"),
        ("nonce", json!(7), "`nonce`"),
        ("nonce", json!(["the-nonce-hunter2"]), "`nonce`"),
        ("nonce", Value::Null, "`nonce`"),
        ("azp", json!("another"), "`azp`"),
        ("azp", json!([CLIENT]), "`azp`"),
        ("exp", json!(NOW - 6), "expired"),
        ("exp", Value::Null, "`exp`"),
        ("nbf", json!(NOW + 6), "not valid"),
        ("iat", json!(NOW + 6), "in the future"),
        ("iat", json!(STARTED - 6), "before this login"),
        ("iat", Value::Null, "`iat`"),
        ("sub", json!(""), "`sub`"),
        ("sub", json!("x".repeat(256)), "`sub`"),
        ("sub", json!("alice\0"), "`sub`"),
        ("sub", json!("ali\u{85}ce"), "`sub`"),
        ("sub", json!(7), "sub"),
        ("sub", Value::Null, "`sub`"),
        ("cnf", json!({ "jkt": "x" }), "`cnf`"),
    ] {
        provider.answer_with_claims(&provider.claims_with(name, value.clone()));
        let (kind, reason) = refusal(&client).await;
        assert_eq!(kind, IdTokenRejected, "{name} {value}: {reason}");
        assert!(reason.contains(part), "{name} {value}: {reason}");
    }
    for name in ["iss", "aud", "nonce", "exp", "iat", "sub"] {
        provider.answer_with_claims(&provider.claims_without(name));
        let (kind, reason) = refusal(&client).await;
        assert_eq!(kind, IdTokenRejected, "{name}: {reason}");
        assert!(reason.contains(&format!("`{name}`")), "{name}: {reason}");
    }
}

#[tokio::test]
async fn a_token_at_the_limits_is_accepted() {
    let provider = TestProvider::start().await;
    let client = provider.client();
    for (name, value) in [
        ("aud", json!([CLIENT])),
        ("azp", json!(CLIENT)),
        ("azp", Value::Null),
        ("exp", json!(NOW - 4)),
        ("iat", json!(NOW + 5)),
        ("iat", json!(STARTED - 5)),
        ("sub", json!("x".repeat(255))),
    ] {
        provider.answer_with_claims(&provider.claims_with(name, value.clone()));
        assert!(redeem(&client).await.is_ok(), "{name} {value}");
    }
}

#[tokio::test]
async fn further_audiences_need_an_authorized_party() {
    let provider = TestProvider::start().await;
    let client = provider.client();
    for (azp, is_accepted) in
        [(json!(CLIENT), true), (Value::Null, false), (json!("another"), false)]
    {
        let mut claims = provider.claims_with("aud", json!([CLIENT, "another"]));
        claims["azp"] = azp.clone();
        provider.answer_with_claims(&claims);
        assert_eq!(redeem(&client).await.is_ok(), is_accepted, "{azp}");
    }
}

#[tokio::test]
async fn a_token_with_another_signature_is_rejected() {
    let provider = TestProvider::start().await;
    let client = provider.client();
    let claims = provider.claims();
    let same_id = pair("current");
    let secret = Secret::new(SECRET.repeat(2)).unwrap();
    let public = set(&[&provider.key]).to_string();
    let as_secret = |bytes: &str| Key::hs256(Secret::new(bytes).unwrap());
    let x = set(&[&provider.key])["keys"][0]["x"].as_str().unwrap().to_owned();
    for (case, token) in [
        ("a key that the provider does not have", sign(&pair("unknown"), &claims)),
        ("another key with the same `kid`", sign(&same_id, &claims)),
        ("the client secret", sign(&Key::hs256(secret), &claims)),
        ("the public key as a secret", sign(&as_secret(&x).with_id("current").unwrap(), &claims)),
        ("no signature", unsigned(&json!({ "alg": "none" }), &claims)),
        (
            "no signature, with a kid",
            unsigned(&json!({ "alg": "none", "kid": "current" }), &claims),
        ),
        ("an empty text", String::new()),
        ("no token", "the-access-token-hunter2".to_owned()),
        ("an encrypted token", "a.b.c.d.e".to_owned()),
        ("a changed payload", changed(&provider, &claims)),
    ] {
        provider.answer_with_token(&token);
        let (kind, reason) = refusal(&client).await;
        assert_eq!(kind, IdTokenRejected, "{case}: {reason}");
    }
    assert!(public.contains(&x));
    provider.answer_with_claims(&claims);
    assert!(redeem(&client).await.is_ok());
}

#[tokio::test]
async fn a_token_of_another_type_is_rejected() {
    let provider = TestProvider::start().await;
    let client = provider.client();
    for (typ, is_accepted) in [
        ("JWT", true),
        ("jwt", true),
        ("application/jwt", true),
        ("at+jwt", false),
        ("application/at+jwt", false),
        ("logout+jwt", false),
        ("dpop+jwt", false),
    ] {
        let signer = Signer::new(provider.key.clone()).token_type(typ);
        provider.answer_with_token(&signer.sign(&provider.claims()).unwrap());
        let login = redeem(&client).await;
        assert_eq!(
            login.as_ref().map_err(|error| error.kind()).err(),
            (!is_accepted).then_some(IdTokenRejected),
            "{typ}"
        );
        if let Err(error) = login {
            assert!(error.reason().contains("not an ID token"), "{error}");
        }
    }
}

#[tokio::test]
async fn an_access_token_is_not_an_id_token() {
    let provider = TestProvider::start().await;
    // An access token of Keycloak has the same header as an ID token, and is signed with the same
    // key. Its audience is the API, and it has no nonce.
    let mut claims = provider.claims_with("aud", "account".into());
    claims["typ"] = "Bearer".into();
    claims["azp"] = CLIENT.into();
    claims.as_object_mut().unwrap().remove("nonce");
    provider.answer_with_claims(&claims);
    assert_eq!(refusal(&provider.client()).await.0, IdTokenRejected);
    // An access token in place of the ID token is rejected, even if its audience is the client.
    claims["aud"] = CLIENT.into();
    provider.answer_with_claims(&claims);
    assert_eq!(refusal(&provider.client()).await.0, IdTokenRejected);
}

#[tokio::test]
async fn an_answer_without_an_id_token_is_rejected() {
    let provider = TestProvider::start().await;
    let answer = json!({ "access_token": "a", "token_type": "Bearer" });
    provider.answer("/token", Reply::json(&answer));
    let (kind, reason) = refusal(&provider.client()).await;
    assert_eq!(kind, IdTokenRejected);
    assert!(reason.contains("no ID token"), "{reason}");
}

#[tokio::test]
async fn a_fresh_login_needs_a_recent_time_of_authentication() {
    let provider = TestProvider::start().await;
    let client = provider.client();
    let fresh = Redemption { needs_fresh_login: true, ..REDEMPTION };
    for (auth_time, is_accepted) in [
        (json!(NOW), true),
        (json!(STARTED), true),
        (json!(STARTED - 5), true),
        (json!(STARTED - 6), false),
        (json!(NOW - 86_400), false),
        (json!(NOW + 5), true),
        (json!(NOW + 6), false),
        (json!(NOW.to_string()), false),
        (Value::Null, false),
    ] {
        provider.answer_with_claims(&provider.claims_with("auth_time", auth_time.clone()));
        let login = redeem_as(&client, fresh).await;
        let kind = login.map_err(|error| error.kind()).err();
        assert_eq!(kind, (!is_accepted).then_some(IdTokenRejected), "{auth_time}");
        // If the application did not ask for a fresh login, `auth_time` has no effect.
        assert!(redeem(&client).await.is_ok(), "{auth_time}");
    }
}

#[tokio::test]
async fn a_key_that_the_provider_has_just_published_is_fetched() {
    let provider = TestProvider::start().await;
    let client = provider.client();
    redeem(&client).await.unwrap();
    let next = pair("next");
    provider.answer("/keys", Reply::json(&set(&[&provider.key, &next])));
    super::kit::pass(std::time::Duration::from_secs(30)).await;
    provider.answer_with_token(&sign(&next, &provider.claims()));
    redeem(&client).await.unwrap();
    assert_eq!(provider.requests("/keys").len(), 2);
}

#[tokio::test]
async fn a_login_is_unavailable_while_the_keys_are() {
    let provider = TestProvider::start().await;
    provider.answer("/keys", Reply::with("503 Down", "", ""));
    let (kind, reason) = refusal(&provider.client()).await;
    assert_eq!(kind, Unavailable, "{reason}");
}

#[tokio::test]
async fn only_the_configured_algorithms_are_accepted() {
    let provider = TestProvider::start().await;
    let config = provider.config().algorithms([Algorithm::EdDsa]);
    assert!(redeem(&provider.client_of(config)).await.is_ok());
    let config = provider.config().algorithms([Algorithm::Rs256, Algorithm::Es256]);
    assert!(redeem(&provider.client_of(config)).await.is_err());
}

fn sign(key: &Key, claims: &Value) -> String {
    Signer::new(key.clone()).sign(claims).unwrap()
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let mut token = String::new();
    base64url::encode_onto(header.to_string().as_bytes(), &mut token);
    token.push('.');
    base64url::encode_onto(claims.to_string().as_bytes(), &mut token);
    token + "."
}

/// Returns a valid token whose subject was changed after it was signed.
fn changed(provider: &TestProvider, claims: &Value) -> String {
    let valid = sign(&provider.key, claims);
    let parts: Vec<_> = valid.split('.').collect();
    let mut payload = String::new();
    let claims = provider.claims_with("sub", "mallory".into());
    base64url::encode_onto(claims.to_string().as_bytes(), &mut payload);
    format!("{}.{payload}.{}", parts[0], parts[2])
}
