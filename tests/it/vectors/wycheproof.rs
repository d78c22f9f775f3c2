//! Tests with `wycheproof/json_web_signature_test.json`: compact JWS.
//!
//! The payloads, such as "foo", are not claims, so no token is ever accepted. The verifier reads a
//! payload only after it has verified the signature. A token with a valid signature therefore gets
//! the error `Malformed`. To exclude other causes of `Malformed`, each token is also verified with
//! a wrong key. A token with a valid signature then gets the error `BadSignature`.

use std::collections::HashMap;

use serde_json::Value;
use tower_jwt_auth::jwt::TokenErrorKind;

use super::{assert_refused_by_hmac, jwk_key, stranger, verify_raw};
use crate::kit::{self, str_of};

const FILE: &str = "wycheproof/json_web_signature_test.json";

/// The numbers of the cases that need a public key. Without the feature `asymmetric`, these cases
/// cannot be verified. Each pair is the first and the last number of a range. A range may contain
/// numbers that no case has: for example, no case has an odd number between 46 and 258.
const PUBLIC: [(u64, u64); 4] = [(18, 258), (259, 271), (345, 345), (349, 349)];

fn needs_public_key(id: u64) -> bool {
    PUBLIC.iter().any(|(first, last)| (*first..=*last).contains(&id))
}

fn groups() -> Vec<Value> {
    let file = kit::json(FILE);
    assert_eq!(file["numberOfTests"], 169);
    file["testGroups"].as_array().unwrap().clone()
}

#[test]
fn cases_get_their_verdicts() {
    let (mut waiting, mut applied) = (0, 0);
    let mut strangers = HashMap::new();
    for group in groups() {
        let is_hmac = group["private"]["kty"] == "oct";
        for case in group["tests"].as_array().unwrap() {
            let id = case["tcId"].as_u64().unwrap();
            let token = str_of(case, "jws");
            assert_eq!(needs_public_key(id), !is_hmac, "{id}");
            if needs_public_key(id) {
                assert_refused_by_hmac(token);
                if cfg!(not(feature = "asymmetric")) {
                    waiting += 1;
                    continue;
                }
            }
            applied += 1;
            let name = format!("{id} {}", case["comment"]);
            let key = if is_hmac { &group["private"] } else { &group["public"] };
            let key = jwk_key(key).unwrap();
            let fault = verify_raw(key.clone(), token).expect("never accepted");
            let stranger = strangers.entry(key.algorithm()).or_insert_with(|| stranger(&key));
            let stranger = stranger.clone().with_id(key.id().unwrap()).unwrap();
            let by_stranger = verify_raw(stranger, token).expect("never accepted");
            let is_good =
                fault == TokenErrorKind::Malformed && by_stranger == TokenErrorKind::BadSignature;
            assert_eq!(is_good, case["result"] == "valid", "{name}: {fault:?}");
        }
    }
    let expected = if cfg!(feature = "asymmetric") { (169, 0) } else { (19, 150) };
    assert_eq!((applied, waiting), expected);
}

#[test]
fn each_fault_of_an_hs256_case_gets_its_kind() {
    let group = &groups()[0];
    let key = jwk_key(&group["private"]).unwrap();
    for case in group["tests"].as_array().unwrap() {
        let fault = verify_raw(key.clone(), str_of(case, "jws")).unwrap();
        let expected = match str_of(case, "comment") {
            "rejectsModifiedSignature"
            | "rejectsMissingSignature"
            | "rejectsModifiedPayload"
            | "rejectsMissingPayload" => TokenErrorKind::BadSignature,
            "rejectsModifiedHeader" => TokenErrorKind::UnknownKeyId,
            "rejectsNoneAlgorithmAndMissingSignature" => TokenErrorKind::WrongAlgorithm,
            // These tokens have an additional part. The verifier takes all text before the last dot
            // as the signed text, so the signature does not match.
            "rejectsExtraEmptyComponent" | "rejectsExtraComponent" => TokenErrorKind::BadSignature,
            _ => TokenErrorKind::Malformed,
        };
        assert_eq!(fault, expected, "{}", case["comment"]);
    }
}
