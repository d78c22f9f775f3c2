//! Requests that a browser makes on behalf of another site, with our cookie in them.

use std::str::FromStr;

use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, Method, Uri};

use crate::bearer::source::BadCredentials;
use crate::bearer::websocket;
use crate::misuse;

/// Other origins that may make requests with our cookie.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrustedOrigins {
    origins: Vec<Box<str>>,
}

impl TrustedOrigins {
    #[track_caller]
    pub(crate) fn add(&mut self, origin: &str) {
        if !is_origin(origin) {
            misuse::refuse(format_args!(
                "trust_origin({origin:?}) is nothing that a browser sends: scheme, host in lower \
                 case and, unless it is the default, port, as in \"https://app.example:8443\"",
            ));
        }
        self.origins.push(origin.into());
    }

    /// Refuses a request that could change something and was made by a site not trusted.
    ///
    /// `Sec-Fetch-Site` decides where it is there, since a script cannot set it; else `Origin`.
    /// A request with neither is not a browser's. `SameSite` is no substitute: it lets sibling
    /// domains through, and some browsers do not default to it.
    pub(crate) fn check(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<(), BadCredentials> {
        // Not `Method::is_safe`, which has TRACE as safe.
        let is_safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(method);
        if is_safe && !websocket::is_handshake(method, headers) {
            return Ok(());
        }
        let origin = single(headers, ORIGIN.as_str())?;
        let allowed = match single(headers, "sec-fetch-site")? {
            Some(b"same-origin" | b"none") => true,
            Some(b"same-site" | b"cross-site") => origin.is_some_and(|origin| self.trusts(origin)),
            // A value that is not known yet is as good as none.
            _ => origin.is_none_or(|origin| self.trusts(origin) || is_own(origin, uri, headers)),
        };
        if allowed { Ok(()) } else { Err(BadCredentials::CrossSite) }
    }

    fn trusts(&self, origin: &[u8]) -> bool {
        self.origins.iter().any(|trusted| trusted.as_bytes() == origin)
    }

    /// Rejects a request that a browser says another site made, unless its origin is trusted.
    ///
    /// This is [`Self::check`] for requests without a cookie of ours: pages of this site and clients
    /// that are not browsers make them freely.
    #[cfg(all(feature = "axum", feature = "issuer"))]
    pub(crate) fn check_site(&self, headers: &HeaderMap) -> Result<(), BadCredentials> {
        let is_foreign = single(headers, "sec-fetch-site")? == Some(b"cross-site".as_slice());
        let is_trusted =
            single(headers, ORIGIN.as_str())?.is_some_and(|origin| self.trusts(origin));
        if is_foreign && !is_trusted { Err(BadCredentials::CrossSite) } else { Ok(()) }
    }
}

/// A browser sends these once; twice is somebody at work.
fn single<'r>(headers: &'r HeaderMap, name: &str) -> Result<Option<&'r [u8]>, BadCredentials> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(BadCredentials::CrossSite),
        (value, None) => Ok(value.map(|value| value.as_bytes()).filter(|value| !value.is_empty())),
    }
}

/// Whether `origin` has the host and port that the request was sent to. The request does not say
/// with which scheme, so `http` is taken for `https`: HSTS is what keeps those two apart.
fn is_own(origin: &[u8], uri: &Uri, headers: &HeaderMap) -> bool {
    let Some(host) = std::str::from_utf8(origin).ok().and_then(host_of) else { return false };
    match uri.authority() {
        // The request target, where it has an authority, goes before `Host` (RFC 9112 section 3.2.2).
        Some(authority) => authority.as_str().eq_ignore_ascii_case(host),
        None => {
            let mut hosts = headers.get_all(HOST).iter();
            matches!((hosts.next(), hosts.next()), (Some(own), None)
                if own.as_bytes().eq_ignore_ascii_case(host.as_bytes()))
        }
    }
}

fn host_of(origin: &str) -> Option<&str> {
    origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"))
}

/// Whether a browser could send `origin`: no path, no default port, no upper case.
pub(crate) fn is_origin(origin: &str) -> bool {
    let default_port = if origin.starts_with("https:") { ":443" } else { ":80" };
    host_of(origin).is_some_and(|host| {
        Authority::from_str(host).is_ok_and(|authority| !authority.host().is_empty())
            && !host.contains('@')
            && !host.ends_with([':', '.'])
            && !host.ends_with(default_port)
            && !host.bytes().any(|byte| byte.is_ascii_uppercase())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn check(method: Method, headers: &[(&'static str, &str)]) -> bool {
        let mut trusted = TrustedOrigins::default();
        trusted.add("https://app.example");
        let mut map = HeaderMap::new();
        map.insert(HOST, HeaderValue::from_static("shop.example:8443"));
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        trusted.check(&method, &Uri::from_static("/cart"), &map).is_ok()
    }

    #[test]
    fn fetch_metadata_decides_where_it_is_there() {
        for (site, origin, allowed) in [
            ("same-origin", "https://evil.example", true),
            ("none", "https://evil.example", true),
            ("same-site", "https://shop.example:8443", false),
            ("cross-site", "https://shop.example:8443", false),
            ("same-site", "https://app.example", true),
            ("cross-site", "https://app.example", true),
            ("cross-site", "", false),
            ("brand-new", "https://shop.example:8443", true),
            ("brand-new", "https://evil.example", false),
        ] {
            let headers = [("sec-fetch-site", site), ("origin", origin)];
            assert_eq!(check(Method::POST, &headers), allowed, "{site} {origin}");
        }
    }

    #[test]
    fn without_it_the_origin_is_our_own_or_trusted_to_the_last_character() {
        for (origin, allowed) in [
            ("https://shop.example:8443", true),
            ("https://app.example", true),
            ("https://shop.example", false),
            ("https://shop.example:8443.evil.example", false),
            ("https://shop.example:8443/", false),
            ("https://app.example.evil.example", false),
            ("https://app.example:444", false),
            ("http://app.example", false),
            ("ftp://shop.example:8443", false),
            ("null", false),
        ] {
            assert_eq!(check(Method::DELETE, &[("origin", origin)]), allowed, "{origin}");
        }
        assert!(check(Method::POST, &[]), "not a browser");
        let twice = [("origin", "https://app.example"), ("origin", "https://evil.example")];
        assert!(!check(Method::POST, &twice));
    }

    #[test]
    fn reading_is_free_but_a_websocket_is_not_reading() {
        let foreign = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            assert!(check(method, &foreign));
        }
        for method in [Method::TRACE, Method::PUT, Method::from_bytes(b"get").unwrap()] {
            assert!(!check(method, &foreign));
        }
        let handshake = [foreign[0], foreign[1], ("upgrade", "websocket")];
        assert!(!check(Method::GET, &handshake));
    }

    #[test]
    fn what_no_browser_sends_is_refused_when_it_is_configured() {
        for origin in [
            "app.example",
            "https://",
            "https://app.example/",
            "https://App.example",
            "https://app.example:443",
            "http://app.example:80",
            "https://a@app.example",
            "null",
            "*",
            "https://*.example/x",
            "ftp://app.example",
        ] {
            assert!(!is_origin(origin), "{origin}");
        }
        assert!(is_origin("http://localhost:3000") && is_origin("https://[::1]:8443"));
    }
}
