//! The `Authorization` header (RFC 6750 section 2.1).

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::bearer::source::BadCredentials;

const SCHEME: &[u8] = b"bearer";

/// The token after `Bearer`, or `None` where there is no header or it is of another scheme.
///
/// Whether the token has only the characters of a b64token is for the caller to ask once it was
/// refused: one that verifies has no others.
pub(crate) fn token(headers: &HeaderMap) -> Result<Option<&[u8]>, BadCredentials> {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let Some(field) = fields.next() else { return Ok(None) };
    if fields.next().is_some() {
        return Err(BadCredentials::Ambiguous);
    }
    parse(field.as_bytes())
}

fn parse(field: &[u8]) -> Result<Option<&[u8]>, BadCredentials> {
    // What nearly all are.
    if let Some((b"Bearer ", token @ [first, ..])) = field.split_at_checked(7)
        && *first != b' '
    {
        return Ok(Some(token));
    }
    // A scheme is a token, and a token holds none of what could end it but a space.
    let end = field.iter().position(|byte| !is_tchar(*byte)).unwrap_or(field.len());
    let (scheme, rest) = field.split_at_checked(end).ok_or(BadCredentials::Malformed)?;
    if scheme.is_empty() || !matches!(rest, [] | [b' ', ..]) {
        return Err(BadCredentials::Malformed);
    }
    // RFC 9110 section 11.1: the scheme is case-insensitive.
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return Ok(None);
    }
    // One space or more (RFC 6750 section 2.1: `1*SP`), then the token and nothing else.
    let start = rest.iter().position(|byte| *byte != b' ').ok_or(BadCredentials::Malformed)?;
    rest.get(start..).map(Some).ok_or(BadCredentials::Malformed)
}

/// Whether `token` is a `b64token`: `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`.
pub(crate) fn is_b64token(token: &[u8]) -> bool {
    let padding = token.iter().rev().take_while(|byte| **byte == b'=').count();
    let core = token.get(..token.len().saturating_sub(padding)).unwrap_or_default();
    // Every byte is looked at, without a branch: that is a vector operation, and so cheap enough
    // for every token that is refused.
    let is_core = |byte: u8| {
        (byte | 0x20).is_ascii_lowercase() | matches!(byte, b'-'..=b'9' | b'_' | b'~' | b'+')
    };
    !core.is_empty() && core.iter().fold(0, |others, byte| others | u8::from(!is_core(*byte))) == 0
}

/// RFC 9110 section 5.6.2.
pub(crate) fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_has_no_case_and_spaces_may_follow_it() {
        assert_eq!(parse(b"Bearer \xFF "), Ok(Some(&b"\xFF "[..])));
        assert_eq!(parse(b"bearer \xFF "), Ok(Some(&b"\xFF "[..])));
        for field in ["Bearer abc", "bearer abc", "bEaReR abc", "BEARER   abc"] {
            assert_eq!(parse(field.as_bytes()), Ok(Some(&b"abc"[..])), "{field}");
        }
    }

    #[test]
    fn other_schemes_are_not_ours() {
        for field in ["Basic abc", "DPoP abc", "Bearerabc", "Bearer2 abc", "Negotiate", "B"] {
            assert_eq!(parse(field.as_bytes()), Ok(None), "{field}");
        }
    }

    #[test]
    fn what_is_no_scheme_and_token_is_malformed() {
        for field in
            ["", " ", "Bearer", "Bearer ", "Bearer\tabc", " Bearer abc", "Bearer:abc", "Bearer=a"]
        {
            assert_eq!(parse(field.as_bytes()), Err(BadCredentials::Malformed), "{field:?}");
        }
        assert_eq!(parse(b"Bear\xFFer abc"), Err(BadCredentials::Malformed));
    }

    #[test]
    fn a_b64token_has_its_characters_and_padding_at_the_end() {
        for token in ["abc", "a.b-c_d~e+f/g", "abc==", "A="] {
            assert!(is_b64token(token.as_bytes()), "{token}");
        }
        for byte in 0..=255_u8 {
            let expected = byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
            assert_eq!(is_b64token(&[b'a', byte, b'a']), expected, "{byte}");
        }
        for token in ["", "=", "a=b", "a b", "a,b", "a\"b", "a%2Eb", "é", "abc ", "a\u{0}"] {
            assert!(!is_b64token(token.as_bytes()), "{token:?}");
        }
    }
}
