//! Tests with many revocations and many threads.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tower_jwt_auth::revocation::{Revocation, TokenNames, Verdict};

use crate::revocation::{current, later};

const HOUR: Duration = Duration::from_secs(3_600);

fn check(revocations: &tower_jwt_auth::Revocations, name: &str) -> Verdict {
    revocations.check(&TokenNames::new().issuer("i").id(name))
}

#[test]
fn no_revocation_is_missed_while_others_are_added_and_swept() {
    const MANY: u64 = 30_000;
    let (revocations, _) = current();
    let (published, done) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for reader in 0..2 {
            let (revocations, published, done) = (&revocations, &published, &done);
            scope.spawn(move || {
                let mut n = reader;
                while !done.load(Ordering::Acquire) {
                    let known = published.load(Ordering::Acquire);
                    if known == 0 {
                        continue;
                    }
                    // Check the newest revocation and an older one.
                    n = (n + 7_919) % known;
                    for n in [known - 1, n] {
                        let name = format!("{n}");
                        assert_eq!(check(revocations, &name), Verdict::Revoked, "{name}");
                    }
                    assert_eq!(check(revocations, "good"), Verdict::Good);
                }
            });
        }
        for n in 0..MANY {
            revocations.apply(&Revocation::token(format!("{n}"), later(HOUR)).issuer("i"));
            published.store(n + 1, Ordering::Release);
            if n % 1_000 == 0 {
                revocations.sweep();
            }
        }
        done.store(true, Ordering::Release);
    });
    assert_eq!(revocations.stats().total_entries(), MANY as usize);
}

#[test]
fn a_sweep_never_hides_a_revocation_that_has_not_expired() {
    let (revocations, clock) = current();
    let done = AtomicBool::new(false);
    let long: Vec<String> = (0..2_000).map(|n| format!("long {n}")).collect();
    for name in &long {
        revocations.apply(&Revocation::token(name, later(1_000 * HOUR)).issuer("i"));
    }
    std::thread::scope(|scope| {
        let (revocations, done, long) = (&revocations, &done, &long);
        scope.spawn(move || {
            for name in long.iter().cycle() {
                assert_eq!(check(revocations, name), Verdict::Revoked, "{name}");
                if done.load(Ordering::Acquire) {
                    return;
                }
            }
        });
        for round in 1..30_u32 {
            for n in 0..500 {
                let short = Revocation::token(format!("{round} {n}"), later(HOUR * round));
                revocations.apply(&short);
            }
            clock.advance(HOUR);
            revocations.sweep();
        }
        done.store(true, Ordering::Release);
    });
    assert!(revocations.stats().total_entries() < 2_000 + 2 * 500);
}

/// A million entries fit into the default memory limit.
#[test]
fn a_million_entries_fit() {
    let (revocations, _) = current();
    for n in 0..1_000_000_u32 {
        revocations.apply(&Revocation::session(format!("session {n}"), later(HOUR)).issuer("i"));
    }
    let stats = revocations.stats();
    assert_eq!((stats.total_entries(), stats.widened), (1_000_000, 0));
    assert_eq!(stats.bytes, 34 << 20, "35.7 bytes for each");
}
