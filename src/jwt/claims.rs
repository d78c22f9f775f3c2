//! The claims that have a meaning of their own.

use std::fmt::{self, Debug};

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::clock::UnixTime;

/// The registered claims of RFC 7519 section 4.1 and those of an access token (RFC 9068 section
/// 2.2): what `Claims` holds unless it is told of a type of yours.
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
    /// Who issued the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// Whom the token speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// Whom the token is for; in JSON one string or an array.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub aud: Vec<String>,
    /// When the token expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<UnixTime>,
    /// When the token becomes valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nbf: Option<UnixTime>,
    /// When the token was issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iat: Option<UnixTime>,
    /// The token's own identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// The client that the token was issued to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The session that the token belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// The granted scopes, separated by spaces. `Token::scopes` has them one by one, whichever
    /// claim and form the issuer writes them in; the same for `Token::roles`.
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

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct Strings;

    impl<'de> Visitor<'de> for Strings {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string or an array of strings")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<String>, E> {
            Ok(vec![text.to_owned()])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<String>, A::Error> {
            let mut strings = Vec::new();
            while let Some(text) = seq.next_element()? {
                strings.push(text);
            }
            Ok(strings)
        }
    }

    deserializer.deserialize_any(Strings)
}

/// Some issuers write scopes as an array.
fn joined<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    one_or_many(deserializer).map(|scopes| Some(scopes.join(" ")))
}
