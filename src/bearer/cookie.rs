//! Finds and removes a token in a cookie.

use std::fmt::{self, Debug, Display};

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use crate::bearer::authorization::is_tchar;
use crate::bearer::fault::Fault;
use crate::misuse;

/// Prefixes that make browsers enforce conditions on a cookie (RFC 6265bis section 4.1.3 and its
/// successor).
const PREFIXES: [&str; 4] = ["__Host-Http-", "__Host-", "__Http-", "__Secure-"];

/// The name of the cookie that holds the token.
#[derive(Clone)]
pub(crate) struct CookieName {
    name: Box<str>,
    has_prefix: bool,
}

impl CookieName {
    #[track_caller]
    pub(crate) fn new(name: &str) -> Self {
        if name.is_empty() || !name.bytes().all(is_tchar) {
            misuse::refuse(format_args!(
                "cookie({name:?}) is no cookie name: take letters, digits and any of !#$%&'*+-.^_`|~",
            ));
        }
        let prefix = PREFIXES.into_iter().find(|prefix| {
            name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        });
        if let Some(prefix) = prefix.filter(|prefix| !name.starts_with(prefix)) {
            misuse::refuse(format_args!(
                "cookie({name:?}): write the prefix as {prefix:?}, or browsers do not keep others \
                 from setting this cookie",
            ));
        }
        if prefix.is_some_and(|prefix| prefix.len() == name.len()) {
            misuse::refuse(format_args!(
                "cookie({name:?}) is a prefix without a name behind it: write one, as in \"__Host-access_token\""
            ));
        }
        Self { name: name.into(), has_prefix: prefix.is_some() }
    }

    /// Returns the cookie's value, or `None` if the cookie is absent or empty.
    ///
    /// The order of two cookies with the same name is meaningless (RFC 6265bis section 4.2.2), so
    /// two different values are rejected. If this name has a prefix, a cookie whose name differs
    /// from this name only in upper and lower case is rejected too: a browser might not enforce the
    /// conditions of the prefix on such a cookie, and a proxy might treat the two names as equal.
    /// Quotes are part of the value.
    pub(crate) fn find<'r>(&self, headers: &'r HeaderMap) -> Result<Option<&'r [u8]>, Fault> {
        let mut found = None;
        // An HTTP/2 client may split the `Cookie` field into several fields (RFC 9113 section
        // 8.2.3).
        for field in headers.get_all(COOKIE) {
            for (name, value) in pairs(field.as_bytes()) {
                if name == self.name.as_bytes() {
                    if found.is_some_and(|other| other != value) {
                        let reason = format!("the cookie `{self}` came twice, with two values");
                        return Err(Fault::ambiguous(reason));
                    }
                    found = Some(value);
                } else if self.has_prefix && name.eq_ignore_ascii_case(self.name.as_bytes()) {
                    return Err(Fault::ambiguous(format!(
                        "a cookie has the name `{self}` in another case: the name must be exact"
                    )));
                }
            }
        }
        Ok(found.filter(|value| !value.is_empty()))
    }

    /// Returns the values of all cookies with exactly this name, for callers that can tell which
    /// value is valid.
    #[cfg(all(feature = "axum", feature = "issuer"))]
    pub(crate) fn values<'r>(&self, headers: &'r HeaderMap) -> impl Iterator<Item = &'r [u8]> {
        let fields = headers.get_all(COOKIE).into_iter();
        let pairs = fields.flat_map(|field| pairs(field.as_bytes()));
        pairs.filter(|(name, _)| *name == self.name.as_bytes()).map(|(_, value)| value)
    }

    /// Removes the cookie from the request and keeps all others.
    pub(crate) fn strip(&self, headers: &mut HeaderMap) {
        let mut kept: Vec<u8> = Vec::new();
        for field in headers.get_all(COOKIE) {
            for pair in segments(field.as_bytes()) {
                if !pair.is_empty() && split(pair).0 != self.name.as_bytes() {
                    if !kept.is_empty() {
                        kept.extend_from_slice(b"; ");
                    }
                    kept.extend_from_slice(pair);
                }
            }
        }
        headers.remove(COOKIE);
        if let Ok(mut value) = HeaderValue::from_bytes(&kept)
            && !kept.is_empty()
        {
            value.set_sensitive(true);
            headers.insert(COOKIE, value);
        }
    }
}

