//! Tests with `jsontestsuite/all.json`: valid JSON, invalid JSON, and JSON that a parser may accept
//! or reject. Each text is used as a header, a header member, a payload and a claim.

use std::collections::HashMap;

use serde_json::Value;
use tower_jwt_auth::JwtAuth;
use tower_jwt_auth::jwt::TokenErrorKind;

use crate::kit::{self, str_of};

const FILE: &str = "jsontestsuite/all.json";
/// Valid JSON with a duplicate name, which is rejected at any depth.
const DUPLICATES: [&str; 2] = [
    "test_parsing/y_object_duplicated_key.json",
    "test_parsing/y_object_duplicated_key_and_value.json",
];

struct Case {
    name: String,
    expect: String,
    text: Vec<u8>,
}

fn cases() -> Vec<Case> {
    let cases: Vec<Case> = kit::cases(FILE)
        .iter()
        .map(|case| {
            let text = match case["repeat_b64"].as_str() {
                None => kit::from_base64(str_of(case, "b64")),
                Some(repeated) => {
                    let count = usize::try_from(case["count"].as_u64().unwrap()).unwrap();
                    let mut text = kit::from_base64(repeated).repeat(count);
                    text.extend(kit::from_base64(str_of(case, "tail_b64")));
                    text
                }
            };
            let [name, expect] = ["file", "expect"].map(|name| str_of(case, name).to_owned());
            Case { name, expect, text }
        })
        .collect();
    let mut counts = HashMap::<&str, usize>::new();
    for case in &cases {
        *counts.entry(&case.expect).or_default() += 1;
    }
    assert_eq!(counts, HashMap::from([("accept", 95), ("reject", 94), ("either", 35)]));
    cases
}

fn within(before: &str, text: &[u8], after: &str) -> Vec<u8> {
    [before.as_bytes(), text, after.as_bytes()].concat()
}

fn auth() -> JwtAuth<Value> {
    // The two largest texts must be rejected for their deep nesting. The default limit on the size
    // of a token would reject them for their size, so raise this limit.
    kit::auth().max_token_bytes(1024 * 1024).claims()
}

#[test]
fn a_claim_is_read_as_json_or_the_token_is_refused() {
    let auth = auth();
    for Case { name, expect, text } in cases() {
        let payload = within(&format!(r#"{{"exp":{},"x":"#, kit::NOW + 1), &text, "}");
        let verdict = auth.verify(&kit::with_payload(&payload));
        if DUPLICATES.contains(&&*name) {
            assert!(verdict.is_err(), "{name}");
            continue;
        }
        match expect.as_str() {
            "accept" => assert!(verdict.is_ok(), "{name}"),
            "reject" => assert!(verdict.is_err(), "{name}"),
            _ => {}
        }
        // The layer accepts the claims exactly when `serde_json` can parse them, and both read the
        // same values.
        let parsed = serde_json::from_slice::<Value>(&payload).ok();
        assert_eq!(verdict.ok().map(|claims| Value::clone(&claims)), parsed, "{name}");
    }
}

#[test]
fn an_unread_claim_must_be_json_too() {
    let auth = kit::auth().max_token_bytes(1024 * 1024);
    for Case { name, expect, text } in cases() {
        let payload = within(&format!(r#"{{"exp":{},"x":"#, kit::NOW + 1), &text, "}");
        let fault = kit::fault(&auth, &kit::with_payload(payload));
        match expect.as_str() {
            _ if DUPLICATES.contains(&&*name) => {
                assert_eq!(fault, Some(TokenErrorKind::Malformed), "{name}");
            }
            "accept" => assert_eq!(fault, None, "{name}"),
            "reject" => assert_eq!(fault, Some(TokenErrorKind::Malformed), "{name}"),
            _ => {}
        }
    }
}

#[test]
fn a_member_of_a_header_must_be_json() {
    let auth = kit::auth().max_token_bytes(1024 * 1024);
    for Case { name, expect, text } in cases() {
        let header = within(r#"{"alg":"HS256","x":"#, &text, "}");
        let fault = kit::fault(&auth, &kit::with_header(header));
        match expect.as_str() {
            _ if DUPLICATES.contains(&&*name) => {
                assert_eq!(fault, Some(TokenErrorKind::Malformed), "{name}");
            }
            "accept" => assert_eq!(fault, None, "{name}"),
            "reject" => assert_eq!(fault, Some(TokenErrorKind::Malformed), "{name}"),
            _ => assert!(matches!(fault, None | Some(TokenErrorKind::Malformed)), "{name}"),
        }
    }
}

#[test]
fn no_text_of_the_suite_is_a_payload_by_itself() {
    let auth = auth();
    let mut objects = 0;
    for Case { name, expect, text } in cases() {
        let fault = kit::fault(&auth, &kit::with_payload(&text)).expect(&name);
        let is_object = serde_json::from_slice::<Value>(&text).is_ok_and(|json| json.is_object());
        if expect == "accept" && is_object && !DUPLICATES.contains(&&*name) {
            objects += 1;
            // The text is an object, so it is read as claims. It is rejected because it has no
            // `exp`.
            assert_eq!(fault, TokenErrorKind::MissingClaim, "{name}");
        } else if expect == "either" {
            let of_claims = [TokenErrorKind::MissingClaim, TokenErrorKind::Malformed];
            assert!(of_claims.contains(&fault), "{name}: {fault:?}");
        } else {
            assert_eq!(fault, TokenErrorKind::Malformed, "{name}");
        }
    }
    assert!(objects > 5, "{objects}");
}

#[test]
fn no_text_of_the_suite_is_a_header_by_itself() {
    let auth = kit::auth().max_token_bytes(1024 * 1024);
    for Case { name, text, .. } in cases() {
        let fault = kit::fault(&auth, &kit::with_header(&text));
        assert_eq!(fault, Some(TokenErrorKind::Malformed), "{name}");
    }
}
