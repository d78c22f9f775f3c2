//! The sources of a token.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Debug};

use http::HeaderMap;

/// The place in the request where a token was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// The `Authorization` header.
    Authorization,
    /// The configured cookie.
    Cookie,
    /// The `Sec-WebSocket-Protocol` header.
    WebSocketProtocol,
    /// A [`TokenSource`] that the application implements.
    Custom,
    /// The argument of `JwtAuth::verify`: the application itself passed the token.
    Direct,
}

/// A place in the request's headers where the application looks for a token.
///
/// A source sees the headers only. A token in a query string can end up in logs, histories and
/// `Referer` headers, so RFC 6750 section 5.3 and OAuth 2.1 forbid it. For a client that can send
/// its token in no other way, [`guide::how_to::query_token`](crate::guide::how_to::query_token)
/// shows a layer that moves the token into a header.
///
/// ```
/// use std::borrow::Cow;
/// use http::HeaderMap;
/// use tower_jwt_auth::{BadCredentials, JwtAuth, Secret, TokenSource};
///
/// /// `X-Access-Token: <token>`, as an old client sends it.
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
///
/// If the key of the token has not been fetched yet, the request waits for the key, and the layer
/// then asks the source again. The source should therefore return the same token for the same
/// request.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a source of tokens",
    note = "for a cookie there is `JwtAuth::cookie`; for a header of your own, implement \
            `TokenSource` for a type of your own"
)]
pub trait TokenSource: Send + Sync + 'static {
    /// Returns the token in `headers`, or `None` if this source finds no token.
    ///
    /// # Errors
    ///
    /// Returns an error if the credentials are malformed, or if there are several different ones.
    fn token<'r>(&self, headers: &'r HeaderMap) -> Result<Option<Cow<'r, str>>, BadCredentials>;

    /// Returns true if browsers send this credential automatically, like a cookie. In that case,
    /// another site could cause the request, so only requests from this site or from a trusted
    /// origin are accepted. `true` by default.
    fn is_ambient(&self) -> bool {
        true
    }
}

impl Debug for dyn TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSource")
    }
}

/// Credentials that are present but cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadCredentials {
    /// The credentials do not have the required form.
    Malformed,
    /// There are several different credentials. Choosing one would be a guess.
    Ambiguous,
    /// A browser sent the credentials on behalf of another site.
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
