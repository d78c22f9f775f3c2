//! The scanner, which finds strings, numbers, and words such as `null` in a JSON text.

/// The maximum number of digits that [`Scanner::whole_number`] reads. A longer number could be too
/// large for 64 bits.
const MAX_DIGITS: usize = 18;

/// A position in a JSON text.
///
/// The scanner reads whole numbers, and strings that have no escapes. Most issuers write only these
/// forms. For every other string or number, the scanner finds only the end, and `serde_json` reads
/// the text.
#[derive(Clone, Copy)]
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
        match self.json.as_bytes().get(self.at) {
            Some(byte) if *byte > b' ' => Some(*byte),
            _ => self.peek_after_space(),
        }
    }

    // Most issuers write no white space.
    #[cold]
    fn peek_after_space(&mut self) -> Option<u8> {
        let is_space = |byte: &&u8| matches!(byte, b' ' | b'\n' | b'\t' | b'\r');
        self.skip(self.rest().iter().take_while(is_space).count());
        self.rest().first().copied()
    }

    #[inline]
    pub(crate) fn skip(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    /// Reads `word`. If the text does not continue with `word`, returns false and does not change
    /// the position.
    #[inline]
    pub(crate) fn word(&mut self, word: &str) -> bool {
        let follows = self.rest().starts_with(word.as_bytes());
        if follows {
            self.skip(word.len());
        }
        follows
    }

    /// Reads a whole number of at most 18 digits. For any other number, returns `None` and does not
    /// change the position.
    #[inline]
    pub(crate) fn whole_number(&mut self) -> Option<u64> {
        let rest = self.rest();
        let (mut number, mut digits) = match rest.first_chunk().copied().and_then(eight_digits) {
            Some(number) => (number, 8_usize),
            None => (0, 0),
        };
        let mut next = None;
        for byte in rest.get(digits..).unwrap_or_default() {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                next = Some(*byte);
                break;
            }
            number = number.wrapping_mul(10).wrapping_add(digit.into());
            digits = digits.wrapping_add(1);
        }
        let has_leading_zero = digits > 1 && rest.first() == Some(&b'0');
        let goes_on = matches!(next, Some(b'.' | b'e' | b'E'));
        if digits == 0 || digits > MAX_DIGITS || has_leading_zero || goes_on {
            return None;
        }
        self.skip(digits);
        Some(number)
    }

    /// Skips a number. If no valid number is next, returns false and does not change the position.
    pub(crate) fn skip_number(&mut self) -> bool {
        let mut ahead = *self;
        ahead.word("-");
        let has_leading_zero = ahead.rest().first() == Some(&b'0');
        let whole = ahead.skip_digits();
        let is_fraction_valid = !ahead.word(".") || ahead.skip_digits() > 0;
        let is_exponent_valid = !(ahead.word("e") || ahead.word("E")) || {
            let _ = ahead.word("+") || ahead.word("-");
            ahead.skip_digits() > 0
        };
        let is_whole_valid = whole > 0 && (whole == 1 || !has_leading_zero);
        let is_valid = is_whole_valid && is_fraction_valid && is_exponent_valid;
        if is_valid {
            *self = ahead;
        }
        is_valid
    }

    /// Skips digits, and returns their count.
    fn skip_digits(&mut self) -> usize {
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.skip(digits);
        digits
    }

    /// Reads the string that starts with the quote at this position. Returns `None`, without
    /// moving, if the string has an escape or is invalid.
    #[inline]
    pub(crate) fn plain_string(&mut self) -> Option<&'de str> {
        let (start, end) = self.plain_span()?;
        self.json.get(start..end)
    }

    /// Reads a string as [`Self::plain_string`] does, but returns its start and end.
    #[inline]
    pub(crate) fn plain_span(&mut self) -> Option<(usize, usize)> {
        let start = self.at.wrapping_add(1);
        let end = plain_end(self.json.as_bytes(), start);
        if self.json.as_bytes().get(end) != Some(&b'"') {
            return None;
        }
        self.at = end.wrapping_add(1);
        Some((start, end))
    }

    /// Reads a name of one to seven bytes without escapes, and the colon after the name. If the
    /// name is not the first of its object, also reads the comma before the name. If it is the
    /// first, the caller must have read the opening bracket of the object. If no such name is next,
    /// returns `None` and reads nothing.
    #[inline]
    pub(crate) fn short_name(&mut self, is_first: bool) -> Option<&'de str> {
        let before = if is_first { b'{' } else { b',' };
        let start = self.at.wrapping_sub(usize::from(is_first));
        let text: &[u8; 11] = self.json.as_bytes().get(start..)?.first_chunk()?;
        let [first, quote, word @ .., _] = text;
        let stops = stops(u64::from_le_bytes(*word));
        let len = (stops.trailing_zeros() / 8) as usize;
        let behind = text.get(len.wrapping_add(2)..)?.first_chunk()?;
        if [*first, *quote] != [before, b'"'] || len == 0 || behind != b"\":" {
            return None;
        }
        let start = start.wrapping_add(2);
        let end = start.wrapping_add(len);
        self.at = end.wrapping_add(2);
        self.json.get(start..end)
    }

    /// Reads the string whose opening quote is at this position. Returns the decoded text, and the
    /// JSON of the string with its quotes. Returns `None`, and does not move, if the string is
    /// invalid or has an escape for half of a surrogate pair.
    pub(crate) fn escaped_string(&mut self) -> Option<(String, &'de str)> {
        let mut text = String::with_capacity(32);
        let mut start = self.at.wrapping_add(1);
        loop {
            let end = plain_end(self.json.as_bytes(), start);
            text.push_str(self.json.get(start..end)?);
            let (byte, behind) = self.json.as_bytes().get(end..)?.split_first()?;
            match byte {
                b'"' => {
                    let quoted = self.json.get(self.at..=end)?;
                    self.at = end.wrapping_add(1);
                    return Some((text, quoted));
                }
                b'\\' => {
                    let (char, len) = escape(behind)?;
                    text.push(char);
                    start = end.wrapping_add(1).wrapping_add(len);
                }
                _ => return None,
            }
        }
    }

    /// Moves past the string, number or word at this position and returns its text, which may be
    /// invalid. At a bracket, returns the bracket and does not change the position.
    pub(crate) fn scalar(&mut self) -> &'de str {
        let start = self.at;
        let while_next = |is_part: fn(&u8) -> bool| {
            let part = self.rest().iter().take_while(|byte| is_part(byte));
            start.saturating_add(part.count())
        };
        let end = match self.rest().first() {
            Some(b'"') => {
                string_end(self.json.as_bytes(), start.saturating_add(1)).saturating_add(1)
            }
            Some(b'0'..=b'9' | b'-') => while_next(|byte| is_in_numbers(*byte)),
            Some(b'a'..=b'z') => while_next(u8::is_ascii_lowercase),
            Some(b'[' | b'{') => {
                return self.json.get(start..start.saturating_add(1)).unwrap_or("");
            }
            _ => start.saturating_add(1),
        };
        self.at = end.min(self.json.len());
        self.since(start)
    }

    /// Returns the text from an earlier position to the current position.
    pub(crate) fn since(&self, earlier: usize) -> &'de str {
        self.json.get(earlier..self.at).unwrap_or_default()
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn move_to(&mut self, at: usize) {
        self.at = at;
    }

    /// Moves to the end of the text, where nothing can be read.
    pub(crate) fn move_to_end(&mut self) {
        self.at = self.json.len();
    }

    #[inline]
    fn rest(&self) -> &'de [u8] {
        self.json.as_bytes().get(self.at..).unwrap_or_default()
    }
}

