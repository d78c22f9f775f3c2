//! Property tests that compare [`Revocations`] with a plain list of revocations.

use std::collections::HashMap;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use tower_jwt_auth::revocation::{Revocation, RevocationKind, Revocations, TokenNames, Verdict};
use tower_jwt_auth::{Clock, ManualClock, UnixTime};

use crate::kit;

#[derive(Clone, Debug)]
enum Step {
    Apply(Revocation),
    Advance(u64),
    Sweep,
}

fn name() -> impl Strategy<Value = String> {
    "[a-d]"
}

fn time() -> impl Strategy<Value = UnixTime> {
    (0_i64..600, 0_u32..4).prop_map(|(secs, quarters)| {
        let fraction = Duration::from_millis(u64::from(quarters) * 250);
        UnixTime::from_secs(kit::NOW + secs).saturating_add(fraction)
    })
}

fn revocation() -> impl Strategy<Value = Revocation> {
    let issuer = proptest::option::of("[ij]");
    (0..6, name(), issuer, proptest::option::of(name()), time(), time()).prop_map(
        |(kind, name, issuer, owner, at, until)| {
            let revocation = match kind {
                0 => Revocation::token(name, until),
                1 => Revocation::session(name, until),
                2 => Revocation::subject(name, at),
                3 => Revocation::tenant(name, at),
                4 => Revocation::key(name, at),
                _ => Revocation::everyone(at),
            };
            let revocation = match owner {
                Some(owner) => revocation.of_subject(owner, at),
                None => revocation,
            };
            let revocation = revocation.forget_at(until);
            match issuer {
                Some(issuer) => revocation.issuer(issuer),
                None => revocation,
            }
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => revocation().prop_map(Step::Apply),
        1 => (0_u64..120).prop_map(Step::Advance),
        1 => Just(Step::Sweep),
    ]
}

/// The claims of a token that matter for its revocation.
#[derive(Clone, Debug)]
struct Claims {
    issuer: Option<String>,
    id: Option<String>,
    session: Option<String>,
    subject: Option<String>,
    tenant: Option<String>,
    key_id: Option<String>,
    issued_at: Option<UnixTime>,
}

fn claims() -> impl Strategy<Value = Claims> {
    use proptest::option::of;
    let names = (of(name()), of(name()), of(name()), of(name()), of(name()));
    (of("[ij]"), names, of(time())).prop_map(
        |(issuer, (id, session, subject, tenant, key_id), issued_at)| Claims {
            issuer,
            id,
            session,
            subject,
            tenant,
            key_id,
            issued_at,
        },
    )
}

impl Claims {
    fn names(&self) -> TokenNames<'_> {
        TokenNames::new()
            .issuer(self.issuer.as_deref())
            .id(self.id.as_deref())
            .session(self.session.as_deref())
            .subject(self.subject.as_deref())
            .tenant(self.tenant.as_deref())
            .key_id(self.key_id.as_deref())
            .issued_at(self.issued_at)
    }
}

/// Returns true if a revocation covers a token. Reads the revocation from its JSON message, as
/// other programs do.
fn covers(revocation: &Revocation, claims: &Claims) -> bool {
    let message = serde_json::to_value(revocation).unwrap();
    let member = |name: &str| message.get(name).and_then(|member| member.as_str());
    let is = |claim: &Option<String>, name| claim.is_some() && claim.as_deref() == member(name);
    let is_before = || {
        let at = message["at"].as_f64().unwrap().floor();
        claims.issued_at.is_none_or(|issued_at| issued_at.as_secs() as f64 <= at)
    };
    member("iss").is_none_or(|issuer| claims.issuer.as_deref() == Some(issuer))
        && match revocation.kind() {
            RevocationKind::Token => is(&claims.id, "jti"),
            RevocationKind::Session => is(&claims.session, "sid"),
            RevocationKind::Subject => is(&claims.subject, "sub") && is_before(),
            RevocationKind::Tenant => is(&claims.tenant, "tenant") && is_before(),
            RevocationKind::KeyId => is(&claims.key_id, "kid") && is_before(),
            _ => is_before(),
        }
}

