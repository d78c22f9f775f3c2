//! The reason for a guard's denial.

use std::error::Error;
use std::fmt::{self, Display};
use std::sync::Arc;

/// A guard's denial of a request. The `Display` text is for developers, like
/// [`AuthError::reason`](crate::AuthError::reason).
#[derive(Clone, Debug)]
pub struct Denied {
    pub(crate) reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The token lacks a scope: a client can ask for a token with more scopes.
    Scope,
    /// The guard denies the request for a reason other than a missing scope.
    Role,
    /// The guard cannot decide because of an application error.
    Misconfigured(Arc<str>),
}

impl Denied {
    /// Denies the request with the status 403 and the code `insufficient-role`.
    /// [`AuthError::reason`](crate::AuthError::reason) then contains the guard's
    /// [`requirement`](crate::guard::Guard::requirement).
    pub fn new() -> Self {
        Self { reason: Reason::Role }
    }

    /// Denies the request because a scope is missing, with the status 403 and the code
    /// `insufficient-scope`. The challenge names the scopes of
    /// [`Guard::required_scopes`](crate::guard::Guard::required_scopes).
    pub fn missing_scope() -> Self {
        Self { reason: Reason::Scope }
    }

    /// Denies the request because of an application error, with the status 500.
    /// [`AuthError::reason`](crate::AuthError::reason) then contains `sentence`. No combinator
    /// turns this denial into an admission.
    pub fn misconfigured(sentence: impl Into<Arc<str>>) -> Self {
        Self { reason: Reason::Misconfigured(sentence.into()) }
    }
}

impl Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.reason {
            Reason::Scope => "the token lacks a scope",
            Reason::Role => "the token does not allow this",
            Reason::Misconfigured(sentence) => sentence,
        })
    }
}

impl Error for Denied {}

impl Default for Denied {
    fn default() -> Self {
        Self::new()
    }
}
