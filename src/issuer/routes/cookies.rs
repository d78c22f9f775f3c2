//! Tokens in cookies that no script can read.

use std::time::Duration;

use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};

use crate::bearer::CookieName;
use crate::issuer::access_token::AccessToken;
use crate::issuer::error::{IssueError, IssueErrorKind};
use crate::issuer::routes::set_cookie::{Reach, SameSite, SetCookie, is_domain};
use crate::issuer::sessions::refresh_token::RefreshToken;
use crate::issuer::sessions::session::Session;
use crate::misuse;

/// The maximum length of an attribute's value. A browser ignores an attribute with a longer value
/// (RFC 6265bis section 5.6).
const MAX_ATTRIBUTE_BYTES: usize = 1024;

/// The maximum number of cookies with the same name that are read. Normally a browser sends one. A
/// sibling domain can set a few more refresh cookies with this name: one for each `Path` that
/// matches the URL of a route.
const MAX_CANDIDATES: usize = 16;

/// The cookies that hold a browser's tokens.
///
/// Every cookie is `Secure`, `HttpOnly` and `SameSite=Strict`. Scripts never see a token: a page
/// learns from the routes' responses when to renew its tokens.
///
/// ```
/// use tower_jwt_auth::issuer::Cookies;
///
/// let cookies = Cookies::new("/auth") // where the routes are mounted
///     .add_access_cookie("cart", "__Host-cart_token")
///     .add_access_cookie("payment", "__Host-payment_token");
/// # let _ = cookies;
/// ```
///
/// **A `__Host-` cookie belongs to one host.** The auth server and the services that read its
/// cookies must be reached under one host name, such as `https://shop.example/auth` and
/// `https://shop.example/cart` behind one proxy; ports do not matter.
/// [`guide::how_to::cookies`](crate::guide::how_to::cookies) shows the configuration of the proxy,
/// the script of the page, and the other set-ups: services on several hosts
/// ([`dangerous_domain`](Self::dangerous_domain)), and pages that another site shows in a frame
/// ([`embedded`](Self::embedded)).
///
/// All cookies last as long as the session, including the access-token cookie. The browser
/// therefore sends the access token even after the token has expired. The service then responds
/// with 401 `token-expired`, and the page renews the token. If the cookie expired together with the
/// token, a service with `allow_anonymous` would treat the user as anonymous. If a renewal is
/// rejected with `invalid_grant`, the page calls `/logout`, which deletes the cookies.
///
/// [`AuthRoutes`](crate::issuer::AuthRoutes) sets and reads the cookies. After a login by other
/// means than `/login`, such as a passkey, [`Logins`](crate::issuer::Logins) sets the cookies. If
/// you do not use these routes, set the cookies with [`set_access`](Self::set_access) and
/// [`set_refresh`](Self::set_refresh).
///
/// # Security
///
/// A browser sends the cookies of a host to every port of that host. Neither the path nor the name
/// prefix of a cookie prevents this. Every service on the host therefore gets the access tokens for
/// all services on that host, and a compromised service can use those tokens until they expire. If
/// you do not trust a service with the other services' tokens, give it a separate host, or let a
/// proxy in front of it strip the cookies of the other services.
///
/// The refresh-token cookie has a path, so that browsers send it only to the auth server. A cookie
/// with such a path cannot have the prefix `__Host-`, so a sibling domain could set a cookie with
/// the same name. The cookie `__Host-session` protects against that: it contains the session
/// identifier, and sibling domains cannot set it. A refresh token that belongs to any other session
/// is ignored.
#[derive(Clone, Debug)]
#[must_use]
pub struct Cookies {
    refresh: String,
    session: String,
    path: String,
    /// Audiences, each with the name of its cookie.
    access: Vec<(String, String)>,
    /// The domain from [`Cookies::dangerous_domain`]. Browsers send the access tokens to all hosts
    /// of this domain.
    domain: Option<String>,
    same_site: SameSite,
    is_secure: bool,
}

