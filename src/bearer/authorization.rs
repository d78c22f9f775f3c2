//! The `Authorization` header (RFC 6750 section 2.1).

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

use crate::bearer::fault::Fault;
use crate::jwt::base64url;

const SCHEME: &[u8] = b"bearer";

/// The schemes that responses and log events may name. Responses and log events never contain an
/// unknown scheme, since the first word of the header may be the token itself.
const KNOWN_SCHEMES: [&str; 18] = [
    "Basic",
    "Digest",
    "DPoP",
    "Token",
    "JWT",
    "Negotiate",
    "NTLM",
    "ApiKey",
    "Api-Key",
    "OAuth",
    "MAC",
    "Hawk",
    "HOBA",
    "GNAP",
    "PrivateToken",
    "vapid",
    "SCRAM-SHA-256",
    "AWS4-HMAC-SHA256",
];

/// The scheme of an `Authorization` header that does not use `Bearer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OtherScheme {
    /// A scheme from a fixed list, such as `Basic`, `Token`, `JWT` or `DPoP`.
    Known(&'static str),
    /// A scheme that is not on the list. The name of the scheme comes from the client, so it is not
    /// kept.
    Unknown,
    /// A value without a scheme, such as a token without `Bearer` in front of it.
    Missing,
}

/// The content of the `Authorization` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Authorization<'r> {
    Absent,
    /// The text after `Bearer`. Its characters are checked only after a failed verification, since
    /// a valid token contains only allowed characters.
    Bearer(&'r [u8]),
    /// A scheme other than `Bearer`. `token` is the part of the header value that looks like a
    /// JWT, if there is one.
    Other {
        scheme: OtherScheme,
        token: Option<&'r [u8]>,
    },
}

/// Reads the header. A header that is repeated with the same value counts as one credential. Two
/// different values are rejected.
pub(crate) fn read(headers: &HeaderMap) -> Result<Authorization<'_>, Fault> {
    read_fields(headers.get_all(AUTHORIZATION).iter())
}

/// Reads the header, and marks it as sensitive.
// Reading and marking the header separately would take two look-ups of `Authorization`. One pass
// over all headers is faster.
#[inline]
pub(crate) fn read_and_mark(headers: &mut HeaderMap) -> Result<Authorization<'_>, Fault> {
    let fields = headers.iter_mut().filter(|(name, _)| *name == AUTHORIZATION);
    read_fields(fields.map(|(_, value)| {
        value.set_sensitive(true);
        &*value
    }))
}

#[inline]
fn read_fields<'r>(
    mut fields: impl Iterator<Item = &'r HeaderValue>,
) -> Result<Authorization<'r>, Fault> {
    let Some(field) = fields.next() else { return Ok(Authorization::Absent) };
    if fields.any(|other| other != field) {
        return Err(Fault::ambiguous(
            "the request has several `Authorization` headers that differ",
        ));
    }
    parse(field.as_bytes())
}

#[inline]
fn parse(field: &[u8]) -> Result<Authorization<'_>, Fault> {
    // This fast path handles the spelling that nearly all clients use.
    if let Some((b"Bearer ", token @ [first, ..])) = field.split_at_checked(7)
        && *first != b' '
    {
        return Ok(Authorization::Bearer(token));
    }
    parse_scheme(field)
}

fn parse_scheme(field: &[u8]) -> Result<Authorization<'_>, Fault> {
    // A scheme consists of `tchar`s (RFC 9110 section 5.6.2). It ends at a space or at the end of
    // the header.
    let end = field.iter().position(|byte| !is_tchar(*byte)).unwrap_or(field.len());
    let (scheme, rest) = field.split_at_checked(end).unwrap_or((field, b""));
    if scheme.is_empty() || !matches!(rest, [] | [b' ', ..]) {
        return Err(Fault::malformed(
            "`Authorization` is malformed: write `Bearer`, one space, and the token",
        ));
    }
    // RFC 9110 section 11.1: the scheme is case-insensitive.
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return other(field, scheme, rest);
    }
    // One space or more (RFC 6750 section 2.1: `1*SP`), then the token and nothing else.
    let start = rest.iter().position(|byte| *byte != b' ');
    match start.and_then(|start| rest.get(start..)) {
        Some(token) => Ok(Authorization::Bearer(token)),
        None => Err(Fault::malformed("`Authorization` has `Bearer` without a token behind it")),
    }
}

