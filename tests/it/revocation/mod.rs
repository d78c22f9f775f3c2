//! Tests of revocations.

#[cfg(feature = "test-util")]
mod conformance;
#[cfg(feature = "feeds")]
mod feed;
mod layer;
mod load;
mod model;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tower_jwt_auth::revocation::{
    Applied, Revocation, RevocationEvent, RevocationKind, Revocations, TokenNames, Verdict,
};
use tower_jwt_auth::{Clock, ManualClock, UnixTime};

use crate::kit::{self, MAX_STALENESS};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

pub(crate) fn now() -> UnixTime {
    UnixTime::from_secs(kit::NOW)
}

pub(crate) fn later(by: Duration) -> UnixTime {
    now().saturating_add(by)
}

/// Returns a `Revocations` with current data, and the clock that it uses. This clock does not move
/// by itself.
pub(crate) fn current() -> (Revocations, ManualClock) {
    let clock = kit::at(kit::NOW);
    let revocations = kit::revocations(clock.clone());
    revocations.current_as_of(revocations.as_of());
    (revocations, clock)
}

fn alice(issued_at: UnixTime) -> TokenNames<'static> {
    TokenNames::new()
        .issuer("i")
        .id("token 1")
        .session("session 1")
        .subject("alice")
        .tenant("acme")
        .key_id("2026-11")
        .issued_at(issued_at)
}

#[test]
fn every_kind_of_revocation_covers_only_the_tokens_that_it_names() {
    let of = |revocation: Revocation| {
        let (revocations, _) = current();
        revocations.apply(&revocation);
        move |names: TokenNames<'_>| revocations.check(&names)
    };
    let before = alice(now());
    let after = alice(later(SECOND));
    for revocation in [
        Revocation::token("token 1", later(HOUR)),
        Revocation::session("session 1", later(HOUR)),
        Revocation::subject("alice", now()),
        Revocation::tenant("acme", now()),
        Revocation::key("2026-11", now()),
        Revocation::everyone(now()),
    ] {
        let kind = revocation.kind();
        let names_one = matches!(kind, RevocationKind::Token | RevocationKind::Session);
        let check = of(revocation.clone());
        assert_eq!(check(before), Verdict::Revoked, "{kind:?}");
        assert_eq!(check(after) == Verdict::Revoked, names_one, "{kind:?}");
        // A revocation without an issuer covers the tokens of every issuer. It also covers tokens
        // without an issuer.
        let unissued = before.issuer(None::<&str>);
        assert_eq!(check(unissued), Verdict::Revoked, "{kind:?}");
        let nobody = TokenNames::new().issued_at(later(SECOND));
        assert_eq!(check(nobody), Verdict::Good, "{kind:?}");

        let check = of(revocation.issuer("i"));
        assert_eq!(check(before), Verdict::Revoked, "{kind:?}");
        assert_eq!(check(before.issuer("j")), Verdict::Good, "{kind:?}");
        assert_eq!(check(unissued), Verdict::Good, "{kind:?}");
    }
    // A revocation by subject does not match a token whose `jti` equals that subject.
    let check = of(Revocation::subject("token 1", now()));
    assert_eq!(check(before), Verdict::Good);
}

#[test]
fn a_token_of_the_same_second_or_without_iat_is_refused() {
    let (revocations, _) = current();
    let half = Duration::from_millis(500);
    revocations.apply(&Revocation::subject("alice", later(half)));
    let check = |issued_at| revocations.check(&alice(now()).issued_at(issued_at));
    assert_eq!(check(Some(now().saturating_sub(HOUR))), Verdict::Revoked);
    assert_eq!(check(Some(now())), Verdict::Revoked);
    assert_eq!(check(Some(later(Duration::from_millis(999)))), Verdict::Revoked);
    assert_eq!(check(Some(later(SECOND))), Verdict::Good);
    assert_eq!(check(None), Verdict::Revoked);
    // A second revocation with an earlier time does not restore the tokens that the first one
    // revoked.
    revocations.apply(&Revocation::subject("alice", now().saturating_sub(HOUR)));
    assert_eq!(check(Some(now())), Verdict::Revoked);
}

