//! The scanner for the JSON that most issuers write: whole numbers, few escapes.

use std::borrow::Cow;
use std::fmt;

use serde::de;

/// The text is not plain JSON, or does not fit the type. Reading it with `serde_json` shows which.
#[derive(Debug)]
pub(crate) struct NotPlain;

impl fmt::Display for NotPlain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not plain JSON")
    }
}

impl std::error::Error for NotPlain {}

impl de::Error for NotPlain {
    #[cold]
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// The maximum number of digits. A longer number may not fit into 64 bits.
const MAX_DIGITS: usize = 18;

/// A position in a JSON text. Each method returns the same value as `serde_json`, or fails for JSON
/// that is not plain.
pub(crate) struct Scanner<'de> {
    json: &'de str,
    at: usize,
}

impl<'de> Scanner<'de> {
    pub(crate) fn new(json: &'de str) -> Self {
        Self { json, at: 0 }
    }

    /// Skips white space and returns the next byte, without consuming it.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.json.as_bytes().get(self.at) {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.skip(1),
                byte => return byte.copied(),
            }
        }
    }

    /// Skips white space and returns the next byte. Fails at the end of the text.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<u8, NotPlain> {
        self.peek().ok_or(NotPlain)
    }

    #[inline]
    pub(crate) fn skip(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    /// Skips white space, and then this byte, which must follow.
    #[inline]
    pub(crate) fn expect(&mut self, byte: u8) -> Result<(), NotPlain> {
        if self.peek() != Some(byte) {
            return Err(NotPlain);
        }
        self.skip(1);
        Ok(())
    }

    #[inline]
    pub(crate) fn word(&mut self, word: &str) -> Result<(), NotPlain> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(NotPlain);
        }
        self.skip(word.len());
        Ok(())
    }

    /// Reads a whole number. The caller checks that a comma or a bracket follows, and neither a
    /// decimal point nor an exponent.
    #[inline]
    pub(crate) fn number(&mut self) -> Result<u64, NotPlain> {
        let (mut number, mut digits) = (0_u64, 0_usize);
        for byte in self.rest() {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            number = number.wrapping_mul(10).wrapping_add(digit.into());
            digits = digits.wrapping_add(1);
        }
        let has_leading_zero = digits > 1 && self.rest().first() == Some(&b'0');
        if digits == 0 || digits > MAX_DIGITS || has_leading_zero {
            return Err(NotPlain);
        }
        self.skip(digits);
        Ok(number)
    }

    /// Reads the string that starts with the quote at this position.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<Cow<'de, str>, NotPlain> {
        match self.plain_string() {
            Some(text) => Ok(Cow::Borrowed(text)),
            None => self.string_with_escapes().map(Cow::Owned),
        }
    }

    /// Reads a string without escapes.
    #[inline]
    pub(crate) fn plain_string(&mut self) -> Option<&'de str> {
        let start = self.at.wrapping_add(1);
        let end = plain_end(self.json.as_bytes(), start);
        if self.json.as_bytes().get(end) != Some(&b'"') {
            return None;
        }
        self.at = end.wrapping_add(1);
        self.json.get(start..end)
    }

    /// Finds the end of a string, and lets `serde_json` decode it.
    #[cold]
    fn string_with_escapes(&mut self) -> Result<String, NotPlain> {
        let end = string_end(self.json.as_bytes(), self.at.saturating_add(1)).saturating_add(1);
        let quoted = self.json.get(self.at..end).ok_or(NotPlain)?;
        self.at = end;
        serde_json::from_str(quoted).map_err(|_| NotPlain)
    }

    /// Returns the text from an earlier position to this one.
    pub(crate) fn since(&self, earlier: usize) -> Result<&'de str, NotPlain> {
        self.json.get(earlier..self.at).ok_or(NotPlain)
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    #[inline]
    fn rest(&self) -> &'de [u8] {
        self.json.as_bytes().get(self.at..).unwrap_or_default()
    }
}

