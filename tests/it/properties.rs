//! What holds for every token and every time.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};
use tower_jwt_auth::jwt::{Signer, TokenErrorKind};
use tower_jwt_auth::{Algorithm, Clock, JwtAuth, ManualClock, UnixTime};

use crate::kit;

const NANOS: i128 = 1_000_000_000;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(".{0,6}", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// Claims without a meaning of their own.
fn unknown() -> impl Strategy<Value = Map<String, Value>> {
    btree_map("x_.{0,6}", value(), 0..5).prop_map(|map| map.into_iter().collect())
}

/// A date with a fraction that binary numbers hold exactly, in eighths of a second near `NOW`.
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
        Signer::new(kit::key(Algorithm::HS256)).sign(&claims).unwrap()
    }

    /// The rule of the four boundaries in nanoseconds.
    fn allow(&self, now: i128) -> bool {
        let leeway = i128::try_from(self.leeway.as_nanos()).unwrap();
        let has_come = |date: Option<i128>| date.is_none_or(|date| date <= now + leeway);
        now < self.exp + leeway && has_come(self.nbf) && has_come(self.iat)
    }

    /// The times at which the decision may change.
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

/// Where on the way from not yet valid to expired a token is.
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
    fn what_is_signed_verifies_as_it_was(claims in unknown(), sub in ".{0,20}", jti: Option<u32>) {
        let mut claims = claims;
        claims.insert("exp".to_owned(), (kit::NOW + 1).into());
        claims.insert("sub".to_owned(), sub.clone().into());
        claims.extend(jti.map(|jti| ("jti".to_owned(), jti.to_string().into())));
        for algorithm in kit::ALGORITHMS {
            let key = kit::key(algorithm).with_id("k").unwrap();
            let token = Signer::new(key.clone()).sign(&claims).unwrap();
            let auth = JwtAuth::new(key).with_clock(kit::at(kit::NOW)).claims::<Value>();
            let verified = auth.verify(&token).unwrap();
            prop_assert_eq!(verified.as_object(), Some(&claims));
            prop_assert_eq!(verified.token().subject(), Some(&*sub));
            let jti = jti.map(|jti| jti.to_string());
            prop_assert_eq!(verified.token().id(), jti.as_deref());
            prop_assert_eq!(verified.token().key_id(), Some("k"));
            prop_assert_eq!(verified.token().encoded(), token);
        }
    }

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
    fn the_decision_only_moves_on_with_time(times in times(), mut nows in vec(date(), 1..8)) {
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
    fn unknown_claims_and_the_order_of_members_change_nothing(
        (claims, shuffled) in members().prop_flat_map(|m| (Just(m.clone()), Just(m).prop_shuffle())),
        unknown in unknown(),
        at in any::<prop::sample::Index>(),
    ) {
        let object = |members: &[(String, Value)]| {
            let members = members.iter().map(|(name, value)| format!("\"{name}\":{value}"));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        };
        let auth = kit::auth().issuer("a").audience("cart");
        let expected = kit::fault(&auth, &kit::with_payload(object(&claims)));
        prop_assert_eq!(kit::fault(&auth, &kit::with_payload(object(&shuffled))), expected);
        let mut more = shuffled;
        let at = at.index(more.len() + 1);
        for (name, value) in unknown {
            let name = Value::from(name).to_string();
            more.insert(at, (name[1..name.len() - 1].to_owned(), value));
        }
        prop_assert_eq!(kit::fault(&auth, &kit::with_payload(object(&more))), expected);
    }

    #[test]
    fn any_clock_is_survived(now: i128, exp: i64, nbf: Option<u64>) {
        let (auth, clock) = auth_at(Duration::from_secs(60));
        clock.set(UnixTime::from_nanos(now));
        let token = kit::with_payload(match nbf {
            Some(nbf) => format!("{{\"exp\":{exp},\"nbf\":{nbf}}}"),
            None => format!("{{\"exp\":{exp}}}"),
        });
        let leeway = 60 * NANOS;
        let allowed = now < i128::from(exp) * NANOS + leeway
            && nbf.is_none_or(|nbf| i128::from(nbf) * NANOS <= now.saturating_add(leeway));
        prop_assert_eq!(auth.verify(&token).is_ok(), allowed);
    }
}

/// Claims with a meaning, right or wrong, each at most once.
fn members() -> impl Strategy<Value = Vec<(String, Value)>> {
    let one = |name: &'static str, values: Vec<Value>| {
        proptest::option::of(select(values)).prop_map(move |value| (name.to_owned(), value))
    };
    let now = kit::NOW;
    (
        one("exp", vec![json!(now + 1), json!(now + 1), json!(now), json!(0.5)]),
        one("nbf", vec![json!(now), json!(now + 1)]),
        one("iat", vec![json!(now), json!(now + 1)]),
        one("iss", vec![json!("a"), json!("a"), json!("b")]),
        one("aud", vec![json!("cart"), json!(["x", "cart"]), json!("x"), json!([])]),
        one("sub", vec![json!("a"), json!("a"), json!("a"), json!(1)]),
        one("scope", vec![json!("a b"), json!(["a"])]),
    )
        .prop_map(|(a, b, c, d, e, f, g)| {
            let members = [a, b, c, d, e, f, g].into_iter();
            members.filter_map(|(name, value)| Some((name, value?))).collect()
        })
}

