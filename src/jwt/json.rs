//! The rules for JSON that `serde_json` does not check: depth and duplicate names.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, Visitor};
use smallvec::SmallVec;

/// The maximum depth of nested arrays and objects, the outermost one included.
const MAX_DEPTH: usize = 32;

/// Returns true if no value in `json` is nested deeper than [`MAX_DEPTH`]. Text that is not JSON
/// may pass, since the parser rejects it later.
pub(crate) fn is_shallow(json: &[u8]) -> bool {
    // JSON with few opening brackets cannot be nested deeply. Counting the brackets is vectorized,
    // and following the nesting is not.
    openings(json) <= MAX_DEPTH || depth(json) <= MAX_DEPTH
}

/// Counts the opening brackets. The compiler vectorizes a count of the type `u8`, so each chunk is
/// short enough not to overflow it.
fn openings(json: &[u8]) -> usize {
    // `[` and `{` differ in one bit.
    let count =
        |chunk: &[u8]| chunk.iter().fold(0_u8, |n, b| n.wrapping_add((b | 0x20 == b'{').into()));
    json.chunks(255).fold(0_usize, |n, chunk| n.saturating_add(count(chunk).into()))
}

fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let mut bytes = json.iter();
    let mut in_string = false;
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if in_string => {
                bytes.next();
            }
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth = depth.saturating_add(1);
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The member names of an object that were seen so far. RFC 7515 section 4 and RFC 7519 section 4
/// allow a parser to reject duplicate names. Parsers that accept them do not agree on the value.
#[derive(Default)]
pub(crate) struct SeenNames<'de> {
    few: SmallVec<[&'de str; FEW_NAMES]>,
    /// Further names, and names with escapes. Created on demand, since a new hash set draws random
    /// keys.
    more: Option<HashSet<Cow<'de, str>>>,
}

const FEW_NAMES: usize = 12;

impl<'de> SeenNames<'de> {
    /// Adds `name`, and returns true if it is new.
    #[expect(clippy::ptr_arg, reason = "a borrowed name is kept without a copy")]
    #[inline]
    pub(crate) fn insert(&mut self, name: &Cow<'de, str>) -> bool {
        if self.few.contains(&name.as_ref()) {
            return false;
        }
        match name {
            Cow::Borrowed(name) if self.more.is_none() && self.few.len() < FEW_NAMES => {
                self.few.push(name);
                true
            }
            name => self.insert_more(name),
        }
    }

    #[cold]
    #[expect(clippy::ptr_arg, reason = "a borrowed name is kept without a copy")]
    fn insert_more(&mut self, name: &Cow<'de, str>) -> bool {
        self.more.get_or_insert_default().insert(name.clone())
    }
}

/// Reads a string. A string without escapes is borrowed from the input.
pub(crate) struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Cow<'de, str>;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    #[inline]
    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// Reads `null` as `None`: a claim with the value `null` counts as absent.
pub(crate) struct OrNull<S>(pub(crate) S);

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for OrNull<S> {
    type Value = Option<S::Value>;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, S: DeserializeSeed<'de>> Visitor<'de> for OrNull<S> {
    type Value = Option<S::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or null")
    }

    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    #[inline]
    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Self::Value, D::Error> {
        self.0.deserialize(inner).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_open_brackets_outside_of_strings() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(is_shallow(nested(32).as_bytes()));
        assert!(!is_shallow(nested(33).as_bytes()));
        assert!(is_shallow(format!("[{}]", vec!["{}"; 100].join(",")).as_bytes()));
        assert!(is_shallow(format!(r#"["{}"]"#, "[".repeat(100)).as_bytes()));
        assert!(is_shallow(format!(r#"["\"{}"]"#, "[".repeat(100)).as_bytes()));
        assert!(!is_shallow(format!(r#"["\\",{}]"#, nested(32)).as_bytes()));
    }

    #[test]
    fn each_of_many_names_is_new_only_once() {
        let mut names = SeenNames::default();
        for n in 0..100 {
            assert!(names.insert(&Cow::Owned(n.to_string())));
        }
        for n in 0..100 {
            assert!(!names.insert(&Cow::Owned(n.to_string())));
        }
    }
}
