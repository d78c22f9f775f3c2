//! Tests of the cache that a layer with public keys has by default.

use serde_json::json;
use tower_jwt_auth::jwt::{Signer, TokenErrorKind};
use tower_jwt_auth::{
    Algorithm, AuthErrorKind, Claims, Issuer, JwtAuth, Key, KeyStore, Secret, TokenCache,
};

use super::counts;

const FAR: u64 = 32_503_680_000;

fn pair() -> Key {
    Key::generate(Algorithm::EdDsa).unwrap()
}

fn signed_by(key: &Key, issuer: &str) -> String {
    let claims = json!({ "iss": issuer, "sub": "alice", "exp": FAR });
    Signer::new(key.clone()).sign(&claims).unwrap()
}

/// Returns true if two verifications of a token return references to the same claims. The second
/// verification was then a cache hit.
fn keeps(auth: &JwtAuth, token: &str) -> bool {
    let [first, second]: [Claims; 2] = [(); 2].map(|()| auth.verify(token).unwrap());
    std::ptr::eq(&*first, &*second)
}

#[test]
fn a_layer_with_a_public_key_has_a_cache_until_it_is_removed() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::MlDsa44] {
        let pair = Key::generate(algorithm).unwrap();
        let token = signed_by(&pair, "a");
        let of_public = JwtAuth::new(pair.public().unwrap());
        assert!(keeps(&of_public, &token), "{algorithm}");
        assert!(keeps(&JwtAuth::from(Issuer::new("a", pair.clone())), &token), "{algorithm}");
        assert!(!keeps(&of_public.without_cache(), &token), "{algorithm}");
    }
}

#[test]
fn a_layer_with_shared_secrets_alone_has_no_cache() {
    let [a, b] = [(); 2].map(|()| Key::hs256(Secret::generate().unwrap()));
    assert!(!keeps(&JwtAuth::new(a.clone()), &signed_by(&a, "a")));
    let both = JwtAuth::issuers([Issuer::new("a", a.clone()), Issuer::new("b", b.clone())]);
    assert!(!keeps(&both, &signed_by(&a, "a")) && !keeps(&both, &signed_by(&b, "b")));
}

#[test]
fn all_issuers_of_a_layer_use_the_cache_if_one_of_them_has_a_public_key() {
    let (secret, pair) = (Key::hs256(Secret::generate().unwrap()), pair());
    let auth = JwtAuth::issuers([
        Issuer::new("a", secret.clone()),
        Issuer::new("b", pair.public().unwrap()),
    ]);
    let (of_a, of_b) = (signed_by(&secret, "a"), signed_by(&pair, "b"));
    assert!(keeps(&auth, &of_a) && keeps(&auth, &of_b));
    // A token that names one issuer but is signed with the other issuer's key is rejected.
    for token in [signed_by(&secret, "b"), signed_by(&pair, "a")] {
        assert_eq!(auth.verify(&token).unwrap_err().kind(), AuthErrorKind::InvalidToken);
    }
}

#[test]
fn a_token_is_not_kept_after_its_public_key_was_replaced() {
    let [first, second] = [pair(), pair()];
    let keys = KeyStore::from(first.public().unwrap());
    let auth = JwtAuth::new(keys.clone());
    let token = signed_by(&first, "a");
    assert!(keeps(&auth, &token));
    keys.replace(second.public().unwrap());
    let error = auth.verify(&token).unwrap_err();
    assert_eq!(error.token_error().unwrap().kind(), TokenErrorKind::UnknownKeyId);
    assert!(keeps(&auth, &signed_by(&second, "a")));
}

#[test]
fn clones_share_the_cache_until_one_of_them_is_configured() {
    let pair = pair();
    let token = signed_by(&pair, "a");
    let auth = JwtAuth::new(pair.public().unwrap());
    let claims = auth.verify(&token).unwrap();
    assert!(std::ptr::eq(&*claims, &*auth.clone().verify(&token).unwrap()));
    let configured = auth.clone().issuer("a");
    assert!(!std::ptr::eq(&*claims, &*configured.verify(&token).unwrap()));
    assert!(auth.clone().issuer("b").verify(&token).is_err());
    assert!(std::ptr::eq(&*claims, &*auth.verify(&token).unwrap()));
}

#[test]
fn a_cache_of_the_application_replaces_the_default_cache() {
    let (pair, cache) = (pair(), TokenCache::new());
    let token = signed_by(&pair, "a");
    let auth = JwtAuth::new(pair.public().unwrap());
    let before = auth.verify(&token).unwrap();
    let auth = auth.with_cache(cache.clone());
    assert!(!std::ptr::eq(&*before, &*auth.verify(&token).unwrap()));
    assert!(keeps(&auth, &token));
    assert_eq!(counts(&cache), (2, 1, 1));
}
