//! An issued access token, and the response of a token endpoint.

use std::fmt::{self, Debug};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::clock::UnixTime;
use crate::issuer::budget::{self, MAX_COOKIE_BYTES};
use crate::issuer::error::IssueError;

/// A signed access token. `Debug` does not show it.
#[derive(Clone)]
pub struct AccessToken {
    pub(crate) encoded: String,
    pub(crate) claims: Map<String, Value>,
    pub(crate) id: String,
    pub(crate) issued_at: UnixTime,
    pub(crate) expires_at: UnixTime,
}

impl AccessToken {
    /// Returns the text of the token. Clients send it in the header `Authorization: Bearer` or in a
    /// cookie.
    pub fn as_str(&self) -> &str {
        &self.encoded
    }

    /// Returns the token's identifier, the `jti` claim.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the expiry of the token, the `exp` claim.
    pub fn expires_at(&self) -> UnixTime {
        self.expires_at
    }

    /// Returns the lifetime of the token in whole seconds: `expires_in` of RFC 6749 section 5.1.
    pub fn expires_in(&self) -> Duration {
        self.expires_at.saturating_since(self.issued_at)
    }

    /// Returns the granted scopes, separated by spaces.
    pub fn scope(&self) -> Option<&str> {
        self.claims.get("scope").and_then(Value::as_str)
    }

    /// Checks that the token fits into a cookie with this name. A browser drops a cookie whose name
    /// and value together are longer than 4096 bytes.
    ///
    /// # Errors
    ///
    /// Returns [`TooLarge`](crate::issuer::IssueErrorKind::TooLarge), with the names of the largest
    /// claims.
    pub fn fits_cookie(&self, name: &str) -> Result<(), IssueError> {
        let len = name.len().saturating_add(self.encoded.len());
        budget::check(&format!("the cookie `{name}`"), len, MAX_COOKIE_BYTES, &self.claims)
    }
}

impl Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("id", &self.id)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// The response of a token endpoint (RFC 6749 section 5.1). Send it with `Cache-Control: no-store`.
///
/// ```
/// use tower_jwt_auth::{Secret, issuer::{Grant, TokenIssuer, TokenResponse}};
///
/// let issuer = TokenIssuer::new("https://auth.shop.example")
///     .audience("cart", Secret::generate()?);
/// let token = issuer.issue(&Grant::new("alice").scopes(["cart:read"]))?;
/// let json = serde_json::to_value(TokenResponse::new(&token))?;
/// assert_eq!(json["token_type"], "Bearer");
/// assert_eq!(json["expires_in"], 600);
/// assert_eq!(json["scope"], "cart:read");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Serialize)]
pub struct TokenResponse<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
}

impl<'a> TokenResponse<'a> {
    /// Creates a response with this access token.
    pub fn new(token: &'a AccessToken) -> Self {
        Self {
            access_token: token.as_str(),
            token_type: "Bearer",
            expires_in: token.expires_in().as_secs(),
            refresh_token: None,
            scope: token.scope(),
        }
    }

    /// Adds a refresh token.
    #[must_use]
    pub fn refresh_token(mut self, token: &'a str) -> Self {
        self.refresh_token = Some(token);
        self
    }
}

impl Debug for TokenResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenResponse")
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}
