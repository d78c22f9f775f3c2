//! Checks the table of verified tokens with every order in which its threads can run:
//!
//! - A look-up finds only the requested token, and only if the requested key set verified it.
//! - A value is dropped once, and never while its thread holds a lock.
//! - The memory stays below the limit.
//! - A token that was not displaced is found once the threads are done.
#![allow(dead_code, reason = "the program does not use every function of the table")]

mod sync;

#[path = "../../../src/auth/cache/shard.rs"]
mod shard;
#[path = "../../../src/auth/cache/table.rs"]
mod table;
#[path = "../../../src/auth/cache/token_text.rs"]
mod token_text;

/// The paths by which the sources of the table import each other.
mod auth {
    pub(crate) mod cache {
        pub(crate) use crate::{shard, sync, token_text};
    }
}

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use loom::sync::atomic::AtomicUsize as KeySet;
use loom::thread;

use self::table::{Cached, Table};

const SCOPE: u64 = 1;
const WEIGHT: usize = 1_000;
/// The table has room for six values, but not for seven.
const LIMIT: usize = 8_500;

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
    counts: Arc<Counts>,
}

impl Cached for Value {
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

/// The table and the current key set.
struct Scene {
    table: Table<Value, 1>,
    keys: KeySet,
    counts: Arc<Counts>,
}

fn token(n: usize) -> String {
    format!("header.{n}.{n:_<43}")
}

impl Scene {
    fn new() -> loom::sync::Arc<Self> {
        let (table, keys) = (Table::new(LIMIT), KeySet::new(1));
        loom::sync::Arc::new(Self { table, keys, counts: Arc::default() })
    }

    /// Returns true if the token is found. `keys` is the key set of the caller.
    fn finds(&self, n: usize, keys: usize) -> bool {
        let pick = |value: &Value| (value.keys == keys).then(|| (value.token.clone(), value.keys));
        let found = self.table.find(SCOPE, token(n).as_bytes(), pick);
        assert!(found.is_none() || found == Some((token(n), keys)));
        assert!(self.table.find(SCOPE + 1, token(n).as_bytes(), |_| Some(())).is_none());
        found.is_some()
    }

    fn insert(&self, n: usize, keys: usize) {
        self.counts.made.fetch_add(1, Ordering::Relaxed);
        self.table.insert(SCOPE, Value { token: token(n), keys, counts: Arc::clone(&self.counts) });
    }

    /// Answers a request as the layer does.
    fn request(&self, n: usize) {
        let keys = self.keys.load(loom::sync::atomic::Ordering::Acquire);
        if !self.finds(n, keys) {
            self.insert(n, keys);
        }
    }

    /// Compares the counters once all threads are done.
    fn check(&self) {
        let stats = self.table.stats();
        assert!(stats.bytes <= LIMIT, "{stats:?}");
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
    // No other thread holds the lock now.
    scene.request(1);
    assert!(scene.finds(1, 1));
}

/// A key set is replaced while a request runs. Later requests find no token of the old set.
fn a_replaced_key_set() {
    let scene = Scene::new();
    scene.request(1);
    let request = {
        let scene = scene.clone();
        thread::spawn(move || scene.request(1))
    };
    scene.keys.store(2, loom::sync::atomic::Ordering::Release);
    scene.request(1);
    scene.request(2);
    request.join().unwrap();
    // Either request may have added the token last.
    assert!(!(scene.finds(1, 1) && scene.finds(1, 2)));
    scene.request(1);
    assert!(scene.finds(1, 2) && !scene.finds(1, 1));
    scene.check();
}

/// Two threads add tokens to a full table, and a third thread uses a token that is in the table.
fn evictions() {
    let scene = Scene::new();
    (0..6).for_each(|n| scene.insert(n, 1));
    let threads = [10, 20].map(|n| {
        let scene = scene.clone();
        thread::spawn(move || scene.insert(n, 1))
    });
    let is_used = scene.finds(0, 1);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    scene.check();
    // The table has more than two values that no thread has used. Adding two values must therefore
    // not evict the used one.
    assert!(!is_used || scene.finds(0, 1) || scene.table.stats().counters.evictions < 1);
}

fn main() {
    for (name, model) in [
        ("requests at once", requests_at_once as fn()),
        ("a replaced key set", a_replaced_key_set),
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