/// Returns true if a number can contain this byte.
pub(crate) fn is_in_numbers(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')
}

/// Returns the position of the closing quote of the string whose content starts at `start`. If a
/// control character comes before the quote, returns the position of the first control character.
/// If neither of them follows, returns a position at or after the end of `json`.
///
/// A JSON string must not contain control characters. `serde_json` accepts them when it reads a
/// string as bytes, so this function looks for them.
#[inline]
fn string_end(json: &[u8], start: usize) -> usize {
    let mut end = start;
    loop {
        end = plain_end(json, end);
        if json.get(end) != Some(&b'\\') {
            return end;
        }
        end = end.saturating_add(2);
    }
}

/// Searches `json` from the position `at` for the first quote, backslash or control character, and
/// returns its position. If there is no such character, returns a position at or after the end of
/// `json`.
#[inline]
fn plain_end(json: &[u8], at: usize) -> usize {
    let (words, tail) = json.get(at..).unwrap_or_default().as_chunks();
    let mut end = at;
    for word in words {
        let stops = stops(u64::from_le_bytes(*word));
        if stops != 0 {
            return end.wrapping_add((stops.trailing_zeros() / 8) as usize);
        }
        end = end.wrapping_add(8);
    }
    let is_plain = |byte: &&u8| !matches!(byte, b'"' | b'\\' | 0..0x20);
    end.wrapping_add(tail.iter().take_while(is_plain).count())
}

/// Sets the high bit of each byte that is a quote, a backslash or a control character. Of the bits
/// that are set, only the lowest is reliable. A higher bit may be set for a byte that is none of
/// these.
#[inline]
fn stops(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    let each = |byte: u8| ONES.wrapping_mul(byte.into());
    // The XOR changes a quote into 0x20, and a control character into another control character.
    let is_quote_or_control = (word ^ each(0x02)).wrapping_sub(each(0x21));
    let is_backslash = (word ^ each(b'\\')).wrapping_sub(ONES);
    (is_quote_or_control | is_backslash) & !word & HIGH
}

