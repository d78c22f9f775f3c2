//! Member names that occur twice in one object, at any depth.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::jwt::payload::scan;

/// The maximum number of names that are compared pair by pair. More names are sorted, which
/// allocates.
const FEW_NAMES: usize = 16;

/// Returns true if a name occurs twice in one object other than the outermost one, whose names the
/// caller checks while it reads them. RFC 8259 section 4 leaves the meaning of duplicate names to
/// each parser, so two programs could read one token differently.
///
/// Text that is not JSON may pass, since the parser rejects it later.
#[inline]
pub(crate) fn are_nested(json: &str) -> bool {
    // Most payloads have no nested object. For them, this is one vectorized search.
    let inner = json.as_bytes().get(1..).unwrap_or_default();
    memchr::memchr(b'{', inner).is_some() && find(json, false)
}

/// Returns true if a name occurs twice in one object, the outermost object included.
#[cold]
pub(crate) fn are_anywhere(json: &str) -> bool {
    find(json, true)
}

fn find(json: &str, outermost_too: bool) -> bool {
    let bytes = json.as_bytes();
    let has_escapes = memchr::memchr(b'\\', bytes).is_some();
    // The names of all open objects, and for each of these objects the index of its first name.
    let mut names = SmallVec::<[&str; FEW_NAMES]>::new();
    let mut starts = SmallVec::<[usize; 8]>::new();
    let mut at = 0_usize;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let start = at.saturating_add(1);
                at = scan::string_end(bytes, start);
                let Some(string) = json.get(start..at) else { return false };
                // A string is a name if a colon follows.
                if is_colon_next(bytes, at.saturating_add(1)) {
                    names.push(string);
                }
            }
            b'{' => starts.push(names.len()),
            b'}' => {
                let Some((start, outer)) = starts.split_last() else { return false };
                let (start, is_outermost) = (*start, outer.is_empty());
                let own = names.get(start..).unwrap_or_default();
                if (!is_outermost || outermost_too) && !are_distinct(own, has_escapes) {
                    return true;
                }
                names.truncate(start);
                starts.truncate(starts.len().saturating_sub(1));
            }
            _ => {}
        }
        at = at.saturating_add(1);
    }
    false
}

#[inline]
fn is_colon_next(bytes: &[u8], at: usize) -> bool {
    let mut rest = bytes.get(at..).unwrap_or_default().iter();
    rest.find(|byte| !matches!(byte, b' ' | b'\n' | b'\t' | b'\r')) == Some(&b':')
}

fn are_distinct(names: &[&str], may_have_escapes: bool) -> bool {
    if names.len() > FEW_NAMES || may_have_escapes && names.iter().any(|name| name.contains('\\')) {
        return are_many_distinct(names);
    }
    let mut rest = names;
    while let Some((name, others)) = rest.split_first() {
        if others.contains(name) {
            return false;
        }
        rest = others;
    }
    true
}

#[cold]
fn are_many_distinct(names: &[&str]) -> bool {
    let mut names: Vec<_> = names.iter().map(|name| unescaped(name)).collect();
    names.sort_unstable();
    names.windows(2).all(|pair| pair.first() != pair.last())
}

/// Decodes the escapes of a JSON string. An invalid string becomes an empty one; the parser rejects
/// it later.
pub(crate) fn unescaped(string: &str) -> Cow<'_, str> {
    if !string.contains('\\') {
        return Cow::Borrowed(string);
    }
    serde_json::from_str::<String>(&format!("\"{string}\"")).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_that_occurs_twice_in_one_object_is_found_at_any_depth() {
        let many = |last: &str| {
            let names: Vec<_> = (0..40).map(|n| format!("\"n{n}\":{n}")).collect();
            format!("{{\"a\":{{{},\"{last}\":0}}}}", names.join(","))
        };
        for json in [
            r#"{"realm_access":{"roles":["user"],"roles":["admin"]}}"#.to_owned(),
            r#"{"a":[1,[{"b":{},"c":[{}],"b":1}]]}"#.to_owned(),
            r#"{"a":{"b":{"c":1},"d":2,"b" : 3}}"#.to_owned(),
            r#"{"a":{"b":1,"\u0062":2}}"#.to_owned(),
            r#"{"a":{"\"":1,"\u0022":2}}"#.to_owned(),
            r#"{"a":{"":1,"":2}}"#.to_owned(),
            // `serde_json` accepts control characters in byte strings.
            "{\"a\":\"\u{1}}\",\"b\":{\"a\":\"\n\",\"a\":2}}".to_owned(),
            many("n39"),
            many("n0"),
        ] {
            assert!(are_nested(&json) && are_anywhere(&json), "{json}");
        }
        for json in [
            r#"{"a":{"b":1},"c":{"b":2,"a":3}}"#.to_owned(),
            r#"{"a":[{"b":1},{"b":1}],"b":["a","a"]}"#.to_owned(),
            r#"{"a":{"b":"b","c":"\"b\":"}}"#.to_owned(),
            r#"{"a":{"b":"{","c":"}","d":{"b":"\\"}}}"#.to_owned(),
            many("n40"),
            "{\"a\":\"\u{1}{\",\"b\":{\"a\":1}}".to_owned(),
            "{".to_owned(),
            "}{\"a\":1".to_owned(),
            "{\"a\":{\"".to_owned(),
            "{\"a\":{\"\\".to_owned(),
            String::new(),
        ] {
            assert!(!are_nested(&json) && !are_anywhere(&json), "{json}");
        }
        let outermost = r#"{"a":{},"a":1}"#;
        assert!(!are_nested(outermost) && are_anywhere(outermost));
    }

    /// A value whose objects keep the order and the spelling of their names.
    #[derive(Clone, Debug)]
    enum Json {
        Text(String),
        Array(Vec<Json>),
        Object(Vec<(String, bool, Json)>),
    }

    impl Json {
        fn render(&self) -> String {
            match self {
                Self::Text(text) => format!("{text:?}"),
                Self::Array(items) => {
                    format!("[{}]", items.iter().map(Self::render).collect::<Vec<_>>().join(","))
                }
                Self::Object(members) => {
                    let members = members.iter().map(|(name, escaped, value)| {
                        let name: String = match escaped {
                            true => name.bytes().map(|byte| format!("\\u{byte:04x}")).collect(),
                            false => name.clone(),
                        };
                        format!("\"{name}\" :{}", value.render())
                    });
                    format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
                }
            }
        }

        fn has_duplicate(&self) -> bool {
            match self {
                Self::Text(_) => false,
                Self::Array(items) => items.iter().any(Self::has_duplicate),
                Self::Object(members) => {
                    let mut names: Vec<_> = members.iter().map(|member| &member.0).collect();
                    names.sort();
                    names.dedup();
                    names.len() < members.len() || members.iter().any(|m| m.2.has_duplicate())
                }
            }
        }
    }

    fn json() -> impl Strategy<Value = Json> {
        let leaf = "[a-c{}:, ]{0,3}".prop_map(Json::Text);
        leaf.prop_recursive(5, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
                prop::collection::vec(("[a-h]{1,2}", any::<bool>(), inner), 0..5)
                    .prop_map(Json::Object),
            ]
        })
    }

    proptest! {
        #[test]
        fn duplicates_are_found_exactly_where_they_are(json in json()) {
            let text = json.render();
            prop_assert_eq!(are_anywhere(&text), json.has_duplicate(), "{}", text);
        }
    }
}
