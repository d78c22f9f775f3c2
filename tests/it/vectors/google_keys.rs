//! Tests with `google-jwt_verify_lib/{jwks_parse,verify}.json`: key sets, and tokens with their
//! keys.

use serde_json::Value;
use tower_jwt_auth::jwt::{KeyErrorKind, TokenErrorKind};
use tower_jwt_auth::{JwtAuth, Key, KeySet, Secret};

use super::{
    Exclusion, assert_adds_up, assert_refused_by_hmac, is_listed, jwk_key, without_public_keys,
};
use crate::kit::{self, str_of};

const KEYS: &str = "google-jwt_verify_lib/jwks_parse.json";
const TOKENS: &str = "google-jwt_verify_lib/verify.json";

/// Key sets with a faulty `oct` key: without `k`, and with a `k` that is not base64.
const OCT: [(&str, KeyErrorKind); 2] = [
    ("JwksJwkOctBadMissingK", KeyErrorKind::Unreadable),
    ("JwksJwkOctBadBase64", KeyErrorKind::Unreadable),
];
const PUBLIC: &str = "a public key needs the feature `asymmetric`";
const WAITING_TOKENS: &[Exclusion] = without_public_keys(&[
    ("VerifyJwkRsaTest.NoKidOK 1", PUBLIC),
    ("VerifyJwkRsaTest.NoKidLongExpOK None", PUBLIC),
    ("VerifyJwkRsaTest.CorrectKidOK 1", PUBLIC),
    ("VerifyJwkRsaTest.NonExistKidFail 1", PUBLIC),
    ("VerifyJwkRsaTest.LongClaimsWithCorrectKidOk 1", PUBLIC),
    ("VerifyAudTest.Success audiences", PUBLIC),
    ("VerifyAudTest.Success std::vector<std::string>{}", PUBLIC),
]);

#[test]
fn no_set_of_the_file_holds_a_key_for_hmac() {
    let cases = kit::cases(KEYS);
    assert_eq!(cases.len(), 34);
    let (mut pem, mut oct, mut waiting) = (0, 0, 0);
    for case in &cases {
        let (name, text) = (str_of(case, "name"), str_of(case, "jwks"));
        // If a public key were accepted as a secret, everyone could sign tokens.
        if text.contains("\"keys\"") {
            assert_eq!(Secret::new(text).unwrap_err().kind(), KeyErrorKind::NotASecret, "{name}");
        }
        if str_of(case, "type") == "PEM" {
            pem += 1;
            assert_eq!(Secret::new(text).unwrap_err().kind(), KeyErrorKind::NotASecret, "{name}");
            continue;
        }
        let of_oct = OCT.iter().find(|(other, _)| *other == name).map(|(_, kind)| *kind);
        *if of_oct.is_some() { &mut oct } else { &mut waiting } += 1;
        let set: Value = serde_json::from_str(text).unwrap_or_default();
        for jwk in set["keys"].as_array().into_iter().flatten() {
            if cfg!(feature = "asymmetric") && of_oct.is_none() {
                break;
            }
            // In this set, `kty` is a number.
            let other = match name {
                "JwksJwkBadKty" => KeyErrorKind::Unreadable,
                _ => KeyErrorKind::Unsupported,
            };
            assert_eq!(jwk_key(jwk).unwrap_err(), of_oct.unwrap_or(other), "{name}");
        }
    }
    assert_eq!((pem, oct, waiting), (4, 2, 28));
}

/// Key sets with a single key that lacks `crv`. RFC 7518 section 6.2.1.1 requires `crv`.
#[cfg(feature = "asymmetric")]
const NO_CURVE: [&str; 2] = ["JwksECMissingBothAlgCrvES256", "JwkECMissingCrv"];

#[cfg(feature = "asymmetric")]
#[test]
fn sets_and_pem_keys_get_their_verdicts() {
    use tower_jwt_auth::Algorithm;

    for case in kit::cases(KEYS) {
        let (name, text) = (str_of(&case, "name"), str_of(&case, "jwks"));
        let is_accepted = match str_of(&case, "type") {
            "PEM" if name == "goodPEMEd25519" => Key::from_pem(Algorithm::EdDsa, text).is_ok(),
            "PEM" => Key::from_pem(Algorithm::Rs256, text).is_ok(),
            _ => KeySet::from_jwks(text).is_ok(),
        };
        let expected = case["expected"] == "Ok" && !NO_CURVE.contains(&name);
        assert_eq!(is_accepted, expected, "{name}");
        if let ("JwksIgnoreUnsupportedKeyInMiddle", Ok(set)) = (name, KeySet::from_jwks(text)) {
            let ids: Vec<_> = set.iter().map(|key| key.id().unwrap().to_owned()).collect();
            assert_eq!(ids, ["one", "three"]);
        }
    }
}

#[test]
fn tokens_get_their_verdicts() {
    let cases = kit::cases(TOKENS);
    assert_eq!(cases.len(), 13);
    let (mut names, mut applied) = (Vec::new(), 0);
    for case in &cases {
        let args = case["args"].as_str().unwrap_or("None");
        let name = format!("{} {args}", str_of(case, "test"));
        let token = str_of(case, "jwt");
        names.push(name.clone());
        assert_refused_by_hmac(token);
        if is_listed(WAITING_TOKENS, &name) {
            continue;
        }
        applied += 1;
        let set: Value = serde_json::from_str(str_of(case, "key")).unwrap();
        let keys: Vec<Key> =
            set["keys"].as_array().unwrap().iter().map(|jwk| jwk_key(jwk).unwrap()).collect();
        let payload: Value =
            serde_json::from_slice(&kit::unb64(token.split('.').nth(1).unwrap())).unwrap();
        let Some(exp) = payload["exp"].as_i64() else {
            // Google's library accepts tokens without `exp`. This crate rejects them, but only
            // after it has verified the signature.
            let auth = JwtAuth::new(KeySet::new(keys).unwrap());
            let auth = auth.audience(payload["aud"][0].as_str().unwrap());
            assert_eq!(kit::fault(&auth, token), Some(TokenErrorKind::MissingClaim), "{name}");
            continue;
        };
        let mut auth =
            JwtAuth::new(KeySet::new(keys).unwrap()).max_token_bytes(16 * 1024).claims::<Value>();
        if let Some(aud) = payload["aud"].as_str() {
            auth = auth.audience(aud);
        }
        let in_time = auth.clone().with_clock(kit::at(exp - 1));
        match str_of(case, "expected") {
            "Ok" => {
                assert_eq!(kit::fault(&in_time, token), None, "{name}");
                let late = auth.with_clock(kit::at(exp + 5));
                assert_eq!(kit::fault(&late, token), Some(TokenErrorKind::Expired), "{name}");
            }
            "JwksKidAlgMismatch" => {
                let fault = kit::fault(&in_time, token).unwrap();
                let allowed = [TokenErrorKind::UnknownKeyId, TokenErrorKind::WrongAlgorithm];
                assert!(allowed.contains(&fault), "{name}: {fault:?}");
            }
            other => panic!("{name}: {other} is new"),
        }
    }
    assert_adds_up(TOKENS, &names, &[WAITING_TOKENS], applied);
}
