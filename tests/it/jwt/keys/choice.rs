//! Tests that each token is verified with the right key.

use tower_jwt_auth::jwt::{KeyErrorKind, TokenErrorKind};
use tower_jwt_auth::{Algorithm, Key, KeySet};

use crate::kit;
use crate::kit::pairs::{self, fault, sign};

fn es256() -> Key {
    Key::generate(Algorithm::Es256).unwrap()
}

#[test]
fn keys_with_one_identifier_and_different_algorithms_are_told_apart() {
    let keys = [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256]
        .map(|algorithm| pairs::pair(algorithm).with_id("2026-11").unwrap());
    let set = KeySet::new(keys.clone()).unwrap();
    for key in &keys {
        assert_eq!(fault(set.clone(), &sign(key)), None, "{key:?}");
    }
    let other = pairs::pair(Algorithm::Es384).with_id("2026-11").unwrap();
    assert_eq!(fault(set.clone(), &sign(&other)), Some(TokenErrorKind::WrongAlgorithm));
    let other = keys[0].clone().with_id("2026-10").unwrap();
    assert_eq!(fault(set, &sign(&other)), Some(TokenErrorKind::UnknownKeyId));
}

#[test]
fn two_keys_of_a_set_have_different_identifiers_or_algorithms() {
    let named = |key: Key| key.with_id("a").unwrap();
    let kind = |keys: Vec<Key>| KeySet::new(keys).map_err(|error| error.kind()).err();
    let secret = kit::key(Algorithm::Hs256);
    assert_eq!(kind(vec![named(es256()), named(es256())]), Some(KeyErrorKind::BadId));
    assert_eq!(kind(vec![named(es256()), named(secret.clone())]), None);
    let key = es256();
    assert_eq!(kind(vec![key.clone(), key.public().unwrap()]), Some(KeyErrorKind::BadId));
}