impl Cookies {
    /// Creates a configuration in which the cookie `__Secure-refresh_token` contains the refresh
    /// token. Browsers send this cookie only to `path` and to paths below it. `path` is the path at
    /// which browsers reach the routes.
    ///
    /// # Panics
    ///
    /// Panics if `path` does not begin with `/`, if it contains a space, a semicolon, or a
    /// character that is not printable ASCII, or if it has more than 1024 bytes. Browsers ignore a
    /// longer path.
    #[track_caller]
    pub fn new(path: impl AsRef<str>) -> Self {
        let path = path.as_ref();
        let is_path = path.starts_with('/')
            && path.len() <= MAX_ATTRIBUTE_BYTES
            && path.bytes().all(|b| b.is_ascii_graphic() && b != b';');
        if !is_path {
            misuse::refuse(format_args!(
                "Cookies::new({path:?}): give the path that the routes are mounted at, as in \
                 \"/auth\""
            ));
        }
        Self {
            refresh: "__Secure-refresh_token".to_owned(),
            session: "__Host-session".to_owned(),
            path: path.to_owned(),
            access: Vec::new(),
            domain: None,
            same_site: SameSite::Strict,
            is_secure: true,
        }
    }

    /// Puts the access token for `audience` into the cookie `name`. The service with that audience
    /// passes the same name to `JwtAuth::cookie`. Call this method once for each service that your
    /// pages call.
    ///
    /// # Panics
    ///
    /// Panics if `name` is not a cookie name, lacks the prefix `__Host-`, or is already the name of
    /// another cookie. Also panics if `audience` already has a cookie. After
    /// [`dangerous_domain`](Self::dangerous_domain), the required prefix is `__Secure-`.
    #[track_caller]
    pub fn add_access_cookie(
        mut self,
        audience: impl Into<String>,
        name: impl Into<String>,
    ) -> Self {
        let (audience, name) = (audience.into(), name.into());
        if self.access.iter().any(|(other, _)| *other == audience) {
            misuse::refuse(format_args!(
                "Cookies::add_access_cookie: {audience:?} has a cookie already: name each audience once"
            ));
        }
        self.access.push((audience, name));
        self.with_names_checked()
    }

    /// Renames the refresh-token cookie. `__Secure-refresh_token` by default.
    ///
    /// # Panics
    ///
    /// Panics if `name` is not a cookie name, does not begin with `__Secure-`, or is already the
    /// name of another cookie.
    #[track_caller]
    pub fn refresh_cookie(mut self, name: impl Into<String>) -> Self {
        self.refresh = name.into();
        self.with_names_checked()
    }

    /// Sets the name of the cookie that contains the session identifier. The default is
    /// `__Host-session`.
    ///
    /// # Panics
    ///
    /// Panics if `name` is not a cookie name, does not begin with `__Host-`, or is already the name
    /// of another cookie.
    #[track_caller]
    pub fn session_cookie(mut self, name: impl Into<String>) -> Self {
        self.session = name.into();
        self.with_names_checked()
    }

    /// Sets `SameSite=Lax`. If a user follows a link from another site to your page, the browser
    /// sends the cookies with the request for the page. By default, the cookies are `Strict`: if a
    /// user follows such a link, the browser does not send the cookies with the request for the
    /// page, but only with the requests that the page then makes.
    pub fn lax(mut self) -> Self {
        self.same_site = SameSite::Lax;
        self
    }

    /// Sets `SameSite=None; Partitioned`, for pages that other sites show in a frame. The browser
    /// then keeps a separate set of cookies for each embedding site
    /// ([CHIPS](https://developer.mozilla.org/docs/Web/Privacy/Guides/Privacy_sandbox/Partitioned_cookies)),
    /// so a user logs in once for each embedding site.
    ///
    /// Requests that your page in the frame sends to its own origin need no further configuration.
    /// If a page of the embedding site also sends requests to your services, these requests come
    /// from another site. In this case, pass the origin of the embedding page to
    /// [`AuthRoutes::trust_origin`](crate::issuer::AuthRoutes::trust_origin) and
    /// `JwtAuth::trust_origin`, and allow credentials in the CORS configuration.
    ///
    /// Choose new cookie names when you enable this setting in a running system. Until the old
    /// cookies expire, browsers send them together with the partitioned ones, and a request with
    /// two different cookies of the same name is rejected.
    ///
    /// # Security
    ///
    /// With this setting, `SameSite` does not keep the cookies out of requests that other sites
    /// make. Two protections remain. The first is the cross-site check of the layer and of these
    /// routes, for every request except GET, HEAD and OPTIONS. The second is the separate set of
    /// cookies in browsers that support `Partitioned`: an attacker's page has its own set, which
    /// contains no login. Make sure that no GET request changes anything. Name the sites that may
    /// show your page in a frame with `Content-Security-Policy: frame-ancestors`, since otherwise
    /// any site can trick its visitors into clicking on your page.
    ///
    /// # Panics
    ///
    /// Panics if [`dangerous_without_https`](Self::dangerous_without_https) has already been
    /// called, since browsers reject `Partitioned` cookies without `Secure`.
    #[track_caller]
    pub fn embedded(mut self) -> Self {
        self.same_site = SameSite::Partitioned;
        self.with_names_checked()
    }

