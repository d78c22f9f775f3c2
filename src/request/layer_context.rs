//! The part of a layer's configuration that is stored with each request.

use std::sync::Arc;

use crate::bearer::Sources;
use crate::clock::UnixTime;
use crate::jwt::{TokenError, TokenErrorKind, VerifiedToken};
use crate::providers::issuers::Issuers;
use crate::rejection::{Answers, AuthError, AuthErrorKind};
use crate::revocation::{RevocationUnchecked, Revocations, TokenNames, Verdict};

/// A layer's checks, token sources and rejection responses. Guards and extractors behind the layer
/// use the sources and responses for their own rejections. If a token stays in use after its
/// request, for example on a WebSocket, the layer's checks run again later.
///
/// One allocation contains all of this data, so that each request changes only one reference count.
/// Changing a count is slow, since all processors contend for it.
#[derive(Clone, Debug)]
pub(crate) struct LayerContext {
    pub(crate) issuers: Issuers,
    pub(crate) revocations: Option<Revocations>,
    /// The token sources have a separate allocation. The error of a refused request can therefore
    /// keep the sources without keeping the rest of the context in memory.
    pub(crate) sources: Arc<Sources>,
    /// The rejection responses have a separate allocation. An extractor's rejection can therefore
    /// keep the responses without keeping the rest of the context in memory.
    pub(crate) answers: Arc<Answers>,
}

impl LayerContext {
    pub(crate) fn new(issuers: Issuers) -> Self {
        Self { issuers, revocations: None, sources: Arc::default(), answers: Arc::default() }
    }

    /// Checks that the token is not revoked. Returns [`RevocationUnchecked`] if the token was
    /// accepted with stale revocation data.
    #[inline]
    pub(crate) fn check_revocation(
        &self,
        token: &VerifiedToken,
        verified_at: UnixTime,
    ) -> Result<Option<RevocationUnchecked>, AuthError> {
        match &self.revocations {
            Some(revocations) => self.check(revocations, token, verified_at),
            None => Ok(None),
        }
    }

    fn check(
        &self,
        revocations: &Revocations,
        token: &VerifiedToken,
        verified_at: UnixTime,
    ) -> Result<Option<RevocationUnchecked>, AuthError> {
        let names = TokenNames::from(token);
        let clock = self.issuers.first().verifier.clock();
        let is_same_clock = clock.is_system() && revocations.clock().is_system();
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
