//! A set of public keys in JSON, as providers publish it: the JWK Set of RFC 7517 section 5.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::jwt::error::{KeyError, KeyErrorKind};
use crate::jwt::keys::algorithm::Algorithm;
use crate::jwt::keys::jwk_common::{Jwk, unreadable};
use crate::jwt::keys::jwk_members;
use crate::jwt::keys::key::Key;
use crate::jwt::keys::key_set::KeySet;

/// The maximum number of keys that are read from a set.
const MAX_KEYS: usize = 100;
/// The maximum number of skipped keys for which a reason is kept.
const MAX_REASONS: usize = 8;

/// A parsed key set. Some keys of the document may have been skipped.
#[derive(Debug)]
#[cfg_attr(not(feature = "jwks"), allow(dead_code, reason = "remote key sets read all members"))]
pub(crate) struct ParsedKeySet {
    /// The keys that can be used. The set may be empty.
    pub(crate) keys: KeySet,
    /// The number of keys that were skipped.
    pub(crate) skipped: usize,
    /// The reasons why keys were skipped, such as `key 2 ("2026-11"): ..`. Contains one reason for
    /// each of the first eight skipped keys, and no key material.
    pub(crate) reasons: Vec<String>,
}

#[derive(Deserialize)]
struct JwkSet<'j> {
    #[serde(borrow)]
    keys: Vec<&'j RawValue>,
}

impl KeySet {
    /// Reads the public keys of a JWK Set (RFC 7517 section 5), as an issuer publishes them.
    ///
    /// Skips keys that cannot be used: keys with an unsupported `kty` or `crv`, keys for encryption
    /// (`use` is `enc`), weak and malformed keys, private keys, and shared secrets. At most 100
    /// keys are read. Two keys may have the same `kid`: a token is then checked against both. The
    /// identifier of a key without a `kid` is its thumbprint (RFC 7638). An RSA key without an
    /// `alg` is for RS256. Any other key without an `alg` is for the only algorithm of its type.
    ///
    /// ```
    /// use tower_jwt_auth::{Algorithm, KeySet};
    ///
    /// let keys = KeySet::from_jwks(
    ///     r#"{ "keys": [
    ///         { "kty": "OKP", "crv": "Ed25519", "kid": "2026-11",
    ///           "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" },
    ///         { "kty": "RSA", "use": "enc", "n": "..", "e": "AQAB" }
    ///     ] }"#,
    /// )?;
    /// assert_eq!(keys.iter().count(), 1);
    /// assert_eq!(keys.current().algorithm(), Algorithm::EdDsa);
    /// # Ok::<_, tower_jwt_auth::KeyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`KeyErrorKind::Unreadable`] if `json` is not a JWK Set, and
    /// [`KeyErrorKind::BadSetSize`] if the set has no usable key. The message of the error says why
    /// the keys cannot be used.
    pub fn from_jwks(json: &str) -> Result<Self, KeyError> {
        let ParsedKeySet { keys, reasons, .. } = parse(json.as_bytes(), None)?;
        if !keys.is_empty() {
            return Ok(keys);
        }
        let message = format!("the key set has no usable key: {}", reasons.join("; "));
        Err(KeyError::new(KeyErrorKind::BadSetSize, message))
    }
}

/// Reads a key set. `algorithms` lists the allowed algorithms. A key whose `alg` is not in the list
/// is skipped. A key without an `alg` becomes one [`Key`] for each listed algorithm that fits the
/// type of the key. If `algorithms` is `None`, all supported algorithms are allowed, and a key
/// without an `alg` becomes one [`Key`] for the default algorithm of its type.
pub(crate) fn parse(
    json: &[u8],
    algorithms: Option<&[Algorithm]>,
) -> Result<ParsedKeySet, KeyError> {
    let (mut keys, mut skipped, mut reasons) = (Vec::new(), 0_usize, Vec::new());
    for (place, json) in texts_of_keys(json)?.into_iter().enumerate() {
        let read = if place < MAX_KEYS {
            public_keys(json, algorithms)
        } else {
            Err((None, KeyError::new(KeyErrorKind::BadSetSize, "only the first 100 keys are read")))
        };
        match read {
            Ok(read) => keys.extend(read),
            Err((kid, error)) => {
                skipped = skipped.saturating_add(1);
                if reasons.len() < MAX_REASONS {
                    let number = place.saturating_add(1);
                    let kid = kid.map(shown).unwrap_or_default();
                    reasons.push(format!("key {number}{kid}: {error}"));
                }
            }
        }
    }
    Ok(ParsedKeySet { keys: KeySet::of(keys), skipped, reasons })
}

