//! The result of a login at a provider.

use std::fmt::{self, Debug};

use serde_json::{Map, Value};

use crate::clock::UnixTime;
use crate::openid::provider::tokens::ProviderTokens;

/// An authorization code to be exchanged, and the values that are needed to check the provider's
/// response.
#[derive(Clone, Copy)]
pub(crate) struct Redemption<'a> {
    pub(crate) code: &'a str,
    pub(crate) redirect_uri: &'a str,
    /// The verifier whose hash the authorization request contained (RFC 7636 section 4.1).
    pub(crate) code_verifier: &'a str,
    pub(crate) nonce: &'a str,
    pub(crate) state: &'a str,
    /// The time at which the browser was sent to the provider.
    pub(crate) started_at: UnixTime,
    /// True if the authorization request required the user to enter the password again.
    pub(crate) needs_fresh_login: bool,
}

/// The verified data of a login at a provider.
#[derive(Clone)]
pub(crate) struct ProviderLogin {
    /// The configured issuer, or the origin of a plain OAuth 2.0 provider. It is the same for all
    /// logins at the provider, even if the provider's tokens spell the issuer in several ways.
    pub(crate) issuer: String,
    /// The identifier of the user, which is unique among the users of this issuer.
    pub(crate) subject: String,
    /// The claims of the ID token, and the claims that the user info adds.
    pub(crate) claims: Map<String, Value>,
    /// The user's email address, if the provider says that it has verified the address and the
    /// configuration trusts that statement.
    pub(crate) verified_email: Option<String>,
    /// The granted scopes.
    pub(crate) scopes: Vec<String>,
    pub(crate) tokens: ProviderTokens,
}

impl Debug for ProviderLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Claim values do not belong in logs.
        f.debug_struct("ProviderLogin")
            .field("issuer", &self.issuer)
            .field("scopes", &self.scopes)
            .field("tokens", &self.tokens)
            .finish_non_exhaustive()
    }
}
