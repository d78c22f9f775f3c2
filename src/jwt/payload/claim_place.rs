//! The places of the roles, the scopes and the tenant in the claims.

use crate::jwt::claim_path::ClaimPath;

/// The purpose of the strings at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Roles,
    Scopes,
    Tenant,
}

/// A place that is read in every token.
#[derive(Clone, Debug)]
pub(crate) struct ClaimPlace {
    pub(crate) purpose: Purpose,
    pub(crate) path: ClaimPath,
    /// A value of the wrong type makes the token invalid only at a configured place. At a default
    /// place such a value is ignored, and grants nothing.
    pub(crate) is_configured: bool,
}

impl ClaimPlace {
    pub(crate) fn new(purpose: Purpose, path: impl Into<ClaimPath>) -> Self {
        Self { purpose, path: path.into(), is_configured: false }
    }
}
