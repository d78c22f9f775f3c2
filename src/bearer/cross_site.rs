//! The check for requests from pages of other sites. To such a request, the browser may add the
//! cookie that contains the token.

use std::str::FromStr;

use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, Method, Uri};

use crate::bearer::fault::Fault;
use crate::bearer::websocket;
use crate::jwt::OneOrMany;
use crate::misuse;

/// Other origins whose pages may make requests with the cookie that contains the token.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrustedOrigins {
    origins: Vec<String>,
}

impl TrustedOrigins {
    /// Sets the trusted origins. Panics if an origin does not have the form that browsers send, or
    /// if this method is called twice.
    #[track_caller]
    pub(crate) fn set(&mut self, origins: impl OneOrMany) {
        if !self.origins.is_empty() {
            misuse::refuse(
                "trust_origin(..) is called a second time: name all origins in one call, as in \
                 trust_origin([\"https://app.example\", \"capacitor://localhost\"])",
            );
        }
        self.origins = origins.into_strings();
        if let Some(origin) = self.origins.iter().find(|origin| !is_origin(origin)) {
            refuse_origin(origin);
        }
    }

    /// Refuses a request from an untrusted site if its method is not GET, HEAD or OPTIONS, or if it
    /// is a WebSocket handshake.
    ///
    /// If `Sec-Fetch-Site` is present, its value shows whether another site sent the request, since
    /// a script cannot set this header. Otherwise the value of `Origin` shows this. A request with
    /// neither header does not come from a browser. The cookie attribute `SameSite` does not
    /// replace this check: cookies with this attribute are still sent with requests from sibling
    /// domains, and some browsers do not apply the attribute by default.
    pub(crate) fn check(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<(), Fault> {
        // `Method::is_safe` is not used here, because it counts TRACE as safe.
        let is_safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(method);
        if is_safe && !websocket::is_handshake(method, headers) {
            return Ok(());
        }
        self.check_origin(uri, headers)
    }

    /// Checks the origin of a request as [`Self::check`] does, but also if the method is GET, HEAD
    /// or OPTIONS.
    pub(crate) fn check_origin(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Fault> {
        let origin = single(headers, ORIGIN.as_str())?;
        let (allowed, reason) = match single(headers, "sec-fetch-site")? {
            Some(b"same-origin" | b"none") => (true, ""),
            Some(b"same-site" | b"cross-site") => {
                (origin.is_some_and(|origin| self.trusts(origin)), ANOTHER_SITE)
            }
            // Treat an unknown value, which a later standard may define, as if the header were
            // absent.
            _ => {
                let is_ours = |origin| self.trusts(origin) || is_own(origin, uri, headers);
                (origin.is_none_or(is_ours), ANOTHER_ORIGIN)
            }
        };
        if allowed { Ok(()) } else { Err(Fault::cross_site(reason)) }
    }

    fn trusts(&self, origin: &[u8]) -> bool {
        self.origins.iter().any(|trusted| trusted.as_bytes() == origin)
    }

    /// Refuses a request with `Sec-Fetch-Site: cross-site`, unless its origin is trusted.
    ///
    /// This check is for routes that do not use cookies. Requests from pages of this site and from
    /// clients other than browsers pass the check.
    #[cfg(all(feature = "axum", feature = "issuer"))]
    pub(crate) fn check_site(&self, headers: &HeaderMap) -> Result<(), Fault> {
        let is_foreign = single(headers, "sec-fetch-site")? == Some(b"cross-site".as_slice());
        let is_trusted =
            single(headers, ORIGIN.as_str())?.is_some_and(|origin| self.trusts(origin));
        if is_foreign && !is_trusted {
            return Err(Fault::cross_site(
                "the request is, by its `Sec-Fetch-Site`, from a page of another site, and its \
                 `Origin` is not named in `trust_origin`",
            ));
        }
        Ok(())
    }
}

const ANOTHER_SITE: &str = "a cookie came with a request that, by its `Sec-Fetch-Site`, another \
     site made, and its `Origin` is not named in `trust_origin`";
const ANOTHER_ORIGIN: &str = "a cookie came with a request whose `Origin` is neither the host in \
     `Host` (which a proxy must pass on) nor named in `trust_origin`";

/// Returns the value of a header. Refuses a request with two such headers, since browsers send at
/// most one.
fn single<'r>(headers: &'r HeaderMap, name: &str) -> Result<Option<&'r [u8]>, Fault> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (_, Some(_)) => {
            Err(Fault::cross_site("the request has two `Origin` or two `Sec-Fetch-Site` headers"))
        }
        (value, None) => Ok(value.map(|value| value.as_bytes()).filter(|value| !value.is_empty())),
    }
}

