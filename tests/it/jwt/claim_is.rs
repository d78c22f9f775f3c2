//! Tests of claims that must have a configured value.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tower_jwt_auth::jwt::{ClaimPath, TokenErrorKind};
use tower_jwt_auth::{JwtAuth, StandardClaims};

use crate::kit;

/// Returns the error for a token whose payload has these members. Checks that the error is the same
/// for every claims type.
#[track_caller]
fn fault_of(auth: &JwtAuth, members: &str) -> Option<TokenErrorKind> {
    let token = kit::with_payload(format!(r#"{{"exp":{},{members}}}"#, kit::NOW + 60));
    let fault = kit::fault(auth, &token);
    assert_eq!(kit::fault(&auth.clone().claims::<Value>(), &token), fault, "{members}");
    assert_eq!(kit::fault(&auth.clone().claims::<Box<RawValue>>(), &token), fault, "{members}");
    assert_eq!(kit::fault(&auth.clone().claims::<IgnoredAny>(), &token), fault, "{members}");
    let names = auth.clone().claims::<BTreeMap<String, IgnoredAny>>();
    assert_eq!(kit::fault(&names, &token), fault, "{members}");
    fault
}

fn fault(auth: &JwtAuth, claims: &Value) -> Option<TokenErrorKind> {
    let members = claims.to_string();
    fault_of(auth, &members[1..members.len() - 1])
}

const WRONG: Option<TokenErrorKind> = Some(TokenErrorKind::WrongClaim);

#[test]
fn a_claim_must_be_a_string_with_one_of_the_values() {
    let auth = kit::auth().claim_is("azp", ["web", "app", "caf\u{e9}"]);
    for right in [r#""web""#, r#""app""#, r#""caf\u00e9""#, r#""\u0077eb""#, "\"caf\u{e9}\""] {
        assert_eq!(fault_of(&auth, &format!("\"azp\":{right}")), None, "{right}");
    }
    for wrong in [
        r#""""#,
        r#""Web""#,
        r#""web ""#,
        r#""web\u0000""#,
        r#""we""#,
        r#""webapp""#,
        r#""web app""#,
        "\"cafe\u{301}\"",
        r#""*""#,
        "null",
        "7",
        "1.5",
        "true",
        "[]",
        r#"["web"]"#,
        "{}",
        r#"{"azp":"web"}"#,
        r#"{"value":"web"}"#,
        r#"{"web":true}"#,
    ] {
        assert_eq!(fault_of(&auth, &format!("\"azp\":{wrong}")), WRONG, "{wrong}");
    }
    for other in [r#""AZP":"web""#, r#""azp ":"web""#, r#""x":{"azp":"web"}"#, r#""x":"azp""#] {
        assert_eq!(fault_of(&auth, other), WRONG, "{other}");
    }
    assert_eq!(fault_of(&auth, r#""\u0061zp":"web""#), None, "an escape is the same character");
    assert_eq!(fault_of(&kit::auth().claim_is("azp", "web"), r#""azp":"web""#), None);
}

#[test]
fn a_claim_with_invalid_json_is_malformed() {
    let auth = kit::auth().claim_is("azp", "web").claim_is("org.id", "acme");
    for members in [
        r#""org":{"id":"acme"},"azp":web"#,
        r#""org":{"id":"acme"},"azp":"web","azp":"web""#,
        r#""azp":"web","org":{"id":"acme","id":"acme"}"#,
        r#""azp":"web","org":{"id":"acme","\u0069d":"x"}"#,
        r#""azp":"web","org":{"id":"acme","x":{"a":1,"a":1}}"#,
        r#""azp":"web","org":{"id":"acme",}"#,
        r#""azp":"web","org":{"id":"acme""#,
        "\"azp\":\"web\",\"org\":{\"id\":\"ac\nme\"}",
    ] {
        assert_eq!(fault_of(&auth, members), Some(TokenErrorKind::Malformed), "{members}");
    }
    let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
    let deep = format!(r#""azp":"web","org":{{"id":{deep}}}"#);
    assert_eq!(fault_of(&auth, &deep), Some(TokenErrorKind::Malformed));
    assert_eq!(fault_of(&auth, r#""azp":"web","org":{"id":"acme"}"#), None);
}

#[test]
fn half_a_surrogate_pair_is_not_the_value() {
    let auth = kit::auth().claim_is("azp", "web");
    let token = |value| kit::with_payload(format!(r#"{{"exp":{},"azp":{value}}}"#, kit::NOW + 60));
    assert_eq!(kit::fault(&auth, &token(r#""web\ud800""#)), WRONG);
    let nested = kit::auth().claim_is("azp.id", "web");
    assert_eq!(kit::fault(&nested, &token(r#"{"id":"web","\ud800":1}"#)), WRONG);
}

#[test]
fn registered_claims_can_have_a_configured_value() {
    let claims = json!({ "sub": "alice", "jti": "1", "sid": "s" });
    for name in ["sub", "jti", "sid"] {
        let right = claims[name].as_str().unwrap();
        let auth = kit::auth().claim_is(name, [right, "x"]);
        assert_eq!(fault(&auth, &claims), None, "{name}");
        assert_eq!(fault(&kit::auth().claim_is(name, "x"), &claims), WRONG, "{name}");
        assert_eq!(fault(&auth, &json!({ "x": 1 })), WRONG, "{name}");
        assert_eq!(fault(&auth, &json!({ name: 7 })), Some(TokenErrorKind::Malformed), "{name}");
    }
    // Even if numeric subjects are accepted, a number does not equal a string.
    let auth = kit::auth().accept_numeric_subject().claim_is("sub", "7");
    assert_eq!(fault(&auth, &json!({ "sub": "7" })), None);
    assert_eq!(fault(&auth, &json!({ "sub": 7 })), WRONG);
}

#[test]
fn nested_claims_are_given_by_a_path() {
    let claims = json!({
        "o": { "id": "org", "more": { "a.b": "deep" } }, "a.b": "flat", "https://x/y": "url",
    });
    for (path, value) in [
        (ClaimPath::from("o.id"), "org"),
        (ClaimPath::from(["o", "more", "a.b"]), "deep"),
        (ClaimPath::from(["a.b"]), "flat"),
        (ClaimPath::from("https://x/y"), "url"),
    ] {
        assert_eq!(fault(&kit::auth().claim_is(path.clone(), value), &claims), None, "{path}");
        assert_eq!(fault(&kit::auth().claim_is(path.clone(), "x"), &claims), WRONG, "{path}");
        let empty = json!({ "o": {}, "x": 1 });
        assert_eq!(fault(&kit::auth().claim_is(path, value), &empty), WRONG);
    }
    for o in [json!(null), json!("org"), json!(["id", "org"]), json!([{ "id": "org" }])] {
        let fault = fault(&kit::auth().claim_is("o.id", "org"), &json!({ "o": o }));
        assert_eq!(fault, WRONG, "{o}");
    }
    // The path leads to an object that contains the value, and not to the value itself.
    assert_eq!(fault(&kit::auth().claim_is("o", "org"), &claims), WRONG);
}

#[test]
fn several_claims_must_all_have_their_values() {
    let auth = kit::auth()
        .claim_is("token_use", "access")
        .claim_is("o.id", "acme")
        .claim_is("client_id", ["web", "app"])
        .claim_is("o.plan", "paid")
        .require_claim(["client_id", "x"]);
    let right = json!({
        "token_use": "access", "client_id": "app", "o": { "plan": "paid", "id": "acme" }, "x": 1,
    });
    assert_eq!(fault(&auth, &right), None);
    for (pointer, value) in [
        ("/token_use", json!("id")),
        ("/client_id", json!("other")),
        ("/o/id", json!("paid")),
        ("/o/plan", json!("acme")),
        ("/o/plan", Value::Null),
    ] {
        let mut wrong = right.clone();
        *wrong.pointer_mut(pointer).unwrap() = value;
        assert_eq!(fault(&auth, &wrong), WRONG, "{wrong}");
    }
    let mut missing = right;
    missing["x"] = Value::Null;
    missing["token_use"] = json!("id");
    assert_eq!(fault(&auth, &missing), Some(TokenErrorKind::MissingClaim), "it is checked first");
}

#[test]
fn one_claim_can_have_a_value_and_contain_the_roles() {
    let auth = kit::auth()
        .roles_claim("o.roles")
        .tenant_claim("o.id")
        .claim_is("o.id", "acme")
        .claim_is("scope", "read write");
    let claims = json!({
        "exp": kit::NOW + 60, "o": { "id": "acme", "roles": ["admin"] }, "scope": "read write",
    });
    let claims = auth.verify(&kit::with_payload(claims.to_string())).unwrap();
    assert_eq!(claims.token().tenant(), Some("acme"));
    assert_eq!(claims.token().roles().collect::<Vec<_>>(), ["admin"]);
    assert_eq!(claims.token().scopes().collect::<Vec<_>>(), ["read", "write"]);
}

#[test]
fn the_claims_type_still_reads_the_compared_claim() {
    #[derive(serde::Deserialize)]
    struct Azp<'a> {
        azp: &'a str,
        o: Value,
    }
    let payload = format!(r#"{{"exp":{},"azp":"web","o":{{"id":"a","n":[1]}}}}"#, kit::NOW + 60);
    let auth = kit::auth().claim_is("azp", "web").claim_is("o.id", "a").claims::<Value>();
    let claims = auth.verify(&kit::with_payload(&payload)).unwrap();
    let read: Azp<'_> = serde_json::from_str(&payload).unwrap();
    assert_eq!((claims["azp"].as_str(), &claims["o"]), (Some(read.azp), &read.o));
}

#[test]
fn a_token_with_a_wrong_claim_is_not_expired() {
    let auth = kit::auth().issuer("a").claim_is("typ", "Bearer");
    let kind = |typ: &str, iss: &str| {
        let payload = json!({ "exp": 1, "iss": iss, "typ": typ }).to_string();
        kit::fault(&auth, &kit::with_payload(payload))
    };
    assert_eq!(kind("Bearer", "a"), Some(TokenErrorKind::Expired));
    assert_eq!(kind("ID", "a"), WRONG);
    assert_eq!(kind("ID", "b"), Some(TokenErrorKind::WrongIssuer));
    // The token has two faults: a wrong `typ`, and a `client_id` that is not a string. The wrong
    // `typ` is reported.
    let typed = auth.claims::<StandardClaims>();
    let payload = json!({ "exp": kit::NOW + 9, "iss": "a", "typ": "ID", "client_id": 7 });
    assert_eq!(kit::fault(&typed, &kit::with_payload(payload.to_string())), WRONG);
}

#[test]
fn a_name_with_escapes_is_read_even_if_the_value_contains_other_names() {
    let auth = kit::auth().claim_is("o.id", "a").roles_claim("act.roles").claims::<Value>();
    for roles in ["roles", r"r\u006fles"] {
        let (exp, o) = (kit::NOW + 60, r#""\u006f":{"\u0069d":"a"}"#);
        let payload = format!(r#"{{"exp":{exp},{o},"ac\u0074":{{"{roles}":["r"]}}}}"#);
        let claims = auth.verify(&kit::with_payload(&payload)).unwrap();
        assert_eq!(*claims, serde_json::from_str::<Value>(&payload).unwrap());
        assert_eq!(claims.token().roles().collect::<Vec<_>>(), ["r"]);
    }
}
