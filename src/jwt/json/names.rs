//! The names of an object's members.

use std::borrow::Cow;
use std::collections::HashSet;

const FEW_NAMES: usize = 12;

/// The names of the members that have been read from an object. RFC 7515 section 4 and RFC 7519
/// section 4 allow a parser to reject duplicate names. Parsers that accept duplicates choose
/// different values, so two programs could read the same token differently.
#[derive(Default)]
pub(crate) struct SeenNames<'de> {
    /// The [`group`]s of the stored names, one bit for each group. If no stored name is in the
    /// group of a new name, which is the usual case, the new name need not be compared with the
    /// stored names.
    groups: u64,
    /// The first twelve names, with their escapes unchanged. The text of a name includes the quotes
    /// only if the name has escapes.
    few: [&'de str; FEW_NAMES],
    few_len: usize,
    /// The names after the first twelve. The set is created only when needed, since creating a hash
    /// set takes time.
    more: Option<HashSet<Cow<'de, str>>>,
}

impl<'de> SeenNames<'de> {
    /// Adds a name. Returns true if the name is new. `group` is the [`group`] of `name`. `written`
    /// is the text of the name in the JSON. If the text has escapes, `written` includes the quotes.
    /// Otherwise it has no quotes.
    #[inline]
    pub(crate) fn insert(&mut self, group: u64, name: &str, written: &'de str) -> bool {
        if self.groups & group != 0 && self.has_among_few(name) {
            return false;
        }
        self.groups |= group;
        let Some(free) = self.few.get_mut(self.few_len) else {
            return self.insert_more(name, written);
        };
        *free = written;
        self.few_len = self.few_len.wrapping_add(1);
        true
    }

    #[cold]
    fn has_among_few(&self, name: &str) -> bool {
        self.few.iter().take(self.few_len).any(|other| is_same(other, name))
    }

    #[cold]
    fn insert_more(&mut self, name: &str, written: &'de str) -> bool {
        let is_plain = name == written;
        let name = if is_plain { Cow::Borrowed(written) } else { Cow::Owned(name.to_owned()) };
        self.more.get_or_insert_default().insert(name)
    }
}

/// Returns true if the stored name `written` equals `name`. A stored name with escapes still has
/// its quotes, and is decoded before the comparison. All other names are stored without quotes.
fn is_same(written: &str, name: &str) -> bool {
    if !written.starts_with('"') {
        return written == name;
    }
    serde_json::from_str::<Cow<'_, str>>(written).is_ok_and(|other| other == name)
}

/// Returns the group of a name, as one bit. Names in different groups are never equal.
#[inline]
pub(crate) fn group(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let first = bytes.first().copied().unwrap_or_default();
    let last = bytes.last().copied().unwrap_or_default();
    let mix = usize::from(first ^ last.rotate_left(3)).wrapping_add(bytes.len());
    1_u64.wrapping_shl(mix as u32)
}

/// The prefix of the names that `serde_json` reserves for itself. If the first member of an object
/// has such a name, `serde_json` parses the string in this member as JSON, and uses the result in
/// place of the object. The result differs from the signed JSON.
const RESERVED: &str = "$serde_json::private::";

/// Returns true if `serde_json` reserves `name` for itself.
#[inline]
pub(crate) fn is_reserved(name: &str) -> bool {
    name.starts_with(RESERVED)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds a name. If `is_escaped` is true, each character of the name is written as an escape.
    fn insert(seen: &mut SeenNames<'_>, is_escaped: bool, name: &'static str) -> bool {
        if !is_escaped {
            return seen.insert(group(name), name, name);
        }
        let escapes: String = name.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        seen.insert(group(name), name, format!("\"{escapes}\"").leak())
    }

    #[test]
    fn each_of_many_names_is_new_only_once() {
        let names: Vec<&str> = (0..100).map(|n| &*n.to_string().leak()).collect();
        for (first, second) in [(false, false), (false, true), (true, false), (true, true)] {
            let mut seen = SeenNames::default();
            for (is_escaped, is_new) in [(first, true), (second, false)] {
                for name in &names {
                    assert_eq!(insert(&mut seen, is_escaped, name), is_new, "{name}");
                }
            }
        }
    }

    #[test]
    fn a_name_that_contains_the_escapes_of_another_name_is_new() {
        let (written, mut seen) = (r#""\u0061""#, SeenNames::default());
        assert!(seen.insert(1, "a", written));
        assert!(seen.insert(1, written, r#""\"\\u0061\"""#));
        assert!(!seen.insert(1, "a", "a"));
    }

    #[test]
    fn different_names_of_one_group_are_each_new_only_once() {
        let mut seen = SeenNames::default();
        assert_eq!(group("axb"), group("ayb"));
        for is_new in [true, false] {
            assert_eq!(insert(&mut seen, false, "axb"), is_new);
            assert_eq!(insert(&mut seen, false, "ayb"), is_new);
        }
        assert!(insert(&mut seen, false, "") && !insert(&mut seen, true, ""));
    }
}
