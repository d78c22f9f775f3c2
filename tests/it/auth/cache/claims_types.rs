//! Tests of layers that share a cache, and of claims types whose `Drop` or `Deserialize` panics or
//! uses the layer.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tower_jwt_auth::{JwtAuth, StandardClaims, TokenCache};

use super::{cached, counts, token, verified};
use crate::kit::{self, NOW};

#[test]
fn layers_that_share_a_cache_find_only_their_own_tokens() {
    let cache = TokenCache::new();
    let layer = || kit::auth().with_cache(cache.clone());
    let tokens = [
        json!({ "aud": "cart", "sub": "alice" }),
        json!({ "aud": "payment", "iss": "a", "scope": "read" }),
        json!({ "iss": "a", "company": "acme", "roles": ["admin"], "iat": NOW - 100 }),
        json!({ "iss": "b", "company": 7 }),
    ];
    let tokens = tokens.map(|claims| token(&claims));
    let layers: [(JwtAuth, JwtAuth); 8] = [
        (layer(), kit::auth()),
        (layer().audience("cart"), kit::auth().audience("cart")),
        (layer().audience("payment"), kit::auth().audience("payment")),
        (layer().dangerous_any_audience(), kit::auth().dangerous_any_audience()),
        (
            layer().dangerous_any_audience().issuer("a"),
            kit::auth().dangerous_any_audience().issuer("a"),
        ),
        (layer().tenant_claim("company"), kit::auth().tenant_claim("company")),
        (
            layer().max_lifetime(Duration::from_secs(60)),
            kit::auth().max_lifetime(Duration::from_secs(60)),
        ),
        (layer().require_claim("company"), kit::auth().require_claim("company")),
    ];
    for round in 0..3 {
        for (with, without) in &layers {
            for token in &tokens {
                assert_eq!(verified(with, token), verified(without, token), "round {round}");
            }
        }
    }
    let accepted = |(_, without): &(JwtAuth, JwtAuth)| {
        tokens.iter().filter(|token| without.verify(token).is_ok()).count()
    };
    let accepted: usize = layers.iter().map(accepted).sum();
    assert_eq!((cache.stats().entries, cache.stats().hits), (accepted, accepted as u64 * 2));
}

/// Each change of the settings is tested twice: with a layer that was never cloned, and with a
/// clone. A layer that was never cloned modifies its settings in place.
#[test]
fn a_layer_that_is_configured_again_finds_none_of_its_earlier_tokens() {
    let good = token(&json!({ "aud": "cart", "company": "acme" }));
    let any = || {
        let auth = kit::auth().dangerous_any_audience().with_cache(TokenCache::new());
        assert!(auth.verify(&good).is_ok());
        auth
    };
    type Change = fn(JwtAuth) -> JwtAuth;
    let changes: [Change; 5] = [
        |auth| auth.issuer("https://auth.shop.example"),
        |auth| auth.require_claim("jti"),
        |auth| auth.max_lifetime(Duration::from_secs(1)),
        |auth| auth.accept_type("at+jwt"),
        |auth| auth.with_clock(kit::at(NOW + 1_000)),
    ];
    for (n, change) in changes.into_iter().enumerate() {
        let expected = verified(&change(kit::auth().dangerous_any_audience()), &good);
        assert_eq!(verified(&change(any()), &good), expected, "in place, {n}");
        let original = any();
        assert_eq!(verified(&change(original.clone()), &good), expected, "a clone, {n}");
        assert!(original.verify(&good).is_ok());
    }
}

#[test]
fn a_clone_of_a_layer_and_its_services_share_the_tokens() {
    let (auth, cache, _) = cached();
    let token = token(&json!({}));
    assert!(auth.verify(&token).is_ok() && auth.clone().verify(&token).is_ok());
    assert_eq!(kit::code(&kit::send(&auth, kit::bearer(&token))), None);
    assert_eq!(counts(&cache), (2, 1, 1));
}

