//! The errors of a login at a provider.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// The error of a request to a provider, or of a check of the provider's response.
///
/// The reason is for developers and logs. It never contains a code, a verifier, a secret, a token
/// or the value of a claim.
#[derive(Clone, Debug)]
pub(crate) struct ProviderError {
    kind: ProviderErrorKind,
    reason: Arc<str>,
}

/// The kind of a [`ProviderError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ProviderErrorKind {
    /// The provider is down or slow, its response cannot be read, or too many logins are in
    /// progress. The user can try again later.
    Unavailable,
    /// The provider rejected the code: it expired, was used before, or belongs to another login.
    /// The user can start again.
    CodeRefused,
    /// The ID token is invalid, or belongs to another login.
    IdTokenRejected,
    /// The provider's response or its metadata names another issuer.
    WrongIssuer,
    /// The user info cannot be read, or belongs to another user.
    UserInfoRejected,
    /// The configuration does not fit the provider. The operator of this server must change it.
    Misconfigured,
}

impl ProviderError {
    pub(crate) fn new(kind: ProviderErrorKind, reason: impl Into<Arc<str>>) -> Self {
        Self { kind, reason: reason.into() }
    }

    pub(crate) fn unavailable(reason: impl Into<Arc<str>>) -> Self {
        Self::new(ProviderErrorKind::Unavailable, reason)
    }

    pub(crate) fn misconfigured(reason: impl Into<Arc<str>>) -> Self {
        Self::new(ProviderErrorKind::Misconfigured, reason)
    }

    /// Returns the kind of the error.
    pub(crate) fn kind(&self) -> ProviderErrorKind {
        self.kind
    }

    /// Returns the whole reason in one sentence, for developers and logs.
    pub(crate) fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl Error for ProviderError {}
