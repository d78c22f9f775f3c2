//! Tests of the options for applications that receive tokens of another system and cannot change
//! those tokens.

use std::time::Duration;

use serde_json::{Value, json};
use tower_jwt_auth::jwt::{TokenErrorKind, Verifier};
use tower_jwt_auth::revocation::Revocation;
use tower_jwt_auth::{AuthErrorKind, JwtAuth, UnixTime};

use crate::kit;

fn token(claims: Value) -> String {
    let mut with_exp = json!({ "exp": kit::NOW + 60 });
    for (name, value) in claims.as_object().unwrap() {
        with_exp[name] = value.clone();
    }
    kit::with_payload(with_exp.to_string())
}

#[test]
fn several_issuers_are_accepted_and_no_others() {
    let auth = kit::auth().issuer(["https://a.example", "https://b.example"]);
    for iss in ["https://a.example", "https://b.example"] {
        let claims = auth.verify(&token(json!({ "iss": iss }))).unwrap();
        assert_eq!(claims.token().issuer(), Some(iss));
    }
    for claims in [json!({ "iss": "https://c.example" }), json!({})] {
        assert_eq!(kit::fault(&auth, &token(claims)), Some(TokenErrorKind::WrongIssuer));
    }
}

#[test]
fn an_accepted_numeric_subject_is_its_decimal_text() {
    #[derive(serde::Deserialize)]
    struct User {
        sub: i64,
    }

    let auth = kit::auth().accept_numeric_subject();
    for sub in [0, 42, -7, i64::MAX, i64::MIN] {
        let token = token(json!({ "sub": sub }));
        let claims = auth.clone().claims::<User>().verify(&token).unwrap();
        assert_eq!((claims.sub, claims.token().subject()), (sub, Some(&*sub.to_string())));
        let standard = auth.verify(&token).unwrap();
        assert_eq!(standard.sub.as_deref(), Some(&*sub.to_string()));
        assert_eq!(kit::fault(&kit::auth(), &token), Some(TokenErrorKind::Malformed));
    }
    for sub in [json!("42"), json!("a\u{e9}\n")] {
        let token = token(json!({ "sub": sub }));
        assert_eq!(auth.verify(&token).unwrap().token().subject(), sub.as_str());
    }
    let required = auth.clone().require_claim("sub");
    assert_eq!(kit::fault(&required, &token(json!({ "sub": 42 }))), None);
    let null = token(json!({ "sub": null }));
    assert_eq!(kit::fault(&required, &null), Some(TokenErrorKind::MissingClaim));
    for sub in ["1.5", "1e3", "42.0", "-0", "true", "[42]", "{}", "-", "18446744073709551616"] {
        let payload = format!(r#"{{"exp":{},"sub":{sub}}}"#, kit::NOW + 60);
        let fault = kit::fault(&auth, &kit::with_payload(payload));
        assert_eq!(fault, Some(TokenErrorKind::Malformed), "{sub}");
    }
    let payload = format!(r#"{{"exp":{},"sub":{}}}"#, kit::NOW + 60, u64::MAX);
    let claims = auth.verify(&kit::with_payload(payload)).unwrap();
    assert_eq!(claims.token().subject(), Some(&*u64::MAX.to_string()));
}

#[test]
fn a_token_without_expiry_is_accepted_if_that_is_allowed() {
    let auth = kit::auth().dangerous_allow_missing_expiry();
    let eternal = kit::with_payload(r#"{"sub":"a"}"#);
    let claims = auth.verify(&eternal).unwrap();
    assert_eq!(claims.token().expires_at(), None);
    assert_eq!(kit::fault(&kit::auth(), &eternal), Some(TokenErrorKind::MissingClaim));
    assert_eq!(kit::fault(&auth, &kit::with_payload(r#"{"exp":null}"#)), None);
    // The option only allows a missing `exp`. If a token has an `exp`, it is still checked.
    let expired = token(json!({ "exp": kit::NOW - 1 }));
    assert_eq!(kit::fault(&auth, &expired), Some(TokenErrorKind::Expired));
    assert_eq!(kit::fault(&auth, &token(json!({ "exp": "x" }))), Some(TokenErrorKind::Malformed));
    let issued = kit::with_payload(format!(r#"{{"iat":{}}}"#, kit::NOW));
    let limited = auth.clone().max_lifetime(Duration::from_secs(600));
    for token in [&eternal, &issued] {
        assert_eq!(kit::fault(&limited, token), Some(TokenErrorKind::LifetimeTooLong));
    }
    let required = auth.require_claim("exp");
    assert_eq!(kit::fault(&required, &eternal), Some(TokenErrorKind::MissingClaim));
}

#[test]
fn a_token_without_expiry_can_be_revoked_for_good() {
    let far = UnixTime::MAX;
    let clock = kit::at(kit::NOW);
    let revocations = kit::revocations(clock.clone());
    let auth = JwtAuth::new(kit::secret())
        .dangerous_allow_missing_expiry()
        .with_clock(clock.clone())
        .with_revocation(revocations.clone());
    revocations.current_as_of(revocations.as_of());
    revocations.apply(&Revocation::token("t", far));
    revocations.apply(&Revocation::subject("s", UnixTime::from_secs(kit::NOW)).forget_at(far));
    for years in [0, 1, 30] {
        clock.set(UnixTime::from_secs(kit::NOW + years * 31_557_600));
        revocations.current_as_of(revocations.as_of());
        for revoked in [r#"{"jti":"t"}"#, r#"{"sub":"s"}"#] {
            let fault = kit::fault(&auth, &kit::with_payload(revoked));
            assert_eq!(fault, Some(TokenErrorKind::Revoked), "{revoked} after {years} years");
        }
        assert_eq!(kit::fault(&auth, &kit::with_payload(r#"{"jti":"other"}"#)), None);
    }
}

#[test]
fn any_audience_is_accepted_if_that_is_allowed() {
    let auth = kit::auth().dangerous_any_audience();
    for claims in [json!({}), json!({ "aud": "x" }), json!({ "aud": [] }), json!({ "aud": null })] {
        assert_eq!(kit::fault(&auth, &token(claims.clone())), None, "{claims}");
    }
    assert_eq!(kit::fault(&auth, &token(json!({ "aud": 1 }))), Some(TokenErrorKind::Malformed));
}

/// A type whose `Deserialize` panics.
struct Bomb;

impl<'de> serde::Deserialize<'de> for Bomb {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("a bug in the application")
    }
}

#[test]
fn a_panic_in_deserialize_is_an_error_of_verify() {
    let token = token(json!({}));
    let error = kit::auth().claims::<Bomb>().verify(&token).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::InternalError);
    let verifier = Verifier::new(kit::secret()).with_clock(kit::at(kit::NOW));
    let error = verifier.verify::<Bomb>(&token).unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::Panicked);
    assert_eq!(error.to_string(), "code of the application panicked");
    // `serde_json` itself panics on this payload, since the keys of `Flags` have the type `bool`.
    type Flags = std::collections::BTreeMap<bool, Value>;
    let odd = kit::with_payload("{\"\u{e9}\":1}");
    assert!(verifier.verify::<Flags>(&odd).is_err());
    assert!(kit::auth().claims::<Flags>().verify(&odd).is_err());
}