/// Returns true if `origin` has the host and port that the request was sent to. The request does
/// not have a scheme, so the scheme of `origin` determines the default port. For the same reason,
/// an `https` server accepts the origin of an `http` page of the same host. HSTS protects against
/// such a page.
fn is_own(origin: &[u8], uri: &Uri, headers: &HeaderMap) -> bool {
    let (host, default_port) = if let Some(host) = origin.strip_prefix(b"https://") {
        (host, b":443".as_slice())
    } else if let Some(host) = origin.strip_prefix(b"http://") {
        (host, b":80".as_slice())
    } else {
        return false;
    };
    let is_same = |own: &[u8]| {
        without_port(own, default_port).eq_ignore_ascii_case(without_port(host, default_port))
    };
    match uri.authority() {
        // An authority in the request target overrides `Host` (RFC 9112 section 3.2.2).
        Some(authority) => is_same(authority.as_str().as_bytes()),
        None => {
            let mut hosts = headers.get_all(HOST).iter();
            matches!((hosts.next(), hosts.next()), (Some(own), None) if is_same(own.as_bytes()))
        }
    }
}

fn without_port<'h>(host: &'h [u8], default_port: &[u8]) -> &'h [u8] {
    let host = host.strip_suffix(default_port).unwrap_or(host);
    // A host with a colon but no port number has the default port (RFC 3986 section 3.2.3).
    host.strip_suffix(b":").unwrap_or(host)
}

/// Returns true if `origin` has the form that a browser or a web view sends. This form consists of
/// a scheme, a host in lower case and the port. The default port of the scheme is omitted.
fn is_origin(origin: &str) -> bool {
    let Some((scheme, host)) = origin.split_once("://") else { return false };
    let default_port = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => "://",
    };
    let is_scheme_byte = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.');
    scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(is_scheme_byte)
        && Authority::from_str(host).is_ok_and(|authority| !authority.host().is_empty())
        && !host.contains(['@', '*'])
        && !host.ends_with([':', '.'])
        && !host.ends_with(default_port)
        && !host.bytes().any(|byte| byte.is_ascii_uppercase())
}

#[track_caller]
fn refuse_origin(origin: &str) -> ! {
    if origin.contains('*') {
        misuse::refuse(format_args!(
            "trust_origin({origin:?}): there are no patterns, since every site that matches could \
             act as your users. Name each origin, as in \"https://app.example:8443\"",
        ));
    }
    if origin == "null" {
        misuse::refuse(
            "trust_origin(\"null\"): every sandboxed frame of every site sends this origin, so it \
             cannot be trusted. Name the origin, as in \"https://app.example:8443\"",
        );
    }
    misuse::refuse(format_args!(
        "trust_origin({origin:?}) is nothing that a browser sends: scheme, host in lower case and, \
         unless it is the default, port, as in \"https://app.example:8443\"",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn check(method: Method, headers: &[(&'static str, &str)]) -> bool {
        check_at("shop.example:8443", method, headers)
    }

    fn check_at(host: &str, method: Method, headers: &[(&'static str, &str)]) -> bool {
        let mut trusted = TrustedOrigins::default();
        trusted.set(["https://app.example", "capacitor://localhost"]);
        let mut map = HeaderMap::new();
        map.insert(HOST, HeaderValue::from_str(host).unwrap());
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        trusted.check(&method, &Uri::from_static("/cart"), &map).is_ok()
    }

    #[test]
    fn fetch_metadata_decides_if_it_is_present() {
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
    fn without_fetch_metadata_the_origin_must_be_our_own_or_exactly_a_trusted_one() {
        for (origin, allowed) in [
            ("https://shop.example:8443", true),
            ("https://app.example", true),
            ("capacitor://localhost", true),
            ("capacitor://localhost2", false),
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
    fn the_default_port_of_the_origins_scheme_may_be_written_in_host() {
        for (host, origin, allowed) in [
            ("shop.example:443", "https://shop.example", true),
            ("shop.example:80", "http://shop.example", true),
            ("shop.example:", "https://shop.example", true),
            ("shop.example", "https://shop.example", true),
            ("SHOP.example:443", "https://shop.example", true),
            ("[::1]:443", "https://[::1]", true),
            ("shop.example:80", "https://shop.example", false),
            ("shop.example:443", "http://shop.example", false),
            ("shop.example:8443", "https://shop.example", false),
            ("shop.example:443", "https://shop.example:8443", false),
            ("shop.example:443", "capacitor://shop.example", false),
            (":443", "https://evil.example", false),
        ] {
            let allows = check_at(host, Method::POST, &[("origin", origin)]);
            assert_eq!(allows, allowed, "{host} {origin}");
        }
    }

    #[test]
    fn safe_methods_pass_but_a_websocket_handshake_is_checked() {
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
    fn any_scheme_of_a_web_view_or_an_extension_can_be_configured() {
        for origin in [
            "http://localhost:3000",
            "https://[::1]:8443",
            "capacitor://localhost",
            "tauri://localhost",
            "ionic://localhost",
            "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb",
            "moz-extension://0b9f4d3c-8a0e-4b6d-9c57-3e2f5a1d7c11",
        ] {
            assert!(is_origin(origin), "{origin}");
        }
    }

    #[test]
    fn an_origin_that_no_browser_sends_is_refused_when_it_is_configured() {
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
            "https://*.example",
            "://app.example",
            "1a://app.example",
            "Https://app.example",
            "file://",
            "capacitor://localhost/",
        ] {
            assert!(!is_origin(origin), "{origin}");
        }
    }
}
