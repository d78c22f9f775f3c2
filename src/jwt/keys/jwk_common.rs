//! The members that JWKs of all key types have in common.

use serde::Deserialize;

use crate::jwt::error::{KeyError, KeyErrorKind};
use crate::jwt::json::reader::{self, JsonFault};
use crate::jwt::keys::key::Key;

/// The members that JWKs of all key types have in common, and the shared secret `k`. A member with
/// the value `null` counts as absent.
#[derive(Deserialize)]
pub(crate) struct Jwk {
    pub(crate) kty: String,
    pub(crate) k: Option<String>,
    pub(crate) alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    pub(crate) kid: Option<String>,
}

impl Jwk {
    /// Reads the members that JWKs of all key types have in common. Checks that the JWK is an
    /// object without duplicate names.
    pub(crate) fn read(json: &str) -> Result<Self, KeyError> {
        // Reject an array here, since the derived `Deserialize` would accept it.
        if !json.trim_start().starts_with('{') {
            return Err(unreadable("this is not a JWK: a JWK is one JSON object"));
        }
        let not_a_jwk = || {
            unreadable(
                "this is not a JWK: it must be one JSON object with a string in `kty`, strings in \
                 `k`, `alg`, `use` and `kid`, and an array of strings in `key_ops`",
            )
        };
        match reader::fault_in(json) {
            None => {}
            Some(JsonFault::DuplicateName) => {
                return Err(unreadable("a member name of the JWK occurs twice in one object"));
            }
            Some(_) => return Err(not_a_jwk()),
        }
        // The error of `serde_json` is dropped, since it may show a part of the secret.
        serde_json::from_str(json).map_err(|_| not_a_jwk())
    }

    /// Checks that the JWK's `use` and `key_ops` allow `operation`, which is `sign` or `verify`.
    pub(crate) fn check_use(&self, operation: &str) -> Result<(), KeyError> {
        let contradiction = |message| Err(KeyError::new(KeyErrorKind::Contradictory, message));
        if self.usage.as_ref().is_some_and(|usage| usage != "sig") {
            return contradiction("the JWK's `use` is not `sig`".to_owned());
        }
        if self.key_ops.as_ref().is_some_and(|ops| ops.iter().all(|op| op != operation)) {
            return contradiction(format!("the JWK's `key_ops` does not contain `{operation}`"));
        }
        Ok(())
    }

    /// Sets the key's identifier to the JWK's `kid`, if there is a `kid`.
    pub(crate) fn name(&self, key: Key) -> Result<Key, KeyError> {
        match &self.kid {
            Some(kid) => key.with_id(kid),
            None => Ok(key),
        }
    }
}

pub(crate) fn unreadable(message: impl Into<String>) -> KeyError {
    KeyError::new(KeyErrorKind::Unreadable, message)
}