    /// Makes browsers send the access tokens to `domain` and to every host below it. With
    /// `dangerous_domain("shop.example")`, for example, services on `auth.shop.example` and
    /// `cart.shop.example` both get the tokens. Call this method before
    /// [`add_access_cookie`](Self::add_access_cookie). With this setting, the names of the
    /// access-token cookies must begin with `__Secure-`.
    ///
    /// ```
    /// use tower_jwt_auth::issuer::Cookies;
    ///
    /// let cookies = Cookies::new("/auth")
    ///     .dangerous_domain("shop.example")
    ///     .add_access_cookie("cart", "__Secure-cart_token"); // and so in `JwtAuth::cookie`
    /// # let _ = cookies;
    /// ```
    ///
    /// A page on `app.shop.example` is on the same site as the services, but has a different
    /// origin. For such a page, call `trust_origin("https://app.shop.example")` on these routes and
    /// on the layer of each service. Also configure CORS with credentials on the auth server and on
    /// each service.
    ///
    /// # Security
    ///
    /// It is safer to put all services behind one host name instead: see
    /// [`guide::how_to::cookies`](crate::guide::how_to::cookies). With `dangerous_domain`,
    ///
    /// - **every host below the domain gets the access tokens** of its visitors, and can use them
    ///   until they expire. Such a host may be a blog that a third party hosts, a forgotten test
    ///   server, or a subdomain that somebody took over;
    /// - every host below the domain can *set* these cookies. It can log its visitors in to a
    ///   service as somebody else, for instance as the attacker. An address that such a visitor
    ///   enters is then saved in the attacker's account. With a second cookie of the same name, the
    ///   host can also lock its visitors out of the services.
    ///
    /// This setting applies neither to the cookie of the refresh token nor to the cookie of the
    /// session identifier. Only the auth server's host gets these two cookies, so no other host can
    /// read or replace a session.
    ///
    /// # Panics
    ///
    /// Panics if `domain` is not a domain name with at least two labels. For example, a top-level
    /// domain and an IP address are invalid, and so is a name with a leading dot, a port or a
    /// scheme. Also panics if [`add_access_cookie`](Self::add_access_cookie) has already added a
    /// cookie whose name begins with `__Host-`. This method does not detect public suffixes such as
    /// `co.uk` and `github.io`. Browsers ignore cookies for such a domain.
    #[track_caller]
    pub fn dangerous_domain(mut self, domain: impl AsRef<str>) -> Self {
        let domain = domain.as_ref();
        if !is_domain(domain) {
            misuse::refuse(format_args!(
                "Cookies::dangerous_domain({domain:?}): give the domain that your hosts share, as in \
                 \"shop.example\" for auth.shop.example and cart.shop.example: with a dot inside and \
                 none in front, no scheme, no port, and not an IP address"
            ));
        }
        self.domain = Some(domain.to_ascii_lowercase());
        self.with_names_checked()
    }

    /// Drops `Secure`, and the name prefixes that require it. Use this setting for
    /// `http://localhost` in a browser that does not treat localhost as secure.
    ///
    /// # Security
    ///
    /// Without HTTPS, everyone on the network path can read the tokens. Never use this setting
    /// outside of development. With this setting, the names of the cookies have no prefix. Pass the
    /// name without a prefix to `JwtAuth::cookie`.
    ///
    /// # Panics
    ///
    /// Panics if the names of two cookies differ only in their prefixes, or if
    /// [`embedded`](Self::embedded) has already been called.
    #[track_caller]
    pub fn dangerous_without_https(mut self) -> Self {
        self.is_secure = false;
        self.with_names_checked()
    }

    /// Sets the access-token cookie for `audience`. The cookie lasts as long as `session`.
    ///
    /// # Errors
    ///
    /// Fails if there is no access-token cookie for the audience. Also fails if the token is [too
    /// large](AccessToken::fits_cookie).
    pub fn set_access(
        &self,
        headers: &mut HeaderMap,
        audience: &str,
        token: &AccessToken,
        session: &Session,
    ) -> Result<(), IssueError> {
        let Some((_, name)) = self.access.iter().find(|(other, _)| other == audience) else {
            let message = "the audience has no cookie: add one with `Cookies::add_access_cookie`";
            return Err(IssueError::new(IssueErrorKind::UnknownAudience, message));
        };
        token.fits_cookie(self.in_use(name))?;
        let cookie = self.render(name, token.as_str(), self.of_access(), max_age(session));
        headers.append(SET_COOKIE, cookie);
        Ok(())
    }

