//! Fuzzes key material. An accepted secret must be long enough, have enough distinct bytes, and not
//! be the text of a PEM, JWK or SSH key. An accepted key must verify the tokens that it signs. A
//! public key that is converted to a JWK and back must have the same thumbprint.
#![no_main]

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Value, json};
use tower_jwt_auth::jwt::Signer;
use tower_jwt_auth::{Algorithm, JwtAuth, Key, KeySet, Secret};
use tower_jwt_auth_fuzz::{NOW, clock, target};

fn run(input: &[u8]) {
    if let Ok(secret) = Secret::new(input) {
        assert_is_secret(input);
        assert_same(Key::hs256(secret.clone()), Key::hs256(secret.clone()));
        assert_eq!(Key::hs384(secret.clone()).is_ok(), input.len() >= 48);
        assert_eq!(Key::hs512(secret).is_ok(), input.len() >= 64);
    }
    for algorithm in ALGORITHMS {
        if let Ok(key) = Key::from_der(algorithm, input) {
            assert_imported(algorithm, &key);
        }
    }
    let Ok(text) = std::str::from_utf8(input) else { return };
    for algorithm in ALGORITHMS {
        if let Ok(key) = Key::from_pem(algorithm, text) {
            assert_imported(algorithm, &key);
        }
    }
    if let Ok(keys) = KeySet::from_jwks(text) {
        assert!((1..=100).contains(&keys.iter().count()));
        for key in keys.iter() {
            assert!(!key.can_sign(), "a set holds public keys");
            assert_imported(key.algorithm(), key);
        }
    }
    if let Ok(secret) = Secret::from_base64(text) {
        let decoded = decode(text).expect("only base64 is accepted");
        assert_is_secret(&decoded);
        assert_same(Key::hs256(secret), Key::hs256(Secret::new(&decoded).expect("the same bytes")));
    }
    if let Ok(key) = Key::from_jwk(text) {
        let jwk: Value = serde_json::from_str(text).expect("it was JSON");
        if jwk["kty"] == "oct" {
            assert_jwk_allows(&jwk, &key);
            assert_same(key.clone(), key);
        } else {
            assert_public_jwk_allows(&jwk, &key);
            assert_imported(key.algorithm(), &key);
        }
    }
}

fn assert_is_secret(bytes: &[u8]) {
    assert!(bytes.len() >= 32);
    let mut distinct = bytes.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    assert!(distinct.len() >= 8);
    assert!(!bytes.windows(11).any(|part| part == b"-----BEGIN "), "PEM");
    let text = String::from_utf8_lossy(bytes);
    let trimmed =
        |text: &str| text.trim_start_matches(|c: char| c.is_ascii_whitespace()).to_owned();
    let text = trimmed(&text);
    let text = trimmed(text.strip_prefix('\u{feff}').unwrap_or(&text));
    if serde_json::from_str::<Value>(&text).is_ok_and(|json| json.is_object()) {
        assert!(!text.contains("\"kty\"") && !text.contains("\"keys\""), "JWK");
    }
    assert!(!text.starts_with("ssh-") && !text.starts_with("ecdsa-sha2-"), "SSH");
}

/// Signs a token with the key `signing`. Checks that the key `verifying` accepts the token, and
/// that an unrelated key rejects the token.
fn assert_same(signing: Key, verifying: Key) {
    let claims = json!({ "exp": NOW + 60 });
    let token = Signer::new(signing).sign(&claims).expect("claims are an object");
    let auth = |key| JwtAuth::new(key).with_clock(clock()).claims::<Value>();
    assert_eq!(*auth(verifying).verify(&token).expect("its own token"), claims);
    assert!(auth(tower_jwt_auth_fuzz::key()).verify(&token).is_err());
}

/// One algorithm for each type of key.
const ALGORITHMS: [Algorithm; 8] = [
    Algorithm::Rs256,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Es512,
    Algorithm::EdDsa,
    Algorithm::MlDsa44,
    Algorithm::MlDsa65,
    Algorithm::MlDsa87,
];

/// Checks a public key or a key pair.
fn assert_imported(algorithm: Algorithm, key: &Key) {
    assert_eq!(key.algorithm(), algorithm);
    let jwk = key.to_jwk().expect("it has a public key");
    let read = Key::from_jwk(&jwk).expect("its own JWK");
    assert_eq!((read.id(), read.thumbprint()), (key.id(), key.thumbprint()));
    assert_eq!((read.algorithm(), read.can_sign()), (algorithm, false));
    let value: Value = serde_json::from_str(&jwk).expect("it is JSON");
    assert!(PRIVATE.iter().all(|name| value.get(name).is_none()), "a private member is written");
    if key.can_sign() {
        // RSA needs a millisecond for a signature, so sign once.
        assert_same(key.clone(), read);
        if let Ok(pem) = key.dangerous_to_pem() {
            let again = Key::from_pem(algorithm, &pem).expect("its own PEM");
            assert_eq!(again.thumbprint(), key.thumbprint());
        }
    }
}

const PRIVATE: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "priv", "k"];

fn assert_public_jwk_allows(jwk: &Value, key: &Key) {
    let is_absent = |name: &str| jwk.get(name).is_none_or(Value::is_null);
    assert!(is_absent("use") || jwk["use"] == "sig");
    let operation = if key.can_sign() { "sign" } else { "verify" };
    let allows = |ops: &Vec<Value>| ops.iter().any(|op| op == operation);
    assert!(jwk["key_ops"].as_array().is_none_or(allows));
    assert_eq!(key.can_sign(), PRIVATE.iter().any(|name| !is_absent(name)));
    if let Some(alg) = jwk["alg"].as_str() {
        assert!(alg == key.algorithm().as_str() || alg == "Ed25519");
    }
    assert_eq!(jwk["kid"].as_str().map(str::to_owned).or(key.thumbprint()).as_deref(), key.id());
}

fn assert_jwk_allows(jwk: &Value, key: &Key) {
    assert_eq!(jwk["kty"], "oct");
    assert!(jwk.get("use").is_none_or(|r#use| r#use.is_null() || r#use == "sig"));
    let verifies = |ops: &Vec<Value>| ops.iter().any(|op| op == "verify");
    assert!(jwk["key_ops"].as_array().is_none_or(verifies));
    assert_eq!(jwk["alg"], key.algorithm().as_str());
    let bytes = decode(jwk["k"].as_str().expect("`k` is a string")).expect("`k` is base64url");
    assert_is_secret(&bytes);
    let least = match key.algorithm() {
        Algorithm::Hs256 => 32,
        Algorithm::Hs384 => 48,
        Algorithm::Hs512 => 64,
        other => panic!("{other:?} takes no secret"),
    };
    assert!(bytes.len() >= least);
    assert_eq!(jwk["kid"].as_str(), key.id());
}

/// Decodes base64 in the standard or the URL-safe alphabet. The text may have line breaks anywhere,
/// and spaces at its start and end.
fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.trim().replace(['\r', '\n'], "");
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let decode = |alphabet| GeneralPurpose::new(alphabet, config).decode(&text).ok();
    decode(&alphabet::STANDARD).or_else(|| decode(&alphabet::URL_SAFE))
}

target!(run);
