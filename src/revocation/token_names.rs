//! The names by which a token can be revoked.

use std::fmt::{self, Debug};

use crate::clock::UnixTime;
use crate::jwt::Facts;

/// The names by which a token can be revoked, borrowed from its claims.
///
/// ```
/// use tower_jwt_auth::revocation::TokenNames;
///
/// let names = TokenNames { id: Some("8f2d"), subject: Some("alice"), ..TokenNames::default() };
/// # let _ = names;
/// ```
#[derive(Clone, Copy, Default)]
pub struct TokenNames<'a> {
    /// `iss`.
    pub issuer: Option<&'a str>,
    /// `jti`.
    pub id: Option<&'a str>,
    /// `sid`.
    pub session: Option<&'a str>,
    /// `sub`.
    pub subject: Option<&'a str>,
    /// The tenant, in whatever claim it is.
    pub tenant: Option<&'a str>,
    /// The `kid` of the key that verified the token.
    pub key_id: Option<&'a str>,
    /// `iat`.
    pub issued_at: Option<UnixTime>,
    /// `exp`, for [`Revocations::dangerous_accept_stale`](crate::Revocations::dangerous_accept_stale).
    pub expires_at: Option<UnixTime>,
}

impl<'a> From<&'a Facts> for TokenNames<'a> {
    fn from(facts: &'a Facts) -> Self {
        Self {
            issuer: facts.issuer(),
            id: facts.id(),
            session: facts.session(),
            subject: facts.subject(),
            tenant: facts.tenant(),
            key_id: facts.key_id(),
            issued_at: facts.issued_at(),
            expires_at: facts.expires_at(),
        }
    }
}

impl Debug for TokenNames<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Claim values do not belong in logs.
        f.debug_struct("TokenNames")
            .field("issued_at", &self.issued_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
