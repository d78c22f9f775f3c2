//! Tests of dates: RFC 7519 sections 2 and 4.1.4 to 4.1.6.

use std::time::Duration;

use tower_jwt_auth::jwt::TokenErrorKind;
use tower_jwt_auth::{JwtAuth, ManualClock, UnixTime};

use crate::kit;

/// Verifies a payload in which `{now+5}` stands for the time five seconds from now.
fn fault(auth: &JwtAuth, payload: &str) -> Option<TokenErrorKind> {
    let mut text = payload.to_owned();
    for second in -70..=70_i64 {
        let date = (kit::NOW + second).to_string();
        text = text.replace(&format!("{{now{second:+}}}"), &date);
    }
    kit::fault(auth, &kit::with_payload(text))
}

#[test]
fn expired_token_is_refused_from_the_second_it_names() {
    let auth = kit::auth();
    assert_eq!(fault(&auth, r#"{"exp":{now+1}}"#), None);
    assert_eq!(fault(&auth, r#"{"exp":{now+0}}"#), Some(TokenErrorKind::Expired));
    assert_eq!(fault(&auth, r#"{"exp":{now-1}}"#), Some(TokenErrorKind::Expired));
}

#[test]
fn exp_is_required() {
    assert_eq!(fault(&kit::auth(), "{}"), Some(TokenErrorKind::MissingClaim));
    assert_eq!(fault(&kit::auth(), r#"{"EXP":{now+1}}"#), Some(TokenErrorKind::MissingClaim));
}

#[test]
fn a_token_is_valid_from_the_second_that_nbf_names() {
    let auth = kit::auth();
    assert_eq!(fault(&auth, r#"{"exp":{now+9},"nbf":{now+0}}"#), None);
    let early = fault(&auth, r#"{"exp":{now+9},"nbf":{now+1}}"#);
    assert_eq!(early, Some(TokenErrorKind::NotYetValid));
}

#[test]
fn iat_is_not_in_the_future_beyond_the_leeway() {
    let auth = kit::auth().leeway(Duration::from_secs(10));
    assert_eq!(fault(&auth, r#"{"exp":{now+9},"iat":{now+10}}"#), None);
    let future = fault(&auth, r#"{"exp":{now+20},"iat":{now+11}}"#);
    assert_eq!(future, Some(TokenErrorKind::IssuedInFuture));
    assert_eq!(fault(&auth, r#"{"exp":{now+9},"iat":0}"#), None);
}

#[test]
fn the_leeway_is_5_seconds_unless_configured_and_60_at_most() {
    let auth = JwtAuth::new(kit::secret()).with_clock(kit::at(kit::NOW));
    assert_eq!(fault(&auth, r#"{"exp":{now-4}}"#), None);
    assert_eq!(fault(&auth, r#"{"exp":{now-5}}"#), Some(TokenErrorKind::Expired));
    assert_eq!(fault(&auth, r#"{"exp":{now+9},"nbf":{now+5}}"#), None);
    let auth = auth.leeway(Duration::from_secs(60));
    assert_eq!(fault(&auth, r#"{"exp":{now-59}}"#), None);
    assert_eq!(fault(&auth, r#"{"exp":{now-60}}"#), Some(TokenErrorKind::Expired));
    let over = || kit::auth().leeway(Duration::from_nanos(60_000_000_001));
    assert!(std::panic::catch_unwind(over).is_err());
}

#[test]
fn a_fraction_of_a_second_is_compared() {
    let clock = kit::at(kit::NOW);
    let auth = kit::auth().with_clock(clock.clone());
    let half = kit::with_payload(format!(r#"{{"exp":{}.5}}"#, kit::NOW));
    assert_eq!(kit::fault(&auth, &half), None);
    clock.advance(Duration::from_nanos(499_999_999));
    assert_eq!(kit::fault(&auth, &half), None);
    clock.advance(Duration::from_nanos(1));
    assert_eq!(kit::fault(&auth, &half), Some(TokenErrorKind::Expired));
    assert_eq!(
        fault(&auth, r#"{"exp":{now+9},"nbf":{now+0}.75}"#),
        Some(TokenErrorKind::NotYetValid)
    );
    assert_eq!(fault(&auth, r#"{"exp":17000000005E-1}"#), Some(TokenErrorKind::Expired));
}

#[test]
fn a_date_that_is_not_a_number_is_malformed() {
    let no_dates = [
        "true",
        "\"1700000600\"",
        "\"\"",
        "[]",
        "[1700000600]",
        "{}",
        "NaN",
        "Infinity",
        "-",
        "01",
        "1.",
        ".5",
        "0x10",
        "1e",
        "1e999",
        "-1e999",
        "1_000",
    ];
    for name in ["exp", "nbf", "iat"] {
        for date in no_dates {
            let others = if name == "exp" { "" } else { r#""exp":{now+9},"# };
            let payload = format!("{{{others}\"{name}\":{date}}}");
            let fault = fault(&kit::auth(), &payload);
            assert_eq!(fault, Some(TokenErrorKind::Malformed), "{payload}");
        }
    }
}

#[test]
fn a_date_in_milliseconds_is_rejected() {
    let auth = kit::auth();
    let millis = (kit::NOW + 60) * 1000;
    for payload in [
        format!(r#"{{"exp":{millis}}}"#),
        format!(r#"{{"exp":{millis}.5}}"#),
        format!(r#"{{"exp":{{now+9}},"nbf":{millis}}}"#),
        format!(r#"{{"exp":{{now+9}},"iat":{millis}}}"#),
        r#"{"exp":253402300800}"#.to_owned(),
        r#"{"exp":253402300799.5}"#.to_owned(),
        r#"{"exp":1e300}"#.to_owned(),
    ] {
        assert_eq!(fault(&auth, &payload), Some(TokenErrorKind::DateOutOfRange), "{payload}");
    }
    assert_eq!(fault(&auth, r#"{"exp":253402300799}"#), None);
}

#[test]
fn a_date_of_any_size_is_decided_without_a_panic() {
    for now in [i128::MIN, -1, 0, 1, i128::MAX] {
        let auth = kit::auth().leeway(Duration::from_secs(60));
        let auth = auth.with_clock(ManualClock::new(UnixTime::from_nanos(now)));
        for date in [
            "0",
            "-0",
            "-1",
            "1e300",
            "-1e300",
            "1e-300",
            "18446744073709551615",
            "18446744073709551616",
            "-9223372036854775808",
            "-9223372036854775809",
            "1.7976931348623157e308",
        ] {
            for payload in [
                format!("{{\"exp\":{date}}}"),
                format!("{{\"exp\":1e300,\"nbf\":{date},\"iat\":{date}}}"),
            ] {
                let fault = fault(&auth, &payload);
                assert_ne!(fault, Some(TokenErrorKind::Malformed), "{payload} at {now}");
            }
        }
    }
    assert_eq!(fault(&kit::auth(), r#"{"exp":1e300}"#), Some(TokenErrorKind::DateOutOfRange));
    assert_eq!(fault(&kit::auth(), r#"{"exp":-1e300}"#), Some(TokenErrorKind::Expired));
}
