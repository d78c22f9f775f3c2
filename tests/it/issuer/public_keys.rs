//! Tests of an issuer that signs with key pairs, and of the public keys that it publishes.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::Digest;
use tower_jwt_auth::issuer::{Cookies, Grant, IssueErrorKind, TokenIssuer};
use tower_jwt_auth::jwt::TokenErrorKind;
use tower_jwt_auth::{Algorithm, JwtAuth, Key, KeySet, KeyStore};

use super::kit::{ISSUER, Server};
use crate::kit::pairs::{self, ALGORITHMS};
use crate::kit::{self, NOW, at, b64, fault, panics};

/// This limit allows tokens with signatures of ML-DSA-87.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

fn issuer(keys: impl Into<KeyStore>) -> TokenIssuer {
    let issuer = TokenIssuer::new(ISSUER).audience("cart", keys).with_clock(at(NOW));
    issuer.max_token_bytes(MAX_TOKEN_BYTES)
}

/// Returns the layer of a service that has just fetched the key set.
fn service(issuer: &TokenIssuer, audience: &str) -> JwtAuth {
    let auth = JwtAuth::new(KeySet::from_jwks(&issuer.jwks()).unwrap());
    auth.issuer(ISSUER)
        .audience(audience)
        .accept_type("at+jwt")
        .with_clock(at(NOW))
        .max_token_bytes(MAX_TOKEN_BYTES)
}

fn published(issuer: &TokenIssuer) -> Vec<BTreeMap<String, String>> {
    let jwks: Value = serde_json::from_str(&issuer.jwks()).unwrap();
    let members: Vec<_> = jwks.as_object().unwrap().keys().collect();
    assert_eq!(members, ["keys"]);
    serde_json::from_value(jwks["keys"].clone()).unwrap()
}

fn kids(issuer: &TokenIssuer) -> Vec<String> {
    published(issuer).iter().map(|jwk| jwk["kid"].clone()).collect()
}

fn id(key: &Key) -> String {
    key.id().unwrap().to_owned()
}

fn alice() -> Grant {
    Grant::new("alice").audience("cart")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn tokens_of_every_algorithm_verify_with_the_published_keys(
        subject in "\\PC{1,40}",
        scopes in prop::collection::vec("[!#-\\[\\]-~]{1,12}", 0..4),
        previous in prop::sample::select(&ALGORITHMS[..]),
    ) {
        for algorithm in ALGORITHMS {
            let keys = KeyStore::from(pairs::pair(previous));
            let issuer = issuer(keys.clone());
            let grant = Grant::new(subject.as_str()).scopes(scopes.iter().map(String::as_str));
            let old = issuer.issue(&grant).unwrap();
            keys.rotate(pairs::pair(algorithm)).unwrap();
            let new = issuer.issue(&grant).unwrap();
            let cart = service(&issuer, "cart");
            for token in [&old, &new] {
                let claims = cart.verify(token.as_str()).unwrap();
                prop_assert_eq!(claims.token().subject(), Some(subject.as_str()));
            }
            let payment = fault(&service(&issuer, "payment"), new.as_str());
            prop_assert_eq!(payment, Some(TokenErrorKind::WrongAudience));
        }
    }
}

#[test]
fn a_published_key_has_its_thumbprint_its_algorithm_and_its_use() {
    for algorithm in ALGORITHMS {
        let pair = pairs::pair(algorithm);
        let issuer = issuer(pair.clone());
        let keys = published(&issuer);
        let [jwk] = keys.as_slice() else { panic!("{keys:?}") };
        assert_eq!((jwk["alg"].as_str(), jwk["use"].as_str()), (algorithm.as_str(), "sig"));
        // The members from which the thumbprint is computed (RFC 7638 section 3.2, RFC 8037 section
        // 2 and RFC 9964 section 3).
        let required: &[&str] = match jwk["kty"].as_str() {
            "RSA" => &["e", "kty", "n"],
            "EC" => &["crv", "kty", "x", "y"],
            "OKP" => &["crv", "kty", "x"],
            "AKP" => &["alg", "kty", "pub"],
            other => panic!("{other}"),
        };
        let canonical: BTreeMap<_, _> = required.iter().map(|name| (name, &jwk[*name])).collect();
        let canonical = serde_json::to_string(&canonical).unwrap();
        assert_eq!(jwk["kid"], b64(sha2::Sha256::digest(canonical)), "{algorithm}");
        assert_eq!(id(&pair), jwk["kid"]);
        let header = issuer.issue(&alice()).unwrap();
        let header = kit::unb64(header.as_str().split('.').next().unwrap());
        let header: Value = serde_json::from_slice(&header).unwrap();
        let expected =
            json!({ "alg": algorithm.as_str(), "typ": "at+jwt", "kid": jwk["kid"].as_str() });
        assert_eq!(header, expected);
    }
}

