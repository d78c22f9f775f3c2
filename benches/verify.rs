//! `cargo bench --bench verify`: `JwtAuth::verify` by itself.

#![allow(clippy::expect_used, clippy::indexing_slicing)]

mod tokens;

use std::time::Duration;

use divan::{Bencher, black_box};
use tokens::{ISSUER, REFUSED, SIZES, auth, token};
use tower_jwt_auth::revocation::Revocation;
use tower_jwt_auth::{Revocations, UnixTime};

const EARLY: UnixTime = UnixTime::from_secs(1_700_000_000);
const FAR: UnixTime = UnixTime::from_secs(32_503_680_000);

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

/// The same with 100,000 things revoked: what it takes longer is what the check takes.
#[divan::bench(args = SIZES)]
fn accepted_with_revocations(bencher: Bencher<'_, '_>, name: &str) {
    let revocations = Revocations::new().max_staleness(Duration::from_secs(3_600));
    for n in 0..100_000 {
        let name = format!("name {n}");
        let revocation = match n % 3 {
            0 => Revocation::session(name, FAR),
            1 => Revocation::token(name, FAR),
            _ => Revocation::subject(name, EARLY).forget_at(FAR),
        };
        revocations.apply(&revocation.issuer(ISSUER));
    }
    revocations.current_as_of(revocations.as_of());
    let (auth, token) = (auth().with_revocation(revocations), token(name));
    assert!(auth.verify(&token).is_ok());
    bencher.bench_local(|| auth.verify(black_box(&token)));
}
