//! Tests with the vectors in `rfc/`: the example tokens of RFC 7515, RFC 7519, RFC 7797 and RFC
//! 8037.

use serde_json::Value;
use tower_jwt_auth::jwt::{Signer, TokenError, TokenErrorKind};
use tower_jwt_auth::{JwtAuth, Key, Secret};

use super::{
    Exclusion, assert_adds_up, assert_refused_by_hmac, is_listed, jwk_key, stranger, verify_raw,
    without_public_keys,
};
use crate::kit::{self, str_of};

const FILE: &str = "rfc/jws_rfc_examples.json";
const WAITING: &[Exclusion] = without_public_keys(&[
    ("RFC7515-A.2", "RS256 needs the feature `asymmetric`"),
    ("RFC7515-A.3", "ES256 needs the feature `asymmetric`"),
    ("RFC7515-A.4", "ES512 needs the feature `asymmetric`"),
    ("RFC8037-A.4", "EdDSA needs the feature `asymmetric`"),
]);
/// The expiry of the token in RFC 7515 appendix A.1.
const EXPIRES: i64 = 1_300_819_380;

fn a1() -> Value {
    kit::cases(FILE).into_iter().find(|case| case["id"] == "RFC7515-A.1").unwrap()
}

/// Returns the HMAC key of the examples. Its JWK has no `alg`, so the algorithm HS256 is set here.
fn a1_key() -> Key {
    Key::hs256(Secret::from_base64(str_of(&a1()["key"], "k")).unwrap())
}

#[test]
fn rfc_examples_get_their_verdicts() {
    let cases = kit::cases(FILE);
    let names: Vec<String> = cases.iter().map(|case| str_of(case, "id").to_owned()).collect();
    assert_eq!(names.len(), 13);
    let mut applied = 0;
    for case in &cases {
        let (id, token) = (str_of(case, "id"), str_of(case, "jws"));
        if is_listed(WAITING, id) {
            assert_refused_by_hmac(token);
            continue;
        }
        applied += 1;
        // The kind of error with which each example must be rejected. Even the valid examples are
        // rejected, because they have expired or because their payload contains no claims.
        let fault = match id {
            "RFC7515-A.1" | "RFC7519-3.1" => TokenErrorKind::Expired,
            "RFC7515-A.2" | "RFC7515-A.3" | "RFC7515-A.4" | "RFC8037-A.4" => {
                assert_refused_by_hmac(token);
                let key = jwk_key(&case["key"]).unwrap();
                let is_jwt = case["payload_is_json_object"] == true;
                let expected =
                    if is_jwt { TokenErrorKind::Expired } else { TokenErrorKind::Malformed };
                assert_eq!(verify_raw(key.clone(), token), Some(expected), "{id}");
                let by_stranger = verify_raw(stranger(&key), token);
                assert_eq!(by_stranger, Some(TokenErrorKind::BadSignature), "{id}");
                continue;
            }
            "RFC7515-A.5" => TokenErrorKind::WrongAlgorithm,
            "RFC7515-A.6" | "RFC7515-A.7" => TokenErrorKind::Malformed,
            "RFC7515-E" => TokenErrorKind::UnsupportedHeader,
            "RFC7797-4.1" => TokenErrorKind::Malformed,
            "RFC7797-4.2-detached" | "RFC7797-4.2-attached" => TokenErrorKind::UnsupportedHeader,
            _ => panic!("{id} is new"),
        };
        assert_eq!(verify_raw(a1_key(), token), Some(fault), "{id}");
    }
    assert_adds_up(FILE, &names, &[WAITING], applied);
}

#[test]
fn the_example_of_rfc_7519_is_accepted_in_its_time() {
    let auth = JwtAuth::new(a1_key()).claims::<Value>();
    let token = a1()["jws"].as_str().unwrap().to_owned();
    let claims = auth.clone().with_clock(kit::at(EXPIRES - 1)).verify(&token).unwrap();
    let expected = serde_json::json!({
        "iss": "joe", "exp": EXPIRES, "http://example.com/is_root": true
    });
    assert_eq!(*claims, expected);
    assert_eq!(claims.token().issuer(), Some("joe"));
    let late = auth.with_clock(kit::at(EXPIRES + 5)).verify(&token).unwrap_err();
    assert_eq!(late.token_error().map(TokenError::kind), Some(TokenErrorKind::Expired));
}

#[test]
fn the_control_case_of_rfc_7797_has_a_good_signature_over_no_claims() {
    let cases = kit::cases(FILE);
    let case = cases.iter().find(|case| case["id"] == "RFC7797-4.1").unwrap();
    let token = str_of(case, "jws");
    assert_eq!(verify_raw(a1_key(), token), Some(TokenErrorKind::Malformed));
    assert_eq!(verify_raw(Key::hs256(kit::secret()), token), Some(TokenErrorKind::BadSignature));
}

#[test]
fn our_signer_makes_the_signature_of_the_example() {
    // The header that `Signer` writes differs from the header in the example, so the signatures
    // differ too. The test therefore computes the expected signature itself.
    let token = Signer::new(a1_key()).sign(&serde_json::json!({ "exp": EXPIRES })).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let bytes = kit::unb64(str_of(&a1()["key"], "k"));
    let expected = kit::tag(tower_jwt_auth::Algorithm::Hs256, &bytes, signed.as_bytes());
    assert_eq!(kit::unb64(signature), expected);
}
