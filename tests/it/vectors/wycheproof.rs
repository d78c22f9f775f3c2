//! `wycheproof/json_web_signature_test.json`: compact JWS.
//!
//! The payloads are no claims ("foo"), so none is ever accepted. But a payload is looked at only
//! once the signature is known to be good: `Malformed` for a valid case shows that it was, and the
//! same token under another key shows that it is not said for another reason.

use serde_json::Value;
use tower_jwt_auth::jwt::TokenErrorKind;

use super::{Exclusion, assert_adds_up, assert_refused_by_hmac, is_listed, jwk_key, verify_raw};
use crate::kit::{self, str_of};

const FILE: &str = "wycheproof/json_web_signature_test.json";

const WHY: &str = "for a public key: waits for the feature `asymmetric`";
/// The groups for public keys, by the first and the last of their cases.
const WAITING: [(u64, u64); 7] =
    [(18, 32), (33, 156), (259, 263), (264, 267), (268, 271), (345, 345), (349, 349)];
/// A case of the HS256 groups that we decide otherwise than its origin.
const OTHERWISE: &[Exclusion] = &[];

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
    let (mut names, mut waiting, mut applied) = (Vec::new(), Vec::new(), 0);
    for group in groups() {
        let is_hmac = group["private"]["kty"] == "oct";
        for case in group["tests"].as_array().unwrap() {
            let id = case["tcId"].as_u64().unwrap();
            let token = str_of(case, "jws");
            names.push(id.to_string());
            assert_eq!(is_waiting(id), !is_hmac, "{id}");
            if is_waiting(id) {
                waiting.push(id);
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
            assert!(!is_listed(OTHERWISE, &id.to_string()), "{name} is as its origin says");
        }
    }
    // Each of these names has the one reason.
    let waiting: Vec<String> = waiting.iter().map(u64::to_string).collect();
    let leaked: Vec<Exclusion> = waiting.iter().map(|name| (&*name.clone().leak(), WHY)).collect();
    assert_eq!((applied, leaked.len()), (19, 150));
    assert_adds_up(FILE, &names, &[&leaked, OTHERWISE], applied);
}

#[test]
fn each_hs256_fault_is_found_for_what_it_is() {
    let group = &groups()[0];
    let key = jwk_key(&group["private"]).unwrap();
    for case in group["tests"].as_array().unwrap() {
        let fault = verify_raw(key.clone(), str_of(case, "jws")).unwrap();
        let expected = match str_of(case, "comment") {
            "rejectsModifiedSignature"
            | "rejectsMissingSignature"
            | "rejectsModifiedPayload"
            | "rejectsMissingPayload" => TokenErrorKind::BadSignature,
            "rejectsModifiedHeader" | "rejectsNoneAlgorithmAndMissingSignature" => {
                TokenErrorKind::UnknownKey
            }
            // The second dot makes three parts of five characters that are none of base64url.
            "rejectsExtraEmptyComponent" | "rejectsExtraComponent" => TokenErrorKind::BadSignature,
            _ => TokenErrorKind::Malformed,
        };
        assert_eq!(fault, expected, "{}", case["comment"]);
    }
}