/// Returns the text of each member of the array `keys`, unchanged. A member may be any JSON value.
pub(crate) fn texts_of_keys(json: &[u8]) -> Result<Vec<&str>, KeyError> {
    let not_a_set = || unreadable("this is not a JWK Set: a JSON object with an array in `keys`");
    let json = std::str::from_utf8(json).map_err(|_| not_a_set())?;
    // Reject an array here, since the derived `Deserialize` would accept it.
    if !json.trim_start().starts_with('{') {
        return Err(not_a_set());
    }
    let set: JwkSet<'_> = serde_json::from_str(json).map_err(|_| not_a_set())?;
    Ok(set.keys.into_iter().map(RawValue::get).collect())
}

/// Reads one JWK. Returns its keys, or the error together with the `kid` of the JWK.
fn public_keys(
    json: &str,
    algorithms: Option<&[Algorithm]>,
) -> Result<Vec<Key>, (Option<String>, KeyError)> {
    let jwk = Jwk::read(json).map_err(|error| (None, error))?;
    let keys = if jwk.kty == "oct" {
        let message = "a shared secret does not belong in a published key set";
        Err(KeyError::new(KeyErrorKind::Contradictory, message))
    } else {
        jwk_members::public_keys(json, &jwk, algorithms)
    };
    keys.map_err(|error| (jwk.kid, error))
}

/// Formats the start of a `kid`, for a message about a skipped key.
fn shown(kid: String) -> String {
    let start: String = kid.chars().take(64).collect();
    format!(" ({start:?})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rsa(more: &str) -> String {
        let key = Key::generate(Algorithm::Rs256).unwrap();
        let members = key.public_components().unwrap().members();
        let members = members.into_iter().map(|(name, value)| format!(r#""{name}":"{value}""#));
        format!(r#"{{{}{more}}}"#, members.collect::<Vec<_>>().join(","))
    }

    fn algorithms(keys: &[String], allowed: Option<&[Algorithm]>) -> (Vec<Algorithm>, usize) {
        let json = format!(r#"{{"keys":[{}]}}"#, keys.join(","));
        let ParsedKeySet { keys, skipped, reasons } = parse(json.as_bytes(), allowed).unwrap();
        assert_eq!(reasons.len(), skipped.min(MAX_REASONS));
        (keys.iter().map(Key::algorithm).collect(), skipped)
    }

    #[test]
    fn a_key_without_an_algorithm_is_for_all_allowed_ones_of_its_type() {
        use Algorithm::{Es256, Ps256, Rs256};
        let unnamed = [rsa(r#","kid":"a""#)];
        assert_eq!(algorithms(&unnamed, None), (vec![Rs256], 0));
        assert_eq!(algorithms(&unnamed, Some(&[Ps256, Es256, Rs256])), (vec![Rs256, Ps256], 0));
        assert_eq!(algorithms(&unnamed, Some(&[Ps256])), (vec![Ps256], 0));
        assert_eq!(algorithms(&unnamed, Some(&[Es256])), (vec![], 1));
        let named = [rsa(r#","kid":"a","alg":"PS256""#)];
        assert_eq!(algorithms(&named, None), (vec![Ps256], 0));
        assert_eq!(algorithms(&named, Some(&[Rs256, Ps256])), (vec![Ps256], 0));
        assert_eq!(algorithms(&named, Some(&[Rs256])), (vec![], 1));
    }

    #[test]
    fn skipped_keys_are_counted_and_the_first_reasons_are_kept() {
        let bad = vec!["{}".to_owned(); 120];
        assert_eq!(algorithms(&bad, None), (vec![], 120));
        let error = parse(b"\xFF", None).unwrap_err();
        assert_eq!(error.kind(), KeyErrorKind::Unreadable);
    }
}
