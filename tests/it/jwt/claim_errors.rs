//! Tests of the errors about claims that do not fit the claims type. If such an error names a
//! claim, that name belongs to a field of the claims type or to a registered claim, and is never
//! copied from the token. The verifier finds these errors while it reads the payload, without a
//! second pass.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Debug};

use proptest::prelude::*;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tower_jwt_auth::jwt::{
    ClaimError, ClaimErrorKind, TokenError, TokenErrorKind, Validation, Verifier,
};

use crate::kit;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)]
struct Shopper {
    company: String,
    #[serde(alias = "rank")]
    level: u8,
    plan: Plan,
    address: Option<Address>,
    #[serde(default)]
    team_roles: Vec<String>,
    #[serde(default)]
    limits: BTreeMap<u16, i8>,
    #[serde(default)]
    by_name: HashMap<String, Address>,
    #[serde(default)]
    pair: (u8, bool),
    #[serde(default)]
    raw: Option<Box<RawValue>>,
    #[serde(default)]
    id: Option<Id>,
    #[serde(default)]
    either: Option<Either>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Address {
    zip: u32,
    point: Option<Point>,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
struct Point {
    x: f64,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
enum Plan {
    Free,
    Paid { until: u64 },
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Id;

impl TryFrom<String> for Id {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "id" { Ok(Self) } else { Err(format!("{text} is not an id")) }
    }
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[allow(dead_code)]
enum Either {
    Number(u8),
    Flag(bool),
}

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
struct Flattened {
    sub: Option<String>,
    company: String,
    #[serde(flatten)]
    point: Point,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
struct FlattenedSubject {
    sub: String,
    #[serde(flatten)]
    more: BTreeMap<String, Value>,
}

fn verifier(rules: Validation) -> Verifier {
    Verifier::new(kit::secret()).with_validation(rules).with_clock(kit::at(kit::NOW))
}

fn verify<T: DeserializeOwned>(rules: Validation, claims: &Value) -> Result<(), TokenError> {
    verifier(rules).verify::<T>(&kit::with_payload(claims.to_string())).map(|_| ())
}

/// Verifies claims that do not fit the type `T`, and returns the error message. `exp` may be
/// absent.
fn said<T: DeserializeOwned + Debug>(claims: &Value) -> String {
    assert!(serde_json::from_value::<T>(claims.clone()).is_err(), "{claims}");
    let rules = Validation::new().dangerous_allow_missing_expiry();
    let error = verify::<T>(rules, claims).unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::ClaimsMismatch, "{claims}");
    error.claim_error().unwrap().to_string()
}

fn good() -> Value {
    json!({
        "company": "acme", "level": 3, "plan": "Free", "address": { "zip": 1, "point": null },
        "teamRoles": ["a"], "limits": { "7": -1 }, "byName": { "home": { "zip": 2 } },
        "pair": [1, true], "raw": { "any": [1.5] }, "id": "id", "either": true, "more": -2.5,
        "exp": kit::NOW + 60,
    })
}

#[test]
fn the_field_of_the_type_is_named_and_its_value_is_not() {
    verify::<Shopper>(Validation::new(), &good()).unwrap();
    for (name, value, expected) in [
        ("company", json!(["secret"]), "invalid type in `company`: an array"),
        ("company", Value::Null, "invalid type in `company`: null"),
        ("level", json!("secret"), "invalid type in `level`: a string"),
        ("level", json!(1.5), "invalid type in `level`: a number"),
        ("level", json!(256), "invalid value in `level`"),
        ("plan", json!("Secret"), "invalid value in `plan`"),
        ("plan", json!({ "Paid": {} }), "invalid value in `plan`"),
        ("plan", json!({ "Paid": { "until": true } }), "invalid type in `plan`: a boolean"),
        ("plan", json!(1), "invalid value in `plan`"),
        ("address", json!({}), "invalid value in `address`"),
        ("address", json!({ "zip": "secret" }), "invalid type in `address`: a string"),
        ("address", json!({ "zip": 1, "secret": 1 }), "invalid value in `address`"),
        ("teamRoles", json!(["a", 1]), "invalid type in `teamRoles`: a number"),
        ("teamRoles", json!({}), "invalid type in `teamRoles`: an object"),
        ("limits", json!({ "7": "secret" }), "invalid type in `limits`: a string"),
        ("limits", json!({ "secret": 1 }), "invalid value in `limits`"),
        ("byName", json!({ "secret": {} }), "invalid value in `byName`"),
        ("pair", json!([1, true, "secret"]), "invalid value in `pair`"),
        ("pair", json!([1]), "invalid value in `pair`"),
        ("id", json!("secret"), "invalid value in `id`"),
        ("either", json!("secret"), "invalid value in `either`"),
    ] {
        let mut claims = good();
        claims[name] = value;
        assert_eq!(said::<Shopper>(&claims), expected, "{claims}");
    }
    let mut without = good();
    without.as_object_mut().unwrap().remove("company");
    assert_eq!(said::<Shopper>(&without), "missing field `company`");
    let rank = json!({ "company": "a", "rank": "secret" });
    assert_eq!(said::<Shopper>(&rank), "invalid type in `rank`: a string");
}

#[test]
fn errors_of_a_type_without_a_list_of_fields_have_fewer_names() {
    assert_eq!(said::<String>(&good()), "invalid type: an object");
    assert_eq!(said::<HashMap<String, u8>>(&json!({ "a": "b" })), "invalid type: a string");
    assert_eq!(said::<HashMap<String, Address>>(&json!({ "a": {} })), "invalid value");
    assert_eq!(
        said::<HashMap<String, u8>>(&json!({ "sub": "b" })),
        "invalid type in `sub`: a string"
    );
    assert_eq!(said::<Address>(&json!({ "zip": 1, "exp": 2_000_000_000 })), "unknown field `exp`");
    assert_eq!(said::<Address>(&json!({ "zip": 1, "secret": 2 })), "unknown field");
    assert_eq!(said::<Flattened>(&json!({ "x": 1.5 })), "missing field");
    assert_eq!(said::<Flattened>(&json!({ "company": "" })), "missing field");
    assert_eq!(said::<FlattenedSubject>(&json!({ "x": 1 })), "missing field `sub`");
    let wrong = json!({ "company": "", "x": "secret" });
    assert_eq!(said::<Flattened>(&wrong), "invalid type: a string");
}

#[test]
fn a_registered_or_configured_claim_of_the_wrong_type_is_named() {
    let said = |roles: &str, claims: Value| {
        let error = verify::<Value>(Validation::new().roles_claim(roles), &claims).unwrap_err();
        assert_eq!(error.kind(), TokenErrorKind::Malformed);
        assert_eq!(error.claim_error().unwrap().kind(), ClaimErrorKind::Invalid);
        error.to_string()
    };
    for (roles, claims, expected) in [
        ("roles", json!({ "sub": 1 }), "invalid type in `sub`: a number"),
        ("roles", json!({ "iss": [] }), "invalid type in `iss`: an array"),
        ("roles", json!({ "exp": "2033-05-18" }), "invalid type in `exp`: a string"),
        ("roles", json!({ "aud": {} }), "invalid type in `aud`: an object"),
        ("roles", json!({ "jti": true }), "invalid type in `jti`: a boolean"),
        ("roles", json!({ "aud": ["a", null] }), "invalid type in `aud`: null"),
        ("roles", json!({ "aud": ["a", 1] }), "invalid type in `aud`: a number"),
        ("roles", json!({ "roles": 7 }), "invalid type in `roles`: a number"),
        ("roles", json!({ "roles": { "admin": true } }), "invalid type in `roles`: an object"),
        ("roles", json!({ "roles": ["a", 1] }), "invalid type in `roles`: a number"),
        ("roles", json!({ "roles": [{ "name": "a" }] }), "invalid type in `roles`: an object"),
        ("a.roles", json!({ "a": 1 }), "invalid type in `a.roles`: a number"),
        ("a.roles", json!({ "a": { "roles": [[]] } }), "invalid type in `a.roles`: an array"),
    ] {
        assert_eq!(said(roles, claims), format!("the token is malformed: {expected}"));
    }
}

#[test]
fn a_payload_must_be_one_object_with_distinct_names() {
    for (payload, expected) in [
        ("[]", "the payload is not one JSON object"),
        ("7", "the payload is not one JSON object"),
        (r#"{"sub":"a""#, "the payload is not one JSON object"),
        (r#"{"sub":x}"#, "the payload is not one JSON object"),
        (r#"{"sub":"a"} {}"#, "the payload is not one JSON object"),
        (r#"{"sub":"a","sub":"a"}"#, "a member name occurs twice in one object"),
        (r#"{"company":"a","c\u006fmpany":"a"}"#, "a member name occurs twice in one object"),
    ] {
        let token = kit::with_payload(payload);
        for error in [
            verifier(Validation::new()).verify::<Value>(&token).unwrap_err(),
            verifier(Validation::new()).verify::<Shopper>(&token).unwrap_err(),
        ] {
            assert_eq!(error.to_string(), format!("the token is malformed: {expected}"));
            assert_eq!(error.claim_error(), None);
        }
    }
}

#[test]
fn a_missing_claim_has_the_kind_missing() {
    let kind = |error: TokenError| error.claim_error().map(ClaimError::kind);
    let error = verify::<Value>(Validation::new().require_claim("jti"), &good()).unwrap_err();
    assert_eq!(kind(error), Some(ClaimErrorKind::Missing));
    let error = verify::<Shopper>(Validation::new(), &json!({ "exp": kit::NOW + 60 }));
    assert_eq!(kind(error.unwrap_err()), Some(ClaimErrorKind::Missing));
}

thread_local! {
    static RUNS: Cell<u32> = const { Cell::new(0) };
}

/// A claims type that counts how often its `Deserialize` implementation runs.
struct Counted;

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        RUNS.set(RUNS.get() + 1);
        Shopper::deserialize(deserializer).map(|_| Self)
    }
}

/// Deserializing the claims a second time would be slow. It could also repeat side effects of the
/// application's `Deserialize` implementation.
#[test]
fn the_claims_type_is_deserialized_once() {
    let plain = json!({
        "company": "acme", "level": 3, "plan": "Free", "sub": "a", "exp": kit::NOW + 60,
    });
    let with = |name: &str, value: Value| {
        let mut claims = plain.clone();
        claims[name] = value;
        claims
    };
    for (claims, kind) in [
        (plain.clone(), None),
        (with("price", json!(1.5)), None),
        (with("na\"me", json!([-1, 1e300, { "\n": "\n" }])), None),
        (with("company", json!(7)), Some(TokenErrorKind::ClaimsMismatch)),
        (with("company", json!({ "secret": 1 })), Some(TokenErrorKind::ClaimsMismatch)),
        (with("sub", json!(7)), Some(TokenErrorKind::Malformed)),
        (with("exp", json!(1)), Some(TokenErrorKind::Expired)),
    ] {
        RUNS.set(0);
        let error = verify::<Counted>(Validation::new(), &claims).err();
        assert_eq!((error.map(|error| error.kind()), RUNS.get()), (kind, 1), "{claims}");
    }
}

#[test]
fn a_token_that_does_not_fit_is_rejected_for_its_time_and_issuer_first() {
    let mut claims = good();
    claims["company"] = json!(7);
    claims["exp"] = json!(kit::NOW - 100);
    let error = verify::<Shopper>(Validation::new(), &claims).unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::Expired);
    let error = verify::<Shopper>(Validation::new().issuer("a"), &claims).unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::WrongIssuer);
}

proptest! {
    /// The verifier rejects a payload exactly when `serde_json` does. The error names the claim
    /// that was changed.
    #[test]
    fn a_claim_error_is_an_error_of_serde_json_too(
        name in prop::sample::select(vec![
            "company", "level", "plan", "address", "teamRoles", "limits", "byName", "pair",
            "raw", "id", "either", "more",
        ]),
        value in prop::sample::select(vec![
            json!(null), json!(true), json!(0), json!(-1), json!(300), json!(0.5), json!("id"),
            json!("Free"), json!([]), json!(["a"]), json!([0, false]), json!([[1]]), json!({}),
            json!({ "zip": 0 }), json!({ "zip": 0, "point": { "x": 0 } }),
            json!({ "Paid": { "until": 0 } }), json!({ "Free": null }), json!({ "1": 1 }),
            json!({ "a": 1 }), json!({ "a": { "zip": 1 } }),
        ]),
    ) {
        let mut claims = good();
        claims[name] = value;
        let expected = serde_json::from_str::<Shopper>(&claims.to_string()).err();
        let error = verify::<Shopper>(Validation::new(), &claims).err();
        prop_assert_eq!(error.is_some(), expected.is_some(), "{} {:?}", claims, expected);
        if let Some(error) = error {
            prop_assert_eq!(error.claim_error().unwrap().name(), Some(name), "{}", claims);
        }
    }
}

/// A type that reads each claim as a string, and ignores the error if a claim is not a string.
struct Lenient;

impl<'de> Deserialize<'de> for Lenient {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ignore;

        impl<'de> Visitor<'de> for Ignore {
            type Value = Lenient;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("claims")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Lenient, A::Error> {
                while map.next_key::<String>()?.is_some() {
                    let _ = map.next_value::<String>();
                }
                Ok(Lenient)
            }
        }

        deserializer.deserialize_map(Ignore)
    }
}

#[test]
fn a_type_that_ignores_errors_does_not_turn_a_malformed_claim_into_an_absent_one() {
    let verify = |claims: serde_json::Value| {
        let token = kit::with_payload(claims.to_string());
        kit::auth().claims::<Lenient>().verify(&token).map(|_| ())
    };
    for claims in [
        json!({ "exp": kit::NOW + 60, "nbf": "9999999999" }),
        json!({ "exp": kit::NOW + 60, "iat": "9999999999", "odd": -1.5 }),
        json!({ "exp": kit::NOW + 60, "aud": 7 }),
    ] {
        verify(claims).unwrap_err();
    }
}
