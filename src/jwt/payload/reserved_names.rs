//! Names by which `serde_json` talks to itself.

use std::borrow::Cow;

use crate::jwt::duplicates::unescaped;
use crate::jwt::payload::scan;

/// An object of its `Value` that begins with one of these names becomes whatever JSON the member
/// holds as text: something else than what was signed, and as deep as it likes.
const PREFIX: &str = "$serde_json::private::";

/// Returns true if `name` is one of them.
pub(crate) fn is_reserved(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Returns true if a member of any object in `json` has such a name. Text that is not JSON may have one
/// unnoticed: the parser refuses it.
#[inline]
pub(crate) fn has_name(json: &str) -> bool {
    // Nearly no payload has either character: this costs one pass of vectors.
    memchr::memchr2(b'$', b'\\', json.as_bytes()).is_some() && looks_like_it(json)
}

/// Written out, or with at least one of its characters, which are all ASCII, as `\u00..`.
#[cold]
fn looks_like_it(json: &str) -> bool {
    let has = |text: &str| memchr::memmem::find(json.as_bytes(), text.as_bytes()).is_some();
    (has(PREFIX) || has("\\u00")) && names(json).any(|name| is_reserved(&name))
}

/// The strings that a colon follows.
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
