//! The checks of a layer that need only the token.

use crate::clock::UnixTime;
use crate::jwt::{TokenError, TokenErrorKind, VerifiedToken, Verifier};
use crate::rejection::{AuthError, AuthErrorKind};
use crate::revocation::{RevocationUnchecked, Revocations, TokenNames, Verdict};

/// The configured checks. A token that stays in use after its request is checked again with them.
#[derive(Clone, Debug)]
pub(crate) struct TokenChecks {
    pub(crate) verifier: Verifier,
    pub(crate) revocations: Option<Revocations>,
}

impl TokenChecks {
    /// Checks that the token is not revoked. Returns a mark if stale revocation data was accepted.
    pub(crate) fn check_revocation(
        &self,
        token: &VerifiedToken,
        verified_at: UnixTime,
    ) -> Result<Option<RevocationUnchecked>, AuthError> {
        let Some(revocations) = &self.revocations else { return Ok(None) };
        let names = TokenNames::from(token);
        let is_same_clock = self.verifier.clock().is_system() && revocations.clock().is_system();
        let verdict = if is_same_clock {
            revocations.check_at(&names, verified_at)
        } else {
            revocations.check(&names)
        };
        match verdict {
            Verdict::Good => Ok(None),
            Verdict::Unchecked => Ok(Some(RevocationUnchecked)),
            Verdict::Revoked => Err(AuthError::of_token(TokenError::new(TokenErrorKind::Revoked))),
            Verdict::Unavailable => Err(stale(revocations)),
        }
    }
}

#[cold]
fn stale(revocations: &Revocations) -> AuthError {
    let outage = revocations.outage().map(|outage| outage.to_string());
    let reason = outage.unwrap_or_else(|| "the revocation data was stale".to_owned());
    AuthError::because(AuthErrorKind::RevocationUnavailable, reason)
}
