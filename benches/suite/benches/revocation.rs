//! The time that a revocation check adds to a request: `cargo bench --bench revocation`.

use divan::{Bencher, black_box};
use tower_jwt_auth::UnixTime;
use tower_jwt_auth::revocation::{Revocation, Revocations, TokenNames, Verdict};

fn main() {
    divan::main();
}

const ISSUER: &str = "https://auth.shop.example";
const EARLY: UnixTime = UnixTime::from_secs(1_700_000_000);
const LATE: UnixTime = UnixTime::from_secs(4_000_000_000);

/// Returns a table with entries of the given kinds: `usual` (tokens, sessions and subjects) or
/// `all`.
fn filled(entries: usize, kinds: &str) -> Revocations {
    let revocations = Revocations::new().max_staleness(std::time::Duration::from_secs(3_600));
    for n in 0..entries {
        let name = format!("name {n}");
        let revocation = match (n % 5, kinds) {
            (0, "all") => Revocation::key(name, EARLY).forget_at(LATE),
            (1, "all") => Revocation::tenant(name, EARLY).forget_at(LATE),
            (2, _) => Revocation::subject(name, EARLY).forget_at(LATE),
            (3, "usual" | "all") => Revocation::token(name, LATE),
            _ => Revocation::session(name, LATE),
        };
        revocations.apply(&revocation.issuer(ISSUER));
    }
    assert_eq!(revocations.stats().total_entries(), entries);
    revocations
}

fn names() -> TokenNames<'static> {
    TokenNames::new()
        .issuer(ISSUER)
        .id("8f2d1c3e9a5b4d60b7e1")
        .session("q1S0mOuN2yrKfL1pZs3hXw")
        .subject("user-10482")
        .tenant("acme-europe")
        .key_id("2026-11")
        .issued_at(UnixTime::from_secs(1_700_000_600))
}

#[divan::bench(args = [0, 1_000, 100_000, 1_000_000])]
fn nothing_matches_usual_kinds(bencher: Bencher<'_, '_>, entries: usize) {
    bench(bencher, &filled(entries, "usual"));
}

#[divan::bench(args = [0, 1_000, 100_000, 1_000_000])]
fn nothing_matches_all_kinds(bencher: Bencher<'_, '_>, entries: usize) {
    bench(bencher, &filled(entries, "all"));
}

fn bench(bencher: Bencher<'_, '_>, revocations: &Revocations) {
    revocations.current_as_of(revocations.as_of());
    let names = names();
    assert_eq!(revocations.check(&names), Verdict::Good);
    // Each check looks up a token with a different identifier, session and subject, so that the
    // table entries are not in the processor's fastest cache. The text of these three values is
    // written just before the check, as if a token had just been parsed. The clock advances, as it
    // does between requests.
    let mut turn = 0_u32;
    let mut now = UnixTime::from(std::time::SystemTime::now());
    let mut text = *b"q1S0mOuN2yrKfL1pZs3hXw";
    bencher.bench_local(|| {
        turn = turn.wrapping_add(1);
        for (byte, bits) in text.iter_mut().zip([0_u32, 4, 8, 12]) {
            *byte = b'@' | (turn.wrapping_shr(bits) & 15) as u8;
        }
        let name = std::str::from_utf8(&text).unwrap_or_default();
        let names = names.id(name.get(..20)).session(name).subject(name.get(..10));
        now = now.saturating_add(std::time::Duration::from_micros(1));
        revocations.check_at(black_box(&names), now)
    });
}

/// Measures one part of the revocation check: reading the clock.
#[divan::bench]
fn clock() -> Option<std::time::Duration> {
    static STATE: std::sync::LazyLock<Revocations> = std::sync::LazyLock::new(|| {
        let revocations = Revocations::new();
        revocations.current_as_of(revocations.as_of());
        revocations
    });
    STATE.staleness()
}
