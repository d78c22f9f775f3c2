//! Tokens in cookies that no script can read.

use std::time::Duration;

use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};

use crate::bearer::{BadCredentials, CookieName};
use crate::misuse;

/// RFC 6265bis section 5.5: a browser keeps none for longer.
const MAX_AGE: Duration = Duration::from_secs(400 * 86_400);

/// Which cookies the tokens of a browser are in.
///
/// Every cookie is `Secure`, `HttpOnly` and `SameSite=Strict`. A page's script learns from the
/// routes' answers when to renew, and never sees a token.
///
/// ```
/// use tower_jwt_auth::issuer::Cookies;
///
/// let cookies = Cookies::new("/auth") // where the routes are mounted
///     .access("cart", "__Host-cart_token")
///     .access("payment", "__Host-payment_token");
/// # let _ = cookies;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Cookies {
    refresh: String,
    path: String,
    /// Audience and cookie.
    access: Vec<(String, String)>,
    same_site: &'static str,
    is_secure: bool,
}

impl Cookies {
    /// The refresh token in `__Secure-refresh_token`, sent only to `path` and below: where the
    /// routes are mounted, as the browser sees it.
    ///
    /// # Panics
    ///
    /// On a path that does not begin with `/` or has a character that ends it.
    #[track_caller]
    pub fn new(path: impl AsRef<str>) -> Self {
        let path = path.as_ref();
        let is_path =
            path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic() && b != b';');
        if !is_path {
            misuse::refuse(format_args!(
                "Cookies::new({path:?}): give the path that the routes are mounted at, as in \
                 \"/auth\""
            ));
        }
        Self {
            refresh: "__Secure-refresh_token".to_owned(),
            path: path.to_owned(),
            access: Vec::new(),
            same_site: "Strict",
            is_secure: true,
        }
    }

    /// The access token for `audience` in the cookie `name`, sent to the whole host: what that
    /// service has in `JwtAuth::cookie`. Once for each service that pages call.
    ///
    /// # Panics
    ///
    /// On what is no cookie name, and on one without the prefix `__Host-`.
    #[track_caller]
    pub fn access(mut self, audience: impl Into<String>, name: impl Into<String>) -> Self {
        let name = name.into();
        CookieName::new(&name);
        if !name.starts_with("__Host-") {
            misuse::refuse(format_args!(
                "Cookies::access({name:?}): begin the name with \"__Host-\", or a sibling domain \
                 can set this cookie"
            ));
        }
        self.access.push((audience.into(), name));
        self
    }

    /// Another name for the cookie of the refresh token.
    ///
    /// # Panics
    ///
    /// On what is no cookie name, and on one without the prefix `__Secure-`, or `__Host-` where the
    /// path is `/`.
    #[track_caller]
    pub fn refresh(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        CookieName::new(&name);
        let is_bound =
            name.starts_with("__Secure-") || (self.path == "/" && name.starts_with("__Host-"));
        if !is_bound {
            misuse::refuse(format_args!(
                "Cookies::refresh({name:?}): begin the name with \"__Secure-\"; \"__Host-\" is for \
                 the path \"/\" alone"
            ));
        }
        self.refresh = name;
        self
    }

    /// `SameSite=Lax`: links from other sites lead to a page that is logged in. `Strict` by
    /// default, with which such a page is logged in only for what it then asks for by itself.
    pub fn lax(mut self) -> Self {
        self.same_site = "Lax";
        self
    }

    /// Drops `Secure` and the names' prefixes, which need it: for `http://localhost`, in a browser
    /// that does not take that for secure.
    ///
    /// # Security
    ///
    /// Whoever is on the network reads the tokens. Never outside of development; `JwtAuth::cookie`
    /// must then have the name without its prefix.
    pub fn dangerous_without_https(mut self) -> Self {
        self.is_secure = false;
        self
    }

    /// The audiences that have a cookie, and its name.
    pub(crate) fn audiences(&self) -> impl Iterator<Item = (&str, &str)> {
        self.access.iter().map(|(audience, name)| (audience.as_str(), self.in_use(name)))
    }

    /// The refresh token of a request.
    pub(crate) fn find<'r>(
        &self,
        headers: &'r HeaderMap,
    ) -> Result<Option<&'r [u8]>, BadCredentials> {
        CookieName::new(self.in_use(&self.refresh)).find(headers)
    }

    pub(crate) fn set_access(&self, name: &str, value: &str, max_age: Duration) -> HeaderValue {
        self.render(name, value, "/", max_age)
    }

    pub(crate) fn set_refresh(&self, value: &str, max_age: Duration) -> HeaderValue {
        self.render(self.in_use(&self.refresh), value, &self.path, max_age)
    }

    /// Deletes all of them: the same names and attributes, or a browser would keep them.
    pub(crate) fn delete(&self, headers: &mut HeaderMap) {
        let access = self.audiences().map(|(_, name)| self.set_access(name, "", Duration::ZERO));
        for cookie in access.chain([self.set_refresh("", Duration::ZERO)]) {
            headers.append(SET_COOKIE, cookie);
        }
    }

    fn in_use<'n>(&self, name: &'n str) -> &'n str {
        let without = || name.strip_prefix("__Host-").or_else(|| name.strip_prefix("__Secure-"));
        if self.is_secure { name } else { without().unwrap_or(name) }
    }

    fn render(&self, name: &str, value: &str, path: &str, max_age: Duration) -> HeaderValue {
        let max_age = max_age.min(MAX_AGE).as_secs();
        let secure = if self.is_secure { "; Secure" } else { "" };
        let same_site = self.same_site;
        let cookie = format!(
            "{name}={value}; Path={path}; Max-Age={max_age}; HttpOnly; SameSite={same_site}{secure}"
        );
        // Names and the path were checked when they were configured; tokens are base64url.
        let mut cookie =
            HeaderValue::try_from(cookie).unwrap_or_else(|_| HeaderValue::from_static(""));
        cookie.set_sensitive(true);
        cookie
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_deleted_with_the_attributes_they_were_set_with() {
        let cookies = Cookies::new("/auth").access("cart", "__Host-cart_token");
        let set = cookies.set_refresh("abc", Duration::from_secs(60));
        assert_eq!(
            set,
            "__Secure-refresh_token=abc; Path=/auth; Max-Age=60; HttpOnly; SameSite=Strict; Secure"
        );
        let mut headers = HeaderMap::new();
        cookies.delete(&mut headers);
        let deleted: Vec<_> = headers.get_all(SET_COOKIE).iter().collect();
        assert_eq!(
            deleted,
            [
                "__Host-cart_token=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure",
                "__Secure-refresh_token=; Path=/auth; Max-Age=0; HttpOnly; SameSite=Strict; Secure",
            ]
        );
    }

    #[test]
    fn without_https_there_are_no_prefixes() {
        let cookies = Cookies::new("/auth").access("cart", "__Host-cart_token");
        let cookies = cookies.lax().dangerous_without_https();
        let name = cookies.audiences().next().unwrap().1;
        assert_eq!(
            cookies.set_access(name, "abc", Duration::MAX),
            "cart_token=abc; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax"
        );
    }
}
