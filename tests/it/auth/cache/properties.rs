//! Property tests: for any sequence of requests and changes, a layer with a cache makes the same
//! decisions as a layer without a cache.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use tower_jwt_auth::jwt::Signer;
use tower_jwt_auth::revocation::Revocation;
use tower_jwt_auth::{
    JwtAuth, Key, KeyStore, ManualClock, Revocations, Secret, TokenCache, UnixTime,
};

use super::{sent, verified};
use crate::kit::{self, NOW, bearer, request};

const KEYS: u8 = 3;

#[derive(Clone, Debug)]
enum Step {
    Verify(usize),
    Bearer(usize),
    Cookie(usize),
    SetClock(i64),
    Replace(u8),
    Rotate(u8),
    RetirePrevious,
    Revoke(usize),
    /// Reads the feed, so that revocation data is current.
    Refresh,
}

fn step(tokens: usize) -> impl Strategy<Value = Step> {
    let token = move || 0..tokens;
    prop_oneof![
        6 => token().prop_map(Step::Verify),
        6 => token().prop_map(Step::Bearer),
        4 => token().prop_map(Step::Cookie),
        3 => select(vec![-61, -11, -1, 0, 4, 30, 60, 61, 66, 600]).prop_map(Step::SetClock),
        1 => (0..KEYS).prop_map(Step::Replace),
        1 => (0..KEYS).prop_map(Step::Rotate),
        1 => Just(Step::RetirePrevious),
        1 => (0..revocation_count()).prop_map(Step::Revoke),
        3 => Just(Step::Refresh),
    ]
}

fn key(n: u8) -> Key {
    let bytes: Vec<u8> = (0..32).map(|byte| byte * (n + 1)).collect();
    let key = Key::hs256(Secret::new(bytes).unwrap());
    if n == 0 { key } else { key.with_id(format!("key {n}")).unwrap() }
}

fn tokens() -> Vec<String> {
    let claims = [
        json!({ "exp": NOW + 60, "iat": NOW - 10, "jti": "a", "sub": "alice", "company": "acme" }),
        json!({ "exp": NOW + 600, "nbf": NOW, "jti": "b", "sub": "alice", "roles": ["admin"] }),
        json!({ "exp": NOW + 61, "iat": NOW, "sid": "s", "sub": "bob", "company": "acme" }),
        json!({ "exp": NOW + 600, "iat": NOW - 100, "jti": "c", "aud": "payment" }),
    ];
    let sign = |key: Key, claims: &Value| Signer::new(key).sign(claims).unwrap();
    let keys = (0..KEYS).flat_map(|n| claims.iter().map(move |claims| sign(key(n), claims)));
    let mut tokens: Vec<_> = keys.collect();
    let mut forged = tokens[0].clone();
    forged.replace_range(forged.len() - 5..forged.len() - 4, "_");
    tokens.push(forged);
    tokens
}

fn revocations() -> [Revocation; 5] {
    let (now, later) = (UnixTime::from_secs(NOW), UnixTime::from_secs(NOW + 3_600));
    [
        Revocation::token("a", later),
        Revocation::session("s", later),
        Revocation::subject("alice", UnixTime::from_secs(NOW - 50)),
        Revocation::tenant("acme", UnixTime::from_secs(NOW - 5)),
        Revocation::key("key 1", now),
    ]
}

fn revocation_count() -> usize {
    revocations().len()
}

struct Scene {
    tokens: Vec<String>,
    clock: ManualClock,
    keys: KeyStore,
    revocations: Revocations,
    uncached: JwtAuth,
    cached: JwtAuth,
    cache: TokenCache,
}

impl Scene {
    fn new(accepts_stale: bool) -> Self {
        let clock = kit::at(NOW);
        let keys = KeyStore::from(key(0));
        let mut revocations = Revocations::new().with_clock(clock.clone());
        if accepts_stale {
            revocations = revocations.dangerous_accept_stale(Duration::from_secs(300));
        }
        let uncached: JwtAuth = JwtAuth::new(keys.clone())
            .with_clock(clock.clone())
            .with_revocation(revocations.clone())
            .tenant_claim("company")
            .cookie("access");
        let cache = TokenCache::new().max_bytes(1 << 20);
        let cached = uncached.clone().with_cache(cache.clone());
        let tokens = tokens();
        revocations.current_as_of(revocations.as_of());
        Self { tokens, clock, keys, revocations, uncached, cached, cache }
    }

    /// Performs one step. Returns the decision of each layer if the step presents a token.
    fn make(&self, step: &Step) -> Option<[String; 2]> {
        let both = [&self.uncached, &self.cached];
        match step {
            Step::Verify(n) => return Some(both.map(|auth| verified(auth, &self.tokens[*n]))),
            Step::Bearer(n) => return Some(both.map(|auth| sent(auth, bearer(&self.tokens[*n])))),
            Step::Cookie(n) => {
                let cookie = || [("cookie", format!("access={}", self.tokens[*n]))];
                return Some(both.map(|auth| sent(auth, request(&cookie()))));
            }
            Step::SetClock(secs) => self.clock.set(UnixTime::from_secs(NOW + secs)),
            Step::Replace(n) => self.keys.replace(key(*n)),
            // Rotating to a key that is already in the set fails and changes nothing.
            Step::Rotate(n) => drop(self.keys.rotate(key(*n))),
            Step::RetirePrevious => self.keys.retire_previous(),
            Step::Revoke(n) => drop(self.revocations.apply(&revocations()[*n])),
            Step::Refresh => self.revocations.current_as_of(self.revocations.as_of()),
        }
        None
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_has_the_decisions_of_a_layer_without_a_cache(
        accepts_stale: bool,
        steps in vec(step(tokens().len()), 1..80),
    ) {
        let scene = Scene::new(accepts_stale);
        for (n, step) in steps.iter().enumerate() {
            if let Some([uncached, cached]) = scene.make(step) {
                prop_assert_eq!(cached, uncached, "step {} of {:?}", n, &steps);
            }
        }
    }
}

/// A cache that never finds a token would also pass the property test, so this test counts the
/// hits.
#[test]
fn the_sequences_of_the_property_have_hits_of_every_kind() {
    let scene = Scene::new(false);
    let says = |step| scene.make(&step).map(|[_, cached]| cached).unwrap_or_default();
    assert!(says(Step::Verify(0)).contains("alice"));
    assert!(says(Step::Cookie(0)).contains("source: Cookie"));
    says(Step::SetClock(66));
    says(Step::Refresh);
    assert!(says(Step::Verify(0)).contains("TokenExpired"));
    says(Step::SetClock(0));
    says(Step::Revoke(0));
    says(Step::Refresh);
    assert!(says(Step::Verify(0)).contains("Revoked"));
    assert_eq!((scene.cache.stats().hits, scene.cache.stats().misses), (3, 1));
    says(Step::Replace(1));
    assert!(says(Step::Verify(0)).contains("InvalidToken"));
    assert_eq!((scene.cache.stats().hits, scene.cache.stats().misses), (3, 2));
}
