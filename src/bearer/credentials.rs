//! Searches the configured sources for the single credential of a request.

use std::any::type_name;
use std::borrow::Cow;
use std::fmt::{self, Display};
use std::sync::Arc;

use http::header::{AUTHORIZATION, COOKIE, SEC_WEBSOCKET_PROTOCOL};
use http::{HeaderMap, Method, Request, Uri};

use crate::bearer::authorization::{self, Authorization, OtherScheme};
use crate::bearer::cookie::CookieName;
use crate::bearer::cross_site::TrustedOrigins;
use crate::bearer::fault::Fault;
use crate::bearer::source::{Source, TokenSource};
use crate::bearer::websocket::Subprotocol;

/// The configured sources. `Authorization` is always one of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    pub(crate) cookie: Option<CookieName>,
    pub(crate) subprotocol: Option<Subprotocol>,
    /// The sources that the application implements, with the names of their types.
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

/// The result of searching a request for credentials.
#[derive(Clone, Debug)]
pub(crate) struct Found<'r> {
    pub(crate) credentials: Option<Credentials<'r>>,
    /// The scheme in `Authorization` if it is not `Bearer`.
    pub(crate) other: Option<OtherScheme>,
    /// A token in `Authorization` without `Bearer` in front of it.
    pub(crate) unread: Option<&'r [u8]>,
}

impl<'r> From<Authorization<'r>> for Found<'r> {
    #[inline]
    fn from(header: Authorization<'r>) -> Self {
        match header {
            Authorization::Absent => Self { credentials: None, other: None, unread: None },
            Authorization::Bearer(token) => {
                let credentials = Some(Credentials::explicit(token, Source::Authorization));
                Self { credentials, other: None, unread: None }
            }
            Authorization::Other { scheme, token } => {
                Self { credentials: None, other: Some(scheme), unread: token }
            }
        }
    }
}

impl Sources {
    pub(crate) fn add<S: TokenSource>(&mut self, source: S) {
        self.custom.push((type_name::<S>(), Arc::new(source)));
    }

    /// Finds the credential of a request. Marks every header that may hold a token as sensitive.
    #[inline]
    pub(crate) fn find<'r, B>(&self, request: &'r mut Request<B>) -> Result<Found<'r>, Fault> {
        if self.cookie.is_none() && self.subprotocol.is_none() && self.custom.is_empty() {
            return authorization::read_and_mark(request.headers_mut()).map(Found::from);
        }
        self.mark_sensitive(request.headers_mut());
        self.find_in_all(request.method(), request.uri(), request.headers())
    }

    /// Every source is read. Two different credentials are rejected: otherwise anyone who can add a
    /// credential to a request could choose which one is used (RFC 6750 section 2). A credential
    /// that the browser adds automatically is not accepted in a state-changing request from a page
    /// of another origin, unless that origin is trusted.
    fn find_in_all<'r>(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &'r HeaderMap,
    ) -> Result<Found<'r>, Fault> {
        let Found { credentials: mut found, other, unread } = authorization::read(headers)?.into();
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
        if let (Some(found), Some(unread)) = (&found, unread)
            && found.token != unread
        {
            return Err(Fault::ambiguous(format!(
                "`Authorization` has a token without `Bearer`, and {} has another",
                name(found.source)
            )));
        }
        if found.as_ref().is_some_and(|found| found.ambient) {
            self.trusted_origins.check(method, uri, headers)?;
        }
        Ok(Found { credentials: found, other, unread })
    }

    /// Marks every header that may hold a token as sensitive. Sensitive values are not printed, and
    /// HTTP/2 does not put them into its compression tables.
    // `HeaderMap::entry` is not used, because it grows a map that is exactly full, even if the map
    // already contains the header.
    fn mark_sensitive(&self, headers: &mut HeaderMap) {
        for (name, value) in headers.iter_mut() {
            if name == AUTHORIZATION
                || (name == COOKIE && self.cookie.is_some())
                || (name == SEC_WEBSOCKET_PROTOCOL && self.subprotocol.is_some())
            {
                value.set_sensitive(true);
            }
        }
    }

    /// Removes the token from every built-in source.
    pub(crate) fn strip(&self, headers: &mut HeaderMap) {
        let has_token = match authorization::read(headers) {
            Ok(Authorization::Bearer(_)) => true,
            Ok(Authorization::Other { token, .. }) => token.is_some(),
            _ => false,
        };
        if has_token {
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

/// Lists the sources. `AuthError::reason` contains this list if a request has no token.
impl Display for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`Authorization: Bearer`")?;
        if let Some(subprotocol) = &self.subprotocol {
            write!(f, ", the WebSocket protocol `{subprotocol}`")?;
        }
        if let Some(cookie) = &self.cookie {
            write!(f, ", the cookie `{cookie}`")?;
        }
        self.custom.iter().try_for_each(|(name, _)| write!(f, ", the source `{name}`"))
    }
}

fn name(source: Source) -> &'static str {
    match source {
        Source::Authorization => "`Authorization`",
        Source::Cookie => "the cookie",
        Source::WebSocketProtocol => "`Sec-WebSocket-Protocol`",
        Source::Custom => "a source of the application",
        Source::Direct => "the call",
    }
}

/// Marks a header as sensitive if its value contains `token`. All headers are searched, since a
/// custom source does not say which header it read.
#[inline(never)]
pub(crate) fn mark_holders(token: &str, headers: &mut HeaderMap) {
    let finder = memchr::memmem::Finder::new(token);
    for value in headers.values_mut().filter(|value| finder.find(value.as_bytes()).is_some()) {
        value.set_sensitive(true);
    }
}

/// Keeps the first credentials that were found. Returns an error if `other` has a different token.
fn agree<'r>(
    found: &mut Option<Credentials<'r>>,
    other: Option<Credentials<'r>>,
) -> Result<(), Fault> {
    match (&found, other) {
        (_, None) => Ok(()),
        (None, other) => {
            *found = other;
            Ok(())
        }
        (Some(found), Some(other)) if found.token == other.token => Ok(()),
        (Some(found), Some(other)) => Err(Fault::ambiguous(format!(
            "{} and {} have tokens that differ",
            name(found.source),
            name(other.source)
        ))),
    }
}