/// Decodes an escape. `text` begins after the backslash. Returns the character, and the length of
/// the escape without the backslash.
fn escape(text: &[u8]) -> Option<(char, usize)> {
    let (kind, digits) = text.split_first()?;
    let char = match kind {
        b'"' | b'\\' | b'/' => char::from(*kind),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let digits = digits.first_chunk::<4>()?.iter();
            let values = digits.map(|digit| char::from(*digit).to_digit(16));
            let code = values.reduce(|code, digit| Some(code? << 4 | digit?))??;
            return Some((char::from_u32(code)?, 5));
        }
        _ => return None,
    };
    Some((char, 1))
}

/// Returns the number that these eight digits stand for, or `None` if a character is not a digit.
#[inline]
fn eight_digits(text: [u8; 8]) -> Option<u64> {
    let each = |byte: u8| u64::from_le_bytes([byte; 8]);
    let digits = u64::from_le_bytes(text).wrapping_sub(each(b'0'));
    if (digits | digits.wrapping_add(each(0x76))) & each(0x80) != 0 {
        return None;
    }
    // Combine adjacent digits into pairs, adjacent pairs into groups of four, and the two groups
    // into the number.
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00FF_00FF_00FF_00FF;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_FFFF_0000_FFFF;
    Some(fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xFFFF_FFFF)
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
    fn whole_numbers_that_fit_are_read_and_other_numbers_are_left() {
        let number = |json| Scanner::new(json).whole_number();
        assert_eq!(number("0"), Some(0));
        assert_eq!(number("1700000000,"), Some(1_700_000_000));
        assert_eq!(number("999999999999999999"), Some(999_999_999_999_999_999));
        for json in
            ["", "-1", "00", "01", "1000000000000000000", "x", ".5", "+1", "1.5", "1e3", "1E3"]
        {
            assert_eq!(number(json), None, "{json}");
        }
    }

    #[test]
    fn numbers_are_skipped_if_they_are_valid_in_serde_json() {
        let parts = ["-", "+", "0", "1", "20", ".", "e", "E", "7"];
        for n in 0..parts.len().pow(5) {
            let part = |place: u32| parts[n / parts.len().pow(place) % parts.len()];
            let text: String = (0..5).map(part).collect();
            for end in 1..=text.len() {
                let mut scanner = Scanner::new(&text[..end]);
                let is_skipped = scanner.skip_number() && scanner.at() == end;
                let is_valid = serde_json::from_str::<serde::de::IgnoredAny>(&text[..end]).is_ok();
                assert_eq!(is_skipped, is_valid, "{}", &text[..end]);
            }
        }
    }

    #[test]
    fn numbers_of_every_length_are_read() {
        let mut number = 0;
        for digits in 1..=MAX_DIGITS {
            number = number * 10 + digits as u64 % 10;
            let text = format!("{number}");
            for behind in ["", ",", "}", " 1", "/", ":", "\u{80}"] {
                let text = format!("{text}{behind} 12345678");
                assert_eq!(Scanner::new(&text).whole_number(), Some(number), "{text}");
            }
        }
    }

    #[test]
    fn eight_digits_are_a_number_and_other_characters_are_none() {
        for (text, number) in [("00000000", 0), ("12345678", 12_345_678), ("99999999", 99_999_999)]
        {
            let text: [u8; 8] = text.as_bytes().try_into().unwrap();
            assert_eq!(eight_digits(text), Some(number));
            for place in 0..8 {
                for byte in (0..=u8::MAX).filter(|byte| !byte.is_ascii_digit()) {
                    let mut text = text;
                    text[place] = byte;
                    assert_eq!(eight_digits(text), None, "{text:?}");
                }
            }
        }
    }

    #[test]
    fn strings_and_scalars_end_where_they_end_in_serde_json() {
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
            "-1.5e+3",
            "null",
        ] {
            let expected: serde_json::Value = serde_json::from_str(json).unwrap();
            for behind in ["", ",\"x\":\"y\"}", " ", "]"] {
                let text = format!("{json}{behind}");
                let mut scanner = Scanner::new(&text);
                assert_eq!(scanner.scalar(), json, "{text}");
                if !expected.is_string() {
                    continue;
                }
                let mut scanner = Scanner::new(&text);
                if let Some(string) = scanner.plain_string() {
                    assert_eq!((string, scanner.at()), (expected.as_str().unwrap(), json.len()));
                } else {
                    assert!(json.contains('\\'), "{text}");
                    assert_eq!(scanner.at(), 0, "{text}");
                }
            }
        }
        for json in ["\"", "\"a", "\"a\nb\"", "\"\0\""] {
            assert_eq!(Scanner::new(json).plain_string(), None, "{json:?}");
        }
        for json in ["", "[", "{x", "\"a", "\"\\", "é", "\"\\é", ","] {
            assert!(json.starts_with(Scanner::new(json).scalar()), "{json:?}");
        }
    }
}
