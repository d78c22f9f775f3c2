//! The `iss` of a token whose signature has not been verified yet. This `iss` is used only to
//! choose the issuer whose keys verify the token.

use std::borrow::Cow;

use serde::de::DeserializeSeed;
use serde_json::Error;

use crate::jwt::base64url;
use crate::jwt::json::Text;
use crate::jwt::json::reader::Reader;
use crate::jwt::token_error::{TokenError, TokenErrorKind};
use crate::jwt::token_parts::TokenParts;

/// The size of the largest payload that needs no allocation. By default a token has at most 8 KiB,
/// and base64url takes 4 characters for 3 bytes, so a payload has at most 6 KiB.
const BUFFER_LEN: usize = 6 * 1024;

/// Memory for a decoded payload.
pub(crate) struct PeekBuffer {
    bytes: [u8; BUFFER_LEN],
    /// Memory for a payload that does not fit into `bytes`.
    spilled: Vec<u8>,
}

impl PeekBuffer {
    pub(crate) fn new() -> Self {
        Self { bytes: [0; BUFFER_LEN], spilled: Vec::new() }
    }
}

/// Returns the first `iss` of the payload, or `None` if the payload has no `iss`. `null` counts as
/// absent.
///
/// The result is not verified. A token can have an `iss` that this function does not see, such as a
/// duplicate `iss` member. The verification that follows therefore checks `iss` again.
pub(crate) fn peek<'b>(
    token: &[u8],
    buffer: &'b mut PeekBuffer,
) -> Result<Option<Cow<'b, str>>, TokenError> {
    let parts = TokenParts::split(token).ok_or(UNREADABLE)?;
    let len = base64url::decoded_len(parts.payload.len());
    let PeekBuffer { bytes, spilled } = buffer;
    let bytes: &mut [u8] = if len <= BUFFER_LEN {
        bytes
    } else {
        spilled.resize(len, 0);
        spilled
    };
    let payload = base64url::decode_into(parts.payload, bytes).ok_or(UNREADABLE)?;
    let payload = std::str::from_utf8(payload).map_err(|_| UNREADABLE)?;
    issuer_in(payload).map_err(|_| UNREADABLE)
}

fn issuer_in(payload: &str) -> Result<Option<Cow<'_, str>>, Error> {
    let mut reader = Reader::new(payload);
    reader.open_object()?;
    let mut is_first = true;
    while let Some(plain) = reader.next_name(&mut is_first)? {
        let is_issuer = reader.member_name(plain).text() == "iss";
        match reader.peek() {
            Some(b'"') if is_issuer => return Text.deserialize(&mut reader).map(Some),
            Some(b'n') => reader.skip_value()?,
            _ if is_issuer => return Err(serde::de::Error::custom("`iss` is not a string")),
            _ => reader.skip_value()?,
        }
    }
    Ok(None)
}

const UNREADABLE: TokenError = TokenError::because(
    TokenErrorKind::Malformed,
    "`iss` cannot be read: the payload is not one JSON object in unpadded base64url, or `iss` is \
     not a string",
);

#[cfg(test)]
mod tests {
    use super::*;

    fn token(payload: &str) -> Vec<u8> {
        let mut token = "header.".to_owned();
        base64url::encode_onto(payload.as_bytes(), &mut token);
        format!("{token}.signature").into_bytes()
    }

    fn issuer_of(payload: &str) -> Result<Option<String>, TokenErrorKind> {
        let mut buffer = PeekBuffer::new();
        let found = peek(&token(payload), &mut buffer).map_err(|error| error.kind())?;
        Ok(found.map(Cow::into_owned))
    }

    #[test]
    fn the_top_level_issuer_is_found_whatever_surrounds_it() {
        for payload in [
            r#"{"iss":"a"}"#,
            r#" { "x" : {"iss":"b"} , "iss" : "a" , "y" : 1 }"#,
            r#"{"aud":["iss"],"iss":"a"}"#,
            r#"{"\u0069ss":"a"}"#,
            r#"{"iss":"\u0061"}"#,
            r#"{"iss":null,"iss":"a"}"#,
            r#"{"iss":"a","iss":"b"}"#,
            r#"{"iss":"a",broken"#,
        ] {
            assert_eq!(issuer_of(payload), Ok(Some("a".to_owned())), "{payload}");
        }
        let long = format!(r#"{{"long":"{}","iss":"a"}}"#, "x".repeat(9000));
        assert_eq!(issuer_of(&long), Ok(Some("a".to_owned())));
    }

    #[test]
    fn a_missing_issuer_differs_from_one_that_cannot_be_read() {
        for payload in ["{}", r#"{"iss":null}"#, r#"{"x":{"iss":"a"}}"#] {
            assert_eq!(issuer_of(payload), Ok(None), "{payload}");
        }
        for payload in [
            "",
            "[]",
            r#""iss""#,
            "{",
            r#"{"iss""#,
            r#"{"iss":1}"#,
            r#"{"iss":["a"]}"#,
            r#"{"iss":"a"#,
            r#"{"iss":"\ud800"}"#,
            r#"{iss:"a"}"#,
        ] {
            assert_eq!(issuer_of(payload), Err(TokenErrorKind::Malformed), "{payload}");
        }
        let mut buffer = PeekBuffer::new();
        for token in ["", "a.b", "a.!.c", "a.YQ.c", "..", "a.b.c.d"] {
            let error = peek(token.as_bytes(), &mut buffer).unwrap_err();
            assert_eq!(error.kind(), TokenErrorKind::Malformed, "{token}");
        }
    }
}