#[test]
fn private_keys_and_shared_secrets_are_never_published() {
    let mut store = KeySet::from(pairs::pair(Algorithm::EdDsa));
    for algorithm in ALGORITHMS.into_iter().filter(|other| *other != Algorithm::EdDsa) {
        store = store.add_previous(pairs::pair(algorithm)).unwrap();
    }
    for algorithm in kit::ALGORITHMS {
        let secret = kit::key(algorithm);
        // A secret is not published, even if it has an identifier.
        let named = secret.clone().with_id("2026-11").unwrap();
        for key in [&secret, &named] {
            assert_eq!(issuer(key.clone()).jwks(), r#"{"keys":[]}"#, "{algorithm}");
        }
        store = store.add_previous(named).unwrap().add_announced(secret).unwrap();
    }
    let keys = published(&issuer(store));
    assert_eq!(keys.len(), ALGORITHMS.len());
    for jwk in keys {
        let allowed = ["alg", "crv", "e", "kid", "kty", "n", "pub", "use", "x", "y"];
        assert!(jwk.keys().all(|name| allowed.contains(&name.as_str())), "{jwk:?}");
        assert_ne!(jwk["kty"], "oct");
    }
}

#[test]
fn keys_are_published_from_their_announcement_until_they_are_retired() {
    let [october, november] = [Algorithm::Es256, Algorithm::EdDsa].map(pairs::pair);
    let keys = KeyStore::from(october.clone());
    let issuer = issuer(keys.clone());
    let old = issuer.issue(&alice()).unwrap();

    keys.announce(november.clone()).unwrap();
    assert_eq!(kids(&issuer), [id(&october), id(&november)]);
    // This service fetches the key set only once.
    let cart = service(&issuer, "cart");
    assert_eq!(fault(&cart, issuer.issue(&alice()).unwrap().as_str()), None);

    keys.rotate(november.clone()).unwrap();
    assert_eq!(kids(&issuer), [id(&november), id(&october)]);
    let new = issuer.issue(&alice()).unwrap();
    for token in [&old, &new] {
        assert_eq!(fault(&cart, token.as_str()), None);
        assert_eq!(fault(&service(&issuer, "cart"), token.as_str()), None);
    }

    keys.retire_previous();
    assert_eq!(kids(&issuer), [id(&november)]);
    let after = service(&issuer, "cart");
    assert_eq!(fault(&after, old.as_str()), Some(TokenErrorKind::UnknownKeyId));
    assert_eq!(fault(&after, new.as_str()), None);
}

#[test]
fn services_may_share_a_key_pair_and_their_tokens_are_still_for_one_of_them() {
    let keys = KeyStore::from(pairs::pair(Algorithm::EdDsa));
    let issuer = issuer(keys.clone()).add_audience("payment", keys.clone());
    assert_eq!(kids(&issuer), [id(keys.load().current())]);
    let token = issuer.issue(&alice()).unwrap();
    assert_eq!(fault(&service(&issuer, "cart"), token.as_str()), None);
    let payment = fault(&service(&issuer, "payment"), token.as_str());
    assert_eq!(payment, Some(TokenErrorKind::WrongAudience));

    let other = issuer.add_audience("mail", pairs::pair(Algorithm::Es256));
    let expected = [Algorithm::EdDsa, Algorithm::Es256].map(|name| id(&pairs::pair(name)));
    assert_eq!(kids(&other), expected);
}

#[test]
fn two_public_keys_with_one_identifier_are_refused() {
    let named = || Key::generate(Algorithm::EdDsa).unwrap().with_id("2026-11").unwrap();
    let key = named();
    let issuer = || issuer(key.clone());
    let sentence = panics::refused(|| issuer().add_audience("payment", named()));
    assert!(sentence.contains("two different keys for EdDSA"), "{sentence}");
    // A key does not conflict with itself, with its own public half or with a secret.
    let _ = issuer().add_audience("payment", key.clone());
    let set = KeySet::from(pairs::pair(Algorithm::Es256)).add_previous(key.public().unwrap());
    let _ = issuer().add_audience("payment", set.unwrap());
    let _ =
        issuer().add_audience("payment", kit::key(Algorithm::Hs256).with_id("2026-11").unwrap());
}

#[test]
fn a_rotation_to_a_public_key_is_an_error_of_the_next_token() {
    let keys = KeyStore::from(pairs::pair(Algorithm::Es256));
    let issuer = issuer(keys.clone());
    keys.replace(pairs::pair(Algorithm::Es256).public().unwrap());
    let error = issuer.issue(&alice()).unwrap_err();
    assert_eq!(error.kind(), IssueErrorKind::CannotSign);
    assert!(error.to_string().contains("a public key cannot sign"), "{error}");
}

/// Logs in through routes that return tokens in cookies, and returns the status.
async fn cookie_login(key: Key) -> u16 {
    let issuer = TokenIssuer::new(ISSUER).audience("cart", key);
    let cookies = Cookies::new("/auth").add_access_cookie("cart", "__Host-cart_token");
    let routes = |routes: super::kit::Routes| routes.cookies(cookies);
    let server = Server::with_parts(issuer, |sessions| sessions, routes);
    let login = json!({ "user": "alice", "password": "right" });
    server.post("/login", login).await.status()
}

#[tokio::test]
async fn signatures_that_leave_room_for_claims_fit_into_cookies() {
    let rsa_4096 = Key::from_pem(Algorithm::Rs256, &kit::text("keys/rsa_4096.pem")).unwrap();
    let short = ALGORITHMS.into_iter().filter(|algorithm| !algorithm.as_str().starts_with("ML"));
    for key in short.map(pairs::pair).chain([rsa_4096]) {
        assert_eq!(cookie_login(key).await, 200);
    }
}

#[test]
fn signatures_that_are_too_long_for_a_cookie_are_refused_where_cookies_are_configured() {
    for (name, overhead, room) in [
        (Algorithm::MlDsa44, "3344 bytes", "leaves 551 bytes"),
        (Algorithm::MlDsa65, "4529 bytes", "leaves 0 bytes"),
        (Algorithm::MlDsa87, "6287 bytes", "leaves 0 bytes"),
    ] {
        let issuer =
            || TokenIssuer::new(ISSUER).max_token_bytes(8192).audience("cart", pairs::pair(name));
        let cookies = Cookies::new("/auth").add_access_cookie("cart", "__Host-cart_token");
        let sentence = panics::refused(|| {
            let routes = |routes: super::kit::Routes| routes.cookies(cookies);
            Server::with_parts(issuer(), |sessions| sessions, routes).router
        });
        for part in [name.as_str(), overhead, "has room for 4079", room, "1024 are required"] {
            assert!(sentence.contains(part), "{part} in {sentence}");
        }
    }
}

#[tokio::test]
async fn tokens_in_bodies_may_have_long_signatures() {
    for algorithm in [Algorithm::MlDsa44, Algorithm::MlDsa65, Algorithm::MlDsa87] {
        let issuer = TokenIssuer::new(ISSUER).audience("cart", pairs::pair(algorithm));
        let server = Server::with_issuer(issuer.max_token_bytes(8192));
        server.log_in("alice").await;
    }
}

#[test]
fn routes_whose_signatures_exceed_the_limit_of_the_issuer_are_refused() {
    let issuer = |name| TokenIssuer::new(ISSUER).audience("cart", pairs::pair(name));
    let sentence = panics::refused(|| Server::with_issuer(issuer(Algorithm::MlDsa65)).router);
    for part in ["4529 bytes", "ML-DSA-65", "the limit is 4096", "TokenIssuer::max_token_bytes"] {
        assert!(sentence.contains(part), "{part} in {sentence}");
    }
    let _ = Server::with_issuer(issuer(Algorithm::MlDsa44));
}

#[cfg(feature = "feeds")]
#[tokio::test]
async fn access_tokens_of_key_pairs_are_recognized_when_they_are_revoked() {
    let feed = super::kit::FaultyFeed::new(at(NOW));
    for (count, algorithm) in (1..).zip(ALGORITHMS) {
        let issuer = issuer(pairs::pair(algorithm));
        let published = feed.clone();
        let of_sessions = issuer.clone();
        let server = Server::with_parts(
            issuer,
            |sessions| sessions.with_revocation(published, &of_sessions),
            |routes| routes,
        );
        let token = server.log_in("alice").await.access;
        let revoke = async |token: &str| server.post("/revoke", json!({ "token": token })).await;
        assert_eq!(revoke(&token).await.status(), 200);
        assert_eq!(feed.messages().len(), count, "{algorithm}");
        // The request to revoke a forged token also gets a 200, as RFC 7009 section 2.2 requires,
        // but no revocation is published.
        let (message, _) = token.rsplit_once('.').unwrap();
        let stranger = Key::generate(Algorithm::EdDsa).unwrap();
        let forged = pairs::sign(&stranger);
        let signature = forged.rsplit('.').next().unwrap();
        assert_eq!(revoke(&format!("{message}.{signature}")).await.status(), 200);
        assert_eq!(feed.messages().len(), count, "{algorithm}");
    }
}
