//! Test vectors, mostly from other projects: `tests/data/README.md` names those projects.
//!
//! Every case of a file is either applied, or excluded by name with a reason. The tests also check
//! the number of cases, so no case is lost when a file changes.

mod adversarial;
mod bearer_extract;
mod cookbook;
mod cookie_header;
mod google_keys;
mod google_tokens;
mod jsontestsuite;
#[cfg(feature = "asymmetric")]
mod ml_dsa;
mod rfc;
#[cfg(feature = "asymmetric")]
mod thumbprints;
mod www_authenticate;
mod wycheproof;
mod wycheproof_keys;

use std::collections::HashSet;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use serde_json::Value;
use tower_jwt_auth::Key;
use tower_jwt_auth::jwt::{KeyError, KeyErrorKind, TokenErrorKind, Verifier};

use crate::kit;

/// A case that the tests skip, and the reason.
type Exclusion = (&'static str, &'static str);

/// Returns the cases to skip. Without the feature `asymmetric`, these are the cases in `list`,
/// which need a public key. With the feature, no case is skipped.
const fn without_public_keys(list: &'static [Exclusion]) -> &'static [Exclusion] {
    if cfg!(feature = "asymmetric") { &[] } else { list }
}

/// Returns a different key with the same algorithm and identifier.
fn stranger(key: &Key) -> Key {
    let other = if key.can_sign() && kit::ALGORITHMS.contains(&key.algorithm()) {
        kit::key(key.algorithm())
    } else {
        Key::generate(key.algorithm()).unwrap()
    };
    key.id().map_or(other.clone(), |id| other.with_id(id).unwrap())
}

/// Checks that `key` verifies the signature of a token, and that another key does not. The payload
/// of the token is not a set of claims.
fn assert_signed_by(key: &Key, token: &str) {
    assert_eq!(verify_raw(key.clone(), token), Some(TokenErrorKind::Malformed), "{token}");
    assert_eq!(verify_raw(stranger(key), token), Some(TokenErrorKind::BadSignature), "{token}");
}

/// Returns true if `name` is in the list.
fn is_listed(list: &[Exclusion], name: &str) -> bool {
    list.iter().any(|(listed, _)| *listed == name)
}

/// Checks that each excluded name occurs exactly once in the file, and that every case that is not
/// excluded was applied.
fn assert_adds_up(file: &str, names: &[String], lists: &[&[Exclusion]], applied: usize) {
    let mut seen = HashSet::new();
    for (name, reason) in lists.iter().copied().flatten() {
        assert!(seen.insert(*name), "{file}: {name} is listed twice");
        assert!(names.iter().any(|other| other == name), "{file}: {name} is not in the file");
        assert!(!reason.is_empty(), "{file}: {name} has no reason");
    }
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{file}: names repeat");
    assert_eq!(seen.len() + applied, names.len(), "{file}: excluded and applied");
}

/// Verifies a token whose payload is not a set of claims, and returns the kind of the error. The
/// kind shows whether the signature is valid, since the payload is read only if the signature is
/// valid.
fn verify_raw(key: Key, token: &str) -> Option<TokenErrorKind> {
    Verifier::new(key).with_clock(kit::at(kit::NOW)).verify::<Value>(token).err().map(|e| e.kind())
}

/// Checks that a verifier with an HMAC key rejects a token that was signed with a private key, even
/// if the token's `kid` names the HMAC key.
fn assert_refused_by_hmac(token: &str) {
    let header = token.split('.').next().unwrap_or_default();
    let header = BASE64_URL_SAFE_NO_PAD.decode(header).unwrap_or_default();
    let header: Value = serde_json::from_slice(&header).unwrap_or_default();
    let kid = header["kid"].as_str().filter(|kid| !kid.is_empty()).unwrap_or("ours");
    for key in kit::ALGORITHMS.map(kit::key) {
        for key in [key.clone(), key.with_id(kid).unwrap()] {
            assert!(verify_raw(key, token).is_some(), "accepted: {token}");
        }
    }
}

/// Parses the key of a JWK. If `jsonwebtoken` can parse the JWK and supports its algorithm, also
/// checks that the conversion from the parsed `Jwk` has the same result.
fn jwk_key(jwk: &Value) -> Result<Key, KeyErrorKind> {
    let kind = |error: KeyError| error.kind();
    let ours = Key::from_jwk(&jwk.to_string()).map_err(kind);
    let is_ours_only = |key: &Key| jsonwebtoken::Algorithm::try_from(key.algorithm()).is_err();
    match serde_json::from_value::<Jwk>(jwk.clone()) {
        _ if ours.as_ref().is_ok_and(is_ours_only) => {}
        Ok(theirs) => {
            let converted = Key::try_from(&theirs).map_err(kind);
            assert_eq!(format!("{converted:?}"), format!("{ours:?}"), "{jwk}");
        }
        Err(_) => assert!(ours.is_err(), "only we accept {jwk}"),
    }
    ours
}