#[test]
fn layers_with_different_claims_types_are_independent() {
    #[derive(Debug, Deserialize)]
    struct Shopper {
        company: String,
    }
    let (auth, cache, _) = cached();
    let (of_a_shop, without) =
        (token(&json!({ "company": "acme" })), token(&json!({ "sub": "bob" })));
    let shoppers = auth.clone().claims::<Shopper>();
    let values = auth.clone().claims::<Value>();
    for _ in 0..2 {
        assert_eq!(auth.verify(&of_a_shop).unwrap().sub.as_deref(), Some("alice"));
        assert_eq!(shoppers.verify(&of_a_shop).unwrap().company, "acme");
        assert_eq!(values.verify(&of_a_shop).unwrap()["company"], "acme");
        assert!(auth.verify(&without).is_ok());
        assert!(shoppers.verify(&without).is_err());
    }
    assert_eq!(counts(&cache), (4, 6, 4));
    let again = shoppers.claims::<StandardClaims>();
    assert_eq!(again.verify(&of_a_shop).unwrap().sub.as_deref(), Some("alice"));
    assert_eq!(counts(&cache).2, 5);
}

/// A claims type whose `Drop` implementation verifies a token with the same layer.
#[derive(Deserialize)]
struct Recursive {
    #[expect(dead_code, reason = "makes the value heavier")]
    sub: String,
}

static AUTH: OnceLock<JwtAuth<Recursive>> = OnceLock::new();
static NESTED: AtomicUsize = AtomicUsize::new(0);

impl Drop for Recursive {
    fn drop(&mut self) {
        thread_local! { static IS_NESTED: Cell<bool> = const { Cell::new(false) } }
        if !IS_NESTED.replace(true) {
            let token = token(&json!({ "sub": "nested" }));
            assert!(AUTH.get().unwrap().verify(&token).is_ok());
            NESTED.fetch_add(1, Ordering::Relaxed);
            IS_NESTED.set(false);
        }
    }
}

#[test]
fn claims_may_use_the_layer_while_they_are_dropped() {
    let cache = TokenCache::new().max_bytes(1 << 20);
    let auth = kit::auth().claims::<Recursive>().with_cache(cache.clone());
    let auth = AUTH.get_or_init(|| auth);
    for n in 0..3_000 {
        assert!(auth.verify(&token(&json!({ "sub": format!("user {n}") }))).is_ok());
    }
    assert!(NESTED.load(Ordering::Relaxed) > 1_000);
    // All verifications in `Drop` use the same token. Each of the other tokens is verified only
    // once, so it cannot cause a hit. The hits therefore show that a verification in `Drop` can add
    // a token to the cache.
    assert!(cache.stats().hits > 1_000, "{cache:?}");
}

/// A claims type whose `Drop` implementation panics.
#[derive(Deserialize)]
struct Panicking {
    sub: String,
}

impl Drop for Panicking {
    fn drop(&mut self) {
        assert!(!self.sub.starts_with("bad"), "a panic of `Drop`");
    }
}

#[test]
fn a_panic_of_dropped_claims_refuses_nobody() {
    let cache = TokenCache::new().max_bytes(1 << 20);
    let auth = kit::auth().claims::<Panicking>().with_cache(cache.clone());
    // These tokens fit into the cache, so their claims are not dropped yet.
    for n in 0..64 {
        assert!(auth.verify(&token(&json!({ "sub": format!("bad {n}") }))).is_ok());
    }
    for n in 0..3_000 {
        let token = token(&json!({ "sub": format!("user {n}") }));
        assert!((0..2).all(|_| auth.verify(&token).is_ok()));
    }
    assert!(cache.stats().evictions > 1_000 && cache.stats().hits > 2_900, "{cache:?}");
}

#[test]
fn a_panic_of_deserialize_leaves_the_cache_as_it_was() {
    #[derive(Debug)]
    struct Fragile;

    impl<'de> Deserialize<'de> for Fragile {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            let claims = Value::deserialize(from)?;
            assert!(claims["sub"] != "bad", "a panic of `Deserialize`");
            Ok(Self)
        }
    }

    let cache = TokenCache::new();
    let auth = kit::auth().claims::<Fragile>().with_cache(cache.clone());
    let bad = token(&json!({ "sub": "bad" }));
    let good = token(&json!({ "sub": "good" }));
    for _ in 0..2 {
        assert!(auth.verify(&bad).is_err() && auth.verify(&good).is_ok());
    }
    assert_eq!(counts(&cache), (1, 3, 1));
}
