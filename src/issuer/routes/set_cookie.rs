//! One `Set-Cookie` field.

use std::time::Duration;

use http::HeaderValue;

/// The longest lifetime of a cookie in a browser (RFC 6265bis section 5.5).
const MAX_AGE: Duration = Duration::from_secs(400 * 86_400);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SameSite {
    Strict,
    Lax,
    /// `SameSite=None; Partitioned`: the browser has a set of cookies for each embedding site.
    Partitioned,
}

/// The hosts and paths that a browser sends a cookie to.
#[derive(Clone, Copy)]
pub(crate) enum Reach<'a> {
    Host,
    Path(&'a str),
    Domain(&'a str),
}

/// A cookie that no script can read. Its name, path and domain were checked when they were
/// configured.
pub(crate) struct SetCookie<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: &'a str,
    pub(crate) reach: Reach<'a>,
    pub(crate) max_age: Duration,
    pub(crate) same_site: SameSite,
    pub(crate) is_secure: bool,
}

impl SetCookie<'_> {
    pub(crate) fn render(self) -> HeaderValue {
        let Self { name, value, reach, max_age, same_site, is_secure } = self;
        let max_age = max_age.min(MAX_AGE).as_secs();
        let path = if let Reach::Path(path) = reach { path } else { "/" };
        let mut cookie = format!("{name}={value}; Path={path}; Max-Age={max_age}; HttpOnly");
        if let Reach::Domain(domain) = reach {
            cookie.push_str("; Domain=");
            cookie.push_str(domain);
        }
        cookie.push_str(match same_site {
            SameSite::Strict => "; SameSite=Strict",
            SameSite::Lax => "; SameSite=Lax",
            SameSite::Partitioned => "; SameSite=None; Partitioned",
        });
        if is_secure {
            cookie.push_str("; Secure");
        }
        let mut cookie =
            HeaderValue::try_from(cookie).unwrap_or_else(|_| HeaderValue::from_static(""));
        cookie.set_sensitive(true);
        cookie
    }
}

/// Returns true if `domain` is a domain name with at least two labels, and the last label begins
/// with a letter. In every notation of an IPv4 address, the last part begins with a digit.
pub(crate) fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_top = |label: &str| label.starts_with(|first: char| first.is_ascii_alphabetic());
    domain.len() <= 253
        && domain.contains('.')
        && domain.split('.').all(is_label)
        && domain.rsplit('.').next().is_some_and(is_top)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_has_two_labels_and_nothing_else() {
        for domain in ["shop.example", "a.b.co.uk", "xn--bcher-kva.example", "shop.localhost"] {
            assert!(is_domain(domain), "{domain}");
        }
        let long = format!("{}.example", "a".repeat(64));
        for domain in [
            "",
            ".",
            "example",
            "localhost",
            ".shop.example",
            "shop.example.",
            "shop..example",
            "shop.example:8443",
            "https://shop.example",
            "shop.example/",
            "127.0.0.1",
            "127.1",
            "10.0.0.0x1",
            "[::1]",
            "::1",
            "*.example",
            "b\u{fc}cher.example",
            "shop .example",
            "a;b.example",
            "-a.example",
            "a-.example",
            long.as_str(),
        ] {
            assert!(!is_domain(domain), "{domain}");
        }
    }
}
