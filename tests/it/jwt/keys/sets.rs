//! Tests of key sets in JSON.

use serde_json::{Value, json};
use tower_jwt_auth::jwt::{KeyErrorKind, TokenErrorKind};
use tower_jwt_auth::{Algorithm, Key, KeySet};

use crate::kit;
use crate::kit::pairs::{self, fault, sign};

fn jwk(key: &Key, changes: Value) -> Value {
    let mut jwk: Value = serde_json::from_str(&key.to_jwk().unwrap()).unwrap();
    for (name, value) in changes.as_object().unwrap() {
        jwk[name] = value.clone();
    }
    jwk
}

fn read(keys: &[Value]) -> Result<KeySet, KeyErrorKind> {
    KeySet::from_jwks(&json!({ "keys": keys }).to_string()).map_err(|error| error.kind())
}

#[test]
fn unusable_keys_of_a_set_are_skipped() {
    let pair = pairs::pair(Algorithm::Es256);
    let good = jwk(&pair, json!({}));
    let rsa = pairs::pair(Algorithm::Rs256);
    let bad = [
        jwk(&pair, json!({ "use": "enc" })),
        jwk(&pair, json!({ "crv": "secp256k1" })),
        jwk(&pair, json!({ "crv": "P-999" })),
        jwk(&pair, json!({ "kty": "unknown" })),
        jwk(&pair, json!({ "kty": 1 })),
        jwk(&pair, json!({ "x": "AAAA" })),
        jwk(&pair, json!({ "d": "AAAA" })),
        jwk(&pair, json!({ "priv": "AAAA" })),
        jwk(&pair, json!({ "kid": "" })),
        jwk(&pair, json!({ "kid": "k".repeat(257) })),
        jwk(&rsa, json!({ "alg": "RSA-OAEP" })),
        jwk(&rsa, json!({ "alg": "RS1" })),
        jwk(&rsa, json!({ "alg": "RSA-OAEP", "use": "enc" })),
        jwk(&rsa, json!({ "n": kit::b64([0xFF; 128]) })),
        jwk(&rsa, json!({ "key_ops": ["wrapKey"] })),
        json!({ "kty": "oct", "alg": "HS256", "k": kit::b64(kit::key_bytes()) }),
        json!({}),
        json!([]),
        json!(null),
        json!("key"),
    ];
    for bad in &bad {
        assert_eq!(read(std::slice::from_ref(bad)).unwrap_err(), KeyErrorKind::BadSetSize, "{bad}");
    }
    let all: Vec<Value> = bad.iter().cloned().chain([good]).chain(bad.iter().cloned()).collect();
    let set = read(&all).unwrap();
    assert_eq!(set.iter().count(), 1);
    assert_eq!(fault(set, &sign(&pair)), None);
}

#[test]
fn a_member_name_that_occurs_twice_spoils_only_its_own_key() {
    let pair = pairs::pair(Algorithm::Es256);
    let good = pair.to_jwk().unwrap();
    let twice = good.replacen('{', r#"{"kid":"a","#, 1);
    let set = KeySet::from_jwks(&format!(r#"{{"keys":[{twice},{good}]}}"#)).unwrap();
    assert_eq!(set.iter().count(), 1);
    for json in [
        format!(r#"{{"keys":[{good}],"keys":[{good}]}}"#),
        format!(r#"{{"keys":[],"k\u0065ys":[{good}]}}"#),
    ] {
        let error = KeySet::from_jwks(&json).unwrap_err();
        assert_eq!(error.kind(), KeyErrorKind::Unreadable, "{json}");
    }
}

#[test]
fn text_that_is_not_a_set_is_rejected() {
    let good = pairs::pair(Algorithm::Es256).to_jwk().unwrap();
    for json in [
        "",
        "null",
        "{}",
        "[]",
        r#"{"keys":null}"#,
        r#"{"keys":{}}"#,
        r#"{"keys":[}"#,
        r#"{"keys":[]} x"#,
        r#"{"keys":[]"#,
        "<html>",
        &good,
        &format!("[{good}]"),
        &format!("[[{good}]]"),
        &format!("\u{feff}{{\"keys\":[{good}]}}"),
    ] {
        let error = KeySet::from_jwks(json).unwrap_err();
        assert_eq!(error.kind(), KeyErrorKind::Unreadable, "{json}");
    }
    assert_eq!(read(&[]).unwrap_err(), KeyErrorKind::BadSetSize);
    let good: Value = serde_json::from_str(&good).unwrap();
    let more = json!({ "keys": [good], "more": { "keys": 1 }, "nonce": null }).to_string();
    assert!(KeySet::from_jwks(&more).is_ok());
}

#[test]
fn at_most_100_keys_of_a_set_are_read() {
    let pair = pairs::pair(Algorithm::EdDsa);
    let named = |n: usize| jwk(&pair, json!({ "kid": format!("key {n}") }));
    let keys: Vec<Value> = (0..150).map(named).collect();
    let set = read(&keys).unwrap();
    assert_eq!(set.iter().count(), 100);
    assert_eq!(set.iter().last().unwrap().id(), Some("key 99"));
}

#[test]
fn keys_with_the_same_identifier_are_both_tried() {
    let [first, second] =
        [Algorithm::Es256, Algorithm::Es256].map(|alg| Key::generate(alg).unwrap());
    let named = |key: &Key| key.clone().with_id("a+/=").unwrap();
    let set = read(&[jwk(&named(&first), json!({})), jwk(&named(&second), json!({}))]).unwrap();
    for key in [&first, &second] {
        assert_eq!(fault(set.clone(), &sign(&named(key))), None);
    }
    let other = Key::generate(Algorithm::Es256).unwrap();
    assert_eq!(fault(set, &sign(&named(&other))), Some(TokenErrorKind::BadSignature));
}

#[test]
fn the_reasons_for_skipped_keys_name_the_key_and_show_nothing_of_it() {
    let rsa = pairs::pair(Algorithm::Rs256);
    let short = jwk(&rsa, json!({ "n": kit::b64([0xFF; 128]), "kid": "2026-11" }));
    let n = kit::b64([0xFF; 128]);
    let json = json!({ "keys": [short, { "kty": "x", "kid": "k".repeat(1000) }] }).to_string();
    let error = KeySet::from_jwks(&json).unwrap_err().to_string();
    assert!(error.contains("key 1 (\"2026-11\"): the RSA key has 1024 bits"), "{error}");
    assert!(error.contains("key 2 (\"kkk") && error.len() < 800, "{error}");
    assert!(!error.contains(&n[..20]));
}
