//! A fetched key set.

use std::collections::BTreeSet;

use crate::jwks::error::{KeySourceError, KeySourceErrorKind};
use crate::jwt::{Algorithm, Key, KeySet, ParsedKeySet, parse_key_set};

/// The usable keys of a document. There is at least one key.
pub(crate) struct LoadedSet {
    keys: KeySet,
    skipped: usize,
    skip_reasons: Vec<String>,
}

impl LoadedSet {
    /// Reads a document. A set without a usable key is an error.
    pub(crate) fn parse(
        json: &[u8],
        algorithms: Option<&[Algorithm]>,
    ) -> Result<Self, KeySourceError> {
        let ParsedKeySet { keys, skipped, reasons } = parse_key_set(json, algorithms)
            .map_err(|error| KeySourceError::caused(KeySourceErrorKind::Unreadable, error))?;
        if keys.is_empty() {
            let kind = KeySourceErrorKind::NoUsableKey;
            return Err(match reasons.is_empty() {
                true => kind.into(),
                false => KeySourceError::caused(kind, reasons.join("; ")),
            });
        }
        Ok(Self { keys, skipped, skip_reasons: reasons })
    }

    /// Returns true if both sets have the same keys, in any order. Some issuers publish their keys
    /// in a new order each time.
    pub(crate) fn has_same_keys(&self, other: &Self) -> bool {
        let contains = |keys: &KeySet, key| keys.iter().any(|other| is_same(key, other));
        self.keys.iter().count() == other.keys.iter().count()
            && self.keys.iter().all(|key| contains(&other.keys, key))
            && other.keys.iter().all(|key| contains(&self.keys, key))
    }

    /// Returns the keys, except those whose identifiers are in `forgotten`.
    pub(crate) fn without(&self, forgotten: &BTreeSet<String>) -> KeySet {
        if forgotten.is_empty() {
            return self.keys.clone();
        }
        let is_kept = |key: &&Key| key.id().is_none_or(|id| !forgotten.contains(id));
        KeySet::of(self.keys.iter().filter(is_kept).cloned().collect())
    }

    /// Returns the number of skipped keys.
    pub(crate) fn skipped(&self) -> usize {
        self.skipped
    }

    /// Returns the reasons why keys were skipped. Only the first eight skipped keys are listed.
    pub(crate) fn skip_reasons(&self) -> &[String] {
        &self.skip_reasons
    }
}

fn is_same(key: &Key, other: &Key) -> bool {
    key.id() == other.id()
        && key.algorithm() == other.algorithm()
        && key.public_components() == other.public_components()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn jwk(key: &Key) -> Value {
        serde_json::from_str(&key.to_jwk().unwrap()).unwrap()
    }

    fn generated(algorithm: Algorithm, id: &str) -> Value {
        jwk(&Key::generate(algorithm).unwrap().with_id(id).unwrap())
    }

    fn set(keys: &[&Value]) -> LoadedSet {
        LoadedSet::parse(json!({ "keys": keys }).to_string().as_bytes(), None).unwrap()
    }

    #[test]
    fn sets_are_the_same_if_they_have_the_same_keys_in_any_order() {
        let first = generated(Algorithm::EdDsa, "1");
        let (second, other) = (generated(Algorithm::Es256, "2"), generated(Algorithm::EdDsa, "1"));
        let mut renamed = first.clone();
        renamed["kid"] = json!("renamed");
        let rsa = include_str!("../../tests/data/keys/rsa_public.pem");
        let [with_rs256, with_ps256] = [Algorithm::Rs256, Algorithm::Ps256]
            .map(|algorithm| jwk(&Key::from_pem(algorithm, rsa).unwrap().with_id("3").unwrap()));
        let is_same = |one: &[&Value], two: &[&Value]| set(one).has_same_keys(&set(two));
        assert!(is_same(&[&first, &second], &[&second, &first]));
        // Each of these pairs differs only in the identifier, in the key itself, in the algorithm,
        // or in the number of keys.
        assert!(!is_same(&[&first], &[&renamed]));
        assert!(!is_same(&[&first], &[&other]));
        assert!(!is_same(&[&with_rs256], &[&with_ps256]));
        assert!(!is_same(&[&first], &[&first, &first]));
        // In each of these pairs, one list contains a key that the other list lacks.
        assert!(!is_same(&[&first], &[&first, &second]));
        assert!(!is_same(&[&first, &first], &[&first, &second]));
        assert!(!is_same(&[&first, &second], &[&first, &first]));
    }
}
