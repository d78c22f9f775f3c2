//! Tests with `wycheproof/json_web_key_test.json`: keys and key sets.

use serde_json::Value;
use tower_jwt_auth::KeySet;
use tower_jwt_auth::jwt::{KeyErrorKind, TokenErrorKind, Verifier};

use super::{
    Exclusion, assert_adds_up, assert_refused_by_hmac, is_listed, jwk_key, without_public_keys,
};
use crate::kit::{self, str_of};

const FILE: &str = "wycheproof/json_web_key_test.json";
const WAITING: &[Exclusion] = without_public_keys(&[
    ("5", "RS256 needs the feature `asymmetric`"),
    ("8", "RS256 with 1024 bits needs the feature `asymmetric`"),
]);

/// Returns the keys of a group, or the kind of the error for the first faulty key.
fn set_of(group: &Value) -> Result<KeySet, KeyErrorKind> {
    let keys = group["private"]["keys"].as_array().unwrap().iter();
    let keys: Vec<_> = keys.map(jwk_key).collect::<Result<_, _>>()?;
    KeySet::new(keys).map_err(|error| error.kind())
}

#[test]
fn key_sets_get_their_verdicts() {
    let file = kit::json(FILE);
    assert_eq!(file["numberOfTests"], 7);
    let (mut names, mut applied) = (Vec::new(), 0);
    for group in file["testGroups"].as_array().unwrap() {
        for case in group["tests"].as_array().unwrap() {
            let id = case["tcId"].to_string();
            names.push(id.clone());
            if is_listed(WAITING, &id) {
                assert_eq!(set_of(group).unwrap_err(), KeyErrorKind::Unsupported, "{id}");
                assert_refused_by_hmac(str_of(case, "jws"));
                continue;
            }
            applied += 1;
            // The payload is "foo" instead of claims, so a token with a valid signature is
            // `Malformed`: see `wycheproof.rs`.
            let verdict = set_of(group).map(|keys| {
                let verifier = Verifier::new(keys).with_clock(kit::at(kit::NOW));
                verifier.verify::<Value>(str_of(case, "jws")).unwrap_err().kind()
            });
            let expected = match str_of(case, "comment") {
                "acceptsValid" | "long_key" => Ok(TokenErrorKind::Malformed),
                "rejectsModifiedSignature" => Ok(TokenErrorKind::BadSignature),
                "key_too_short" | "empty_key" | "rejects1024bitRsaKey" => {
                    Err(KeyErrorKind::TooShort)
                }
                other => panic!("{other} is new"),
            };
            assert_eq!(verdict, expected, "{id}");
        }
    }
    assert_adds_up(FILE, &names, &[WAITING], applied);
}