fn bytes_of(response: &Response<Bytes>) -> String {
    format!("{} {:?} {:?}", response.status(), response.headers(), response.body())
}

fn generic() -> String {
    bytes_of(&kit::send(&kit::auth(), kit::bearer("a.b.c")))
}

#[test]
fn refusals_of_the_generic_class_are_the_same_bytes() {
    #[derive(serde::Deserialize)]
    struct Shopper {
        #[expect(dead_code, reason = "only whether it is there matters")]
        company: String,
    }
    let now = kit::NOW;
    let strict = kit::auth()
        .issuer("a")
        .audience("cart")
        .require_claim("sub")
        .max_lifetime(Duration::from_secs(60))
        .claims::<Shopper>();
    let good = format!(
        r#"{{"iss":"a","aud":"cart","sub":"s","exp":{},"iat":{now},"company":"c"}}"#,
        now + 60
    );
    assert_eq!(kit::fault(&strict, &kit::with_payload(&good)), None);
    let change = |from: &str, to: &str| kit::with_payload(good.replace(from, to));
    let head = |header: &str| kit::sign(header, &good);
    let other_key = kit::sign_as(Algorithm::HS256, &[7; 32], r#"{"alg":"HS256"}"#, &good);
    for (token, kind) in [
        ("a.b.c".to_owned(), TokenErrorKind::Malformed),
        (head("{}"), TokenErrorKind::Malformed),
        (head(r#"{"alg":"HS256","crit":["x"]}"#), TokenErrorKind::UnsupportedHeader),
        (head(r#"{"alg":"HS256","typ":"refresh+jwt"}"#), TokenErrorKind::WrongType),
        (head(r#"{"alg":"HS256","kid":"x"}"#), TokenErrorKind::UnknownKey),
        (head(r#"{"alg":"HS512"}"#), TokenErrorKind::UnknownKey),
        (head(r#"{"alg":"none"}"#), TokenErrorKind::UnknownKey),
        (other_key, TokenErrorKind::BadSignature),
        (change("\"a\"", "\"b\""), TokenErrorKind::WrongIssuer),
        (change("\"cart\"", "\"pay\""), TokenErrorKind::WrongAudience),
        (change("\"sub\"", "\"sup\""), TokenErrorKind::MissingClaim),
        (change("\"exp\"", "\"axp\""), TokenErrorKind::MissingClaim),
        (change("\"iat\"", "\"nbf\":9999999999,\"iat\""), TokenErrorKind::NotYetValid),
        (change(&now.to_string(), &(now + 1).to_string()), TokenErrorKind::IssuedInFuture),
        (change(&(now + 60).to_string(), &(now + 61).to_string()), TokenErrorKind::LifetimeTooLong),
        (change("\"iat\"", "\"cnf\":{},\"iat\""), TokenErrorKind::SenderConstrained),
        (change("\"company\"", "\"compagny\""), TokenErrorKind::ClaimsMismatch),
        (change("\"sub\":\"s\"", "\"sub\":1"), TokenErrorKind::Malformed),
    ] {
        assert_eq!(kit::fault(&strict, &token), Some(kind));
        let response = kit::send(&strict, kit::bearer(&token));
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(bytes_of(&response), generic(), "{kind:?}");
    }
}

#[test]
fn clock_jumps_decide_by_the_time_they_jump_to() {
    let (auth, clock) = auth_at(Duration::from_secs(5));
    let now = kit::NOW;
    let token = kit::with_payload(format!(r#"{{"exp":{},"nbf":{now}}}"#, now + 600));
    let ever = kit::with_payload(format!(r#"{{"exp":{}}}"#, u64::MAX));
    let hour = Duration::from_secs(3600);
    let start = clock.now();
    for (time, allowed, ever_allowed) in [
        (start, true, true),
        (start.saturating_add(hour), false, true),
        (start, true, true),
        (start.saturating_sub(hour), false, true),
        (UnixTime::from_nanos(-1), false, true),
        (UnixTime::EPOCH.saturating_sub(hour), false, true),
        (UnixTime::from_secs(u64::MAX), false, true),
        (UnixTime::from_secs(u64::MAX).saturating_add(hour), false, false),
        (UnixTime::from_nanos(i128::MIN), false, true),
        (UnixTime::from_nanos(i128::MAX), false, false),
        (start, true, true),
    ] {
        clock.set(time);
        assert_eq!(auth.verify(&token).is_ok(), allowed, "{time:?}");
        assert_eq!(auth.verify(&ever).is_ok(), ever_allowed, "{time:?}");
        let status = kit::send(&auth, kit::bearer(&token)).status();
        assert_eq!(status.is_success(), allowed, "{time:?}");
    }
}
