//! A key in JSON: the JWK of RFC 7517.

use zeroize::Zeroizing;

use crate::jwt::error::{KeyError, KeyErrorKind};
use crate::jwt::keys::algorithm::Algorithm;
use crate::jwt::keys::jwk_common::{Jwk, unreadable};
#[cfg(feature = "asymmetric")]
use crate::jwt::keys::jwk_members;
use crate::jwt::keys::key::Key;
use crate::jwt::keys::secret::Secret;

impl Key {
    /// Reads a key, and its `kid` if there is one, from the text of a JWK (RFC 7517).
    ///
    /// | `kty` | Key | `alg` |
    /// |---|---|---|
    /// | `oct` | a shared secret | required |
    /// | `RSA` | a public key or a key pair | RS256 by default |
    /// | `EC`, `OKP` | a public key or a key pair | the only algorithm of the curve by default |
    /// | `AKP` (ML-DSA) | a public key or a key pair | required |
    ///
    /// All types but `oct` need the feature `asymmetric`. If a JWK of one of these other types has
    /// no `kid`, the identifier of the key is its thumbprint (RFC 7638).
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
    ///   twice in an object, or if a member is missing, has the wrong type or is not base64url.
    /// - [`KeyErrorKind::Unsupported`] if `kty` or `crv` is not supported, or if a required `alg`
    ///   is missing.
    /// - [`KeyErrorKind::Contradictory`] if `alg` is not an algorithm for the key's type, if `use`
    ///   is not `sig`, or if `key_ops` does not contain `verify` (for a key pair: `sign`).
    /// - [`KeyErrorKind::TooShort`] for an RSA key of fewer than 2048 bits.
    /// - [`KeyErrorKind::Invalid`] if the numbers do not form a valid key.
    /// - The errors of [`Secret::new`] and [`Key::with_id`].
    pub fn from_jwk(json: &str) -> Result<Self, KeyError> {
        let jwk = Jwk::read(json)?;
        if jwk.kty == "oct" {
            return secret_key(jwk);
        }
        #[cfg(feature = "asymmetric")]
        return jwk_members::key(json, &jwk);
        #[cfg(not(feature = "asymmetric"))]
        Err(KeyError::new(
            KeyErrorKind::Unsupported,
            "this JWK is not a shared secret (`kty` of `oct`): other keys need the feature \
             `asymmetric` of tower-jwt-auth",
        ))
    }

    /// Writes the public key as a JWK for a key set that other servers read. Returns `None` for a
    /// shared secret.
    ///
    /// ```
    /// use tower_jwt_auth::{Algorithm, Key};
    ///
    /// let pair = Key::generate(Algorithm::EdDsa)?;
    /// let jwk = pair.to_jwk().expect("a key pair has a public key");
    /// let public = Key::from_jwk(&jwk)?;
    /// assert_eq!(public.id(), pair.id());
    /// assert!(!public.can_sign());
    /// # Ok::<_, tower_jwt_auth::KeyError>(())
    /// ```
    #[cfg(feature = "asymmetric")]
    pub fn to_jwk(&self) -> Option<String> {
        let mut jwk = serde_json::Map::new();
        for (name, value) in self.public_components()?.members() {
            jwk.insert(name.to_owned(), value.into());
        }
        jwk.insert("alg".to_owned(), self.algorithm().as_str().into());
        jwk.insert("use".to_owned(), "sig".into());
        if let Some(id) = self.id() {
            jwk.insert("kid".to_owned(), id.into());
        }
        Some(serde_json::Value::Object(jwk).to_string())
    }

    /// Returns the thumbprint of the public key (RFC 7638): SHA-256 over the required members of
    /// its JWK, in base64url. The thumbprint depends on the key alone. Returns `None` for a shared
    /// secret: with its thumbprint, an attacker could test guesses of the secret.
    #[cfg(feature = "asymmetric")]
    pub fn thumbprint(&self) -> Option<String> {
        Some(self.public_components()?.thumbprint())
    }
}

fn secret_key(mut jwk: Jwk) -> Result<Key, KeyError> {
    let k = jwk.k.take().map(Zeroizing::new);
    jwk.check_use("verify")?;
    let Some(k) = k else {
        return Err(unreadable("the JWK has no `k`"));
    };
    let secret = Secret::from_base64(&k)?;
    let Some(alg) = &jwk.alg else {
        let message = "the JWK has no `alg`: add \"alg\":\"HS256\" or what its issuer uses";
        return Err(KeyError::new(KeyErrorKind::Unsupported, message));
    };
    let key = match Algorithm::from_name(alg) {
        Some(Algorithm::Hs256) => Key::hs256(secret),
        Some(Algorithm::Hs384) => Key::hs384(secret)?,
        Some(Algorithm::Hs512) => Key::hs512(secret)?,
        _ => {
            let message = "the JWK's `alg` is not one of its `kty`";
            return Err(KeyError::new(KeyErrorKind::Contradictory, message));
        }
    };
    jwk.name(key)
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
        for json in [r#"{"kty":"rsa","n":"AQ","e":"AQAB"}"#, r#"{"kty":"Oct","k":"AQ"}"#] {
            let error = Key::from_jwk(json).unwrap_err();
            assert_eq!(error.kind(), KeyErrorKind::Unsupported, "{json}");
        }
    }
}
