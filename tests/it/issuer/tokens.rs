//! Tests of the tokens that the issuer signs.

use std::time::Duration;

use jsonwebtoken::{DecodingKey, Validation};
use serde_json::{Value, json};
use tower_jwt_auth::issuer::{Grant, IssueErrorKind, TokenIssuer};
use tower_jwt_auth::jwt::TokenErrorKind;
use tower_jwt_auth::{JwtAuth, Key, KeyStore, ManualClock, UnixTime};

use super::kit::{ISSUER, issuer};
use crate::kit::{NOW, at, fault, key_bytes, secret, unb64};

fn part(token: &str, place: usize) -> Value {
    serde_json::from_slice(&unb64(token.split('.').nth(place).unwrap())).unwrap()
}

fn error(issuer: &TokenIssuer, grant: &Grant<Value>) -> IssueErrorKind {
    issuer.issue(grant).unwrap_err().kind()
}

#[test]
fn a_token_has_the_claims_of_rfc_9068_in_whole_seconds() {
    let clock = ManualClock::new(UnixTime::from_nanos(i128::from(NOW) * 1_000_000_000 + 999));
    let grant = Grant::new("alice")
        .audience("cart")
        .scopes(["cart:read", "pay"])
        .roles(["admin"])
        .tenant("acme")
        .client_id("web")
        .session("s-1")
        .claims(json!({ "company": "acme" }));
    let token = issuer().with_clock(clock).issue(&grant).unwrap();
    assert_eq!(part(token.as_str(), 0), json!({ "alg": "HS256", "typ": "at+jwt" }));
    let claims = json!({
        "iss": ISSUER, "sub": "alice", "aud": "cart", "iat": NOW, "exp": NOW + 600,
        "jti": token.id(), "scope": "cart:read pay", "roles": ["admin"], "tenant": "acme",
        "client_id": "web", "sid": "s-1", "company": "acme",
    });
    assert_eq!(part(token.as_str(), 1), claims);
    assert_eq!(token.expires_at(), UnixTime::from_secs(NOW + 600));
    assert_eq!(token.expires_in(), Duration::from_secs(600));
    assert_eq!(token.scope(), Some("cart:read pay"));
}

#[test]
fn a_token_is_valid_for_its_audience_only() {
    let token = issuer().with_clock(at(NOW)).issue(&Grant::new("alice").audience("cart")).unwrap();
    let service = |secret_of: &str, audience: &str| {
        let auth = JwtAuth::new(secret().derive(ISSUER, secret_of)).with_clock(at(NOW));
        auth.issuer(ISSUER).audience(audience).require_claim(["sub", "jti", "iat"])
    };
    assert_eq!(fault(&service("cart", "cart"), token.as_str()), None);
    let stranger = fault(&service("payment", "cart"), token.as_str());
    assert_eq!(stranger, Some(TokenErrorKind::BadSignature));
    let confused = fault(&service("cart", "payment"), token.as_str());
    assert_eq!(confused, Some(TokenErrorKind::WrongAudience));
}

#[test]
fn services_that_share_a_key_may_share_a_token() {
    let issuer = TokenIssuer::new(ISSUER)
        .audience(["cart", "basket"], secret())
        .add_audience("payment", secret().derive(ISSUER, "payment"));
    let aud =
        |grant: Grant| issuer.issue(&grant).map(|token| part(token.as_str(), 1)["aud"].clone());
    let alice = || Grant::new("alice");
    assert_eq!(aud(alice().audience("basket")).unwrap(), "basket");
    assert_eq!(aud(alice().audience(["basket", "cart"])).unwrap(), json!(["basket", "cart"]));
    let none = alice().audience(Vec::<String>::new());
    let mixed = alice().audience(["cart", "payment"]);
    for wrong in [alice(), mixed, alice().audience("mail"), none] {
        assert_eq!(aud(wrong).unwrap_err().kind(), IssueErrorKind::UnknownAudience);
    }
    let only = TokenIssuer::new(ISSUER).audience(["cart", "basket"], secret());
    let token = only.issue(&alice()).unwrap();
    assert_eq!(part(token.as_str(), 1)["aud"], json!(["cart", "basket"]));
    let none = TokenIssuer::new(ISSUER).issue(&alice()).unwrap_err();
    assert_eq!(none.to_string(), "the issuer has no key: set one with `audience`");
}

#[test]
fn application_claims_cannot_contradict_the_issuer() {
    let issuer = issuer();
    let with = |claims: Value| Grant::new("alice").audience("cart").scopes(["pay"]).claims(claims);
    for name in ["iss", "sub", "aud", "iat", "exp", "jti", "scope", "scp"] {
        let grant = with(json!({ name: "other" }));
        let error = issuer.issue(&grant).unwrap_err();
        assert_eq!(error.kind(), IssueErrorKind::ReservedClaim);
        assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
        assert!(!error.to_string().contains("other"));
    }
    for (name, value) in [
        ("scp", json!(["pay"])),
        ("scp", json!("")),
        ("scp", json!([])),
        ("scope", json!(["pay"])),
        ("aud", json!(["cart"])),
        ("aud", json!(["cart", "payment"])),
        ("exp", json!(1e300)),
    ] {
        let kind = issuer.issue(&with(json!({ name: value }))).unwrap_err().kind();
        assert_eq!(kind, IssueErrorKind::ReservedClaim, "{name} {value}");
    }
    // The issuer accepts a reserved claim whose value is `null` or the issuer's own value. An
    // application can therefore use one type to issue and to read claims.
    let token = issuer.issue(&with(json!({ "sub": "alice", "exp": null, "sid": null }))).unwrap();
    assert_eq!(part(token.as_str(), 1)["sub"], "alice");
    assert!(part(token.as_str(), 1).get("sid").is_none());
    let nulls = json!({ "roles": ["own"], "note": null, "nbf": null, "scp": null, "cnf": null });
    let token = issuer.issue(&with(nulls)).unwrap();
    assert_eq!(part(token.as_str(), 1)["roles"], json!(["own"]));
    assert_eq!(part(token.as_str(), 1)["note"], Value::Null);
}

