//! Substrings of a text that is stored only once.

use smallvec::SmallVec;

/// The position and the length of a substring of the stored text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    len: u32,
}

/// The spans of several strings. Up to three spans need no allocation.
pub(crate) type Spans = SmallVec<[Span; 3]>;

impl Span {
    /// Creates a span. A number above `u32::MAX` becomes `u32::MAX`, and [`Self::of`] then returns
    /// an empty string. No token is that long.
    #[inline]
    pub(crate) fn new(start: usize, len: usize) -> Self {
        let clamp = |n| u32::try_from(n).unwrap_or(u32::MAX);
        Self { start: clamp(start), len: clamp(len) }
    }

    /// Returns the position at which the span starts.
    #[inline]
    pub(crate) fn start(self) -> usize {
        self.start as usize
    }

    /// Returns the span of the `len` bytes that follow this span.
    pub(crate) fn followed_by(self, len: usize) -> Self {
        Self::new(self.start.saturating_add(self.len) as usize, len)
    }

    /// Returns the part of `text` that this span covers, or an empty string if `text` is too short
    /// or not UTF-8.
    #[inline]
    pub(crate) fn of(self, text: &[u8]) -> &str {
        std::str::from_utf8(self.bytes_of(text)).unwrap_or_default()
    }

    /// Returns the bytes of `text` that this span covers, or no bytes if `text` is too short.
    #[inline]
    pub(crate) fn bytes_of(self, text: &[u8]) -> &[u8] {
        let start = self.start as usize;
        text.get(start..start.saturating_add(self.len as usize)).unwrap_or_default()
    }
}

/// Finds the positions of strings that were read from a payload.
///
/// The stored text begins with the payload. In the payload, escapes such as `\n` are not decoded.
/// `Placer` therefore decodes each string that contains escapes, and collects the decoded strings.
/// The caller then appends them after the first `end` bytes of the stored text.
#[derive(Debug)]
pub(crate) struct Placer<'de> {
    payload: &'de str,
    end: usize,
    unescaped: String,
}

impl<'de> Placer<'de> {
    /// Creates a `Placer`. The stored text begins with the payload. The decoded strings begin at
    /// byte `end` of the stored text.
    pub(crate) fn new(payload: &'de str, end: usize) -> Self {
        Self { payload, end, unescaped: String::new() }
    }

    /// Appends a text that the payload does not contain in this form, such as a decoded string.
    /// Returns the position of the text.
    #[cold]
    pub(crate) fn append(&mut self, text: &str) -> Span {
        let start = self.end.saturating_add(self.unescaped.len());
        self.unescaped.push_str(text);
        Span::new(start, text.len())
    }

    /// Returns true if the characters in `span` are equal to `text`.
    #[inline]
    pub(crate) fn is(&self, span: Span, text: &str) -> bool {
        let found = match (span.start as usize).checked_sub(self.end) {
            None => span.bytes_of(self.payload.as_bytes()),
            Some(start) => Span::new(start, span.len as usize).bytes_of(self.unescaped.as_bytes()),
        };
        found == text.as_bytes()
    }

    /// Returns the length of the stored text.
    pub(crate) fn end(&self) -> usize {
        self.end
    }

    /// Returns the collected strings, joined together. The caller appends them to the stored text.
    pub(crate) fn into_unescaped(self) -> String {
        self.unescaped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_found_in_the_payload_and_behind_the_stored_text() {
        let payload = "0123456789";
        let mut placer = Placer::new(payload, 15);
        let all = [Span::new(3, 2), placer.append("ab"), placer.append("c")];
        for (span, text) in all.into_iter().zip(["34", "ab", "c"]) {
            assert!(placer.is(span, text) && !placer.is(span, "x"));
        }
        let kept = format!("{payload}token{}", placer.into_unescaped());
        assert_eq!(all.map(|span| span.of(kept.as_bytes())), ["34", "ab", "c"]);
    }
}
