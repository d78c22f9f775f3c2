//! RFC 7518 section 3.2 and RFC 8725 section 3.5: what can be a key.

use serde_json::json;
use tower_jwt_auth::jwt::{KeyErrorKind, Signer};
use tower_jwt_auth::{JwtAuth, Key, Secret};

use crate::kit;

fn bytes(len: u8) -> Vec<u8> {
    (0..len).collect()
}

#[test]
fn a_key_is_no_shorter_than_its_hash() {
    assert_eq!(Secret::new(bytes(31)).unwrap_err().kind(), KeyErrorKind::TooShort);
    let secret = |len| Secret::new(bytes(len)).unwrap();
    let _ = Key::hs256(secret(32));
    assert_eq!(Key::hs384(secret(47)).unwrap_err().kind(), KeyErrorKind::TooShort);
    assert!(Key::hs384(secret(48)).is_ok());
    assert_eq!(Key::hs512(secret(63)).unwrap_err().kind(), KeyErrorKind::TooShort);
    assert!(Key::hs512(secret(64)).is_ok());
}

#[test]
fn a_password_is_not_a_key() {
    for password in
        ["", "secret", "password", "your-256-bit-secret", "correct horse battery staple"]
    {
        assert_eq!(Secret::new(password).unwrap_err().kind(), KeyErrorKind::TooShort, "{password}");
    }
    for padded in ["passwordpasswordpasswordpassword", &"a".repeat(64), &"0123456".repeat(9)] {
        let kind = Secret::new(padded).unwrap_err().kind();
        assert_eq!(kind, KeyErrorKind::Predictable, "{padded}");
    }
    assert_eq!(Secret::new([0; 64]).unwrap_err().kind(), KeyErrorKind::Predictable);
}

#[test]
fn what_is_said_of_a_bad_key_does_not_show_it() {
    for bytes in
        ["shortsecret", "changechangechangechangechangeme", "-----BEGIN PUBLIC KEY-----abc"]
    {
        let error = Secret::new(bytes).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(bytes));
    }
}

#[test]
fn every_byte_of_a_key_counts() {
    // Also those beyond the block of the hash, where HMAC hashes the key first.
    for len in [32_u8, 64, 65, 200] {
        let token = Signer::new(Key::hs256(Secret::new(bytes(len)).unwrap()))
            .sign(&json!({ "exp": 32_503_680_000_u64 }))
            .unwrap();
        for at in 0..usize::from(len) {
            let mut other = bytes(len);
            other[at] ^= 1;
            let auth = JwtAuth::new(Secret::new(&other).unwrap());
            assert!(auth.verify(&token).is_err(), "byte {at} of {len}");
        }
    }
}

#[test]
fn whoever_can_check_a_token_can_make_one_and_the_documentation_says_so() {
    let token =
        Signer::new(Key::hs256(kit::secret())).sign(&json!({ "exp": kit::NOW + 1 })).unwrap();
    assert_eq!(kit::fault(&kit::auth(), &token), None);
    let source = include_str!("../../../src/jwt/secret.rs");
    assert!(source.contains("RFC 7515") && source.contains("can *make* tokens"));
}
