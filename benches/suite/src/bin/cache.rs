//! The time of a look-up in the cache of verified tokens, relative to a verification. Prints the
//! table in `docs/explanation/cache.md`.
//!
//! `cargo run --release --bin cache`

use std::hint::black_box;

use serde_json::json;
use suite::measure::{Quartiles, Run, measure, repeated};
use tower_jwt_auth::jwt::Signer;
use tower_jwt_auth::{JwtAuth, Key, Secret, TokenCache};

const ROUNDS: usize = 1_500;

/// The claims that a typical handler reads, as in the README.
#[derive(serde::Deserialize)]
#[expect(dead_code, reason = "the benchmark only verifies")]
struct Shopper {
    sub: String,
    company: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Contender {
    Cached,
    Uncached,
    /// Every token is added, and evicted before it is presented again.
    Churning,
}

/// Returns typical tokens for this many users.
fn tokens(secret: &Secret, users: usize) -> Vec<String> {
    let signer = Signer::new(Key::hs256(secret.clone()));
    let claims = |user: usize| {
        json!({
            "sub": format!("user-{user:05}"), "company": "acme-europe", "exp": 32_503_680_000_u64,
            "iss": "https://auth.shop.example", "aud": "cart", "iat": 1_700_000_000,
            "jti": "8f2d1c3e9a5b4d60b7e18f2d1c3e9a", "scope": "cart:read cart:write pay",
            "roles": ["admin", "buyer"],
        })
    };
    (0..users).map(|user| signer.sign(&claims(user)).expect("claims serialize")).collect()
}

/// Verifies tokens in random order.
fn verify(auth: &JwtAuth<Shopper>, tokens: &[String]) -> Run {
    let (auth, tokens) = (auth.clone(), tokens.to_vec());
    let mut random = fastrand::Rng::with_seed(7);
    repeated(move || {
        let token = &tokens[random.usize(..tokens.len())];
        drop(black_box(auth.verify(token)));
    })
}

fn main() {
    let secret = Secret::generate().expect("the system has random bytes");
    let auth = JwtAuth::new(secret.clone())
        .issuer("https://auth.shop.example")
        .audience("cart")
        .claims::<Shopper>();
    println!("tokens, hit / verification (lower and upper quartile), ns of a hit, bytes per token");
    for users in [1, 100, 1_000, 10_000, 100_000] {
        let tokens = tokens(&secret, users);
        let cache = TokenCache::new().max_bytes(1 << 30);
        let cached = auth.clone().with_cache(cache.clone());
        tokens.iter().for_each(|token| drop(cached.verify(token).expect("the token is valid")));
        let contenders = vec![
            (Contender::Cached, verify(&cached, &tokens)),
            (Contender::Uncached, verify(&auth, &tokens)),
        ];
        let misses = cache.stats().misses;
        let rounds = measure(contenders, ROUNDS);
        assert_eq!(cache.stats().misses, misses);
        let [hit, uncached] =
            [Contender::Cached, Contender::Uncached].map(|one| rounds.sums(&[(1.0, one)]));
        let Quartiles { lower, median, upper } = Quartiles::of_ratios(&hit, &uncached);
        let stats = cache.stats();
        println!(
            "{users}: {median:.3} ({lower:.3} {upper:.3}), {:.0} ns, {} bytes",
            suite::measure::median(hit),
            stats.bytes / stats.entries,
        );
    }
    let tokens = tokens(&secret, 10_000);
    let churning = auth.clone().with_cache(TokenCache::new().max_bytes(1 << 20));
    let contenders = vec![
        (Contender::Churning, verify(&churning, &tokens)),
        (Contender::Uncached, verify(&auth, &tokens)),
    ];
    let rounds = measure(contenders, ROUNDS);
    let [miss, uncached] =
        [Contender::Churning, Contender::Uncached].map(|one| rounds.sums(&[(1.0, one)]));
    let Quartiles { lower, median, upper } = Quartiles::of_ratios(&miss, &uncached);
    println!("misses only: {median:.3} ({lower:.3} {upper:.3})");
}