#[test]
fn no_token_is_accepted_before_the_first_data_or_with_stale_data() {
    let clock = kit::at(kit::NOW);
    let revocations = kit::revocations(clock.clone());
    let names = alice(now());
    assert_eq!(revocations.check(&names), Verdict::Unavailable);
    assert_eq!(revocations.staleness(), None);
    assert_eq!(revocations.outage().unwrap().age(), None);
    let as_of = revocations.as_of();
    clock.advance(MAX_STALENESS / 2);
    // The data's age is measured from the start of the read, not from the time at which the feed
    // responds.
    revocations.current_as_of(as_of);
    clock.advance(MAX_STALENESS / 4);
    assert_eq!(revocations.check(&names), Verdict::Good);
    assert_eq!(revocations.outage(), None);
    clock.advance(MAX_STALENESS / 4 + Duration::from_nanos(1));
    assert_eq!(revocations.check(&names), Verdict::Unavailable);
    let age = MAX_STALENESS + Duration::from_nanos(1);
    assert_eq!(revocations.outage().unwrap().age(), Some(age));
    revocations.apply(&Revocation::token("token 1", later(HOUR)));
    assert_eq!(revocations.check(&names), Verdict::Revoked, "known revocations stay");
    assert_eq!(revocations.stats().refused_as_stale, 2);
    assert_eq!(revocations.stats().refused, 1);
}

#[test]
fn stale_data_refuses_tokens_unless_a_dangerous_method_accepts_them() {
    let names = alice(now());
    let clock = kit::at(kit::NOW);
    let at_start = kit::revocations(clock.clone()).dangerous_accept_before_first_snapshot();
    assert_eq!(at_start.check(&names), Verdict::Unchecked);
    at_start.current_as_of(at_start.as_of());
    assert_eq!(at_start.check(&names), Verdict::Good);
    clock.advance(HOUR);
    assert_eq!(at_start.check(&names), Verdict::Unavailable);

    let later = kit::revocations(clock.clone()).dangerous_accept_stale(HOUR / 6);
    assert_eq!(later.check(&names), Verdict::Unavailable);
    later.current_as_of(later.as_of());
    clock.advance(HOUR);
    let expiring = |seconds| {
        let expires_at = clock.now().saturating_add(Duration::from_secs(seconds));
        later.check(&names.expires_at(expires_at))
    };
    assert_eq!(expiring(600), Verdict::Unchecked);
    assert_eq!(expiring(601), Verdict::Unavailable, "it is not short-lived");
    assert_eq!(later.check(&names), Verdict::Unavailable, "nor does this token have an expiry");
    assert_eq!(later.stats().accepted_as_stale, 1);
}

#[test]
fn a_clock_that_jumps_never_restores_a_revoked_token() {
    let (revocations, clock) = current();
    revocations.apply(&Revocation::token("token 1", later(HOUR)));
    let check = |name| revocations.check(&alice(now()).id(name));
    // The clock jumps forward, so the data is stale until new data arrives.
    clock.advance(2 * HOUR);
    assert_eq!(check("token 2"), Verdict::Unavailable);
    assert!(!revocations.sweep());
    revocations.current_as_of(revocations.as_of());
    assert_eq!(check("token 1"), Verdict::Good, "expired by this clock");
    // The revocation was removed because it had expired. The clock now jumps back to a time before
    // that expiry, so the revocation is needed again.
    clock.set(now());
    assert!(revocations.sweep());
    assert_eq!(check("token 2"), Verdict::Unavailable);
    revocations.apply(&Revocation::token("token 1", later(HOUR)));
    revocations.current_as_of(revocations.as_of());
    assert_eq!((check("token 1"), check("token 2")), (Verdict::Revoked, Verdict::Good));
    for extreme in [UnixTime::MIN, UnixTime::EPOCH, UnixTime::MAX] {
        clock.set(extreme);
        assert_eq!(check("token 1"), Verdict::Revoked);
        assert_ne!(clock.now(), now());
    }
}

