//! The token signer, the counterpart of the verifier.

use std::fmt::{self, Debug};

use serde::Serialize;

use crate::jwt::base64url;
use crate::jwt::error::SignError;
use crate::jwt::keys::key::Key;
use crate::misuse;

/// Signs claims with one key.
///
/// A signer neither adds nor checks claims. The `Validation` of a server decides which claims the
/// server accepts. In the claims, give times in whole seconds, as [`UnixTime`](crate::UnixTime)
/// serializes them.
///
/// ```
/// use tower_jwt_auth::{JwtAuth, Key, Secret, jwt::Signer};
///
/// let secret = Secret::generate()?;
/// let signer = Signer::new(Key::hs256(secret.clone())).token_type("at+jwt");
/// let token = signer.sign(&serde_json::json!({ "sub": "alice", "exp": 32_503_680_000_u64 }))?;
///
/// let claims = JwtAuth::new(secret).verify(&token)?;
/// assert_eq!(claims.sub.as_deref(), Some("alice"));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Signer {
    key: Key,
    /// The encoded header and a dot, which are the same for every token.
    header: String,
}

impl Signer {
    /// Creates a signer that writes `typ: JWT`, and `kid` if the key has an identifier.
    ///
    /// # Panics
    ///
    /// Panics if `key` is a public key, since it cannot sign: see [`Key::can_sign`].
    #[track_caller]
    pub fn new(key: Key) -> Self {
        // Do not replace this `match` with a closure. The panic would then report a line of this
        // file, and not the line of the caller.
        match Self::try_new(key) {
            Ok(signer) => signer,
            Err(error) => misuse::refuse(format_args!("Signer::new: {error}")),
        }
    }

    pub(crate) fn try_new(key: Key) -> Result<Self, SignError> {
        if !key.can_sign() {
            return Err(SignError::no_private_key());
        }
        let header = encode_header(&key, "JWT");
        Ok(Self { key, header })
    }

    /// Sets the `typ`, for example `at+jwt` for an access token of RFC 9068. `JWT` by default.
    #[must_use]
    pub fn token_type(mut self, typ: &str) -> Self {
        self.header = encode_header(&self.key, typ);
        self
    }

    /// Signs these claims and returns the token.
    ///
    /// # Errors
    ///
    /// Returns [`SignErrorKind::NotAnObject`](crate::jwt::SignErrorKind::NotAnObject) if the claims
    /// do not serialize to a JSON object,
    /// [`SignErrorKind::Unserializable`](crate::jwt::SignErrorKind::Unserializable) if serializing
    /// fails, and [`SignErrorKind::Failed`](crate::jwt::SignErrorKind::Failed) if the signature of
    /// a key pair could not be computed.
    pub fn sign<C: Serialize + ?Sized>(&self, claims: &C) -> Result<String, SignError> {
        let payload = serde_json::to_vec(claims).map_err(SignError::unserializable)?;
        if payload.first() != Some(&b'{') {
            return Err(SignError::not_an_object());
        }
        let mut token = self.header.clone();
        base64url::encode_onto(&payload, &mut token);
        self.key.sign_onto(&mut token)?;
        Ok(token)
    }
}

impl Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("key", &self.key).finish_non_exhaustive()
    }
}

fn encode_header(key: &Key, typ: &str) -> String {
    let mut header = serde_json::Map::new();
    header.insert("alg".to_owned(), key.algorithm().as_str().into());
    header.insert("typ".to_owned(), typ.into());
    if let Some(id) = key.id() {
        header.insert("kid".to_owned(), id.into());
    }
    let mut encoded = String::new();
    base64url::encode_onto(serde_json::Value::Object(header).to_string().as_bytes(), &mut encoded);
    encoded.push('.');
    encoded
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::error::Error;

    use super::*;
    use crate::jwt::error::SignErrorKind;
    use crate::jwt::keys::secret::Secret;

    #[test]
    fn the_error_of_serde_json_is_the_source() {
        let signer = Signer::new(Key::hs256(Secret::generate().unwrap()));
        let error = signer.sign(&BTreeMap::from([((1, 2), 3)])).unwrap_err();
        assert_eq!(error.kind(), SignErrorKind::Unserializable);
        assert_eq!(error.source().unwrap().to_string(), "key must be a string");
    }
}
