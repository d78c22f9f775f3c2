//! The JOSE header (RFC 7515 section 4), which is read before any part of the token is trusted.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};

use crate::jwt::base64url;
use crate::jwt::json::reader::{JsonFault, Reader};
use crate::jwt::json::{OrNull, Text};
use crate::jwt::keys::algorithm::Algorithm;
use crate::jwt::keys::key::MAX_ID_LEN;
use crate::jwt::token_error::{TokenError, TokenErrorKind};

/// The maximum length of a decoded header, in bytes.
const MAX_LEN: usize = 1024;

/// The relevant parameters of a header. `jwk`, `jku`, `x5u` and `x5c` are ignored: a token must not
/// choose the key that verifies it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: Option<Cow<'a, str>>,
    pub(crate) typ: Option<Cow<'a, str>>,
}

/// A buffer for a decoded header, so that rejecting a header allocates nothing.
pub(crate) type Buffer = [u8; MAX_LEN + 3];
pub(crate) const BUFFER: Buffer = [0; MAX_LEN + 3];

impl<'a> Header<'a> {
    /// Parses the first part of a token.
    pub(crate) fn parse(segment: &[u8], buffer: &'a mut Buffer) -> Result<Self, TokenError> {
        const TOO_LONG: TokenError = TokenError::malformed("the header is longer than 1024 bytes");
        if base64url::decoded_len(segment.len()) > buffer.len() {
            return Err(TOO_LONG);
        }
        let json = base64url::decode_into(segment, buffer)
            .ok_or(TokenError::malformed("the header is not unpadded base64url"))?;
        if json.len() > MAX_LEN {
            return Err(TOO_LONG);
        }
        Self::from_json(json)
    }

    fn from_json(json: &'a [u8]) -> Result<Self, TokenError> {
        let text = std::str::from_utf8(json)
            .map_err(|_| TokenError::malformed("the header is not UTF-8"))?;
        let mut members = HeaderMembers::default();
        let mut reader = Reader::new(text);
        let read = reader.deserialize_map(&mut members).and_then(|()| reader.end());
        match reader.fault() {
            Some(JsonFault::TooDeep) => {
                return Err(TokenError::malformed("the header is nested deeper than 32 levels"));
            }
            Some(JsonFault::DuplicateName) => {
                return Err(TokenError::malformed(
                    "a member name of the header occurs twice in one object",
                ));
            }
            _ => {}
        }
        match (read, members.unsupported, members.alg) {
            (Err(_), ..) => Err(TokenError::malformed(
                "the header is not one JSON object with distinct names, and texts in `alg`, `kid`, \
                 `typ` and `cty`",
            )),
            (_, Some(reason), _) => {
                Err(TokenError::because(TokenErrorKind::UnsupportedHeader, reason))
            }
            (_, _, None) => Err(TokenError::malformed("the header has no `alg`")),
            (_, _, Some(alg)) => Ok(Self {
                // The case matters: `hs256` is not an algorithm (RFC 7515 section 4.1.1).
                algorithm: Algorithm::from_name(&alg)
                    .ok_or(TokenError::new(TokenErrorKind::WrongAlgorithm))?,
                kid: members.kid,
                typ: members.typ,
            }),
        }
    }

    /// Copies the borrowed strings, so that the header no longer depends on the buffer.
    pub(crate) fn into_owned(self) -> Header<'static> {
        Header {
            algorithm: self.algorithm,
            kid: self.kid.map(|kid| Cow::Owned(kid.into_owned())),
            typ: self.typ.map(|typ| Cow::Owned(typ.into_owned())),
        }
    }
}

#[derive(Default)]
struct HeaderMembers<'a> {
    alg: Option<Cow<'a, str>>,
    kid: Option<Cow<'a, str>>,
    typ: Option<Cow<'a, str>>,
    /// The reason why the header is not supported, or `None` if the header is supported.
    unsupported: Option<&'static str>,
}

