//! Properties that involve time.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value};
use tower_jwt_auth::jwt::{Signer, TokenErrorKind};
use tower_jwt_auth::{Algorithm, Clock, JwtAuth, ManualClock, UnixTime};

use super::config;
use crate::kit;

const NANOS: i128 = 1_000_000_000;

/// Generates a date at most 10 seconds from `NOW`. The dates are multiples of an eighth of a
/// second, since a floating-point number represents this fraction exactly.
fn date() -> impl Strategy<Value = i128> {
    (-80_i128..80).prop_map(|eighths| i128::from(kit::NOW) * NANOS + eighths * NANOS / 8)
}

fn in_json(nanos: i128) -> Value {
    serde_json::to_value(UnixTime::from_nanos(nanos)).unwrap()
}

#[derive(Clone, Debug)]
struct Times {
    exp: i128,
    nbf: Option<i128>,
    iat: Option<i128>,
    leeway: Duration,
}

impl Times {
    fn token(&self) -> String {
        let mut claims = Map::new();
        claims.insert("exp".to_owned(), in_json(self.exp));
        for (name, date) in [("nbf", self.nbf), ("iat", self.iat)] {
            claims.extend(date.map(|date| (name.to_owned(), in_json(date))));
        }
        Signer::new(kit::key(Algorithm::Hs256)).sign(&claims).unwrap()
    }

    /// Computes the expected decision from the dates and the leeway. `now` is in nanoseconds.
    fn allow(&self, now: i128) -> bool {
        let leeway = i128::try_from(self.leeway.as_nanos()).unwrap();
        let has_come = |date: Option<i128>| date.is_none_or(|date| date <= now + leeway);
        now < self.exp + leeway && has_come(self.nbf) && has_come(self.iat)
    }

    /// Returns the times at which the decision may change.
    fn boundaries(&self) -> impl Iterator<Item = i128> {
        let leeway = i128::try_from(self.leeway.as_nanos()).unwrap();
        let starts = [self.nbf, self.iat].into_iter().flatten().map(move |date| date - leeway);
        starts.chain([self.exp + leeway])
    }
}

fn times() -> impl Strategy<Value = Times> {
    let leeway = select(&[0, 1, 250, 5_000, 59_999, 60_000][..]).prop_map(Duration::from_millis);
    let optional = || proptest::option::of(date());
    (date(), optional(), optional(), leeway).prop_map(|(exp, nbf, iat, leeway)| Times {
        exp,
        nbf,
        iat,
        leeway,
    })
}

fn auth_at(leeway: Duration) -> (JwtAuth, ManualClock) {
    let clock = kit::at(kit::NOW);
    (kit::auth().leeway(leeway).with_clock(clock.clone()), clock)
}

/// The latest valid date: the end of the year 9999.
const LATEST: i64 = 253_402_300_799;

/// Returns the stage of a token: not yet valid, valid or expired.
fn phase(auth: &JwtAuth, token: &str) -> u8 {
    match kit::fault(auth, token) {
        Some(TokenErrorKind::NotYetValid | TokenErrorKind::IssuedInFuture) => 0,
        None => 1,
        Some(TokenErrorKind::Expired) => 2,
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn the_decision_is_exact_at_every_boundary(times in times(), elsewhere in date()) {
        let (auth, clock) = auth_at(times.leeway);
        let token = times.token();
        for boundary in times.boundaries().chain([elsewhere]) {
            for now in [boundary - 1, boundary, boundary + 1] {
                clock.set(UnixTime::from_nanos(now));
                prop_assert_eq!(auth.verify(&token).is_ok(), times.allow(now), "{} at {}", token, now);
            }
        }
    }

    #[test]
    fn a_token_never_returns_to_an_earlier_stage(times in times(), mut nows in vec(date(), 1..8)) {
        let (auth, clock) = auth_at(times.leeway);
        let token = times.token();
        nows.extend(times.boundaries());
        nows.sort_unstable();
        let phases = nows.iter().map(|now| {
            clock.set(UnixTime::from_nanos(*now));
            phase(&auth, &token)
        });
        let phases: Vec<u8> = phases.collect();
        prop_assert!(phases.is_sorted(), "{phases:?} for {times:?} at {nows:?}");
    }

    #[test]
    fn a_lifetime_is_measured_exactly(iat in date(), eighths in 1_i128..400, over in -1_i128..=1) {
        let exp = iat + eighths * NANOS / 8;
        let max = Duration::from_nanos(u64::try_from(exp - iat + over).unwrap());
        let auth = kit::auth().max_lifetime(max);
        let auth = auth.with_clock(ManualClock::new(UnixTime::from_nanos(iat)));
        let times = Times { exp, nbf: None, iat: Some(iat), leeway: Duration::ZERO };
        let expected = (over < 0).then_some(TokenErrorKind::LifetimeTooLong);
        prop_assert_eq!(kit::fault(&auth, &times.token()), expected);
        let without = Times { iat: None, ..times };
        prop_assert_eq!(kit::fault(&auth, &without.token()), Some(TokenErrorKind::LifetimeTooLong));
    }

    #[test]
    fn no_clock_causes_a_panic(
        now: i128,
        exp in -LATEST * 2..LATEST * 2,
        nbf in proptest::option::of(0..LATEST * 2),
    ) {
        let (auth, clock) = auth_at(Duration::from_secs(60));
        clock.set(UnixTime::from_nanos(now));
        let token = kit::with_payload(match nbf {
            Some(nbf) => format!("{{\"exp\":{exp},\"nbf\":{nbf}}}"),
            None => format!("{{\"exp\":{exp}}}"),
        });
        let leeway = 60 * NANOS;
        let allowed = exp <= LATEST
            && nbf.is_none_or(|nbf| nbf <= LATEST)
            && now < i128::from(exp) * NANOS + leeway
            && nbf.is_none_or(|nbf| i128::from(nbf) * NANOS <= now.saturating_add(leeway));
        prop_assert_eq!(auth.verify(&token).is_ok(), allowed);
    }
}

#[test]
fn after_a_clock_jump_the_new_time_decides() {
    let (auth, clock) = auth_at(Duration::from_secs(5));
    let now = kit::NOW;
    let token = kit::with_payload(format!(r#"{{"exp":{},"nbf":{now}}}"#, now + 600));
    let ever = kit::with_payload(format!(r#"{{"exp":{LATEST}}}"#));
    let latest = UnixTime::from_secs(LATEST);
    let hour = Duration::from_secs(3600);
    let start = clock.now();
    for (time, allowed, ever_allowed) in [
        (start, true, true),
        (start.saturating_add(hour), false, true),
        (start, true, true),
        (start.saturating_sub(hour), false, true),
        (UnixTime::from_nanos(-1), false, true),
        (UnixTime::EPOCH.saturating_sub(hour), false, true),
        (latest, false, true),
        (latest.saturating_add(hour), false, false),
        (UnixTime::MAX, false, false),
        (UnixTime::MIN, false, true),
        (UnixTime::MAX, false, false),
        (start, true, true),
    ] {
        clock.set(time);
        assert_eq!(auth.verify(&token).is_ok(), allowed, "{time:?}");
        assert_eq!(auth.verify(&ever).is_ok(), ever_allowed, "{time:?}");
        let status = kit::send(&auth, kit::bearer(&token)).status();
        assert_eq!(status.is_success(), allowed, "{time:?}");
    }
}
