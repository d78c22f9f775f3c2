//! Tests of the cache's memory use, and of its use by several threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use serde::Deserialize;
use serde_json::json;
use tower_jwt_auth::{Algorithm, JwtAuth, Key, KeyStore, TokenCache};

use super::token;
use crate::kit::{self, NOW};

const MIB: usize = 1 << 20;

fn of_user(n: usize) -> String {
    token(&json!({ "sub": format!("user {n}"), "roles": ["customer", "admin"] }))
}

#[test]
fn a_flood_of_valid_tokens_stays_below_the_limit() {
    let cache = TokenCache::new().max_bytes(MIB);
    let auth = kit::auth().with_cache(cache.clone());
    for n in 0..5_000 {
        assert!(auth.verify(&of_user(n)).is_ok());
        assert!(cache.stats().bytes <= MIB);
    }
    let stats = cache.stats();
    assert_eq!(stats.evictions + stats.entries as u64, 5_000);
    // When a shard of the cache is full, the cache frees a quarter of the shard's memory in one
    // step.
    assert!(stats.bytes > MIB * 7 / 10 && stats.entries > 500, "{stats:?}");
}

#[test]
fn a_flood_of_forged_tokens_changes_nothing() {
    let cache = TokenCache::new().max_bytes(MIB);
    let auth = kit::auth().with_cache(cache.clone());
    let valid: Vec<_> = (0..100).map(of_user).collect();
    assert!(valid.iter().all(|token| auth.verify(token).is_ok()));
    let before = cache.stats();
    for n in 0..5_000 {
        let claims = format!(r#"{{"exp":{},"sub":"user {n}"}}"#, NOW + 600);
        let forged = kit::sign_as(Algorithm::Hs256, &[7; 32], r#"{"alg":"HS256"}"#, claims);
        assert!(auth.verify(&forged).is_err());
    }
    let after = cache.stats();
    assert_eq!((after.entries, after.bytes, after.evictions), (100, before.bytes, 0));
    assert!(valid.iter().all(|token| auth.verify(token).is_ok()));
    assert_eq!(cache.stats().hits, 100);
}

#[test]
fn tokens_in_use_survive_a_flood_of_tokens_seen_once() {
    let cache = TokenCache::new().max_bytes(MIB);
    let auth = kit::auth().with_cache(cache.clone());
    let hot: Vec<_> = (0..50).map(of_user).collect();
    for round in 0..20 {
        assert!(hot.iter().all(|token| auth.verify(token).is_ok()));
        for n in 0..200 {
            assert!(auth.verify(&of_user(1_000 + 200 * round + n)).is_ok());
        }
    }
    let stats = cache.stats();
    assert!(stats.evictions > 3_000, "{stats:?}");
    // The number of hits may be a little lower than 50 * 19. A shard may evict a token of `hot`
    // before its first hit, or when all other tokens in the shard were used recently.
    assert!(stats.hits > 50 * 18, "{stats:?}");
}

#[test]
fn a_token_that_is_too_heavy_is_accepted_and_not_cached() {
    let cache = TokenCache::new().max_bytes(MIB);
    let auth = kit::auth().with_cache(cache.clone());
    let heavy = token(&json!({ "sub": "x".repeat(5_500) }));
    assert!((0..2).all(|_| auth.verify(&heavy).is_ok()));
    assert_eq!((cache.stats().hits, cache.stats().entries), (0, 0));
}

#[test]
fn the_memory_of_a_token_includes_the_strings_of_its_claims() {
    let bytes_with = |len| {
        let cache = TokenCache::new();
        let token = token(&json!({ "sub": "x".repeat(len) }));
        assert!(kit::auth().with_cache(cache.clone()).verify(&token).is_ok());
        cache.stats().bytes
    };
    // The string is stored three times: in the encoded token, in the decoded payload and in the
    // claims.
    assert!(bytes_with(3_000) - bytes_with(0) >= 4_000 - 10 + 3_000 + 3_000);
}

#[test]
fn a_dropped_layer_and_cache_leave_no_claims() {
    static LIVE: AtomicUsize = AtomicUsize::new(0);

    struct Counted;

    impl<'de> Deserialize<'de> for Counted {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            serde::de::IgnoredAny::deserialize(from)?;
            LIVE.fetch_add(1, Ordering::Relaxed);
            Ok(Self)
        }
    }

    impl Drop for Counted {
        fn drop(&mut self) {
            LIVE.fetch_sub(1, Ordering::Relaxed);
        }
    }

    let cache = TokenCache::new().max_bytes(MIB);
    let auth = kit::auth().claims::<Counted>().with_cache(cache.clone());
    for n in 0..3_000 {
        assert!((0..2).all(|_| auth.verify(&of_user(n)).is_ok()));
        assert_eq!(LIVE.load(Ordering::Relaxed), cache.stats().entries);
    }
    let claims = auth.verify(&of_user(0)).unwrap();
    drop((auth, cache));
    assert_eq!(LIVE.load(Ordering::Relaxed), 1);
    drop(claims);
    assert_eq!(LIVE.load(Ordering::Relaxed), 0);
}

/// All decisions must be correct while other threads change the cache and the keys.
#[test]
fn threads_share_a_cache_while_keys_rotate() {
    let key = |n: u8| {
        let secret = tower_jwt_auth::Secret::new(
            [n; 32].iter().zip(0..).map(|(a, b)| a ^ b).collect::<Vec<u8>>(),
        );
        Key::hs256(secret.unwrap())
    };
    let keys = KeyStore::from(key(1));
    let cache = TokenCache::new().max_bytes(MIB);
    let auth: JwtAuth =
        JwtAuth::new(keys.clone()).with_clock(kit::at(NOW)).with_cache(cache.clone());
    let tokens = |n: u8| -> Vec<String> {
        let signer = tower_jwt_auth::jwt::Signer::new(key(n));
        let claims = |n: usize| json!({ "exp": NOW + 600, "sub": format!("user {n}") });
        (0..2_000).map(|n| signer.sign(&claims(n)).unwrap()).collect()
    };
    let (ours, foreign) = (Arc::new(tokens(1)), Arc::new(tokens(2)));
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|start| {
                let (auth, ours, foreign) = (auth.clone(), Arc::clone(&ours), Arc::clone(&foreign));
                scope.spawn(move || {
                    for n in (0..4_000).map(|n| (n * n + start * 7) % 2_000) {
                        let claims = auth.verify(&ours[n]).unwrap();
                        assert_eq!(claims.token().encoded(), ours[n]);
                        assert_eq!(claims.sub.as_deref(), Some(&*format!("user {n}")));
                        assert!(auth.verify(&foreign[n]).is_err());
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                keys.replace(key(1));
                assert!(cache.stats().bytes <= MIB);
                thread::yield_now();
            }
        });
        let results: Vec<_> = threads.into_iter().map(|thread| thread.join()).collect();
        is_done.store(true, Ordering::Relaxed);
        assert!(results.iter().all(Result::is_ok));
    });
    // Once the keys no longer change, the cache finds tokens again.
    let before = cache.stats().hits;
    assert!((0..2).all(|_| auth.verify(&ours[0]).is_ok()));
    assert_eq!(cache.stats().hits, before + 1);
}
