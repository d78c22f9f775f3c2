//! Reading of secrets from files and environment variables. Editors and shells may have added line
//! ends, quotes or a byte order mark.

use zeroize::Zeroizing;

use crate::jwt::error::{KeyError, KeyErrorKind};

/// Returns the part of `bytes` that is the secret.
///
/// If the bytes are text, line breaks at the end are removed. Text in quotes, in UTF-16 or with a
/// byte order mark is rejected, since an editor or a shell has probably changed the secret, and
/// another program would read a different one. Bytes that are not text are used unchanged.
pub(crate) fn secret_in(bytes: &[u8]) -> Result<&[u8], KeyError> {
    let Some(text) = text_in(bytes)? else { return Ok(bytes) };
    let text = text.trim_end_matches(['\r', '\n']);
    let refuse = |message: &str| Err(KeyError::new(KeyErrorKind::Unreadable, message));
    if text.contains(['\r', '\n']) {
        return refuse(
            "the secret has several lines: it must be one line; base64 that is wrapped is read by \
             the methods that end with `base64`",
        );
    }
    if text.trim().len() != text.len() {
        return refuse("the secret begins or ends with a blank: remove it");
    }
    let is_in = |quote: char| text.len() > 1 && text.starts_with(quote) && text.ends_with(quote);
    if is_in('"') || is_in('\'') {
        return refuse("the secret is in quotes: remove them");
    }
    Ok(text.as_bytes())
}

/// Removes the line breaks from base64.
pub(crate) fn base64_in(text: &str) -> Zeroizing<String> {
    let text = text.trim();
    let mut compact = Zeroizing::new(String::with_capacity(text.len()));
    text.split(['\r', '\n']).for_each(|line| compact.push_str(line));
    compact
}

/// Returns `bytes` as text, or `None` if they are not text. Text is UTF-8 without control
/// characters other than tabs and line breaks.
pub(crate) fn text_in(bytes: &[u8]) -> Result<Option<&str>, KeyError> {
    if is_utf16(bytes) {
        let message = "the secret is in UTF-16: save it as UTF-8 without a byte order mark";
        return Err(KeyError::new(KeyErrorKind::Unreadable, message));
    }
    let is_control = |char: char| char.is_control() && !matches!(char, '\t' | '\r' | '\n');
    match std::str::from_utf8(bytes) {
        Ok(text) if text.starts_with('\u{feff}') => {
            let message = "the secret begins with a byte order mark: save it without one";
            Err(KeyError::new(KeyErrorKind::Unreadable, message))
        }
        Ok(text) if !text.contains(is_control) => Ok(Some(text)),
        _ => Ok(None),
    }
}

/// Returns true if `bytes` are ASCII text that is encoded as UTF-16, in either byte order, with or
/// without a byte order mark. Random bytes practically never have this form.
fn is_utf16(bytes: &[u8]) -> bool {
    let bare = match bytes {
        [0xFF, 0xFE, rest @ ..] | [0xFE, 0xFF, rest @ ..] => rest,
        bytes => bytes,
    };
    let are_ascii = |high: usize| {
        let pairs = bare.chunks_exact(2);
        pairs.remainder().is_empty()
            && !bare.is_empty()
            && pairs.into_iter().all(|pair| {
                let low = pair.get(1_usize.abs_diff(high)).copied().unwrap_or_default();
                pair.get(high) == Some(&0) && low.is_ascii() && low != 0
            })
    };
    are_ascii(0) || are_ascii(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "k\u{e9}y-0123456789+/abcdefghijklmnopqrstuvwxyz";

    fn said(text: impl AsRef<[u8]>) -> String {
        let error = secret_in(text.as_ref()).unwrap_err();
        assert_eq!(error.kind(), KeyErrorKind::Unreadable);
        error.to_string()
    }

    #[test]
    fn the_line_end_of_text_is_not_part_of_the_secret() {
        for end in ["", "\n", "\r\n", "\n\n"] {
            let text = format!("{SECRET}{end}");
            assert_eq!(secret_in(text.as_bytes()).unwrap(), SECRET.as_bytes(), "{end:?}");
        }
        assert_eq!(secret_in(b"a b\tc\n").unwrap(), b"a b\tc");
        assert_eq!(secret_in(b"\n").unwrap(), b"");
    }

    #[test]
    fn all_bytes_of_a_secret_that_is_not_text_are_used() {
        for bytes in [&b"\xff\n"[..], b"\x01abc\n", b"\xff\xfeabc\n", b"\0\0\0\0", b"a\0b\0\0\n"] {
            assert_eq!(secret_in(bytes).unwrap(), bytes);
        }
    }

    #[test]
    fn text_that_was_changed_on_the_way_is_rejected_with_a_sentence() {
        assert!(said(format!("\u{feff}{SECRET}")).contains("byte order mark"));
        for text in [format!(" {SECRET}"), format!("{SECRET} \n"), format!("{SECRET}\u{a0}")] {
            assert!(said(&text).contains("a blank"), "{text:?}");
        }
        assert!(said(format!("\t{SECRET}")).contains("a blank"));
        for text in [format!("\"{SECRET}\"\n"), format!("'{SECRET}'")] {
            assert!(said(&text).contains("in quotes"), "{text}");
        }
        assert!(said("abc\r\ndef\r\n").contains("several lines"));
        for is_big_endian in [false, true] {
            for mark in ["", "\u{feff}"] {
                let text = format!("{mark}{}\r\n", &SECRET[3..]);
                let bytes = text.encode_utf16().flat_map(|unit| match is_big_endian {
                    true => unit.to_be_bytes(),
                    false => unit.to_le_bytes(),
                });
                assert!(said(bytes.collect::<Vec<u8>>()).contains("UTF-16"));
            }
        }
        assert!(secret_in(b"\"").is_ok() && secret_in(b"\"a'").is_ok());
    }
}
