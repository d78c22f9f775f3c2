//! A key in JSON: the JWK of RFC 7517.

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::jwt::error::{KeyError, KeyErrorKind};
use crate::jwt::json::reader::{self, Fault};
use crate::jwt::keys::algorithm::Algorithm;
use crate::jwt::keys::key::Key;
use crate::jwt::keys::secret::Secret;

/// The members of a JWK that matter for a shared secret. A member with the value `null` counts as
/// absent.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    k: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    kid: Option<String>,
}

impl Key {
    /// Reads a key from the text of a JWK (RFC 7517), with its `kid` if it has one. `alg` is
    /// required, since a key serves one algorithm only.
    ///
    /// ```
    /// use tower_jwt_auth::{Algorithm, Key};
    ///
    /// let key = Key::from_jwk(
    ///     r#"{ "kty": "oct", "alg": "HS256", "kid": "2026-11",
    ///          "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH7w" }"#,
    /// )?;
    /// assert_eq!(key.algorithm(), Algorithm::Hs256);
    /// assert_eq!(key.id(), Some("2026-11"));
    /// # Ok::<_, tower_jwt_auth::KeyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - [`KeyErrorKind::Unreadable`] if `json` is not one JSON object, if a member name occurs
    ///   twice in an object, if a member has the wrong type, or if `k` is missing or not base64.
    /// - [`KeyErrorKind::Unsupported`] if `kty` is not `oct`, or if there is no `alg`.
    /// - [`KeyErrorKind::Contradictory`] if `alg` is not HS256, HS384 or HS512, if `use` is not
    ///   `sig`, or if `key_ops` does not contain `verify`.
    /// - The errors of [`Secret::new`] and [`Key::with_id`].
    pub fn from_jwk(json: &str) -> Result<Self, KeyError> {
        let unreadable = |message: &str| KeyError::new(KeyErrorKind::Unreadable, message);
        // The derived `Deserialize` would also accept an array.
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
            Some(Fault::DuplicateName) => {
                return Err(unreadable("a member name of the JWK occurs twice in one object"));
            }
            Some(_) => return Err(not_a_jwk()),
        }
        // The error of `serde_json` is dropped, since it may show a part of the secret.
        let jwk: Jwk = serde_json::from_str(json).map_err(|_| not_a_jwk())?;
        jwk.into_key()
    }
}

impl Jwk {
    fn into_key(self) -> Result<Key, KeyError> {
        let k = self.k.map(Zeroizing::new);
        if self.kty != "oct" {
            let message =
                "this JWK is not a shared secret: it needs `kty` of `oct` and the secret in `k`";
            return Err(KeyError::new(KeyErrorKind::Unsupported, message));
        }
        let contradiction = |message: &str| KeyError::new(KeyErrorKind::Contradictory, message);
        if self.usage.is_some_and(|usage| usage != "sig") {
            return Err(contradiction("the JWK's `use` is not `sig`"));
        }
        if self.key_ops.is_some_and(|ops| ops.iter().all(|op| op != "verify")) {
            return Err(contradiction("the JWK's `key_ops` does not contain `verify`"));
        }
        let Some(k) = k else {
            return Err(KeyError::new(KeyErrorKind::Unreadable, "the JWK has no `k`"));
        };
        let secret = Secret::from_base64(&k)?;
        let Some(alg) = self.alg else {
            let message = "the JWK has no `alg`: add \"alg\":\"HS256\" or what its issuer uses";
            return Err(KeyError::new(KeyErrorKind::Unsupported, message));
        };
        let key = match Algorithm::from_name(&alg) {
            Some(Algorithm::Hs256) => Key::hs256(secret),
            Some(Algorithm::Hs384) => Key::hs384(secret)?,
            Some(Algorithm::Hs512) => Key::hs512(secret)?,
            _ => return Err(contradiction("the JWK's `alg` is not one of its `kty`")),
        };
        match self.kid {
            Some(kid) => key.with_id(kid),
            None => Ok(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const K: &str =
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";

    fn parse(more: &str) -> Result<Key, KeyErrorKind> {
        Key::from_jwk(&format!(r#"{{"kty":"oct","k":"{K}"{more}}}"#)).map_err(|error| error.kind())
    }

    #[test]
    fn contradictory_jwks_are_rejected() {
        assert_eq!(parse(r#","alg":"HS512","kid":"a""#).unwrap().id(), Some("a"));
        assert_eq!(parse("").unwrap_err(), KeyErrorKind::Unsupported);
        for more in [
            r#","alg":"RS256""#,
            r#","alg":"hs256""#,
            r#","alg":"HS256","use":"enc""#,
            r#","alg":"HS256","key_ops":["sign"]"#,
            r#","alg":"HS256","key_ops":[]"#,
        ] {
            assert_eq!(parse(more).unwrap_err(), KeyErrorKind::Contradictory, "{more}");
        }
        assert_eq!(parse(r#","alg":"HS256","kid":"""#).unwrap_err(), KeyErrorKind::BadId);
    }

    #[test]
    fn members_without_a_meaning_here_and_null_are_ignored() {
        for more in [
            r#","alg":"HS256","use":"sig","key_ops":["sign","verify"],"x5c":[{"a":1}],"more":1.5"#,
            r#","alg":"HS256","use":null,"key_ops":null,"kid":null"#,
        ] {
            assert_eq!(parse(more).unwrap().id(), None, "{more}");
        }
    }

    #[test]
    fn text_that_is_not_one_jwk_is_rejected() {
        for more in [
            r#","alg":"HS256","alg":"HS512""#,
            r#","alg":"HS256","\u0061lg":"HS256""#,
            r#","alg":"HS256","k":"AAAA""#,
            r#","alg":"HS256","more":{"a":1,"a":2}"#,
            r#","alg":"HS256","more":1,"more":2"#,
            r#","alg":1"#,
            r#","alg":["HS256"]"#,
            r#","alg":"HS256","kid":7"#,
            r#","alg":"HS256","key_ops":"verify""#,
            r#","alg":"HS256","use":["sig"]"#,
            r#","alg":"HS256"}{"#,
            r#","alg":"HS256","#,
        ] {
            assert_eq!(parse(more).unwrap_err(), KeyErrorKind::Unreadable, "{more}");
        }
        for json in [
            "".to_owned(),
            "null".to_owned(),
            K.to_owned(),
            format!(r#"["oct","{K}","HS256",null,null,null]"#),
            format!(r#"{{"k":"{K}","alg":"HS256"}}"#),
            format!(r#"{{"keys":[{{"kty":"oct","k":"{K}","alg":"HS256"}}]}}"#),
            r#"{"kty":"oct","alg":"HS256"}"#.to_owned(),
            r#"{"kty":"oct","alg":"HS256","k":"not base64!"}"#.to_owned(),
        ] {
            let error = Key::from_jwk(&json).unwrap_err();
            assert_eq!(error.kind(), KeyErrorKind::Unreadable, "{json}");
            assert!(!format!("{error:?}{error}").contains(&K[..8]), "{error:?}");
        }
    }

    #[test]
    fn keys_of_other_types_are_rejected() {
        for json in [r#"{"kty":"RSA","n":"AQ","e":"AQAB"}"#, r#"{"kty":"Oct","k":"AQ"}"#] {
            let error = Key::from_jwk(json).unwrap_err();
            assert_eq!(error.kind(), KeyErrorKind::Unsupported, "{json}");
        }
    }
}