    /// Sets the refresh-token cookie, and the cookie that contains the session identifier.
    pub fn set_refresh(&self, headers: &mut HeaderMap, token: &RefreshToken, session: &Session) {
        let max_age = max_age(session);
        let id = session.id().as_str();
        headers.append(SET_COOKIE, self.render(&self.session, id, Reach::Host, max_age));
        let path = Reach::Path(&self.path);
        headers.append(SET_COOKIE, self.render(&self.refresh, token.as_str(), path, max_age));
    }

    /// Deletes all cookies, using the names and attributes with which they were set. Otherwise a
    /// browser would keep them.
    pub fn delete(&self, headers: &mut HeaderMap) {
        self.delete_access(headers, |_| true);
        for (name, reach) in
            [(&self.session, Reach::Host), (&self.refresh, Reach::Path(&self.path))]
        {
            headers.append(SET_COOKIE, self.render(name, "", reach, Duration::ZERO));
        }
    }

    /// Returns the refresh token that a request presents: the first one that belongs to the session
    /// named by the session cookie.
    pub fn refresh_token<'r>(&self, headers: &'r HeaderMap) -> Option<&'r str> {
        let name = |name| CookieName::new(self.in_use(name));
        let sessions: Vec<&[u8]> =
            name(&self.session).values(headers).take(MAX_CANDIDATES).collect();
        let is_ours = |text: &&str| {
            RefreshToken::parse(text)
                .is_some_and(|token| sessions.contains(&token.session().as_str().as_bytes()))
        };
        let tokens = name(&self.refresh);
        let candidates = tokens.values(headers).take(MAX_CANDIDATES);
        candidates.filter_map(|value| std::str::from_utf8(value).ok()).find(is_ours)
    }

    /// Returns the audiences for which there is an access-token cookie.
    pub(crate) fn audiences(&self) -> impl Iterator<Item = &str> {
        self.access.iter().map(|(audience, _)| audience.as_str())
    }

    /// Returns the audiences for which there is an access-token cookie, each with the name of this
    /// cookie.
    pub(crate) fn access_cookies(&self) -> impl Iterator<Item = (&str, &str)> {
        self.access.iter().map(|(audience, name)| (audience.as_str(), self.in_use(name)))
    }

    /// Returns true if browsers do not send the cookies with requests from other sites.
    pub(crate) fn is_strict(&self) -> bool {
        self.same_site == SameSite::Strict
    }

    /// Returns true if browsers keep a separate set of the cookies for each embedding site.
    #[cfg(feature = "openid-login")]
    pub(crate) fn is_partitioned(&self) -> bool {
        self.same_site == SameSite::Partitioned
    }

    /// Returns true if browsers send the cookies over encrypted connections only.
    #[cfg(feature = "openid-login")]
    pub(crate) fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// Returns true if a cookie has this name.
    #[cfg(feature = "openid-login")]
    pub(crate) fn uses(&self, name: &str) -> bool {
        let access = self.access.iter().map(|(_, name)| name);
        access.chain([&self.refresh, &self.session]).any(|own| self.in_use(own) == name)
    }

    /// Calls the function `of` for each audience. If `of` returns true, deletes the audience's
    /// access-token cookie.
    pub(crate) fn delete_access(&self, headers: &mut HeaderMap, of: impl Fn(&str) -> bool) {
        for (_, name) in self.access.iter().filter(|(audience, _)| of(audience)) {
            let cookie = self.render(name, "", self.of_access(), Duration::ZERO);
            headers.append(SET_COOKIE, cookie);
        }
    }

    fn of_access(&self) -> Reach<'_> {
        self.domain.as_deref().map_or(Reach::Host, Reach::Domain)
    }

    /// Checks the whole configuration, since each setting can conflict with the others.
    #[track_caller]
    fn with_names_checked(self) -> Self {
        if self.same_site == SameSite::Partitioned && !self.is_secure {
            misuse::refuse(
                "Cookies::embedded needs `Secure`, and `dangerous_without_https` drops it: serve \
                 embedded pages over https, or from http://localhost",
            );
        }
        must_begin(&self.refresh, "__Secure-", "others can set this cookie");
        must_begin(&self.session, "__Host-", "others can set this cookie");
        for (_, name) in &self.access {
            match self.domain {
                None => must_begin(
                    name,
                    "__Host-",
                    "others can set this cookie (for hosts that share a domain, call \
                     `dangerous_domain` before `add_access_cookie`)",
                ),
                Some(_) => must_begin(
                    name,
                    "__Secure-",
                    "browsers refuse it: a cookie for a whole domain cannot have the prefix `__Host-`",
                ),
            }
        }
        // Compare the names that browsers receive. If the cookies are not `Secure`, the prefixes
        // are dropped, so `__Host-a` and `__Secure-a` both become `a`.
        let names = self.access.iter().map(|(_, name)| name).chain([&self.refresh, &self.session]);
        let mut names: Vec<&str> = names.map(|name| self.in_use(name)).collect();
        for name in &names {
            CookieName::new(name);
        }
        names.sort_unstable();
        if let Some((name, _)) = names.iter().zip(names.iter().skip(1)).find(|(a, b)| a == b) {
            misuse::refuse(format_args!(
                "Cookies: {name:?} is the name of two cookies: take another for one of them"
            ));
        }
        self
    }

    /// Returns the name under which a cookie is sent to browsers. If the cookie is not `Secure`,
    /// the prefix `__Host-` or `__Secure-` is removed from the name, since browsers accept these
    /// prefixes only for `Secure` cookies.
    pub(crate) fn in_use<'n>(&self, name: &'n str) -> &'n str {
        let without = || name.strip_prefix("__Host-").or_else(|| name.strip_prefix("__Secure-"));
        if self.is_secure { name } else { without().unwrap_or(name) }
    }

    fn render(&self, name: &str, value: &str, reach: Reach<'_>, max_age: Duration) -> HeaderValue {
        let Self { same_site, is_secure, .. } = *self;
        let name = self.in_use(name);
        SetCookie { name, value, reach, max_age, same_site, is_secure }.render()
    }
}

