//! What a layer and its services share.

use std::any::type_name;
use std::sync::Arc;

use http::{Extensions, Request};
use serde::de::DeserializeOwned;

use crate::bearer::{self, Found, Source, Sources};
use crate::clock::UnixTime;
use crate::jwt::{Facts, TokenError, TokenErrorKind, Verifier};
use crate::rejection::{Answers, AuthError, AuthErrorKind};
use crate::request::anonymous::Unauthenticated;
use crate::request::claims::Claims;
#[cfg(feature = "connections")]
use crate::request::ended::Watch;
use crate::request::token::{Inner, Token};
use crate::revocation::{RevocationUnchecked, Revocations, TokenNames, Verdict};

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) verifier: Verifier,
    pub(crate) sources: Sources,
    pub(crate) answers: Arc<Answers>,
    pub(crate) allow_anonymous: bool,
    pub(crate) strip_token: bool,
    pub(crate) revocations: Option<Revocations>,
    /// For tokens that are in use for longer than a request: the same as in the fields above.
    #[cfg(feature = "connections")]
    pub(crate) watch: Arc<Watch>,
}

impl Settings {
    pub(crate) fn new(verifier: Verifier) -> Self {
        Self {
            #[cfg(feature = "connections")]
            watch: Arc::new(Watch::of(&verifier, None)),
            verifier,
            sources: Sources::default(),
            answers: Arc::default(),
            allow_anonymous: false,
            strip_token: false,
            revocations: None,
        }
    }

    /// To be called when the clock, the leeway or the revocations have changed.
    pub(crate) fn update_watch(&mut self) {
        #[cfg(feature = "connections")]
        {
            self.watch = Arc::new(Watch::of(&self.verifier, self.revocations.clone()));
        }
    }

    /// Decides about a request, and leaves in it what was found out. Returns where the token came
    /// from, if there was one.
    pub(crate) fn authenticate<T, B>(
        &self,
        request: &mut Request<B>,
    ) -> Result<Option<Source>, AuthError>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let found = self.sources.find(request.method(), request.uri(), request.headers())?;
        let Found { credentials: Some(credentials), .. } = found else {
            let Found { other, has_unread_token, .. } = found;
            let preflight = bearer::is_preflight(request.method(), request.headers());
            let nobody = Unauthenticated { answers: Arc::clone(&self.answers), other, preflight };
            // A token that is ignored would log its sender out without a word.
            if preflight || (self.allow_anonymous && !has_unread_token) {
                let extensions = request.extensions_mut();
                forget_outer(extensions);
                extensions.insert(nobody);
                return Ok(None);
            }
            return Err(nobody.error());
        };
        let source = credentials.source;
        let verified = self.verify::<T>(&credentials.token, source);
        drop(credentials);

        let headers = request.headers_mut();
        if self.strip_token && verified.is_ok() {
            self.sources.strip(headers);
        }
        self.sources.mark_sensitive(headers);
        let claims = verified?;
        if source == Source::Custom {
            bearer::mark_holders(claims.token().encoded(), headers);
        }
        let unchecked = claims.token().revocation_unchecked();
        let extensions = request.extensions_mut();
        forget_outer(extensions);
        extensions.insert(claims.token().clone());
        extensions.insert(claims);
        if let Some(unchecked) = unchecked {
            extensions.insert(unchecked);
        }
        Ok(Some(source))
    }

    pub(crate) fn verify<T>(&self, token: &[u8], source: Source) -> Result<Claims<T>, AuthError>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let verified = self.verifier.verify_bytes::<T>(token);
        let verified = verified.map_err(|error| refusal(error, token, source))?;
        let unchecked = self.check_revocation(verified.facts(), verified.verified_at())?;
        let (facts, claims) = verified.into_parts();
        let answers = Arc::clone(&self.answers);
        let inner = Inner {
            facts,
            source,
            claims_type: type_name::<T>(),
            answers,
            unchecked,
            #[cfg(feature = "connections")]
            watch: Arc::clone(&self.watch),
        };
        Ok(Claims::new(claims, inner))
    }

    fn check_revocation(
        &self,
        facts: &Facts,
        verified_at: UnixTime,
    ) -> Result<Option<RevocationUnchecked>, AuthError> {
        let Some(revocations) = &self.revocations else { return Ok(None) };
        let names = TokenNames::from(facts);
        let is_same_clock = self.verifier.clock().is_system() && revocations.clock().is_system();
        let verdict = if is_same_clock {
            revocations.check_at(&names, verified_at)
        } else {
            revocations.check(&names)
        };
        match verdict {
            Verdict::Good => Ok(None),
            Verdict::Unchecked => Ok(Some(RevocationUnchecked)),
            Verdict::Revoked => Err(TokenError::new(TokenErrorKind::Revoked).into()),
            Verdict::Unavailable => Err(stale(revocations)),
        }
    }
}

/// The nearest layer decides: what one further out found is not what this one accepts.
fn forget_outer(extensions: &mut Extensions) {
    Token::take_out(extensions);
    extensions.remove::<RevocationUnchecked>();
}

/// A token that verifies has only the characters of a token, so they are checked only here. A wrong
/// character decides whatever else is wrong: one behind the payload shows as a bad signature.
#[cold]
fn refusal(error: TokenError, token: &[u8], source: Source) -> AuthError {
    let is_malformed = error.kind() != TokenErrorKind::TooLarge
        && source == Source::Authorization
        && !bearer::is_b64token(token);
    if is_malformed {
        let reason = "`Authorization` has more behind `Bearer` than a token: no quotes, commas, spaces \
                      or line breaks may be in it";
        AuthError::because(AuthErrorKind::MalformedRequest, reason)
    } else {
        error.into()
    }
}

#[cold]
fn stale(revocations: &Revocations) -> AuthError {
    let outage = revocations.outage().map(|outage| outage.to_string());
    let reason = outage.unwrap_or_else(|| "the revocation data was stale".to_owned());
    AuthError::because(AuthErrorKind::RevocationUnavailable, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_holds_no_b64token_is_malformed_whatever_else_is_wrong() {
        let kind = |kind: TokenErrorKind, token: &str| {
            refusal(TokenError::new(kind), token.as_bytes(), Source::Authorization).kind()
        };
        for error in [TokenErrorKind::BadSignature, TokenErrorKind::UnknownKeyId] {
            assert_eq!(kind(error, "a.b.c,"), AuthErrorKind::MalformedRequest);
            assert_eq!(kind(error, "a.b.c=="), AuthErrorKind::InvalidToken);
        }
        assert_eq!(kind(TokenErrorKind::TooLarge, "a b"), AuthErrorKind::TokenTooLarge);
        let by_cookie =
            refusal(TokenError::new(TokenErrorKind::BadSignature), b"a.b.c,", Source::Cookie);
        assert_eq!(by_cookie.kind(), AuthErrorKind::InvalidToken);
    }
}