fn run(revocations: &Revocations, clock: &ManualClock, steps: &[Step]) -> Vec<Revocation> {
    let mut applied = Vec::new();
    for step in steps {
        match step {
            Step::Apply(revocation) => {
                revocations.apply(revocation);
                applied.push(revocation.clone());
            }
            Step::Advance(secs) => clock.advance(Duration::from_secs(*secs)),
            Step::Sweep => drop(revocations.sweep()),
        }
    }
    revocations.current_as_of(revocations.as_of());
    applied
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_verdict_is_the_same_as_that_of_a_plain_list(steps in vec(step(), 0..60), tokens in vec(claims(), 8)) {
        let clock = kit::at(kit::NOW);
        let revocations = kit::revocations(clock.clone());
        let applied = run(&revocations, &clock, &steps);
        revocations.sweep();
        for token in &tokens {
            let ends = applied.iter().filter(|revocation| covers(revocation, token));
            let end = ends.map(Revocation::forgotten_at).max();
            let now = clock.now();
            let verdict = revocations.check(&token.names());
            // A server must apply a revocation until 60 seconds after its `forgotten_at`, since a
            // token may be accepted for up to 60 seconds after its `exp`. By 140 seconds after
            // `forgotten_at`, the server must have removed the revocation. Between these two times,
            // either verdict is right.
            let kept = end.is_some_and(|end| end.saturating_add(Duration::from_secs(60)) > now);
            let joined = joined(&applied);
            let ends = joined.iter().filter(|revocation| covers(revocation, token));
            let end = ends.map(Revocation::forgotten_at).max();
            let gone = end.is_none_or(|end| end.saturating_add(Duration::from_secs(140)) < now);
            prop_assert!(!kept || verdict == Verdict::Revoked);
            prop_assert!(!gone || verdict == Verdict::Good);
        }
    }

    #[test]
    fn every_revocation_survives_its_message(revocation in revocation()) {
        let message = serde_json::to_string(&revocation).unwrap();
        let read: Revocation = serde_json::from_str(&message).unwrap();
        prop_assert_eq!(serde_json::to_string(&read).unwrap(), message);
        prop_assert!(read == revocation);
    }

    #[test]
    fn a_full_table_never_covers_fewer_tokens(
        many in vec("[a-z]{6}", 100..140),
        steps in vec(step(), 0..60),
        tokens in vec(claims(), 8),
    ) {
        let clock = kit::at(kit::NOW);
        let revocations = kit::revocations(clock.clone()).max_bytes(0);
        let end = UnixTime::from_secs(kit::NOW + 9_000);
        let fill = many.iter().map(|name| Step::Apply(Revocation::session(name, end).issuer("i")));
        let all: Vec<Step> = fill.chain(steps).collect();
        let applied = run(&revocations, &clock, &all);
        prop_assert!(revocations.stats().bytes <= 1_088);
        for token in &tokens {
            // When the table is full, it may replace several revocations by one that covers more
            // tokens. The replacement covers only tokens that were issued up to `kit::NOW`, so
            // later tokens are not checked here.
            let is_covered = applied.iter().any(|revocation| {
                covers(revocation, token)
                    && revocation.forgotten_at() > clock.now()
                    && token.issued_at.is_some_and(|at| at.as_secs() <= kit::NOW)
            });
            prop_assert!(!is_covered || revocations.check(&token.names()) == Verdict::Revoked);
        }
    }
}

/// Merges all revocations with the same name into one revocation. The merged revocation has the
/// latest time of revocation and the latest end.
fn joined(applied: &[Revocation]) -> Vec<Revocation> {
    let mut joined: HashMap<String, Revocation> = HashMap::new();
    let at = |revocation: &Revocation| {
        serde_json::to_value(revocation).unwrap().get("at").and_then(serde_json::Value::as_f64)
    };
    for revocation in applied {
        let mut key = serde_json::to_value(revocation).unwrap();
        let members = key.as_object_mut().unwrap();
        members.retain(|name, _| name != "at" && name != "until");
        if matches!(revocation.kind(), RevocationKind::Token | RevocationKind::Session) {
            members.remove("sub");
        }
        joined
            .entry(key.to_string())
            .and_modify(|other| {
                let end = other.forgotten_at().max(revocation.forgotten_at());
                let latest = if at(revocation) > at(other) { revocation } else { &*other };
                *other = latest.clone().forget_at(end);
            })
            .or_insert_with(|| revocation.clone());
    }
    joined.into_values().collect()
}
