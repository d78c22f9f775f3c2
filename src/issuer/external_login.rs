//! An external account, such as a Google account, with which a user logged in.

use std::fmt::{self, Debug};

use serde::{Deserialize, Serialize};

/// The external account, such as a Google account, with which a session's user logged in. The
/// session stores this account from login to logout: see
/// [`Session::external_login`](crate::issuer::Session::external_login).
///
/// A session that began with a password has no external login. With the feature `openid-login`,
/// `AuthRoutes::openid_login` creates external logins.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalLogin {
    provider: String,
    issuer: String,
    subject: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<String>,
    /// The provider's tokens, in encrypted form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tokens: Option<String>,
}

impl ExternalLogin {
    #[cfg(any(test, feature = "openid-login", feature = "test-util"))]
    pub(crate) fn new(
        provider: impl Into<String>,
        issuer: impl Into<String>,
        subject: impl Into<String>,
        scopes: Vec<String>,
    ) -> Self {
        let (provider, issuer, subject) = (provider.into(), issuer.into(), subject.into());
        Self { provider, issuer, subject, scopes, tokens: None }
    }

    /// Adds the provider's tokens, which must already be encrypted.
    #[cfg(any(test, feature = "openid-login", feature = "test-util"))]
    pub(crate) fn with_sealed_tokens(mut self, sealed: String) -> Self {
        self.tokens = Some(sealed);
        self
    }

    /// Returns the name of the provider in this application's configuration, such as `google`.
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// Returns the provider's issuer, the `iss` of its ID tokens.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Returns the provider's identifier of the user, the `sub` of its ID tokens. The identifier is
    /// unique only within this [`issuer`](Self::issuer).
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Returns the scopes that the user granted at the provider. The user may have granted fewer
    /// scopes than the application asked for. The scopes of this application's access tokens are
    /// separate from these.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scopes.iter().map(String::as_str)
    }

    /// Returns true if the user granted this scope at the provider. Check the scope before you call
    /// the provider's API on behalf of the user. If the user has not granted the scope, name the
    /// scope in your response.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|granted| granted == scope)
    }

    /// Returns true if the session keeps the provider's tokens.
    pub fn keeps_tokens(&self) -> bool {
        self.tokens.is_some()
    }

    /// Returns the account without the provider's tokens.
    pub(crate) fn without_tokens(&self) -> Self {
        Self { tokens: None, ..self.clone() }
    }

    /// Returns the provider's encrypted tokens, if the session keeps them.
    #[cfg(any(test, feature = "openid-login"))]
    pub(crate) fn sealed_tokens(&self) -> Option<&str> {
        self.tokens.as_deref()
    }
}

impl Debug for ExternalLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The output omits the subject, since it identifies a person.
        f.debug_struct("ExternalLogin")
            .field("provider", &self.provider)
            .field("keeps_tokens", &self.keeps_tokens())
            .finish_non_exhaustive()
    }
}
