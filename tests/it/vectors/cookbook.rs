//! Tests with the vectors in `cookbook/`: the examples of RFC 7520, RFC 7797 and RFC 8037.

use serde_json::Value;
use tower_jwt_auth::Algorithm;
use tower_jwt_auth::jwt::{KeyErrorKind, TokenErrorKind};

use super::{assert_refused_by_hmac, assert_signed_by, jwk_key, verify_raw};
use crate::kit::{self, str_of};

/// A compact JWS with an HMAC signature. Its payload is a sentence instead of claims.
const HMAC: &str = "cookbook/jws/4_4.hmac-sha2_integrity_protection.json";
/// Compact JWSs that are verified with a public key, and their algorithms.
const PUBLIC: [(&str, Algorithm); 4] = [
    ("cookbook/jws/4_1.rsa_v15_signature.json", Algorithm::Rs256),
    ("cookbook/jws/4_2.rsa-pss_signature.json", Algorithm::Ps384),
    ("cookbook/jws/4_3.ecdsa_signature.json", Algorithm::Es512),
    ("cookbook/curve25519/jws.json", Algorithm::EdDsa),
];
/// Compact JWSs that must never be accepted, since the payload is detached or not encoded.
const NEVER: [(&str, TokenErrorKind); 2] = [
    ("cookbook/jws/4_5.signature_with_detached_content.json", TokenErrorKind::BadSignature),
    ("cookbook/rfc7797/hmac-sha2_b64_false.json", TokenErrorKind::UnsupportedHeader),
];
/// Examples that exist only in the JSON serialization (RFC 7515 section 7.2). JWTs do not use this
/// serialization.
const JSON_ONLY: [&str; 4] = [
    "cookbook/jws/4_6.protecting_specific_header_fields.json",
    "cookbook/jws/4_7.protecting_content_only.json",
    "cookbook/jws/4_8.multiple_signatures.json",
    "cookbook/rfc7797/4.2.hmac-sha2_b64_false.json",
];
/// Files with a public key or a key pair. The flag is true for a key pair.
const PUBLIC_KEYS: [(&str, bool); 4] = [
    ("cookbook/jwk/3_1.ec_public_key.json", false),
    ("cookbook/jwk/3_2.ec_private_key.json", true),
    ("cookbook/jwk/3_3.rsa_public_key.json", false),
    ("cookbook/jwk/3_4.rsa_private_key.json", true),
];
const ENCRYPTION_KEY: &str = "cookbook/jwk/3_6.symmetric_key_encryption.json";
const HMAC_KEY: &str = "cookbook/jwk/3_5.symmetric_key_mac_computation.json";

#[test]
fn every_file_of_the_cookbook_is_accounted_for() {
    let mut files = Vec::new();
    for folder in ["jws", "jwk", "rfc7797", "curve25519"] {
        let path = format!("{}/data/cookbook/{folder}", env!("CARGO_MANIFEST_DIR"));
        for entry in std::fs::read_dir(path).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            files.push(format!("cookbook/{folder}/{name}"));
        }
    }
    let mut listed = [HMAC, HMAC_KEY, ENCRYPTION_KEY].map(str::to_owned).to_vec();
    listed.extend(JSON_ONLY.map(str::to_owned));
    listed.extend(PUBLIC.map(|(file, _)| file.to_owned()));
    listed.extend(NEVER.map(|(file, _)| file.to_owned()));
    listed.extend(PUBLIC_KEYS.map(|(file, _)| file.to_owned()));
    files.sort();
    listed.sort();
    assert_eq!(files, listed);
    assert_eq!(files.len(), 17);
}

#[test]
fn the_hmac_example_has_a_good_signature_over_no_claims() {
    let file = kit::json(HMAC);
    let token = str_of(&file["output"], "compact");
    let key = jwk_key(&kit::json(HMAC_KEY)).unwrap();
    assert_eq!(key.id(), Some("018c0ae5-4d9b-471b-bfd6-eef314bc7037"));
    assert_eq!(jwk_key(&file["input"]["key"]).unwrap().id(), key.id());
    assert_eq!(verify_raw(key.clone(), token), Some(TokenErrorKind::Malformed));
    let other = kit::key(key.algorithm()).with_id(key.id().unwrap()).unwrap();
    assert_eq!(verify_raw(other, token), Some(TokenErrorKind::BadSignature));
}

#[test]
fn examples_for_public_keys_have_good_signatures_and_are_refused_by_an_hmac_key() {
    for (name, algorithm) in PUBLIC {
        let file = kit::json(name);
        let token = str_of(&file["output"], "compact");
        assert_refused_by_hmac(token);
        if cfg!(feature = "asymmetric") {
            let mut jwk = file["input"]["key"].clone();
            jwk["alg"] = algorithm.as_str().into();
            let key = jwk_key(&jwk).unwrap();
            assert!(key.can_sign());
            assert_signed_by(&key, token);
        }
    }
}

#[test]
fn detached_and_unencoded_payloads_are_refused() {
    for (name, fault) in NEVER {
        let file = kit::json(name);
        let token = str_of(&file["output"], "compact");
        let key = jwk_key(&file["input"]["key"]).unwrap();
        assert_eq!(verify_raw(key, token), Some(fault), "{name}");
    }
}

#[test]
fn the_json_form_is_refused() {
    let key = jwk_key(&kit::json(HMAC_KEY)).unwrap();
    let mut forms = 0;
    for name in JSON_ONLY.into_iter().chain([HMAC]).chain(PUBLIC.map(|(name, _)| name)) {
        for form in ["json", "json_flat"] {
            let output = &kit::json(name)["output"][form];
            if *output != Value::Null {
                forms += 1;
                for text in [output.to_string(), serde_json::to_string_pretty(output).unwrap()] {
                    let fault = verify_raw(key.clone(), &text).unwrap();
                    assert!(
                        [TokenErrorKind::Malformed, TokenErrorKind::TooLarge].contains(&fault),
                        "{name}: {fault:?}"
                    );
                }
            }
        }
    }
    assert_eq!(forms, 17);
}

#[test]
fn a_key_for_encryption_is_refused() {
    let kind = jwk_key(&kit::json(ENCRYPTION_KEY)).unwrap_err();
    assert_eq!(kind, KeyErrorKind::Contradictory);
}

#[test]
fn public_keys_need_the_feature_for_them() {
    for (name, is_pair) in PUBLIC_KEYS {
        let key = jwk_key(&kit::json(name)).map(|key| key.can_sign());
        if cfg!(feature = "asymmetric") {
            assert_eq!(key, Ok(is_pair), "{name}");
        } else {
            assert_eq!(key, Err(KeyErrorKind::Unsupported), "{name}");
        }
    }
}
