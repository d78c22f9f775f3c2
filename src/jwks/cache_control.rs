//! The lifetime of an HTTP response (RFC 9111).

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};

/// The largest number of seconds that a cache must be able to represent (RFC 9111 section 1.2.2).
const MAX_SECONDS: u64 = 1 << 31;

/// Returns the time for which a response stays fresh according to its `Cache-Control` and `Age`.
/// Returns `None` if the response does not state a time.
///
/// With `no-store`, `no-cache`, or a `max-age` that is not a number, the result is zero. If the
/// headers state several lifetimes, the shortest one is used. Since the result may be zero or very
/// long, the refresh policy limits it.
pub(crate) fn fresh_for(headers: &HeaderMap) -> Option<Duration> {
    let fields = headers.get_all(header::CACHE_CONTROL).iter();
    let lifetime = fields.flat_map(|field| directives(field.as_bytes())).filter_map(lifetime).min();
    let age = headers.get(header::AGE).map(HeaderValue::as_bytes).and_then(seconds);
    lifetime.map(|seconds| Duration::from_secs(seconds.saturating_sub(age.unwrap_or(0))))
}

/// Splits a field at its commas, but not at commas within quotes.
fn directives(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut is_quoted = false;
    let mut is_escaped = false;
    field.split(move |byte| {
        match byte {
            b'"' if !is_escaped => is_quoted = !is_quoted,
            b'\\' if is_quoted && !is_escaped => {
                is_escaped = true;
                return false;
            }
            _ => {}
        }
        is_escaped = false;
        *byte == b',' && !is_quoted
    })
}

/// Returns the lifetime that a directive states, if it states one.
fn lifetime(directive: &[u8]) -> Option<u64> {
    let mut parts = directive.splitn(2, |byte| *byte == b'=');
    let name = parts.next()?.trim_ascii();
    let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
    if is("no-store") || is("no-cache") {
        return Some(0);
    }
    if !is("max-age") {
        return None;
    }
    let value = parts.next().unwrap_or_default().trim_ascii();
    let unquoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    Some(seconds(unquoted.unwrap_or(value)).unwrap_or(0))
}

fn seconds(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
    Some(text.parse().unwrap_or(MAX_SECONDS).min(MAX_SECONDS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fresh(fields: &[&str], age: Option<&str>) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(header::CACHE_CONTROL, HeaderValue::from_str(field).unwrap());
        }
        if let Some(age) = age {
            headers.insert(header::AGE, HeaderValue::from_str(age).unwrap());
        }
        fresh_for(&headers).map(|time| time.as_secs())
    }

    #[test]
    fn the_lifetime_is_max_age_minus_age() {
        for (fields, age, expected) in [
            (&["max-age=21600"][..], None, Some(21_600)),
            (&["public, max-age=19204, must-revalidate, no-transform"], None, Some(19_204)),
            (&["Max-Age = \"60\""], None, Some(60)),
            (&["public", "max-age=300"], None, Some(300)),
            (&["max-age=600, max-age=60"], None, Some(60)),
            (&["max-age=3600"], Some("600"), Some(3_000)),
            (&["max-age=3600"], Some("7200"), Some(0)),
            (&["max-age=3600"], Some("unknown"), Some(3_600)),
            (&["max-age=99999999999999999999999"], None, Some(MAX_SECONDS)),
            (&["no-store"], None, Some(0)),
            (&["max-age=3600, NO-CACHE"], None, Some(0)),
            (&["max-age=abc"], None, Some(0)),
            (&["max-age=-1"], None, Some(0)),
            (&["max-age"], None, Some(0)),
            (&["max-age="], None, Some(0)),
            (&["s-maxage=9, x-max-age=9, private"], None, None),
            (&[r#"private="a, no-store, b", max-age=5"#], None, Some(5)),
            (&[r#"private="a\", no-store", max-age=5"#], None, Some(5)),
            (&[r#"private="a\\", max-age=5"#], None, Some(5)),
            // A backslash outside of quotes does not escape the quote that follows it.
            (&[r#"private=\"a, max-age=5"#], None, None),
            (&[], Some("5"), None),
            (&[""], None, None),
        ] {
            assert_eq!(fresh(fields, age), expected, "{fields:?} {age:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_bounded_lifetime(
            fields in prop::collection::vec("[ -~]{0,30}|(max-age=[0-9]{1,25},?){0,3}", 0..4),
            age in prop::option::of("[ -~]{0,12}"),
        ) {
            let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
            let lifetime = fresh(&fields, age.as_deref());
            prop_assert!(lifetime.is_none_or(|seconds| seconds <= MAX_SECONDS));
        }
    }
}
