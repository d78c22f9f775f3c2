//! `cargo bench --bench verify`: `JwtAuth::verify` by itself.

#![allow(clippy::expect_used, clippy::indexing_slicing)]

mod tokens;

use divan::{Bencher, black_box};
use tokens::{REFUSED, SIZES, auth, token};

fn main() {
    divan::main();
}

#[divan::bench(args = SIZES)]
fn accepted(bencher: Bencher<'_, '_>, name: &str) {
    let (auth, token) = (auth(), token(name));
    let claims = auth.verify(&token).expect("a good token");
    assert!(!claims.sub.is_empty() && !claims.company.is_empty());
    bencher.bench_local(|| auth.verify(black_box(&token)));
}

#[divan::bench(args = REFUSED)]
fn refused(bencher: Bencher<'_, '_>, name: &str) {
    let (auth, token) = (auth(), token(name));
    assert!(auth.verify(&token).is_err());
    bencher.bench_local(|| auth.verify(black_box(&token)));
}
