//! The claims that contain the roles, the scopes and the tenant.

use crate::jwt::claim_path::ClaimPath;
use crate::jwt::json::names;

/// The meaning of the strings in a claim: they are roles, scopes or the tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Roles,
    Scopes,
    Tenant,
}

/// The path to the roles, the scopes or the tenant in the claims of a token. The value at this path
/// is read from every token.
#[derive(Clone, Debug)]
pub(crate) struct ClaimPlace {
    pub(crate) purpose: Purpose,
    pub(crate) path: ClaimPath,
    /// The group ([`names::group`]) of the first name in `path`. The group is stored, so that it is
    /// not computed again for each token.
    group: u64,
    /// True if the application configured this claim, false if the claim is read by default. A
    /// value of the wrong type makes the token invalid if the claim is configured. Otherwise the
    /// value is ignored, and grants nothing.
    pub(crate) is_configured: bool,
}

impl ClaimPlace {
    pub(crate) fn new(purpose: Purpose, path: impl Into<ClaimPath>) -> Self {
        let path = path.into();
        let group = names::group(path.first());
        Self { purpose, path, group, is_configured: false }
    }

    /// Returns true if the path starts with `claim`. `group` is the [`names::group`] of `claim`.
    #[inline]
    pub(crate) fn is_in(&self, group: u64, claim: &str) -> bool {
        self.group == group && self.path.first() == claim
    }

    /// Returns true if both paths start with the same claim.
    #[inline]
    pub(crate) fn is_in_claim_of(&self, other: &Self) -> bool {
        self.is_in(other.group, other.path.first())
    }
}
