//! Claims types that read a payload in unusual ways. The verifier must still check the claims of
//! the whole payload.

use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use tower_jwt_auth::JwtAuth;
use tower_jwt_auth::jwt::TokenErrorKind;

use crate::kit;

#[derive(Clone, Default, Debug, PartialEq, serde::Deserialize)]
struct Level {
    level: u8,
}

/// Claims of the type `T`, or the default value of `T` if the claims cannot be read.
#[derive(Clone, Debug)]
struct Lenient<T>(T);

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(T::deserialize(deserializer).unwrap_or_default()))
    }
}

/// A claims type whose deserialization reads none of the claims.
#[derive(Clone, Debug)]
struct Nothing;

impl<'de> Deserialize<'de> for Nothing {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self)
    }
}

fn lax() -> JwtAuth {
    kit::auth().dangerous_allow_missing_expiry()
}

#[test]
fn claims_after_an_error_that_the_type_ignores_are_checked() {
    let exp = kit::NOW + 60;
    let auth: JwtAuth<Lenient<Level>> = lax().claims();
    let read = auth.verify(&kit::with_payload(format!(r#"{{"exp":{exp},"level":1}}"#))).unwrap();
    assert_eq!(read.0, Level { level: 1 });
    for (members, kind) in [
        (r#""cnf":{}"#, TokenErrorKind::SenderConstrained),
        (r#""nbf":1800000000"#, TokenErrorKind::NotYetValid),
        (r#""aud":"another""#, TokenErrorKind::UnexpectedAudience),
        (r#""x":1,"x":2"#, TokenErrorKind::Malformed),
        (r#""level":1"#, TokenErrorKind::Malformed),
        (r#""sub":7"#, TokenErrorKind::Malformed),
        (r#""x":1"#, TokenErrorKind::ClaimsMismatch),
    ] {
        let token = kit::with_payload(format!(r#"{{"exp":{exp},"level":"x",{members}}}"#));
        assert_eq!(kit::fault(&auth, &token), Some(kind), "{members}");
    }
    let expired = kit::with_payload(r#"{"level":"x","exp":1}"#);
    assert_eq!(kit::fault(&auth, &expired), Some(TokenErrorKind::Expired));
}

#[test]
fn a_type_that_ignores_the_error_of_one_member_gets_no_token() {
    /// The claims that are numbers. The `Deserialize` implementation reads every claim as a number,
    /// and ignores the error for a claim that is not a number.
    #[derive(Debug)]
    struct Numbers(Vec<u64>);

    impl<'de> Deserialize<'de> for Numbers {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Members;

            impl<'de> Visitor<'de> for Members {
                type Value = Numbers;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Numbers, A::Error> {
                    let mut numbers = Vec::new();
                    while map.next_key::<String>()?.is_some() {
                        numbers.extend(map.next_value::<u64>().ok());
                    }
                    Ok(Numbers(numbers))
                }
            }
            deserializer.deserialize_map(Members)
        }
    }

    let auth: JwtAuth<Numbers> = lax().claims();
    let exp = kit::NOW as u64 + 60;
    let with_level = |level| kit::with_payload(format!(r#"{{"exp":{exp},"level":{level}}}"#));
    assert_eq!(auth.verify(&with_level(1)).unwrap().0, [exp, 1]);
    assert_eq!(kit::fault(&auth, &with_level(-1)), Some(TokenErrorKind::ClaimsMismatch));
}

#[test]
fn a_type_that_reads_nothing_gets_no_token_past_the_checks() {
    let auth: JwtAuth<Nothing> = lax().claims();
    for (payload, kind) in [
        (r#"{"exp":1}"#, TokenErrorKind::Expired),
        (r#"{"cnf":{}}"#, TokenErrorKind::SenderConstrained),
        (r#"{"x":1,"x":2}"#, TokenErrorKind::Malformed),
        ("no JSON", TokenErrorKind::Malformed),
        ("{}", TokenErrorKind::ClaimsMismatch),
    ] {
        assert_eq!(kit::fault(&auth, &kit::with_payload(payload)), Some(kind), "{payload}");
    }
}

#[test]
fn types_that_only_serde_json_can_read_receive_the_whole_payload() {
    #[derive(Clone, Debug, PartialEq, serde::Deserialize)]
    enum Role {
        Admin { level: u8 },
    }

    #[derive(Clone)]
    struct Ignored;

    impl<'de> Deserialize<'de> for Ignored {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Unit;

            impl Visitor<'_> for Unit {
                type Value = Ignored;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("anything")
                }

                fn visit_unit<E>(self) -> Result<Ignored, E> {
                    Ok(Ignored)
                }
            }
            deserializer.deserialize_ignored_any(Unit)
        }
    }

    let payload = format!(" {{ \"sub\" : \"a\",\"exp\":{}, \"level\":1.50}} ", kit::NOW + 60);
    let token = kit::with_payload(&payload);
    let raw = lax().claims::<Box<RawValue>>().verify(&token).unwrap();
    assert_eq!(raw.get(), payload.trim());
    assert_eq!(raw.token().subject(), Some("a"));
    let token = kit::with_payload(r#"{"Admin":{"level":7}}"#);
    let role = lax().claims::<Role>().verify(&token).unwrap();
    assert_eq!(*role, Role::Admin { level: 7 });
    assert!(lax().claims::<Ignored>().verify(&token).is_ok());
    assert!(lax().claims::<IgnoredAny>().verify(&token).is_ok());
    // The verifier checks the payload whatever the claims type is, even if it is `RawValue`, an
    // enum, or a type that ignores the payload.
    for (payload, kind) in [
        (r#"{"Admin":{"level":7,"level":7}}"#, TokenErrorKind::Malformed),
        (r#"{"exp":1}"#, TokenErrorKind::Expired),
        (r#"{"sub":1}"#, TokenErrorKind::Malformed),
        ("[]", TokenErrorKind::Malformed),
    ] {
        let token = kit::with_payload(payload);
        assert_eq!(kit::fault(&lax().claims::<Box<RawValue>>(), &token), Some(kind), "{payload}");
        assert_eq!(kit::fault(&lax().claims::<Role>(), &token), Some(kind), "{payload}");
        assert_eq!(kit::fault(&lax().claims::<Ignored>(), &token), Some(kind), "{payload}");
    }
}

#[test]
fn errors_in_nested_values_can_be_ignored_as_with_serde_json() {
    type Levels = BTreeMap<String, Lenient<Level>>;

    #[derive(Clone, serde::Deserialize)]
    struct Shopper {
        levels: Levels,
        #[serde(default)]
        roles: Vec<String>,
    }

    let auth: JwtAuth<Shopper> = kit::auth().claims();
    let exp = kit::NOW + 60;
    let payload = format!(r#"{{"exp":{exp},"levels":{{"a":{{"level":"x"}},"b":{{"level":2}}}}}}"#);
    let shopper = auth.verify(&kit::with_payload(payload)).unwrap();
    let levels: Vec<u8> = shopper.levels.values().map(|level| level.0.level).collect();
    assert_eq!((levels, shopper.roles.len()), (vec![0, 2], 0));
    // This payload lacks a closing brace. For this claims type, `serde_json` nevertheless accepts
    // the payload. It then reads `roles`, which is a member of `levels`, as a claim.
    let payload =
        format!(r#"{{"exp":{exp},"levels":{{"a":{{"level":"x","b":1}},"roles":["admin"]}}"#);
    assert_eq!(serde_json::from_str::<Shopper>(&payload).unwrap().roles, ["admin"]);
    let token = kit::with_payload(payload);
    assert_eq!(kit::fault(&auth, &token), Some(TokenErrorKind::Malformed));
}
