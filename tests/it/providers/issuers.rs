//! Tests that each token is checked with the keys and the rules of its issuer alone.

use std::time::Duration;

use serde_json::{Value, json};
use tower_jwt_auth::jwt::{Signer, TokenErrorKind};
use tower_jwt_auth::revocation::Revocation;
use tower_jwt_auth::{AuthErrorKind, Issuer, JwtAuth, Key, KeyStore, Secret, TokenCache, UnixTime};

use crate::kit::{self, NOW, panics};

const SHOP: &str = "https://auth.shop.example";
const PARTNER: &str = "https://login.partner.example/";

/// Returns a key that has the same identifier as the keys of all other issuers.
fn key(first: u8) -> Key {
    let secret = Secret::new((first..first + 32).collect::<Vec<u8>>()).unwrap();
    Key::hs256(secret).with_id("2026-11").unwrap()
}

fn token(key: &Key, changes: &Value) -> String {
    let mut claims = json!({ "sub": "alice", "exp": NOW + 600, "iat": NOW });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    Signer::new(key.clone()).sign(&claims).unwrap()
}

fn shop() -> Issuer {
    Issuer::new(SHOP, key(1)).audience("cart")
}

fn partner() -> Issuer {
    Issuer::new(PARTNER, key(2)).audience("api").roles_claim("groups")
}

fn auth() -> JwtAuth {
    JwtAuth::issuers([shop(), partner()]).with_clock(kit::at(NOW))
}

fn kind(auth: &JwtAuth, token: &str) -> Option<TokenErrorKind> {
    kit::fault(auth, token)
}

#[test]
fn each_issuer_has_its_keys_and_its_rules() {
    let auth = auth();
    let ours = auth.verify(&token(&key(1), &json!({ "iss": SHOP, "aud": "cart", "roles": ["a"] })));
    assert_eq!(ours.unwrap().token().roles().collect::<Vec<_>>(), ["a"]);
    let theirs = json!({ "iss": PARTNER, "aud": "api", "groups": ["b"], "roles": ["a"] });
    let theirs = auth.verify(&token(&key(2), &theirs)).unwrap();
    assert_eq!(theirs.token().roles().collect::<Vec<_>>(), ["b"]);
    let audience = json!({ "iss": PARTNER, "aud": "cart" });
    assert_eq!(kind(&auth, &token(&key(2), &audience)), Some(TokenErrorKind::WrongAudience));
}

#[test]
fn a_key_of_one_issuer_never_verifies_a_token_of_another_even_with_the_same_kid() {
    let auth = auth();
    let forged = token(&key(1), &json!({ "iss": PARTNER, "aud": "api" }));
    assert_eq!(kind(&auth, &forged), Some(TokenErrorKind::BadSignature));
    let forged = token(&key(2), &json!({ "iss": SHOP, "aud": "cart" }));
    assert_eq!(kind(&auth, &forged), Some(TokenErrorKind::BadSignature));
}

/// Each issuer has its own limit. A token over the largest limit is rejected before its issuer is
/// read.
#[test]
fn a_token_is_as_long_as_its_issuer_allows() {
    let ours = token(&key(1), &json!({ "iss": SHOP, "aud": "cart" }));
    let unknown = token(&key(1), &json!({ "iss": "https://unknown.shop.example", "aud": "cart" }));
    assert!(unknown.len() > ours.len());
    for (limit, of_ours, of_unknown) in [
        (unknown.len(), None, TokenErrorKind::WrongIssuer),
        (ours.len(), None, TokenErrorKind::TooLarge),
        (ours.len() - 1, Some(TokenErrorKind::TooLarge), TokenErrorKind::TooLarge),
    ] {
        let issuers = [shop().max_token_bytes(limit), partner().max_token_bytes(64)];
        let auth: JwtAuth = JwtAuth::issuers(issuers).with_clock(kit::at(NOW));
        assert_eq!(kind(&auth, &ours), of_ours, "{limit}");
        assert_eq!(kind(&auth, &unknown), Some(of_unknown), "{limit}");
    }
}

#[test]
fn a_missing_an_unknown_and_an_unreadable_issuer_have_three_reasons_and_one_answer() {
    let auth = auth();
    let mut reasons = Vec::new();
    let mut answers = Vec::new();
    for issuer in [json!(null), json!("https://auth.shop.example/"), json!(7)] {
        let token = token(&key(1), &json!({ "iss": issuer, "aud": "cart" }));
        let error = auth.verify(&token).unwrap_err();
        reasons.push(error.reason().into_owned());
        let answer = kit::send(&auth, kit::bearer(&token));
        answers.push(format!("{} {:?} {:?}", answer.status(), answer.headers(), answer.body()));
    }
    assert!(reasons[0].starts_with("`iss` is missing, and must be"), "{}", reasons[0]);
    assert!(reasons[1].starts_with("`iss` is not \"https://auth.shop"), "{}", reasons[1]);
    assert!(reasons[2].contains("cannot be read"), "{}", reasons[2]);
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[1], answers[2]);
    assert!(answers[0].starts_with("401 "), "{}", answers[0]);
}

