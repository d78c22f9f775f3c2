//! One credential per request, from the sources that are switched on.

use std::any::type_name;
use std::borrow::Cow;
use std::fmt::{self, Display};
use std::sync::Arc;

use http::header::{AUTHORIZATION, COOKIE, SEC_WEBSOCKET_PROTOCOL};
use http::{HeaderMap, Method, Uri};

use crate::bearer::authorization;
use crate::bearer::cookie::CookieName;
use crate::bearer::cross_site::TrustedOrigins;
use crate::bearer::source::{BadCredentials, Source, TokenSource};
use crate::bearer::websocket::Subprotocol;

/// The sources. `Authorization` is always one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    pub(crate) cookie: Option<CookieName>,
    pub(crate) subprotocol: Option<Subprotocol>,
    /// Those of the application's own, with the names of their types.
    custom: Vec<(&'static str, Arc<dyn TokenSource>)>,
    pub(crate) trusted_origins: TrustedOrigins,
}

/// The credential of a request.
#[derive(Clone, Debug)]
pub(crate) struct Credentials<'r> {
    pub(crate) token: Cow<'r, [u8]>,
    pub(crate) source: Source,
    ambient: bool,
}

impl<'r> Credentials<'r> {
    fn explicit(token: &'r [u8], source: Source) -> Self {
        Self { token: Cow::Borrowed(token), source, ambient: false }
    }
}

impl Sources {
    pub(crate) fn add<S: TokenSource>(&mut self, source: S) {
        self.custom.push((type_name::<S>(), Arc::new(source)));
    }

    /// The credential of this request, or `None`.
    ///
    /// Every source is looked into: a second credential that differs is refused and never
    /// overruled, or whoever can add one could choose which counts (RFC 6750 section 2). One that
    /// the browser adds by itself must come with a request of this site.
    pub(crate) fn find<'r>(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &'r HeaderMap,
    ) -> Result<Option<Credentials<'r>>, BadCredentials> {
        let bearer = authorization::token(headers)?;
        let mut found = bearer.map(|token| Credentials::explicit(token, Source::Authorization));
        if let Some(subprotocol) = &self.subprotocol {
            let token = subprotocol.find(method, headers)?;
            agree(
                &mut found,
                token.map(|token| Credentials::explicit(token, Source::WebSocketProtocol)),
            )?;
        }
        if let Some(cookie) = &self.cookie {
            let token = cookie.find(headers)?;
            let of_cookie = |token| Credentials {
                ambient: true,
                ..Credentials::explicit(token, Source::Cookie)
            };
            agree(&mut found, token.map(of_cookie))?;
        }
        for (_, custom) in &self.custom {
            let token = custom.token(headers)?.map(|token| match token {
                Cow::Borrowed(token) => Cow::Borrowed(token.as_bytes()),
                Cow::Owned(token) => Cow::Owned(token.into_bytes()),
            });
            let ambient = custom.is_ambient();
            agree(
                &mut found,
                token.map(|token| Credentials { token, source: Source::Custom, ambient }),
            )?;
        }
        if found.as_ref().is_some_and(|found| found.ambient) {
            self.trusted_origins.check(method, uri, headers)?;
        }
        Ok(found)
    }

    /// Marks every header that may hold a token as sensitive: such values are not printed, and
    /// HTTP/2 does not put them into its compression tables.
    pub(crate) fn mark_sensitive(&self, headers: &mut HeaderMap) {
        // Of this there is one value at most, or the request was refused.
        if let Some(value) = headers.get_mut(AUTHORIZATION) {
            value.set_sensitive(true);
        }
        let mut mark = |name| {
            if let http::header::Entry::Occupied(mut values) = headers.entry(name) {
                values.iter_mut().for_each(|value| value.set_sensitive(true));
            }
        };
        if self.cookie.is_some() {
            mark(COOKIE);
        }
        if self.subprotocol.is_some() {
            mark(SEC_WEBSOCKET_PROTOCOL);
        }
    }

    /// Takes the token out of every built-in source.
    pub(crate) fn strip(&self, headers: &mut HeaderMap) {
        if authorization::token(headers).is_ok_and(|token| token.is_some()) {
            headers.remove(AUTHORIZATION);
        }
        if let Some(cookie) = self.cookie.as_ref().filter(|_| headers.contains_key(COOKIE)) {
            cookie.strip(headers);
        }
        if let Some(subprotocol) =
            self.subprotocol.as_ref().filter(|_| headers.contains_key(SEC_WEBSOCKET_PROTOCOL))
        {
            subprotocol.strip(headers);
        }
    }
}

/// What they are called in a log.
impl Display for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorization")?;
        if let Some(subprotocol) = &self.subprotocol {
            write!(f, ", WebSocket protocol {subprotocol}")?;
        }
        if let Some(cookie) = &self.cookie {
            write!(f, ", cookie {cookie}")?;
        }
        self.custom.iter().try_for_each(|(name, _)| write!(f, ", {name}"))
    }
}

/// Marks every header with `token` in it as sensitive: a source of the application's own does not
/// say which one it read.
pub(crate) fn mark_holders(token: &str, headers: &mut HeaderMap) {
    let finder = memchr::memmem::Finder::new(token);
    for value in headers.values_mut().filter(|value| finder.find(value.as_bytes()).is_some()) {
        value.set_sensitive(true);
    }
}

/// Keeps the first of two credentials that are the same, and refuses two that differ.
fn agree<'r>(
    found: &mut Option<Credentials<'r>>,
    other: Option<Credentials<'r>>,
) -> Result<(), BadCredentials> {
    match (&found, other) {
        (_, None) => Ok(()),
        (None, other) => {
            *found = other;
            Ok(())
        }
        (Some(found), Some(other)) if found.token == other.token => Ok(()),
        (Some(_), Some(_)) => Err(BadCredentials::Ambiguous),
    }
}
