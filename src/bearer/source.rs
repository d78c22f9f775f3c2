//! Where a token may come from.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Debug};

use http::HeaderMap;

/// Where in the request a token was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// The `Authorization` header.
    Authorization,
    /// The configured cookie.
    Cookie,
    /// The `Sec-WebSocket-Protocol` header.
    WebSocketProtocol,
    /// A [`TokenSource`] of the application's own.
    Custom,
    /// No request at all: the token was given to `JwtAuth::verify`.
    Direct,
}

/// A place of the application's own to look for a token in.
///
/// Only the headers can be looked into: a token in a query string ends up in logs, histories and
/// `Referer` headers, and must be ignored (RFC 6750 section 5.3, OAuth 2.1).
///
/// ```
/// use std::borrow::Cow;
/// use http::HeaderMap;
/// use tower_jwt_auth::{BadCredentials, JwtAuth, Secret, TokenSource};
///
/// /// `X-Access-Token: <token>`, as an old client sends it.
/// #[derive(Debug)]
/// struct OldHeader;
///
/// impl TokenSource for OldHeader {
///     fn token<'r>(&self, headers: &'r HeaderMap) -> Result<Option<Cow<'r, str>>, BadCredentials> {
///         let mut values = headers.get_all("x-access-token").iter();
///         match (values.next(), values.next()) {
///             (None, _) => Ok(None),
///             (Some(value), None) => match value.to_str() {
///                 Ok(token) => Ok(Some(token.into())),
///                 Err(_) => Err(BadCredentials::Malformed),
///             },
///             _ => Err(BadCredentials::Ambiguous),
///         }
///     }
///
///     fn is_ambient(&self) -> bool {
///         false // no browser sends this header by itself
///     }
/// }
///
/// let auth = JwtAuth::new(Secret::generate()?).add_source(OldHeader);
/// # let _ = auth;
/// # Ok::<_, tower_jwt_auth::KeyError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no source of tokens",
    note = "for a cookie there is `JwtAuth::cookie`; for a header of your own, implement \
            `TokenSource` for a type of your own"
)]
pub trait TokenSource: Debug + Send + Sync + 'static {
    /// The token in `headers`, or `None` where this source has none.
    ///
    /// # Errors
    ///
    /// What is there cannot be a token, or there are several.
    fn token<'r>(&self, headers: &'r HeaderMap) -> Result<Option<Cow<'r, str>>, BadCredentials>;

    /// Whether a browser sends this credential by itself, as it does a cookie, so that another
    /// site could make it do so. Such a request is checked to be of this site. `true` by default.
    fn is_ambient(&self) -> bool {
        true
    }
}

/// Credentials that are there but cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadCredentials {
    /// Not in the form that credentials have.
    Malformed,
    /// Several that differ: which one is meant would be a guess.
    Ambiguous,
    /// Sent by a browser on behalf of another site.
    CrossSite,
}

impl fmt::Display for BadCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the credentials are malformed",
            Self::Ambiguous => "there are several credentials and they differ",
            Self::CrossSite => "the request was made by another site",
        })
    }
}

impl Error for BadCredentials {}
