//! The registered claims as a struct.

use std::fmt::{self, Debug};

use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::clock::UnixTime;
use crate::jwt::json::Text;
use crate::jwt::json::names;

/// The registered claims of RFC 7519 section 4.1 and those of an access token (RFC 9068 section
/// 2.2): the default type of `Claims`.
///
/// ```
/// use tower_jwt_auth::{StandardClaims, UnixTime};
///
/// let mut claims = StandardClaims::default();
/// claims.sub = Some("alice".into());
/// claims.exp = Some(UnixTime::from_secs(1_700_000_600));
/// claims.scope = Some("cart:read pay".into());
/// assert_eq!(
///     serde_json::to_string(&claims)?,
///     r#"{"sub":"alice","exp":1700000600,"scope":"cart:read pay"}"#,
/// );
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct StandardClaims {
    /// The issuer of the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// The subject of the token. If `sub` is a number that the verifier accepts, this is the
    /// decimal text of the number.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "text_or_number")]
    pub sub: Option<String>,
    /// The audience of the token. In JSON, it is one string or an array of strings.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub aud: Vec<String>,
    /// The expiry of the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<UnixTime>,
    /// The time from which the token is valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nbf: Option<UnixTime>,
    /// The time at which the token was issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iat: Option<UnixTime>,
    /// The token's identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// The client that the token was issued to, if the claim is a string.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "text")]
    pub client_id: Option<String>,
    /// The session that the token belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// The granted scopes, separated by spaces. `None` if the claim is neither a string nor an
    /// array of strings. `Token::scopes` returns the individual scopes, from all configured claims.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "joined")]
    pub scope: Option<String>,
}

impl Debug for StandardClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Claim values do not belong in logs.
        f.debug_struct("StandardClaims")
            .field("exp", &self.exp)
            .field("nbf", &self.nbf)
            .field("iat", &self.iat)
            .finish_non_exhaustive()
    }
}

/// A claim's value, of any JSON type. The default claims type accepts every value. The verifier
/// rejects a value of the wrong JSON type, but only in a claim that it checks.
enum Loose {
    Null,
    Text(String),
    Number(String),
    Strings(Vec<String>),
    Other,
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Loose, E> {
        Ok(Loose::Null)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Loose, E> {
        Ok(Loose::Other)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Loose, E> {
        Ok(Loose::Number(number.to_string()))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Loose, E> {
        Ok(Loose::Number(number.to_string()))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Loose, E> {
        Ok(Loose::Other)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Loose, E> {
        Ok(Loose::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Loose, A::Error> {
        let mut strings = Some(Vec::new());
        while let Some(element) = seq.next_element()? {
            match (element, &mut strings) {
                (Loose::Text(text), Some(strings)) => strings.push(text),
                _ => strings = None,
            }
        }
        Ok(strings.map_or(Loose::Other, Loose::Strings))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Loose, A::Error> {
        let mut loose = Loose::Other;
        while let Some(name) = map.next_key_seed(Text)? {
            // With the `arbitrary_precision` feature of `serde_json`, a number is read as an object
            // whose only member has a reserved name.
            if names::is_reserved(&name) {
                loose = Loose::Number(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(loose)
    }
}

/// Reads a subject, which may be a number. If the configuration does not accept numbers as
/// subjects, the verifier has already rejected every token whose subject is a number.
fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Loose::deserialize(deserializer)? {
        Loose::Null => Ok(None),
        Loose::Text(text) | Loose::Number(text) => Ok(Some(text)),
        _ => Err(de::Error::custom("not a string")),
    }
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    match Loose::deserialize(deserializer)? {
        Loose::Null => Ok(Vec::new()),
        Loose::Text(text) => Ok(vec![text]),
        Loose::Strings(strings) => Ok(strings),
        _ => Err(de::Error::custom("not a string or an array of strings")),
    }
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Loose::deserialize(deserializer)? {
        Loose::Text(text) => Ok(Some(text)),
        _ => Ok(None),
    }
}

/// Reads the scopes into one string with spaces between them. Some issuers write the scopes as an
/// array.
fn joined<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Loose::deserialize(deserializer)? {
        Loose::Text(text) => Ok(Some(text)),
        Loose::Strings(scopes) => Ok(Some(scopes.join(" "))),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_that_the_verifier_does_not_check_may_have_any_shape() {
        let read = |json: &str| serde_json::from_str::<StandardClaims>(json);
        for value in ["7", "1.5", "true", "null", "[1]", "[[]]", "{}", "{\"a\":{}}"] {
            let claims = read(&format!("{{\"client_id\":{value},\"scope\":{value}}}")).unwrap();
            assert_eq!((claims.client_id, claims.scope), (None, None), "{value}");
        }
        let claims = read(r#"{"client_id":"cart","scope":"a b"}"#).unwrap();
        assert_eq!(claims.client_id.as_deref(), Some("cart"));
        assert_eq!(claims.scope.as_deref(), Some("a b"));
        let claims = read(r#"{"scope":["a","b"],"aud":null,"sub":-42}"#).unwrap();
        assert_eq!(claims.scope.as_deref(), Some("a b"));
        assert_eq!(claims.sub.as_deref(), Some("-42"));
        assert!(claims.aud.is_empty());
        assert!(read(r#"{"sub":[]}"#).is_err());
        assert!(read(r#"{"aud":[1]}"#).is_err());
    }
}