#[test]
fn an_issuer_that_is_hidden_from_the_choice_is_found_by_the_verification() {
    let auth = auth();
    // The first `iss` decides which issuer's keys are used. The verification then rejects the
    // payload because of the second `iss`.
    let payload = format!(r#"{{"iss":"{SHOP}","aud":"cart","exp":{},"iss":"{PARTNER}"}}"#, NOW + 9);
    let text = format!("{}.{}", kit::b64(r#"{"alg":"HS256","kid":"2026-11"}"#), kit::b64(payload));
    let bytes: Vec<u8> = (1..33).collect();
    let tag = kit::tag(tower_jwt_auth::Algorithm::Hs256, &bytes, text.as_bytes());
    let token = format!("{text}.{}", kit::b64(tag));
    assert_eq!(kind(&auth, &token), Some(TokenErrorKind::Malformed));
}

#[test]
fn an_alias_is_another_name_of_the_same_issuer() {
    let auth = JwtAuth::issuers([shop().add_alias("auth.shop.example"), partner()])
        .with_clock(kit::at(NOW));
    for name in [SHOP, "auth.shop.example"] {
        let token = token(&key(1), &json!({ "iss": name, "aud": "cart" }));
        assert_eq!(auth.verify(&token).unwrap().token().issuer(), Some(name));
    }
    let single = JwtAuth::from(shop().add_alias("auth.shop.example")).with_clock(kit::at(NOW));
    let token = token(&key(1), &json!({ "iss": "other", "aud": "cart" }));
    assert_eq!(kind(&single, &token), Some(TokenErrorKind::WrongIssuer));
}

#[test]
fn a_single_issuer_is_a_layer_with_one_set_of_rules() {
    let auth = JwtAuth::from(Issuer::new(SHOP, key(1))).audience("cart").with_clock(kit::at(NOW));
    assert!(auth.verify(&token(&key(1), &json!({ "iss": SHOP, "aud": "cart" }))).is_ok());
    let other = token(&key(1), &json!({ "iss": PARTNER, "aud": "cart" }));
    assert_eq!(kind(&auth, &other), Some(TokenErrorKind::WrongIssuer));
}

#[test]
fn the_largest_limit_of_all_issuers_bounds_the_token_before_the_choice() {
    let auth = JwtAuth::issuers([shop().max_token_bytes(400), partner()]).with_clock(kit::at(NOW));
    let large = |key: &Key, issuer: &str, audience: &str, len: usize| {
        token(key, &json!({ "iss": issuer, "aud": audience, "more": "x".repeat(len) }))
    };
    assert!(auth.verify(&large(&key(2), PARTNER, "api", 5_000)).is_ok());
    let ours = auth.verify(&large(&key(1), SHOP, "cart", 400)).unwrap_err();
    assert_eq!(ours.kind(), AuthErrorKind::TokenTooLarge);
    let theirs = auth.verify(&large(&key(2), PARTNER, "api", 9_000)).unwrap_err();
    assert_eq!(theirs.kind(), AuthErrorKind::TokenTooLarge);
}

#[derive(Debug, PartialEq, Eq, serde::Deserialize)]
struct Shopper {
    user: String,
}

#[derive(serde::Deserialize)]
struct PartnerClaims {
    sub: String,
}

fn mapped() -> Issuer {
    partner()
        .map_claims(|claims: PartnerClaims| Shopper { user: format!("partner:{}", claims.sub) })
}

#[test]
fn claims_of_different_shapes_are_converted_to_one_type() {
    let auth = JwtAuth::issuers([shop(), mapped()]).with_clock(kit::at(NOW)).claims::<Shopper>();
    let ours = token(&key(1), &json!({ "iss": SHOP, "aud": "cart", "user": "alice" }));
    assert_eq!(auth.verify(&ours).unwrap().user, "alice");
    let theirs = token(&key(2), &json!({ "iss": PARTNER, "aud": "api" }));
    let claims = auth.verify(&theirs).unwrap();
    assert_eq!(claims.user, "partner:alice");
    assert_eq!(claims.token().subject(), Some("alice"));
    // The rules of the issuer apply to converted claims, too.
    let expired = token(&key(2), &json!({ "iss": PARTNER, "aud": "api", "exp": NOW - 60 }));
    assert_eq!(auth.verify(&expired).unwrap_err().kind(), AuthErrorKind::TokenExpired);
    let misfit = token(&key(2), &json!({ "iss": PARTNER, "aud": "api", "sub": null }));
    let error = auth.verify(&misfit).unwrap_err();
    assert_eq!(error.token_error().unwrap().kind(), TokenErrorKind::ClaimsMismatch);
}

#[test]
fn claims_that_are_converted_to_another_type_are_a_misconfiguration() {
    let sentence = panics::refused(|| JwtAuth::issuers([shop(), mapped()]).claims::<String>());
    assert!(sentence.contains("claims::<alloc::string::String>()"), "{sentence}");
    // If `claims` is not called, the mistake is reported when the first token of that issuer
    // arrives.
    let auth = JwtAuth::issuers([shop(), mapped()]).with_clock(kit::at(NOW));
    let theirs = token(&key(2), &json!({ "iss": PARTNER, "aud": "api" }));
    let error = auth.verify(&theirs).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::Misconfigured);
    assert!(error.reason().contains("map_claims"), "{}", error.reason());
}

#[test]
fn impossible_sets_of_issuers_are_refused_where_they_are_written() {
    let refused = |build: fn() -> JwtAuth| panics::refused(build);
    assert!(refused(|| JwtAuth::issuers([])).contains("at least one issuer"));
    assert!(refused(|| JwtAuth::issuers([shop(), shop()])).contains("two issuers have the name"));
    let alias = refused(|| JwtAuth::issuers([shop(), partner().add_alias(SHOP)]));
    assert!(alias.contains("two issuers have the name \"https://auth.shop.example\""), "{alias}");
    assert!(refused(|| Issuer::new("", key(1)).into()).contains("needs a name"));
    assert!(refused(|| shop().add_alias("").into()).contains("needs a name"));
    let rule = refused(|| JwtAuth::issuers([shop(), partner()]).audience("cart"));
    assert!(rule.contains("each `Issuer`"), "{rule}");
}

#[test]
fn a_cached_token_depends_on_the_keys_of_its_issuer_alone() {
    let [ours, theirs] = [KeyStore::from(key(1)), KeyStore::from(key(2))];
    let cache = TokenCache::new();
    let auth = JwtAuth::issuers([
        Issuer::new(SHOP, ours.clone()).audience("cart"),
        Issuer::new(PARTNER, theirs.clone()).audience("api"),
    ])
    .with_clock(kit::at(NOW))
    .with_cache(cache.clone());
    let tokens = [
        token(&key(1), &json!({ "iss": SHOP, "aud": "cart" })),
        token(&key(2), &json!({ "iss": PARTNER, "aud": "api" })),
    ];
    let hits = || {
        for token in &tokens {
            let _ = auth.verify(token);
        }
        cache.stats().hits
    };
    assert_eq!(hits(), 0);
    assert_eq!(hits(), 2);
    theirs.replace(key(3));
    assert_eq!(hits(), 3, "only the other issuer's token is verified again");
    assert_eq!(kind(&auth, &tokens[1]), Some(TokenErrorKind::BadSignature));
    assert_eq!(kind(&auth, &tokens[0]), None);
    ours.replace(key(3));
    assert_eq!(kind(&auth, &tokens[0]), Some(TokenErrorKind::BadSignature));
}

#[test]
fn revoking_a_subject_of_one_issuer_does_not_affect_the_same_subject_of_another() {
    let clock = kit::at(NOW);
    let revocations = kit::revocations(clock.clone());
    revocations.current_as_of(revocations.as_of());
    let auth = auth().with_revocation(revocations.clone());
    let ours = token(&key(1), &json!({ "iss": SHOP, "aud": "cart" }));
    let theirs = token(&key(2), &json!({ "iss": PARTNER, "aud": "api" }));
    revocations.apply(&Revocation::subject("alice", UnixTime::from_secs(NOW)).issuer(SHOP));
    assert_eq!(kind(&auth, &ours), Some(TokenErrorKind::Revoked));
    assert_eq!(kind(&auth, &theirs), None);
}

#[cfg(feature = "connections")]
#[tokio::test(start_paused = true)]
async fn a_token_in_use_ends_with_the_keys_of_its_issuer() {
    let [ours, theirs] = [KeyStore::from(key(1)), KeyStore::from(key(2))];
    let auth = JwtAuth::issuers([
        Issuer::new(SHOP, ours.clone()).audience("cart"),
        Issuer::new(PARTNER, theirs.clone()).audience("api"),
    ])
    .with_clock(kit::at(NOW));
    let claims = auth.verify(&token(&key(2), &json!({ "iss": PARTNER, "aud": "api" }))).unwrap();
    let ended = tokio::spawn(claims.ended());
    ours.replace(key(3));
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert!(!ended.is_finished());
    theirs.replace(key(3));
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(ended.await.unwrap(), tower_jwt_auth::Ended::KeyRetired);
}