/// Reads a header whose scheme is not `Bearer`. This layer ignores the credentials of other
/// schemes. However, if the credentials contain a Bearer token or a JWT, the layer must not accept
/// a cookie instead.
fn other<'r>(field: &'r [u8], scheme: &[u8], rest: &[u8]) -> Result<Authorization<'r>, Fault> {
    if has_bearer(rest) {
        return Err(Fault::ambiguous(
            "`Authorization` has `Bearer` behind credentials of another scheme: send one of them",
        ));
    }
    let known =
        KNOWN_SCHEMES.into_iter().find(|known| known.as_bytes().eq_ignore_ascii_case(scheme));
    let scheme = match known {
        Some(known) => OtherScheme::Known(known),
        None if rest.trim_ascii().is_empty() || is_jwt(scheme) => OtherScheme::Missing,
        None => OtherScheme::Unknown,
    };
    let is_of_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let mut tokens = field.split(|byte| !is_of_token(byte)).filter(|word| is_jwt(word));
    let token = tokens.next();
    if tokens.any(|another| Some(another) != token) {
        return Err(Fault::ambiguous("`Authorization` has several tokens that differ"));
    }
    Ok(Authorization::Other { scheme, token })
}

/// Returns true if one of the words begins with the scheme `Bearer`.
fn has_bearer(text: &[u8]) -> bool {
    let is_separator = |byte: &u8| !byte.is_ascii_graphic() || b",;".contains(byte);
    text.split(is_separator).any(|word| {
        let end = word.iter().position(|byte| !is_tchar(*byte)).unwrap_or(word.len());
        word.get(..end).is_some_and(|start| start.eq_ignore_ascii_case(SCHEME))
    })
}

/// Returns true if `word` has three parts, separated by dots, and the first part is the base64url
/// of a text that begins with `{`, like the header of a JWT. Three parts are not enough: a host
/// name such as `www.shop.example` has three parts, too.
fn is_jwt(word: &[u8]) -> bool {
    let mut parts = word.split(|byte| *byte == b'.');
    let header = parts.next().unwrap_or_default();
    if parts.count() != 2 {
        return false;
    }
    let mut json = Vec::new();
    base64url::decode_onto(header, &mut json).is_some() && json.trim_ascii_start().starts_with(b"{")
}

/// Returns true if `token` is a `b64token`:
/// `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`.
pub(crate) fn is_b64token(token: &[u8]) -> bool {
    if has_only_jwt_characters(token) {
        return true;
    }
    let padding = token.iter().rev().take_while(|byte| **byte == b'=').count();
    let core = token.get(..token.len().saturating_sub(padding)).unwrap_or_default();
    let is_core = |byte: &u8| is_jwt_character(*byte) || b"~+".contains(byte);
    !core.is_empty() && core.iter().all(is_core)
}

/// Returns true if `token` has at least 32 bytes, and all of them are characters of a JWT. The
/// compiler uses vector instructions, since each chunk of the token has the same length. This check
/// is therefore cheap enough to run on every rejected token.
fn has_only_jwt_characters(token: &[u8]) -> bool {
    let Some(last) = token.last_chunk::<32>() else { return false };
    let (chunks, _) = token.as_chunks::<32>();
    let is_of_jwt =
        |chunk: &[u8; 32]| chunk.iter().fold(true, |all, byte| all & is_jwt_character(*byte));
    // The last chunk overlaps the chunk before it.
    chunks.iter().chain([last]).all(is_of_jwt)
}

/// Returns true for letters, digits, `-`, `.`, `/` and `_`. All of them may be in a `b64token`.
#[inline]
fn is_jwt_character(byte: u8) -> bool {
    (byte | 0x20).is_ascii_lowercase() | matches!(byte, b'-'..=b'9') | (byte == b'_')
}