fn max_age(session: &Session) -> Duration {
    session.expires_at().saturating_since(session.renewed_at())
}

#[track_caller]
fn must_begin(name: &str, prefix: &str, or_else: &str) {
    if !name.starts_with(prefix) {
        CookieName::new(name);
        misuse::refuse(format_args!(
            "Cookies: begin the name {name:?} with {prefix:?}, or {or_else}"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deleted(cookies: &Cookies) -> Vec<String> {
        let mut headers = HeaderMap::new();
        cookies.delete(&mut headers);
        let set = headers.get_all(SET_COOKIE).iter();
        set.map(|cookie| cookie.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn cookies_are_deleted_with_the_attributes_they_are_set_with() {
        let cookies = Cookies::new("/auth").add_access_cookie("cart", "__Host-cart_token");
        assert_eq!(
            deleted(&cookies),
            [
                "__Host-cart_token=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure",
                "__Host-session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure",
                "__Secure-refresh_token=; Path=/auth; Max-Age=0; HttpOnly; SameSite=Strict; Secure",
            ]
        );
    }

    #[test]
    fn without_https_there_are_no_prefixes() {
        let cookies = Cookies::new("/auth").lax().dangerous_without_https();
        assert_eq!(
            cookies.render("__Host-x", "abc", Reach::Host, Duration::MAX),
            "x=abc; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax"
        );
    }

    #[test]
    fn only_access_tokens_are_sent_to_a_whole_domain() {
        let cookies = Cookies::new("/auth")
            .dangerous_domain("Shop.Example")
            .add_access_cookie("cart", "__Secure-cart_token");
        assert_eq!(
            deleted(&cookies),
            [
                "__Secure-cart_token=; Path=/; Max-Age=0; HttpOnly; Domain=shop.example; \
                 SameSite=Strict; Secure",
                "__Host-session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure",
                "__Secure-refresh_token=; Path=/auth; Max-Age=0; HttpOnly; SameSite=Strict; Secure",
            ]
        );
    }

    #[test]
    fn cookies_of_embedded_pages_are_partitioned() {
        let cookies =
            Cookies::new("/auth").embedded().add_access_cookie("cart", "__Host-cart_token");
        let partitioned = "Max-Age=0; HttpOnly; SameSite=None; Partitioned; Secure";
        assert_eq!(
            deleted(&cookies),
            [
                format!("__Host-cart_token=; Path=/; {partitioned}"),
                format!("__Host-session=; Path=/; {partitioned}"),
                format!("__Secure-refresh_token=; Path=/auth; {partitioned}"),
            ]
        );
    }
}
