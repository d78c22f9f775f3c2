//! The names of an object's members.

use std::borrow::Cow;
use std::collections::HashSet;

use smallvec::SmallVec;

const FEW_NAMES: usize = 12;

/// The names of the members that were read from an object so far. RFC 7515 section 4 and RFC 7519
/// section 4 allow a parser to reject duplicate names. Parsers that accept duplicates choose
/// different values, so two programs could read the same token differently.
#[derive(Default)]
pub(crate) struct SeenNames<'de> {
    /// The [`group`]s of the stored names, one bit for each group. A new name whose group has no
    /// other name, as is usual, need not be compared with the stored names.
    groups: u64,
    few: SmallVec<[Cow<'de, str>; FEW_NAMES]>,
    /// The names after the first twelve. The set is created only when needed, since creating a hash
    /// set takes time.
    more: Option<HashSet<Cow<'de, str>>>,
}

impl<'de> SeenNames<'de> {
    /// Adds a name, which belongs to this group. Returns true if the name is new. `own` makes the
    /// copy of the name that is stored.
    #[inline]
    pub(crate) fn insert(
        &mut self,
        group: u64,
        name: &str,
        own: impl FnOnce() -> Cow<'de, str>,
    ) -> bool {
        if self.groups & group != 0 && self.few.iter().any(|other| other == name) {
            return false;
        }
        self.groups |= group;
        if self.few.len() == FEW_NAMES {
            return self.insert_more(own());
        }
        self.few.push(own());
        true
    }

    #[cold]
    fn insert_more(&mut self, name: Cow<'de, str>) -> bool {
        self.more.get_or_insert_default().insert(name)
    }
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

/// The prefix of the names that `serde_json` reserves for itself. If an object starts with such a
/// name, `serde_json` parses the member's string as JSON and uses the result in place of the
/// object. That result differs from the signed JSON.
const RESERVED: &str = "$serde_json::private::";

/// Returns true if `serde_json` reserves `name` for itself.
#[inline]
pub(crate) fn is_reserved(name: &str) -> bool {
    name.starts_with(RESERVED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert<'n>(seen: &mut SeenNames<'n>, is_escaped: bool, name: &'n str) -> bool {
        let own = || if is_escaped { Cow::Owned(name.to_owned()) } else { Cow::Borrowed(name) };
        seen.insert(group(name), name, own)
    }

    #[test]
    fn each_of_many_names_is_new_only_once() {
        let names: Vec<String> = (0..100).map(|n| n.to_string()).collect();
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
