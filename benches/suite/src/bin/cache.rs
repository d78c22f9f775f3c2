//! Measures the time of a look-up in the cache of verified tokens, relative to a verification, and
//! prints the tables in `docs/explanation/cache.md`.
//!
//! `cargo run --release --bin cache [-- hs256 | rs256 | threads]`

use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

use serde_json::json;
use suite::measure::{Quartiles, Run, measure, median, repeated};
use tower_jwt_auth::jwt::Signer;
use tower_jwt_auth::{Algorithm, JwtAuth, Key, TokenCache};

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
    /// The cache is too small: each token is added, but is evicted before it is presented again.
    Churning,
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        None => {
            by_number_of_tokens(Algorithm::Hs256, &[1, 100, 1_000, 10_000, 100_000]);
            by_number_of_tokens(Algorithm::Rs256, &[1, 100, 1_000, 10_000]);
            by_number_of_threads();
        }
        Some("hs256") => by_number_of_tokens(Algorithm::Hs256, &[1, 100, 1_000, 10_000, 100_000]),
        Some("rs256") => by_number_of_tokens(Algorithm::Rs256, &[1, 100, 1_000, 10_000]),
        Some("threads") => by_number_of_threads(),
        Some(other) => panic!("{other:?} is not hs256, rs256 or threads"),
    }
}

/// Returns a layer without a cache, and a signer. Both use the same new key for `algorithm`.
fn set_up(algorithm: Algorithm) -> (JwtAuth<Shopper>, Signer) {
    let key = Key::generate(algorithm).expect("the system has random bytes");
    let auth = JwtAuth::new(key.public().unwrap_or_else(|| key.clone()))
        .issuer("https://auth.shop.example")
        .audience("cart")
        .claims::<Shopper>()
        .without_cache();
    (auth, Signer::new(key))
}

/// Returns typical tokens for this many users.
fn tokens(signer: &Signer, users: usize) -> Vec<String> {
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

/// Adds a cache to the layer, and the tokens to the cache.
fn filled(auth: &JwtAuth<Shopper>, tokens: &[String], cache: TokenCache) -> JwtAuth<Shopper> {
    let cached = auth.clone().with_cache(cache);
    tokens.iter().for_each(|token| drop(cached.verify(token).expect("the token is valid")));
    cached
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

/// Measures the time of a hit in the token cache. Returns one value for each round, in nanoseconds.
/// Each token is copied just before it is verified. The processor's own cache therefore contains
/// the text of the token. A server that has just read a token from a socket is in the same
/// situation. In [`verify`], by contrast, the text of a token is often only in main memory, or in a
/// cache that the processors share.
fn verify_just_read(auth: &JwtAuth<Shopper>, tokens: &[String]) -> Vec<f64> {
    const BATCHES: usize = 64;
    let mut random = fastrand::Rng::with_seed(7);
    let mut batch = [const { String::new() }; 16];
    let mut round = || {
        let mut nanos = 0;
        for _ in 0..BATCHES {
            batch
                .iter_mut()
                .for_each(|text| text.clone_from(&tokens[random.usize(..tokens.len())]));
            let start = Instant::now();
            batch.iter().for_each(|text| drop(black_box(auth.verify(text))));
            nanos += start.elapsed().as_nanos();
        }
        nanos as f64 / (BATCHES * batch.len()) as f64
    };
    (0..ROUNDS).map(|_| round()).collect()
}

fn fastest(nanos: Vec<f64>) -> f64 {
    nanos.into_iter().fold(f64::INFINITY, f64::min)
}

fn by_number_of_tokens(algorithm: Algorithm, numbers: &[usize]) {
    let (auth, signer) = set_up(algorithm);
    println!(
        "{algorithm}: tokens, hit / verification (quartiles), ns of each, ns of a hit in the \
         fastest round, ns of a hit for a token just read (median, fastest), bytes per token"
    );
    for users in numbers {
        let tokens = tokens(&signer, *users);
        let cache = TokenCache::new().max_bytes((users * (4 << 10)).max(8 << 20));
        let cached = filled(&auth, &tokens, cache.clone());
        let contenders = vec![
            (Contender::Cached, verify(&cached, &tokens)),
            (Contender::Uncached, verify(&auth, &tokens)),
        ];
        let misses = cache.stats().misses;
        let rounds = measure(contenders, ROUNDS);
        let just_read = verify_just_read(&cached, &tokens);
        assert_eq!(cache.stats().misses, misses);
        let [hit, uncached] =
            [Contender::Cached, Contender::Uncached].map(|one| rounds.sums(&[(1.0, one)]));
        let Quartiles { lower, median: ratio, upper } = Quartiles::of_ratios(&hit, &uncached);
        let stats = cache.stats();
        println!(
            "{users}: {ratio:.3} ({lower:.3} {upper:.3}), {:.0} / {:.0} ns, {:.0} ns, ({:.0} {:.0}) \
             ns, {} bytes",
            median(hit.clone()),
            median(uncached),
            fastest(hit),
            median(just_read.clone()),
            fastest(just_read),
            stats.bytes / stats.entries,
        );
    }
    let tokens = tokens(&signer, 10_000);
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

/// Measures the time of a cache hit on one thread, on two threads with a shared cache, and on two
/// threads with separate caches, for 1,000 RS256 tokens. If two threads with separate caches are
/// slower than one thread, the reason is the processor, and not the token cache.
fn by_number_of_threads() {
    let (auth, signer) = set_up(Algorithm::Rs256);
    let tokens = tokens(&signer, 1_000);
    let cache = TokenCache::new();
    let first = filled(&auth, &tokens, cache.clone());
    let second = first.clone();
    let of_its_own = filled(&auth, &tokens, TokenCache::new());
    let misses = cache.stats().misses;
    let mut nanos = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        nanos[0].push(on_threads(&[&first], &tokens));
        nanos[1].push(on_threads(&[&first, &second], &tokens));
        nanos[2].push(on_threads(&[&first, &of_its_own], &tokens));
    }
    let not_found = cache.stats().misses - misses;
    let [one, shared, separate] = &nanos;
    for (name, times) in [("one cache", shared), ("a cache each", separate)] {
        let Quartiles { lower, median: ratio, upper } = Quartiles::of_ratios(times, one);
        println!("two threads, {name} / one thread: {ratio:.3} ({lower:.3} {upper:.3})");
    }
    let medians = nanos.map(median);
    println!("ns of a hit: {medians:.0?}; misses: {not_found}");
}

/// Lets each layer verify tokens on a separate thread, all at the same time. Returns the
/// nanoseconds per token of the slowest thread.
fn on_threads(layers: &[&JwtAuth<Shopper>], tokens: &[String]) -> f64 {
    const CALLS: usize = 1_000;
    let barrier = Barrier::new(layers.len());
    let work = |seed: u64, auth: &JwtAuth<Shopper>| {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut verify = || {
            let token = &tokens[random.usize(..tokens.len())];
            assert!(black_box(&auth.verify(token)).is_ok());
        };
        (0..CALLS / 4).for_each(|_| verify());
        barrier.wait();
        let start = Instant::now();
        (0..CALLS).for_each(|_| verify());
        start.elapsed().as_nanos() as f64 / CALLS as f64
    };
    std::thread::scope(|scope| {
        let spawn = |(seed, auth)| scope.spawn(move || work(seed, auth));
        let threads: Vec<_> = (1..).zip(layers.iter().copied()).map(spawn).collect();
        let times = threads.into_iter().map(|thread| thread.join().expect("no panic"));
        times.fold(0.0, f64::max)
    })
}
