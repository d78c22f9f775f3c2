//! Tokens in cookies that no script can read.

use std::time::Duration;

use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};

use crate::bearer::CookieName;
use crate::issuer::access_token::AccessToken;
use crate::issuer::error::{IssueError, IssueErrorKind};
use crate::issuer::sessions::refresh_token::RefreshToken;
use crate::issuer::sessions::session::Session;
use crate::misuse;

/// RFC 6265bis section 5.5: a browser keeps none for longer.
const MAX_AGE: Duration = Duration::from_secs(400 * 86_400);
/// What a longer attribute of a cookie does to it: browsers leave the attribute out (RFC 6265bis section 5.6).
const MAX_ATTRIBUTE_BYTES: usize = 1024;

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
///
/// [`AuthRoutes`](crate::issuer::AuthRoutes) sets and reads them. A login of your own, such as the
/// callback of another identity provider, does so with [`set_access`](Self::set_access) and
/// [`set_refresh`](Self::set_refresh).
///
/// # Security
///
/// A browser sends cookies to one host and, whatever their path or prefix, to every port of it. All
/// services on that host get the access tokens of all: one that is taken over can use them until
/// they expire. Give a service that must not be trusted with the others' tokens a host of its own,
/// or let the proxy in front strip what is not for it.
///
/// The refresh token's cookie needs a path, to be sent to the auth server alone, and so cannot have
/// the prefix `__Host-`: a sibling domain could set one like it. A third cookie that no sibling can
/// set, `__Host-session`, therefore names the session, and a refresh token of another is not read.
#[derive(Clone, Debug)]
#[must_use]
pub struct Cookies {
    refresh: String,
    session: String,
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
    /// On a path that does not begin with `/`, has a character that ends it, or has more than 1024
    /// bytes, which browsers ignore.
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
            same_site: "Strict",
            is_secure: true,
        }
    }

    /// The access token for `audience` in the cookie `name`, sent to the whole host and to no other:
    /// what that service has in `JwtAuth::cookie`. Once for each service that pages call.
    ///
    /// # Panics
    ///
    /// On what is no cookie name, one without the prefix `__Host-`, and one that is taken.
    #[track_caller]
    pub fn access(mut self, audience: impl Into<String>, name: impl Into<String>) -> Self {
        let (audience, name) = (audience.into(), name.into());
        must_begin(&name, "__Host-");
        if self.access.iter().any(|(other, _)| *other == audience) {
            misuse::refuse(format_args!(
                "Cookies::access: {audience:?} has a cookie already: name each audience once"
            ));
        }
        self.access.push((audience, name));
        self.with_names_checked()
    }

    /// Another name for the cookie of the refresh token.
    ///
    /// # Panics
    ///
    /// On what is no cookie name, one without the prefix `__Secure-`, and one that is taken.
    #[track_caller]
    pub fn refresh(mut self, name: impl Into<String>) -> Self {
        self.refresh = name.into();
        must_begin(&self.refresh, "__Secure-");
        self.with_names_checked()
    }

    /// Another name for the cookie that names the session, `__Host-session`.
    ///
    /// # Panics
    ///
    /// On what is no cookie name, one without the prefix `__Host-`, and one that is taken.
    #[track_caller]
    pub fn session(mut self, name: impl Into<String>) -> Self {
        self.session = name.into();
        must_begin(&self.session, "__Host-");
        self.with_names_checked()
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
    ///
    /// # Panics
    ///
    /// On names that differ in their prefixes alone.
    #[track_caller]
    pub fn dangerous_without_https(mut self) -> Self {
        self.is_secure = false;
        self.with_names_checked()
    }

    /// Sets the cookie of the access token for `audience`.
    ///
    /// # Errors
    ///
    /// An audience without a cookie, and a token that is [too large](AccessToken::fits_cookie) for
    /// one.
    pub fn set_access(
        &self,
        headers: &mut HeaderMap,
        audience: &str,
        token: &AccessToken,
    ) -> Result<(), IssueError> {
        let Some((_, name)) = self.access.iter().find(|(other, _)| other == audience) else {
            let message = "the audience has no cookie: add one with `Cookies::access`";
            return Err(IssueError::new(IssueErrorKind::UnknownAudience, message));
        };
        token.fits_cookie(self.in_use(name))?;
        headers.append(SET_COOKIE, self.render(name, token.as_str(), "/", token.expires_in()));
        Ok(())
    }

    /// Sets the cookies of the refresh token and of its session.
    pub fn set_refresh(&self, headers: &mut HeaderMap, token: &RefreshToken, session: &Session) {
        let max_age = session.expires_at().saturating_since(session.renewed_at());
        let id = session.id().as_str();
        headers.append(SET_COOKIE, self.render(&self.session, id, "/", max_age));
        headers.append(SET_COOKIE, self.render(&self.refresh, token.as_str(), &self.path, max_age));
    }

    /// Deletes all of them: the same names and attributes, or a browser would keep them.
    pub fn delete(&self, headers: &mut HeaderMap) {
        for (audience, _) in &self.access {
            self.delete_access(headers, audience);
        }
        for (name, path) in [(&self.session, "/"), (&self.refresh, self.path.as_str())] {
            headers.append(SET_COOKIE, self.render(name, "", path, Duration::ZERO));
        }
    }

    /// The refresh token that a request presents: the one of the session that the other cookie
    /// names, if there are several.
    pub fn refresh_token<'r>(&self, headers: &'r HeaderMap) -> Option<&'r str> {
        let name = |name| CookieName::new(self.in_use(name));
        let sessions: Vec<&[u8]> = name(&self.session).values(headers).collect();
        let is_ours = |text: &&str| {
            RefreshToken::parse(text)
                .is_some_and(|token| sessions.contains(&token.session().as_str().as_bytes()))
        };
        let tokens = name(&self.refresh);
        tokens.values(headers).filter_map(|value| std::str::from_utf8(value).ok()).find(is_ours)
    }

    /// The audiences that have a cookie.
    pub(crate) fn audiences(&self) -> impl Iterator<Item = &str> {
        self.access.iter().map(|(audience, _)| audience.as_str())
    }

    pub(crate) fn delete_access(&self, headers: &mut HeaderMap, audience: &str) {
        for (_, name) in self.access.iter().filter(|(other, _)| other == audience) {
            headers.append(SET_COOKIE, self.render(name, "", "/", Duration::ZERO));
        }
    }

    /// Names as they are used: without their prefixes, two may be the same.
    #[track_caller]
    fn with_names_checked(self) -> Self {
        let names = self.access.iter().map(|(_, name)| name).chain([&self.refresh, &self.session]);
        let mut names: Vec<&str> = names.map(|name| self.in_use(name)).collect();
        for name in &names {
            CookieName::new(name);
        }
        names.sort_unstable();
        if let Some([name, _]) = names.array_windows().find(|[a, b]| a == b) {
            misuse::refuse(format_args!(
                "Cookies: {name:?} is the name of two cookies: take another for one of them"
            ));
        }
        self
    }

    fn in_use<'n>(&self, name: &'n str) -> &'n str {
        let without = || name.strip_prefix("__Host-").or_else(|| name.strip_prefix("__Secure-"));
        if self.is_secure { name } else { without().unwrap_or(name) }
    }

    fn render(&self, name: &str, value: &str, path: &str, max_age: Duration) -> HeaderValue {
        let name = self.in_use(name);
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

#[track_caller]
fn must_begin(name: &str, prefix: &str) {
    if !name.starts_with(prefix) {
        CookieName::new(name);
        misuse::refuse(format_args!(
            "Cookies: begin the name {name:?} with {prefix:?}, or others can set this cookie"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_deleted_with_the_attributes_they_are_set_with() {
        let cookies = Cookies::new("/auth").access("cart", "__Host-cart_token");
        let mut headers = HeaderMap::new();
        cookies.delete(&mut headers);
        let deleted: Vec<_> = headers.get_all(SET_COOKIE).iter().collect();
        assert_eq!(
            deleted,
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
            cookies.render("__Host-x", "abc", "/", Duration::MAX),
            "x=abc; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax"
        );
    }
}