#[test]
fn each_failure_to_issue_has_its_kind() {
    let grant = |claims: Value| Grant::new("alice").audience("cart").claims(claims);
    for claims in [json!([1]), json!("text"), json!(1), json!(true)] {
        assert_eq!(error(&issuer(), &grant(claims)), IssueErrorKind::Unserializable);
    }
    let deep = (0..40).fold(json!(1), |inner, _| json!([inner]));
    for claims in [json!({ "deep": deep }), json!({ "nbf": "soon" }), json!({ "nbf": 1e12 })] {
        assert_eq!(error(&issuer(), &grant(claims)), IssueErrorKind::Unserializable);
    }
    let nobody = Grant::new("").audience("cart").claims(json!({}));
    assert_eq!(error(&issuer(), &nobody), IssueErrorKind::NoSubject);
    // The routes may remove all scopes from a grant, and the token must then have no scopes. A
    // `scope` in the application's claims would add scopes again, so it is an error.
    let scoped = grant(json!({ "scope": "all" }));
    assert_eq!(error(&issuer(), &scoped), IssueErrorKind::ReservedClaim);
    for scope in ["", "a b", "a\"b", "a\\b", "é"] {
        assert_eq!(error(&issuer(), &grant(json!({})).scopes([scope])), IssueErrorKind::BadScope);
    }
}

#[test]
fn an_oversized_token_names_the_largest_claims() {
    let claims = |len| json!({ "permissions": vec!["x"; len], "name": "Alice" });
    let grant = |len| Grant::new("alice").audience("cart").claims(claims(len));
    let token = issuer().issue(&grant(600)).unwrap();
    assert!(token.fits_cookie("__Host-cart_token").is_ok());

    let error = issuer().issue(&grant(1000)).unwrap_err();
    assert_eq!(error.kind(), IssueErrorKind::TooLarge);
    assert!(error.to_string().contains("The largest claims are `permissions` (4001 bytes)"));
    let token = issuer().max_token_bytes(8192).issue(&grant(1000)).unwrap();
    let error = token.fits_cookie("__Host-cart_token").unwrap_err();
    assert!(error.to_string().starts_with("the cookie `__Host-cart_token` has 5"), "{error}");

    // The cookie's name and value may have at most 4096 bytes together.
    let name = |len: usize| "n".repeat(len);
    let token = issuer().issue(&grant(600)).unwrap();
    let room = 4096 - token.as_str().len();
    assert!(token.fits_cookie(&name(room)).is_ok());
    assert!(token.fits_cookie(&name(room + 1)).is_err());
}

#[test]
fn the_current_key_signs_also_after_a_rotation() {
    let keys = KeyStore::from(Key::hs256(secret()).with_id("2026-10").unwrap());
    let issuer = TokenIssuer::new(ISSUER).audience("cart", keys.clone()).with_clock(at(NOW));
    let auth = JwtAuth::new(keys.clone()).audience("cart").with_clock(at(NOW));
    let kid = |token: &str| part(token, 0)["kid"].clone();
    let before = issuer.issue(&Grant::new("alice")).unwrap();
    assert_eq!(kid(before.as_str()), "2026-10");
    keys.rotate(Key::hs512(secret()).unwrap().with_id("2026-11").unwrap()).unwrap();
    let after = issuer.issue(&Grant::new("alice")).unwrap();
    assert_eq!(kid(after.as_str()), "2026-11");
    for token in [before, after] {
        assert_eq!(fault(&auth, token.as_str()), None);
    }
}

#[test]
fn every_token_has_a_unique_identifier() {
    let issuer = issuer();
    let ids = (0..1000).map(|_| {
        let token = issuer.issue(&Grant::new("alice").audience("cart")).unwrap();
        assert_eq!(unb64(token.id()).len(), 16);
        token.id().to_owned()
    });
    assert_eq!(ids.collect::<std::collections::HashSet<_>>().len(), 1000);
}

#[test]
fn the_oracle_accepts_issued_tokens() {
    let issuer = TokenIssuer::new(ISSUER).audience("cart", secret());
    let token = issuer.issue(&Grant::new("alice").scopes(["pay"])).unwrap();
    let mut rules = Validation::new(jsonwebtoken::Algorithm::HS256);
    rules.set_issuer(&[ISSUER]);
    rules.set_audience(&["cart"]);
    rules.leeway = 0;
    let key = DecodingKey::from_secret(&key_bytes());
    crate::jwt::oracle_crypto::install();
    let read = jsonwebtoken::decode::<Value>(token.as_str(), &key, &rules).unwrap();
    assert_eq!(read.claims, part(token.as_str(), 1));
}

#[test]
fn debug_prints_nothing_of_a_token() {
    let issuer = issuer();
    let grant = Grant::new("alice").audience("cart").claims(json!({ "company": "acme corp" }));
    let token = issuer.issue(&grant).unwrap();
    let response = tower_jwt_auth::issuer::TokenResponse::new(&token).refresh_token("opaque");
    let printed = format!("{issuer:?} {grant:?} {token:?} {response:?}");
    for secret in [token.as_str(), "alice", "acme corp", "opaque"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