impl<'a> Visitor<'a> for &mut HeaderMembers<'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JOSE header")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key_seed(Text)? {
            match &*name {
                "alg" => self.alg = Some(map.next_value_seed(Text)?),
                "typ" => self.typ = map.next_value_seed(OrNull(Text))?,
                "kid" => {
                    self.kid = map.next_value_seed(OrNull(Text))?;
                    if self.kid.as_ref().is_some_and(|kid| kid.len() > MAX_ID_LEN) {
                        return Err(serde::de::Error::custom("kid too long"));
                    }
                }
                // `cty` states the payload's type if the payload is something other than claims,
                // for example a nested token.
                "cty" => {
                    let cty = map.next_value_seed(OrNull(Text))?;
                    if cty.is_some_and(|cty| !is_media_type(&cty, "JWT")) {
                        self.unsupported = Some("the header's `cty` is not `JWT`");
                    }
                }
                // Reject encryption. Also reject extensions, since RFC 7515 requires a verifier to
                // reject extensions that it does not understand.
                name => {
                    let reason = match name {
                        "crit" => Some("the header has `crit`, and no extension is supported"),
                        "b64" => Some("the header has `b64`, which is not supported"),
                        "zip" => Some("the header has `zip`, and compression is not supported"),
                        "enc" => Some("the header has `enc`, and encryption is not supported"),
                        _ => None,
                    };
                    self.unsupported = self.unsupported.or(reason);
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Returns true if `value` names the media type `name`, ignoring case and an optional
/// `application/` prefix (RFC 7515 section 4.1.9).
pub(crate) fn is_media_type(value: &str, name: &str) -> bool {
    const PREFIX: &str = "application/";
    if value == name {
        return true;
    }
    let bare = match value.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) => rest,
        _ => value,
    };
    bare.eq_ignore_ascii_case(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Header<'_>, TokenErrorKind> {
        Header::from_json(json.as_bytes()).map_err(|error| error.kind())
    }

    #[test]
    fn the_algorithm_is_a_known_name_in_its_exact_case() {
        assert_eq!(parse(r#"{"alg":"HS256"}"#).unwrap().algorithm, Algorithm::Hs256);
        assert_eq!(parse(r#"{"\u0061lg":"HS256"}"#).unwrap().algorithm, Algorithm::Hs256);
        assert_eq!(parse(r#"{"alg":"Ed25519"}"#).unwrap().algorithm, Algorithm::EdDsa);
        for alg in
            ["hs256", "HS256 ", "none", "None", "nOnE", "", "HS257", "dir", "ES256K", "Ed448"]
        {
            let json = format!(r#"{{"alg":"{alg}"}}"#);
            let refused = parse(&json).is_err();
            assert!(refused, "{alg:?}");
        }
        for json in [r#"{"alg":1}"#, r#"{"alg":null}"#, r#"{"alg":["HS256"]}"#, "{}"] {
            assert_eq!(parse(json).unwrap_err(), TokenErrorKind::Malformed, "{json}");
        }
    }

    #[test]
    fn a_duplicate_member_is_refused_in_every_spelling() {
        for json in [
            r#"{"alg":"HS256","alg":"HS256"}"#,
            r#"{"alg":"HS256","\u0061lg":"none"}"#,
            r#"{"alg":"HS256","x":1,"x":2}"#,
            r#"{"alg":"HS256","kid":"a","k\u0069d":"b"}"#,
        ] {
            assert_eq!(parse(json).unwrap_err(), TokenErrorKind::Malformed, "{json}");
        }
    }

    #[test]
    fn extensions_and_encryption_are_refused_whatever_their_value() {
        for member in [
            r#""crit":[]"#,
            r#""crit":["exp"]"#,
            r#""crit":null"#,
            r#""b64":true"#,
            r#""zip":"DEF""#,
            r#""enc":"A128GCM""#,
            r#""cty":"text/plain""#,
        ] {
            let json = format!(r#"{{"alg":"HS256",{member}}}"#);
            assert_eq!(parse(&json).unwrap_err(), TokenErrorKind::UnsupportedHeader, "{json}");
        }
        assert!(parse(r#"{"alg":"HS256","cty":"jwt"}"#).is_ok());
        assert!(parse(r#"{"alg":"HS256","jwk":{},"jku":"https://evil.example","x5c":[]}"#).is_ok());
    }

    #[test]
    fn a_header_that_is_not_one_object_of_the_right_types_is_malformed() {
        let long = format!(r#"{{"alg":"HS256","kid":"{}"}}"#, "k".repeat(257));
        let deep = format!(r#"{{"alg":"HS256","x":{}{}}}"#, "[".repeat(32), "]".repeat(32));
        for json in ["[]", "\"x\"", "", "null", "{", r#"{"alg":"HS256"} x"#, r#"{"alg":"HS256",}"#]
            .into_iter()
            .chain([r#"{"alg":"HS256","kid":1}"#, r#"{"alg":"HS256","typ":[]}"#])
            .chain([
                r#"{"alg":"HS256","$serde_json::private::Number":"1"}"#,
                r#"{"alg":"HS256","x":[{"\u0024serde_json::private::RawValue":"1"}]}"#,
                r#"{"alg":"HS256","\ud800":1}"#,
            ])
            .chain(["\u{feff}{\"alg\":\"HS256\"}", long.as_str(), deep.as_str()])
        {
            assert_eq!(parse(json).unwrap_err(), TokenErrorKind::Malformed, "{json}");
        }
    }

    #[test]
    fn media_types_compare_without_case_or_prefix() {
        for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "APPLICATION/At+Jwt"] {
            assert!(is_media_type(typ, "at+jwt"), "{typ}");
        }
        for typ in [
            "",
            "jwt",
            "at+jwt ",
            "text/at+jwt",
            "inspiration/at+jwt",
            "application/",
            "x/application/at+jwt",
        ] {
            assert!(!is_media_type(typ, "at+jwt"), "{typ}");
        }
    }
}
