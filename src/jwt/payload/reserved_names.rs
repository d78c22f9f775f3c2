//! Member names that `serde_json` reserves for itself.

use std::borrow::Cow;

use crate::jwt::duplicates::unescaped;
use crate::jwt::payload::scan;

/// The prefix of the reserved names. `serde_json` replaces an object that starts with such a name
/// with the JSON in the member's text. That JSON differs from what was signed, and its depth is not
/// limited.
const PREFIX: &str = "$serde_json::private::";

/// Returns true if `name` is reserved.
pub(crate) fn is_reserved(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Returns true if an object in `json`, at any depth, has a reserved name. Text that is not JSON
/// may pass, since the parser rejects it later.
#[inline]
pub(crate) fn has_name(json: &str) -> bool {
    // Almost no payload contains either byte, so the common case is one vectorized search.
    memchr::memchr2(b'$', b'\\', json.as_bytes()).is_some() && looks_like_it(json)
}

/// Searches for the prefix. The prefix is ASCII, so it may appear literally or with some of its
/// characters escaped as `\u00..`.
#[cold]
fn looks_like_it(json: &str) -> bool {
    let has = |text: &str| memchr::memmem::find(json.as_bytes(), text.as_bytes()).is_some();
    (has(PREFIX) || has("\\u00")) && names(json).any(|name| is_reserved(&name))
}

/// Iterates over the strings that are followed by a colon.
fn names(json: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let mut rest = json;
    std::iter::from_fn(move || {
        loop {
            let (_, from) = rest.split_once('"')?;
            let end = scan::string_end(from.as_bytes(), 0);
            let (string, after) = from.split_at_checked(end)?;
            rest = after.get(1..)?;
            if rest.trim_ascii_start().starts_with(':') {
                return Some(unescaped(string));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_at_any_depth_and_in_any_spelling() {
        for json in [
            r#"{"$serde_json::private::RawValue":"1"}"#,
            r#"{"a":[{"b":{"$serde_json::private::Number" : "1"}}]}"#,
            r#"{"a":{"\u0024serde_json::private::RawValue":"1"}}"#,
            r#"{"a":{"$serde_json::priv\u0061te::RawValue":"1"}}"#,
            r#"{"\\":1,"a\"":{"$serde\u005fjson::private::x":"1"}}"#,
        ] {
            assert!(has_name(json), "{json}");
        }
        for json in [
            r#"{"$ref":"x"}"#,
            r#"{"a":"$serde_json::private::RawValue"}"#,
            r#"{"a":"\":{\"$serde_json::private::RawValue\":1}"}"#,
            r#"{"caf\u00e9":"\u0024serde_json::private::RawValue","price":"$1"}"#,
            r#"{"unfinished $serde_json::private::"#,
            r#"{"\u00"#,
            "\"\\",
            "",
        ] {
            assert!(!has_name(json), "{json}");
        }
    }
}
