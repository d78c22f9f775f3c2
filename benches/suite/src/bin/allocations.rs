//! The number of allocations per request: `cargo run --release --bin allocations`.

use std::hint::black_box;

use axum::Router;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use http::HeaderValue;
use suite::contenders::ours;
use suite::routes;
use suite::tokens::{Shopper, forged, sizes};

fn main() {
    println!(
        "| token | claims' own | no-op layer | ours | ours beyond both | verify, forged signature |"
    );
    println!("|---|---|---|---|---|---|");
    for size in sizes() {
        let value = HeaderValue::try_from(format!("Bearer {}", size.token)).expect("a header");
        let claims = claims_own(&size.token);
        let no_op = of_route(routes::no_op(), &value);
        let layer = of_route(routes::tower_jwt_auth(size.parties), &value);
        let beyond = layer - no_op - claims;
        let auth = ours::<Shopper>(size.parties);
        let forged = forged(&size.token);
        let refused = counted(|| {
            black_box(auth.verify(black_box(&forged))).expect_err("a forged signature");
        });
        println!("| {} | {claims} | {no_op} | {layer} | {beyond} | {refused} |", size.name);
        assert_eq!(refused, 0, "a refusal allocates");
    }
}

/// Counts the allocations of the second call. The first call may fill caches of the process.
fn counted(mut call: impl FnMut()) -> i64 {
    call();
    allocation_counter::measure(call).count_total.try_into().expect("a few")
}

fn of_route(mut router: Router, value: &HeaderValue) -> i64 {
    let request = routes::request(value);
    counted(|| drop(routes::ask(&mut router, &request, 200)))
}

fn claims_own(token: &str) -> i64 {
    let payload = token.split('.').nth(1).expect("a token");
    let json = BASE64_URL_SAFE_NO_PAD.decode(payload).expect("base64");
    let json = std::str::from_utf8(&json).expect("text");
    counted(|| drop(black_box(serde_json::from_str::<Shopper>(json).expect("claims"))))
}