impl Display for CookieName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Debug for CookieName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Debug::fmt(&self.name, f)
    }
}

fn pairs(field: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    segments(field).map(split)
}

fn segments(mut field: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut done = false;
    std::iter::from_fn(move || {
        if done {
            return None;
        }
        let segment = match memchr::memchr(b';', field).and_then(|at| field.split_at_checked(at)) {
            Some((segment, rest)) => {
                field = rest.get(1..).unwrap_or_default();
                segment
            }
            None => {
                done = true;
                field
            }
        };
        Some(segment.trim_ascii())
    })
}

/// Splits a cookie into name and value. A cookie without `=` has a value and no name.
fn split(pair: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b'=', pair).and_then(|at| pair.split_at_checked(at)) {
        Some((name, value)) => (name.trim_ascii(), value.get(1..).unwrap_or_default().trim_ascii()),
        None => (b"", pair),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bearer::source::BadCredentials;

    fn headers(fields: &[&str]) -> HeaderMap {
        fields.iter().map(|field| (COOKIE, HeaderValue::from_str(field).unwrap())).collect()
    }

    fn find(fields: &[&str]) -> Result<Option<String>, BadCredentials> {
        let headers = headers(fields);
        let found = CookieName::new("__Host-token").find(&headers).map_err(|fault| fault.bad)?;
        Ok(found.map(|value| String::from_utf8(value.to_vec()).unwrap()))
    }

    #[test]
    fn the_cookie_is_found_among_others_and_over_several_fields() {
        for fields in [
            &["__Host-token=x"][..],
            &["a=1; __Host-token=x; b=2"],
            &["a=1", "__Host-token=x"],
            &["a=1;__Host-token=x;"],
            &["__Host-token=x; __Host-token=x"],
        ] {
            assert_eq!(find(fields), Ok(Some("x".to_owned())), "{fields:?}");
        }
    }

    #[test]
    fn other_names_and_empty_values_are_no_token() {
        for fields in
            [&[][..], &["__Host-token="], &["x__Host-token=x"], &["__Host-token2=x"], &[""]]
        {
            assert_eq!(find(fields), Ok(None), "{fields:?}");
        }
        assert_eq!(find(&["__Host-token=\"x\""]), Ok(Some("\"x\"".to_owned())));
    }

    #[test]
    fn two_values_or_a_name_in_another_case_are_ambiguous() {
        for fields in [
            &["__Host-token=x; __Host-token=y"][..],
            &["__Host-token=x", "__Host-token=y"],
            &["__Host-token=x; __Host-token="],
            &["__host-token=x"],
            &["__Host-token=x; __HOST-TOKEN=x"],
        ] {
            assert_eq!(find(fields), Err(BadCredentials::Ambiguous), "{fields:?}");
        }
    }

    #[test]
    fn stripping_leaves_the_other_cookies() {
        let mut headers = headers(&["a=1; __Host-token=x; b=2", "__Host-token=x; c"]);
        CookieName::new("__Host-token").strip(&mut headers);
        assert_eq!(headers.get_all(COOKIE).iter().collect::<Vec<_>>(), ["a=1; b=2; c"]);
        let mut headers = self::headers(&["__Host-token=x"]);
        CookieName::new("__Host-token").strip(&mut headers);
        assert!(!headers.contains_key(COOKIE));
    }

    #[test]
    fn a_name_that_breaks_its_prefix_rule_is_refused_when_it_is_configured() {
        for name in ["__host-token", "__HOST-token", "__secure-token", "__Host-", "", "a b", "a=b"]
        {
            assert!(std::panic::catch_unwind(|| CookieName::new(name)).is_err(), "{name:?}");
        }
        for name in ["token", "__Host-token", "__Secure-token", "__Host-Http-token", "host-token"] {
            CookieName::new(name);
        }
    }
}