#[test]
fn a_revocation_is_remembered_while_any_leeway_accepts_the_token() {
    let (revocations, clock) = current();
    revocations.apply(&Revocation::token("token 1", later(HOUR)));
    clock.set(later(HOUR + 60 * SECOND));
    revocations.sweep();
    revocations.current_as_of(revocations.as_of());
    assert_eq!(revocations.check(&alice(now())), Verdict::Revoked);
    clock.set(later(HOUR + 140 * SECOND));
    revocations.sweep();
    assert_eq!(revocations.stats().total_entries(), 0);
    let late = Revocation::token("token 1", later(HOUR));
    assert_eq!(revocations.apply(&late), Applied::Expired);
}

#[test]
fn a_full_table_widens_revocations_and_reports_it() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&told);
    let revocations = kit::revocations(kit::at(kit::NOW)).max_bytes(4_096).with_events(
        move |event: &RevocationEvent<'_>| {
            if let RevocationEvent::Widened(revocation, kind) = event {
                hook.lock().unwrap().push((revocation.kind(), *kind));
            }
        },
    );
    revocations.current_as_of(revocations.as_of());
    let mut n = 0;
    let applied = loop {
        n += 1;
        let session = Revocation::session(format!("{n}"), later(HOUR)).issuer("i");
        let applied = revocations.apply(&session.of_subject("alice", now()));
        if applied != Applied::Kept {
            break applied;
        }
    };
    assert_eq!(applied, Applied::Widened(RevocationKind::Subject));
    assert_eq!(*told.lock().unwrap(), [(RevocationKind::Session, RevocationKind::Subject)]);
    let mut names = alice(now());
    assert_eq!(revocations.check(&names), Verdict::Revoked);
    names = names.subject("bob");
    assert_eq!(revocations.check(&names), Verdict::Good);
    // There is no room for this revocation, and it names no subject. It is therefore replaced by a
    // revocation of all tokens that the issuer has issued until now.
    revocations.apply(&Revocation::token("whose?", later(HOUR)).issuer("i"));
    assert_eq!(revocations.check(&names), Verdict::Revoked);
    names = names.issued_at(later(SECOND));
    assert_eq!(revocations.check(&names), Verdict::Good);
    names = names.issuer("j");
    names = names.issued_at(now());
    assert_eq!(revocations.check(&names), Verdict::Good);
    let stats = revocations.stats();
    assert_eq!((stats.widened, stats.entries(RevocationKind::Everyone)), (2, 1));
    assert_eq!(stats.entries(RevocationKind::Tenant), 0);
    assert!(stats.bytes <= 2_048, "{stats:?}");
}

#[test]
fn a_repeated_revocation_changes_nothing() {
    let (revocations, _) = current();
    for _ in 0..3 {
        revocations.apply(&Revocation::token("a", later(HOUR)));
        revocations.apply(&Revocation::everyone(now()));
    }
    let stats = revocations.stats();
    assert_eq!((stats.total_entries(), stats.applied, stats.widened), (2, 6, 0));
}

#[test]
fn invalid_configuration_is_rejected() {
    let (revocations, _) = current();
    let shared = revocations.clone();
    for misuse in [
        (|_| drop(Revocations::new().max_staleness(Duration::ZERO))) as fn(Revocations),
        |_| drop(Revocations::new().dangerous_accept_stale(Duration::ZERO)),
        |_| drop(Revocations::new().dangerous_accept_stale(HOUR + Duration::from_nanos(1))),
        |cloned| drop(cloned.max_bytes(1)),
    ] {
        assert!(catch_unwind(AssertUnwindSafe(|| misuse(shared.clone()))).is_err());
    }
}

#[test]
fn debug_output_has_no_claims() {
    let (revocations, _) = current();
    revocations.apply(&Revocation::subject("alice", now()));
    let shown = format!("{revocations:?} {:?} {:?}", alice(now()), revocations.stats());
    assert!(!shown.contains("alice") && !shown.contains("acme"), "{shown}");
}