/// Returns true for a `tchar` of RFC 9110 section 5.6.2.
pub(crate) fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bearer::source::BadCredentials;

    const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9.c2ln";

    fn bad(field: &[u8]) -> Option<BadCredentials> {
        parse(field).err().map(|fault| fault.bad)
    }

    fn scheme(field: &str) -> (OtherScheme, bool) {
        match parse(field.as_bytes()) {
            Ok(Authorization::Other { scheme, token }) => (scheme, token.is_some()),
            read => panic!("{field}: {read:?}"),
        }
    }

    #[test]
    fn the_scheme_is_case_insensitive_and_spaces_may_follow_it() {
        assert_eq!(parse(b"Bearer \xFF "), Ok(Authorization::Bearer(b"\xFF ")));
        assert_eq!(parse(b"bearer \xFF "), Ok(Authorization::Bearer(b"\xFF ")));
        for field in ["Bearer abc", "bearer abc", "bEaReR abc", "BEARER   abc"] {
            assert_eq!(parse(field.as_bytes()), Ok(Authorization::Bearer(b"abc")), "{field}");
        }
    }

    #[test]
    fn other_schemes_are_named_only_if_they_are_known() {
        for (field, expected) in [
            ("Basic abc", OtherScheme::Known("Basic")),
            ("basic abc", OtherScheme::Known("Basic")),
            ("JWT abc", OtherScheme::Known("JWT")),
            ("token abc", OtherScheme::Known("Token")),
            ("Negotiate", OtherScheme::Known("Negotiate")),
            ("Bearer2 abc", OtherScheme::Unknown),
            ("Bearerabc", OtherScheme::Missing),
            ("B", OtherScheme::Missing),
        ] {
            assert_eq!(scheme(field), (expected, false), "{field}");
        }
    }

    #[test]
    fn a_jwt_without_the_scheme_bearer_is_found() {
        for (field, expected) in [
            (JWT.to_owned(), OtherScheme::Missing),
            (format!("{JWT} "), OtherScheme::Missing),
            (format!("{JWT} x"), OtherScheme::Missing),
            (format!("JWT {JWT}"), OtherScheme::Known("JWT")),
            (format!("Token token=\"{JWT}\""), OtherScheme::Known("Token")),
            (format!("DPoP {JWT}"), OtherScheme::Known("DPoP")),
            (format!("Acme {JWT}"), OtherScheme::Unknown),
            (format!("Acme {JWT}, {JWT}"), OtherScheme::Unknown),
            // In the first of these JWTs, a space follows the `{` of the header. In the second, a
            // line break precedes the `{`.
            ("JWT eyAiYWxnIjoiSFMyNTYifQ.e30.c2ln".to_owned(), OtherScheme::Known("JWT")),
            ("JWT CnsiYWxnIjoiSFMyNTYifQ.e30.c2ln".to_owned(), OtherScheme::Known("JWT")),
        ] {
            assert_eq!(scheme(&field), (expected, true), "{field}");
        }
        let field = "Digest realm=\"www.shop.example\", uri=\"/a.b.c\"";
        assert_eq!(scheme(field), (OtherScheme::Known("Digest"), false));
        let two = format!("Acme {JWT}, eyAiYWxnIjoiSFMyNTYifQ.e30.c2ln");
        assert_eq!(bad(two.as_bytes()), Some(BadCredentials::Ambiguous));
    }

    #[test]
    fn a_bearer_token_behind_another_scheme_is_ambiguous() {
        for field in [
            "Basic abc, Bearer x",
            "Basic abc,bearer x",
            "Basic abc Bearer x",
            "Basic abc;Bearer:x",
            "Basic abc,\tBEARER",
            "Basic abc, Bearer=x",
        ] {
            assert_eq!(bad(field.as_bytes()), Some(BadCredentials::Ambiguous), "{field}");
        }
        for field in ["Digest username=\"bearer\", realm=\"bearer\"", "Basic xbearer"] {
            assert_eq!(bad(field.as_bytes()), None, "{field}");
        }
    }

    #[test]
    fn two_headers_that_agree_are_one_credential() {
        let headers = |values: &[&'static str]| -> HeaderMap {
            let values = values.iter().map(|value| HeaderValue::from_static(value));
            values.map(|value| (AUTHORIZATION, value)).collect()
        };
        let same = headers(&["Bearer abc", "Bearer abc"]);
        assert_eq!(read(&same), Ok(Authorization::Bearer(b"abc")));
        for values in [
            ["Bearer abc", "Bearer abd"],
            ["Basic abc", "Bearer abc"],
            ["Bearer abc", "bearer abc"],
            ["Basic a", "Basic b"],
        ] {
            let read = read(&headers(&values)).map_err(|fault| fault.bad).map(|_| ());
            assert_eq!(read, Err(BadCredentials::Ambiguous), "{values:?}");
        }
    }

    #[test]
    fn a_header_without_a_scheme_and_a_token_is_malformed() {
        for field in
            ["", " ", "Bearer", "Bearer ", "Bearer\tabc", " Bearer abc", "Bearer:abc", "Bearer=a"]
        {
            assert_eq!(bad(field.as_bytes()), Some(BadCredentials::Malformed), "{field:?}");
        }
        assert_eq!(bad(b"Bear\xFFer abc"), Some(BadCredentials::Malformed));
    }

    #[test]
    fn a_b64token_has_its_characters_and_padding_at_the_end() {
        for token in ["abc", "a.b-c_d~e+f/g", "abc==", "A="] {
            assert!(is_b64token(token.as_bytes()), "{token}");
        }
        for byte in 0..=255_u8 {
            let expected = byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
            assert_eq!(is_b64token(&[b'a', byte, b'a']), expected, "{byte}");
            // A long token is checked in chunks. The last chunk overlaps the chunk before it.
            for at in 0..69 {
                let mut token = [b'a'; 70];
                token[at] = byte;
                assert_eq!(is_b64token(&token), expected, "{byte} at {at}");
            }
        }
        for token in ["", "=", "a=b", "a b", "a,b", "a\"b", "a%2Eb", "é", "abc ", "a\u{0}"] {
            assert!(!is_b64token(token.as_bytes()), "{token:?}");
        }
    }
}
