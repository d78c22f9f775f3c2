//! Credentials that cannot be used, and a sentence that tells the developer the reason.

use std::borrow::Cow;

use crate::bearer::source::BadCredentials;

/// A [`BadCredentials`] value and the reason for it. `AuthError::reason` returns this reason. It
/// may contain names from the configuration, and contains nothing from the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) bad: BadCredentials,
    pub(crate) reason: Cow<'static, str>,
}

impl Fault {
    pub(crate) fn malformed(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { bad: BadCredentials::Malformed, reason: reason.into() }
    }

    pub(crate) fn ambiguous(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { bad: BadCredentials::Ambiguous, reason: reason.into() }
    }

    pub(crate) fn cross_site(reason: &'static str) -> Self {
        Self { bad: BadCredentials::CrossSite, reason: reason.into() }
    }
}

impl From<BadCredentials> for Fault {
    fn from(bad: BadCredentials) -> Self {
        Self { bad, reason: format!("a source of the application says: {bad}").into() }
    }
}
