//! The URL of a key set, a discovery document or an endpoint on another server.

use std::fmt;
use std::net::IpAddr;

use http::Uri;

/// A URL to which requests may be sent: `https`, or `http` on a loopback address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RemoteUrl {
    uri: Uri,
    is_http: bool,
}

/// The reason why a URL is not allowed.
pub(crate) const NOT_A_URL: &str = "it is not an absolute URL such as https://auth.example/keys";
pub(crate) const HAS_PASSWORD: &str = "it has a user name or a password, which logs would show";
pub(crate) const HAS_FRAGMENT: &str = "it has a fragment, which no server receives";
pub(crate) const NOT_HTTPS: &str =
    "its scheme is not https: anyone on the network path could read and change the traffic";
pub(crate) const HTTP_NOT_ALLOWED: &str =
    "its scheme is http: for tests on this machine, call `dangerous_allow_http()`";

impl RemoteUrl {
    /// Parses a URL. A plain `http` URL must be on a loopback address.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.contains('#') {
            return Err(HAS_FRAGMENT);
        }
        let uri: Uri = text.parse().map_err(|_| NOT_A_URL)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(NOT_A_URL);
        };
        if authority.as_str().contains('@') {
            return Err(HAS_PASSWORD);
        }
        if authority.host().is_empty() {
            return Err(NOT_A_URL);
        }
        let is_http = match scheme {
            "https" => false,
            "http" if is_loopback(authority.host()) => true,
            _ => return Err(NOT_HTTPS),
        };
        Ok(Self { uri, is_http })
    }

    /// Parses a URL, and accepts plain `http` on a loopback address only if `allow_http` is set.
    pub(crate) fn parse_allowed(text: &str, allow_http: bool) -> Result<Self, &'static str> {
        let url = Self::parse(text)?;
        if url.is_http && !allow_http { Err(HTTP_NOT_ALLOWED) } else { Ok(url) }
    }

    /// Returns true if this is a plain `http` URL. Such a URL is always on a loopback address.
    pub(crate) fn is_http(&self) -> bool {
        self.is_http
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Returns the whole URL.
    #[cfg(feature = "openid-login")]
    pub(crate) fn text(&self) -> String {
        let (origin, path) = self.split();
        origin + path
    }

    /// Splits the URL into two parts. The first part is the scheme, the host and the port. The
    /// second part is the path and the query.
    pub(crate) fn split(&self) -> (String, &str) {
        let scheme = if self.is_http { "http" } else { "https" };
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        let path = self.uri.path_and_query().map_or("", |path| path.as_str());
        (format!("{scheme}://{authority}"), path)
    }
}

/// Shows the URL without its query, which may contain a secret.
impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (origin, path) = self.split();
        let path = path.split('?').next().unwrap_or_default();
        write!(f, "{origin}{path}")
    }
}

/// Returns true if the host of a URL is this machine: `localhost` or a loopback address.
pub(crate) fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_http_on_loopback_are_allowed() {
        for url in [
            "https://auth.example/keys",
            "https://auth.example",
            "https://auth.example:8443/a/b?p=policy",
            "https://[2001:db8::1]/keys",
        ] {
            assert!(RemoteUrl::parse_allowed(url, false).is_ok(), "{url}");
        }
        for url in [
            "http://127.0.0.1:8080/keys",
            "http://127.9.9.9/keys",
            "http://[::1]/keys",
            "http://localhost/keys",
            "HTTP://LocalHost:1/keys",
        ] {
            assert_eq!(RemoteUrl::parse_allowed(url, false), Err(HTTP_NOT_ALLOWED), "{url}");
            assert!(RemoteUrl::parse_allowed(url, true).is_ok(), "{url}");
        }
        for (url, reason) in [
            ("", NOT_A_URL),
            ("/keys", NOT_A_URL),
            ("auth.example", NOT_A_URL),
            ("auth.example/keys", NOT_A_URL),
            ("https://", NOT_A_URL),
            ("https:///keys", NOT_A_URL),
            ("https://auth.example/ keys", NOT_A_URL),
            ("https://auth.exämple/keys", NOT_A_URL),
            ("http://auth.example/keys", NOT_HTTPS),
            ("http://10.0.0.1/keys", NOT_HTTPS),
            ("http://127.0.0.1.example/keys", NOT_HTTPS),
            ("http://localhost.example/keys", NOT_HTTPS),
            ("http://0.0.0.0/keys", NOT_HTTPS),
            ("http://2130706433/keys", NOT_HTTPS),
            ("http://[::ffff:127.0.0.1]/keys", NOT_HTTPS),
            ("ftp://auth.example/keys", NOT_HTTPS),
            ("file:///etc/keys", NOT_A_URL),
            ("https://me:secret@auth.example/keys", HAS_PASSWORD),
            ("http://127.0.0.1@auth.example/keys", HAS_PASSWORD),
            ("https://auth.example/keys#a", HAS_FRAGMENT),
        ] {
            assert_eq!(RemoteUrl::parse_allowed(url, true), Err(reason), "{url}");
        }
    }

    #[test]
    fn the_query_is_not_shown() {
        let url = RemoteUrl::parse("https://auth.example:8443/keys?token=secret").unwrap();
        assert_eq!(url.to_string(), "https://auth.example:8443/keys");
        assert_eq!(url.uri().query(), Some("token=secret"));
    }
}
