//! `cargo run --release --bin allocations`: how often a request allocates.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use futures_util::FutureExt;
use http::HeaderValue;
use peers::contenders::ours;
use peers::routes;
use peers::tokens::{Shopper, forged, sizes};
use tower::Service;

struct Counting;

static COUNT: AtomicU64 = AtomicU64::new(0);

// A counter is all that is added to the system's allocator; there is no safe way to add it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn main() {
    println!("| token | claims' own | layer beyond those and a no-op layer | verify, refused at the signature |");
    println!("|---|---|---|---|");
    for size in sizes() {
        let value = HeaderValue::try_from(format!("Bearer {}", size.token)).expect("a header");
        let claims = claims_own(&size.token);
        let no_op = of_route(routes::no_op(), &value);
        let with_layer = of_route(routes::tower_jwt_auth(size.parties), &value);
        let auth = ours::<Shopper>(size.parties);
        let forged = forged(&size.token);
        let refused = counted(|| drop(black_box(auth.verify(&forged))));
        println!("| {} | {claims} | {} | {refused} |", size.name, with_layer - no_op - claims);
    }
}

/// Of the second call: the first may fill caches that live as long as the process.
fn counted(mut call: impl FnMut()) -> u64 {
    call();
    let before = COUNT.load(Ordering::Relaxed);
    call();
    COUNT.load(Ordering::Relaxed) - before
}

fn of_route(mut router: Router, value: &HeaderValue) -> u64 {
    let mut requests = [routes::request(value), routes::request(value)].into_iter();
    counted(move || {
        let request = requests.next().expect("one for each call");
        let response = router.call(request).now_or_never().expect("nothing to wait for");
        assert_eq!(response.expect("infallible").status(), 200);
    })
}

fn claims_own(token: &str) -> u64 {
    use base64::Engine;
    let payload = token.split('.').nth(1).expect("a token");
    let json = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(payload).expect("base64");
    counted(|| drop(black_box(serde_json::from_slice::<Shopper>(&json).expect("claims"))))
}
