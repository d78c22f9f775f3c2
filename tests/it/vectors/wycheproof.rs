//! Tests with `wycheproof/json_web_signature_test.json`: compact JWS.
//!
//! The payloads are not claims ("foo"), so no case is ever accepted. But a payload is read only
//! after the signature was verified, so `Malformed` proves a valid signature. The same token is
//! rejected under another key with a different error, which proves that `Malformed` has no other
//! cause.

use serde_json::Value;
use tower_jwt_auth::jwt::TokenErrorKind;

use super::{assert_refused_by_hmac, jwk_key, verify_raw};
use crate::kit::{self, str_of};

const FILE: &str = "wycheproof/json_web_signature_test.json";

/// The first and the last case of each group with public keys. These cases are refused until the
/// `asymmetric` feature exists. (The file omits every other number between 46 and 258.)
const WAITING: [(u64, u64); 4] = [(18, 258), (259, 271), (345, 345), (349, 349)];

fn is_waiting(id: u64) -> bool {
    WAITING.iter().any(|(first, last)| (*first..=*last).contains(&id))
}

fn groups() -> Vec<Value> {
    let file = kit::json(FILE);
    assert_eq!(file["numberOfTests"], 169);
    file["testGroups"].as_array().unwrap().clone()
}

#[test]
fn hs256_cases_get_their_verdicts_and_the_others_are_refused() {
    let (mut waiting, mut applied) = (0, 0);
    for group in groups() {
        let is_hmac = group["private"]["kty"] == "oct";
        for case in group["tests"].as_array().unwrap() {
            let id = case["tcId"].as_u64().unwrap();
            let token = str_of(case, "jws");
            assert_eq!(is_waiting(id), !is_hmac, "{id}");
            if is_waiting(id) {
                waiting += 1;
                assert_refused_by_hmac(token);
                continue;
            }
            applied += 1;
            let name = format!("{id} {}", case["comment"]);
            let key = jwk_key(&group["private"]).unwrap();
            let fault = verify_raw(key.clone(), token).expect("never accepted");
            let stranger = kit::key(key.algorithm()).with_id(key.id().unwrap()).unwrap();
            let by_stranger = verify_raw(stranger, token).expect("never accepted");
            let is_good =
                fault == TokenErrorKind::Malformed && by_stranger == TokenErrorKind::BadSignature;
            assert_eq!(is_good, case["result"] == "valid", "{name}: {fault:?}");
        }
    }
    assert_eq!((applied, waiting), (19, 150));
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
            // Extra parts become part of the payload, which the signature does not cover.
            "rejectsExtraEmptyComponent" | "rejectsExtraComponent" => TokenErrorKind::BadSignature,
            _ => TokenErrorKind::Malformed,
        };
        assert_eq!(fault, expected, "{}", case["comment"]);
    }
}
