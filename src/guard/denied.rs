//! Why a guard refuses.

use std::sync::Arc;

/// A guard's refusal.
#[derive(Clone, Debug)]
pub struct Denied {
    pub(crate) reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The token lacks a scope: a client can ask for one with more.
    Scope,
    /// Anything else about whom the token speaks of.
    Role,
    /// The guard cannot decide: a mistake of the application, whatever the token.
    Misconfigured(Arc<str>),
}

impl Denied {
    /// Refuses without saying why: 403, `insufficient-role`.
    pub fn new() -> Self {
        Self { reason: Reason::Role }
    }

    /// Refuses for want of a scope: 403, `insufficient-scope`, and the challenge names the scopes
    /// of [`Guard::required_scopes`](crate::guard::Guard::required_scopes).
    pub fn missing_scope() -> Self {
        Self { reason: Reason::Scope }
    }

    /// Refuses because the application is put together wrongly: 500, with this sentence for
    /// whoever can mend it. No combinator turns it into consent.
    pub fn misconfigured(sentence: impl Into<Arc<str>>) -> Self {
        Self { reason: Reason::Misconfigured(sentence.into()) }
    }
}

impl Default for Denied {
    fn default() -> Self {
        Self::new()
    }
}
