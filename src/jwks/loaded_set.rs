//! A fetched key set.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use crate::jwks::error::{KeySourceError, KeySourceErrorKind};
use crate::jwt::{Algorithm, Key, KeySet};

/// The keys of a document.
pub(crate) struct LoadedSet {
    keys: KeySet,
    /// The JWKs of the document, to compare it with the next one.
    jwks: Vec<Value>,
    skipped: Vec<String>,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl LoadedSet {
    pub(crate) fn parse(
        json: &[u8],
        algorithms: Option<&[Algorithm]>,
    ) -> Result<Self, KeySourceError> {
        let unreadable = |error| KeySourceError::caused(KeySourceErrorKind::Unreadable, error);
        let document: Document = serde_json::from_slice(json).map_err(unreadable)?;
        let (keys, skipped) = usable(&document.keys, algorithms);
        if keys.is_empty() {
            return Err(KeySourceErrorKind::NoUsableKey.into());
        }
        Ok(Self { keys: KeySet::of(keys), jwks: document.keys, skipped })
    }

    /// Returns true if both documents contain the same keys, in any order. Some issuers publish
    /// their keys in a new order each time.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let contains = |jwks: &[Value], jwk| jwks.contains(jwk);
        self.jwks.len() == other.jwks.len()
            && self.jwks.iter().all(|jwk| contains(&other.jwks, jwk))
            && other.jwks.iter().all(|jwk| contains(&self.jwks, jwk))
    }

    /// Returns the keys without those that were forgotten.
    pub(crate) fn without(&self, forgotten: &BTreeSet<String>) -> KeySet {
        if forgotten.is_empty() {
            return self.keys.clone();
        }
        let is_kept = |key: &&Key| key.id().is_none_or(|id| !forgotten.contains(id));
        KeySet::of(self.keys.iter().filter(is_kept).cloned().collect())
    }

    pub(crate) fn skipped(&self) -> &[String] {
        &self.skipped
    }
}

/// Returns the keys that can verify tokens, and the reasons for which others were skipped. Until the
/// import of public keys exists, no key is usable outside of this crate's own tests.
fn usable(jwks: &[Value], _algorithms: Option<&[Algorithm]>) -> (Vec<Key>, Vec<String>) {
    let mut skipped = Vec::new();
    let keys = jwks.iter().filter(|_| cfg!(test)).filter_map(|jwk| {
        Key::from_jwk(&jwk.to_string()).map_err(|error| skipped.push(error.to_string())).ok()
    });
    (keys.collect(), skipped)
}
