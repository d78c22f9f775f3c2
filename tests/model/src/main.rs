//! Runs threads that use the table of verified tokens, in every possible order of their steps, and
//! checks these rules:
//!
//! - A look-up finds only the requested token, and only if the token was verified with the
//!   requested key set.
//! - A value is dropped once, and never by a thread that holds a lock.
//! - The memory stays below the limit.
//! - A token that was not evicted is found after all threads have finished.
#![allow(dead_code, reason = "the program does not use every function of the table")]

mod sync;

#[path = "../../../src/auth/cache/counters.rs"]
mod counters;
#[path = "../../../src/auth/cache/shard.rs"]
mod shard;
#[path = "../../../src/auth/cache/slots.rs"]
mod slots;
#[path = "../../../src/auth/cache/table.rs"]
mod table;
#[path = "../../../src/auth/cache/token_text.rs"]
mod token_text;

/// Exports these modules under the same paths as in `tower-jwt-auth`, since they import each other
/// by these paths.
mod auth {
    pub(crate) mod cache {
        pub(crate) use crate::{counters, shard, slots, sync, token_text};
    }
}

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use loom::sync::atomic::AtomicUsize as Shared;
use loom::sync::atomic::Ordering::{Acquire, Release};
use loom::thread;

use self::table::{Cached, Table};

const SCOPE: u64 = 1;
const WEIGHT: usize = 1_000;
/// The key of the fingerprints. It is constant, since loom requires that a test is deterministic.
const KEY: [u64; 2] = [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210];
/// The memory limit of the table. It is enough for 8 slots and 6 values, since a quarter of the
/// slots stays empty.
const LIMIT: usize = 8 * size_of::<sync::OnceLock<slots::Entry<Arc<Value>>>>() + 6 * WEIGHT;

/// The counters of one execution.
#[derive(Default)]
struct Counts {
    made: AtomicUsize,
    dropped: AtomicUsize,
}

/// A token that was verified with a key set.
struct Value {
    token: String,
    keys: usize,
    /// The generation number of the keys, which was loaded before the keys were read.
    generation: usize,
    counts: Arc<Counts>,
}

impl Cached for Arc<Value> {
    fn token(&self) -> &[u8] {
        self.token.as_bytes()
    }

    fn weight(&self) -> usize {
        WEIGHT
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        assert!(!sync::is_locked(), "a value is dropped under a lock");
        self.counts.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// The table, the current key set, and the number of changes of the key set.
struct Scene {
    table: Table<Arc<Value>, 1>,
    limit: usize,
    keys: Shared,
    generation: Shared,
    counts: Arc<Counts>,
}

fn token(n: usize) -> String {
    format!("header.{n}.{n:_<43}")
}

impl Scene {
    fn new() -> loom::sync::Arc<Self> {
        Self::with_limit(LIMIT)
    }

    fn with_limit(limit: usize) -> loom::sync::Arc<Self> {
        let (keys, generation) = (Shared::new(1), Shared::new(1));
        let table = Table::with_key(limit, KEY);
        loom::sync::Arc::new(Self { table, limit, keys, generation, counts: Arc::default() })
    }

    /// Looks the token up, and returns the key set with which it was verified. Returns `None` if
    /// the table has no entry for the token, or if the entry is stale.
    fn find(&self, n: usize) -> Option<usize> {
        let pick = |value: &Arc<Value>| {
            let is_current = value.generation == self.generation.load(Acquire);
            is_current.then(|| (value.token.clone(), value.keys))
        };
        let found = self.table.find(SCOPE, token(n).as_bytes(), pick);
        found.map(|(found, keys)| {
            assert_eq!(found, token(n));
            keys
        })
    }

    /// Verifies a token as the layer does, and adds the token to the table.
    fn insert(&self, n: usize) {
        let generation = self.generation.load(Acquire);
        let keys = self.keys.load(Acquire);
        let (token, counts) = (token(n), Arc::clone(&self.counts));
        self.counts.made.fetch_add(1, Ordering::Relaxed);
        self.table.insert(SCOPE, Arc::new(Value { token, keys, generation, counts }));
    }

    /// Answers a request as the layer does.
    fn request(&self, n: usize) {
        if self.find(n).is_none() {
            self.insert(n);
        }
    }

    /// Replaces the key set as `KeyStore` does.
    fn replace_keys(&self) {
        self.keys.store(2, Release);
        self.generation.fetch_add(1, Release);
    }

    /// Checks the table's size and counters. Call this method only after all other threads have
    /// ended.
    fn check(&self) {
        assert!(self.table.find(SCOPE + 1, token(1).as_bytes(), |_| Some(())).is_none());
        let stats = self.table.stats();
        assert!(stats.bytes <= self.limit, "{stats:?}");
        let [made, dropped] =
            [&self.counts.made, &self.counts.dropped].map(|count| count.load(Ordering::Relaxed));
        assert_eq!(made - dropped, stats.entries, "{stats:?}");
    }
}

/// Two requests with the same token, and one with another token.
fn requests_at_once() {
    let scene = Scene::new();
    let threads = [1, 2].map(|n| {
        let scene = scene.clone();
        thread::spawn(move || scene.request(n))
    });
    scene.request(1);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    scene.check();
    // No other thread adds a token now.
    scene.request(1);
    assert_eq!(scene.find(1), Some(1));
}

/// The key set is replaced while a request runs. Afterward, no look-up finds a token that was
/// verified with the old set.
fn a_replaced_key_set() {
    let scene = Scene::new();
    scene.request(1);
    let request = {
        let scene = scene.clone();
        thread::spawn(move || {
            scene.request(1);
            scene.request(2);
        })
    };
    scene.replace_keys();
    assert_ne!(scene.find(1), Some(1));
    scene.request(1);
    request.join().unwrap();
    // Both threads added token 1, in an unknown order. Only the thread `request` added token 2.
    assert_ne!(scene.find(1), Some(1));
    assert_ne!(scene.find(2), Some(1));
    scene.request(1);
    assert_eq!(scene.find(1), Some(2));
    scene.check();
}

/// Two threads add tokens, so the table copies its tokens to a larger set of slots. A third thread
/// looks for one of the copied tokens.
fn growth() {
    let scene = Scene::with_limit(4 * LIMIT);
    (0..6).for_each(|n| scene.insert(n));
    let threads = [10, 20].map(|n| {
        let scene = scene.clone();
        thread::spawn(move || scene.insert(n))
    });
    assert_eq!(scene.find(0), Some(1));
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    scene.check();
    assert!((0..6).all(|n| scene.find(n) == Some(1)));
    assert!(scene.table.stats().entries > 6);
}

/// Two threads add tokens to a full table while the main thread looks for a token. A token that was
/// found before these threads started is not evicted.
fn evictions() {
    let scene = Scene::new();
    (0..6).for_each(|n| scene.insert(n));
    assert_eq!(scene.find(0), Some(1));
    let threads = [10, 20].map(|n| {
        let scene = scene.clone();
        thread::spawn(move || scene.insert(n))
    });
    scene.find(1);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    scene.check();
    assert_eq!(scene.find(0), Some(1));
    assert!(scene.table.stats().evictions > 0);
}

fn main() {
    for (name, model) in [
        ("requests at once", requests_at_once as fn()),
        ("a replaced key set", a_replaced_key_set),
        ("growth", growth),
        ("evictions", evictions),
    ] {
        let executions = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&executions);
        loom::model(move || {
            count.fetch_add(1, Ordering::Relaxed);
            model();
        });
        println!("{name}: {} executions", executions.load(Ordering::Relaxed));
    }
}