/// Returns the position of the closing quote of the string whose content starts at `start`. Without
/// a closing quote, returns the length of `json` or more. Control characters are skipped, since
/// `serde_json` accepts them in byte strings.
#[inline]
pub(crate) fn string_end(json: &[u8], start: usize) -> usize {
    let mut end = start;
    loop {
        end = plain_end(json, end);
        end = match json.get(end) {
            Some(b'"') | None => return end,
            Some(b'\\') => end.saturating_add(2),
            Some(_) => end.saturating_add(1),
        };
    }
}

/// Returns the first position, from `at` on, of a quote, a backslash or a control character. If
/// there is none, returns the length of `json` or more.
#[inline]
fn plain_end(json: &[u8], mut at: usize) -> usize {
    while let Some(word) = json.get(at..).and_then(<[u8]>::first_chunk) {
        let stops = stops(u64::from_le_bytes(*word));
        if stops != 0 {
            return at.wrapping_add((stops.trailing_zeros() / 8) as usize);
        }
        at = at.wrapping_add(8);
    }
    while json.get(at).is_some_and(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20)) {
        at = at.wrapping_add(1);
    }
    at
}

/// Sets the high bit of each byte that is a quote, a backslash or a control character. Only the
/// lowest bit that is set is reliable: bits above it may be set for other bytes.
#[inline]
fn stops(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    let is = |byte: u8| (word ^ ONES.wrapping_mul(byte.into())).wrapping_sub(ONES);
    let is_control = word.wrapping_sub(ONES.wrapping_mul(0x20));
    (is(b'"') | is(b'\\') | is_control) & !word & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_that_ends_a_plain_piece_is_found_at_every_place() {
        for byte in 0..=255_u8 {
            let ends = matches!(byte, b'"' | b'\\' | 0..0x20);
            for place in 0..20_usize {
                for other in [b'a', b' ', b'!', b'#', b'[', b']', 0x7F, 0x80, 0xFF] {
                    let mut text = [other; 20];
                    text[place] = byte;
                    assert_eq!(
                        plain_end(&text, 0),
                        if ends { place } else { 20 },
                        "{byte} {other}"
                    );
                }
            }
        }
    }

    #[test]
    fn numbers_are_whole_and_fit() {
        let number = |json| Scanner::new(json).number().ok();
        assert_eq!(number("0"), Some(0));
        assert_eq!(number("1700000000,"), Some(1_700_000_000));
        assert_eq!(number("999999999999999999"), Some(999_999_999_999_999_999));
        for json in ["", "-1", "00", "01", "1000000000000000000", "x", ".5", "+1"] {
            assert_eq!(number(json), None, "{json}");
        }
    }

    #[test]
    fn strings_are_those_of_serde_json() {
        for json in [
            r#""""#,
            r#""a""#,
            r#""eighteight""#,
            r#""a\"b""#,
            r#""\\""#,
            r#""\\\"""#,
            r#""\u00e9\/ and more than eight bytes""#,
            r#""é\né""#,
            "\"\u{7f}\u{80}\u{10ffff}\"",
        ] {
            let expected: String = serde_json::from_str(json).unwrap();
            for behind in ["", "\"", ",\"x\":\"y\"}", " "] {
                let text = format!("{json}{behind}");
                let mut scanner = Scanner::new(&text);
                assert_eq!(scanner.string().unwrap(), expected, "{text}");
                assert_eq!(scanner.at(), json.len(), "{text}");
            }
        }
        for json in [r#"""#, r#""a"#, r#""a\"#, r#""\"#, r#""\""#, "\"a\nb\"", "\"\\\n\"", "\"\0\""]
            .into_iter()
            .chain([r#""\x""#, r#""\ud800""#, "\"\\\u{e9}\"", "\"a\\n\n\"", r#""\u12"34""#])
        {
            assert!(Scanner::new(json).string().is_err(), "{json:?}");
        }
    }
}
