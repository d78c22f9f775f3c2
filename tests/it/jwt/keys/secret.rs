//! RFC 7518 section 3.2 and RFC 8725 section 3.5: the rules for keys.

use serde_json::json;
use tower_jwt_auth::jwt::{KeyError, KeyErrorKind, Signer};
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
fn the_error_of_a_bad_key_does_not_show_the_key() {
    for bytes in
        ["shortsecret", "changechangechangechangechangeme", "-----BEGIN PUBLIC KEY-----abc"]
    {
        let error = Secret::new(bytes).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(bytes));
    }
}

#[test]
fn every_byte_of_a_key_counts() {
    // HMAC first hashes a key that is longer than one block of the hash function. The test
    // therefore includes keys of up to one block and longer keys.
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
fn a_secret_is_read_alike_from_a_file_and_from_the_environment() {
    const TEXT: &str = "k\u{e9}y-0123456789+/abcdefghijklmnopqrstuvwxyz";
    let folder = std::env::temp_dir().join(format!("tower-jwt-auth-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("secret");
    let base64 = |secret: Secret| secret.dangerous_to_base64();
    let expected = base64(Secret::new(TEXT).unwrap());
    let from_file = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        Secret::from_file(&path)
    };
    for end in ["", "\n", "\r\n"] {
        let secret = from_file(format!("{TEXT}{end}").as_bytes()).unwrap();
        assert_eq!(base64(secret), expected, "{end:?}");
    }
    let raw: Vec<u8> = (200..=240).chain(*b"\n").collect();
    assert_eq!(base64(from_file(&raw).unwrap()), base64(Secret::new(&raw).unwrap()));
    for (text, part) in [
        (format!("\u{feff}{TEXT}\n"), "byte order mark"),
        (format!("{TEXT} \n"), "a blank"),
        (format!("\"{TEXT}\"\n"), "in quotes"),
        (format!("{TEXT}\n{TEXT}\n"), "several lines"),
    ] {
        let error = from_file(text.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), KeyErrorKind::Unreadable);
        assert!(error.to_string().contains(part), "{error}");
        assert!(error.to_string().starts_with("file "), "{error}");
        assert!(!error.to_string().contains(TEXT));
    }
    let utf16: Vec<u8> =
        format!("\u{feff}{}", &TEXT[4..]).encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(from_file(&utf16).unwrap_err().to_string().contains("UTF-16"));

    let (first, second) = expected.split_at(30);
    std::fs::write(&path, format!("{first}\n{second}\n")).unwrap();
    assert_eq!(base64(Secret::from_file_base64(&path).unwrap()), expected);
    std::fs::write(&path, "no base64 at all\n").unwrap();
    let error = Secret::from_file_base64(&path).unwrap_err();
    assert!(error.to_string().contains("not base64"), "{error}");
    std::fs::remove_dir_all(&folder).unwrap();
    for error in [Secret::from_file(&path), Secret::from_file_base64(&path)] {
        assert_eq!(error.unwrap_err().kind(), KeyErrorKind::Unreadable);
    }
}

#[test]
fn a_secret_in_the_environment_is_read_like_one_in_a_file() {
    const VARIABLE: &str = "TOWER_JWT_AUTH_TEST_SECRET";
    let outcome = |result: Result<Secret, KeyError>, place: &str| match result {
        Ok(secret) => secret.dangerous_to_base64(),
        Err(error) => format!("{:?} {}", error.kind(), error.to_string().replace(place, "PLACE")),
    };
    let from_env = [Secret::from_env(VARIABLE), Secret::from_env_base64(VARIABLE)]
        .map(|result| outcome(result, &format!("environment variable {VARIABLE}")));
    let Ok(path) = std::env::var("TOWER_JWT_AUTH_TEST_FILE") else {
        for outcome in from_env {
            assert_eq!(outcome, "Unreadable PLACE is not set: it must hold the secret");
        }
        let path = std::env::temp_dir().join(format!("tower-jwt-auth-env-{}", std::process::id()));
        for value in [
            "k\u{e9}y-0123456789+/abcdefghijklmnopqrstuvwxyz",
            "0123456789abcdefghijklmnopqrstuvwxyz\n",
            "MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6",
            "\"0123456789abcdefghijklmnopqrstuvwxyz\"",
            "short",
        ] {
            std::fs::write(&path, value).unwrap();
            // Use a child process, since changing the environment of this process would be
            // `unsafe`.
            let test = "jwt::keys::secret::a_secret_in_the_environment_is_read_like_one_in_a_file";
            let child = std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", test])
                .env(VARIABLE, value)
                .env("TOWER_JWT_AUTH_TEST_FILE", &path)
                .output()
                .unwrap();
            assert!(
                child.status.success(),
                "{value:?}: {}",
                String::from_utf8_lossy(&child.stdout)
            );
        }
        return std::fs::remove_file(&path).unwrap();
    };
    let from_file = [Secret::from_file(&path), Secret::from_file_base64(&path)]
        .map(|result| outcome(result, &format!("file {path}")));
    assert_eq!(from_env, from_file);
}

#[test]
fn a_key_has_an_identifier_of_1_to_256_bytes() {
    let with_id = |len| Key::hs256(kit::secret()).with_id("i".repeat(len));
    for len in [1, 256] {
        assert_eq!(with_id(len).unwrap().id(), Some(&*"i".repeat(len)));
    }
    for len in [0, 257, 300] {
        assert_eq!(with_id(len).unwrap_err().kind(), KeyErrorKind::BadId);
    }
}

#[test]
fn the_documentation_says_that_a_shared_secret_can_also_sign() {
    let token =
        Signer::new(Key::hs256(kit::secret())).sign(&json!({ "exp": kit::NOW + 1 })).unwrap();
    assert_eq!(kit::fault(&kit::auth(), &token), None);
    let source = include_str!("../../../../src/jwt/keys/secret.rs");
    assert!(source.contains("RFC 7515") && source.contains("can *create* tokens"));
}
