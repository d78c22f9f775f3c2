//! The names of an object's members.

use std::borrow::Cow;
use std::collections::HashSet;

use smallvec::SmallVec;

const FEW_NAMES: usize = 12;

/// The member names of an object that were seen so far. RFC 7515 section 4 and RFC 7519 section 4
/// allow a parser to reject duplicate names. Parsers that accept them do not agree on the value, so
/// two programs could read one token differently.
#[derive(Default)]
pub(crate) struct SeenNames<'de> {
    /// One bit for each group of names. Most names are the first of their group, and need no
    /// comparison.
    groups: u64,
    few: SmallVec<[&'de str; FEW_NAMES]>,
    /// Further names, and names with escapes. Created on demand, since a new hash set draws random
    /// keys.
    more: Option<HashSet<Cow<'de, str>>>,
}

impl<'de> SeenNames<'de> {
    /// Adds `name`, and returns true if it is new.
    #[expect(clippy::ptr_arg, reason = "a borrowed name is kept without a copy")]
    #[inline]
    pub(crate) fn insert(&mut self, name: &Cow<'de, str>) -> bool {
        let group = group(name);
        if self.groups & group != 0 && self.few.contains(&name.as_ref()) {
            return false;
        }
        self.groups |= group;
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

/// Returns the bit for names with the same length, first byte and last byte.
#[inline]
fn group(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let first = bytes.first().copied().unwrap_or_default();
    let last = bytes.last().copied().unwrap_or_default();
    let mix = usize::from(first ^ last.rotate_left(3)).wrapping_add(bytes.len());
    1_u64.wrapping_shl(mix as u32)
}

/// The prefix of the names that `serde_json` reserves for itself. It replaces an object that starts
/// with such a name with the JSON in the member's text. That JSON differs from what was signed.
const RESERVED: &str = "$serde_json::private::";

/// Returns true if `serde_json` reserves `name` for itself.
#[inline]
pub(crate) fn is_reserved(name: &str) -> bool {
    name.starts_with(RESERVED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_many_names_is_new_only_once() {
        for is_owned in [false, true] {
            let names: Vec<String> = (0..100).map(|n| n.to_string()).collect();
            let mut seen = SeenNames::default();
            for is_new in [true, false] {
                for name in &names {
                    let name =
                        if is_owned { Cow::Owned(name.clone()) } else { Cow::Borrowed(&**name) };
                    assert_eq!(seen.insert(&name), is_new, "{name}");
                }
            }
        }
    }

    #[test]
    fn a_name_with_escapes_equals_the_same_name_without() {
        for (first, second) in [
            (Cow::Borrowed("ab"), Cow::Owned("ab".to_owned())),
            (Cow::Owned("ab".to_owned()), Cow::Borrowed("ab")),
            (Cow::Borrowed(""), Cow::Owned(String::new())),
        ] {
            let mut seen = SeenNames::default();
            assert!(seen.insert(&first) && !seen.insert(&second), "{first}");
            // These names are in the same group.
            assert!(seen.insert(&Cow::Borrowed("axb")) && seen.insert(&Cow::Borrowed("ayb")));
        }
    }
}
