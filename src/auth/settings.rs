//! A layer's settings, and its decision about a request.

use std::sync::Arc;
use std::time::Duration;

use http::Request;
use serde::de::DeserializeOwned;

use crate::auth::cache::{LayerCache, TokenCache};
use crate::bearer::{self, Found, Source};
use crate::jwt::{KeySet, TokenError, TokenErrorKind};
use crate::providers::issuer_keys::{KeyWait, MissingKey};
use crate::providers::issuers::Issuers;
use crate::providers::trusted_issuer::TrustedIssuer;
use crate::rejection::{AuthError, AuthErrorKind};
use crate::request::anonymous::Anonymous;
use crate::request::claims::Claims;
use crate::request::decision;
use crate::request::layer_context::LayerContext;

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) context: Arc<LayerContext>,
    /// The cache is not part of the context. Cached tokens refer to the context, so a context that
    /// contained the cache would form a cycle and would never be dropped.
    pub(crate) cache: Option<LayerCache>,
    pub(crate) allow_anonymous: bool,
    pub(crate) strip_token: bool,
}

/// The reason why a request is not authenticated.
pub(crate) enum NotAuthenticated {
    Refused(AuthError),
    /// The token's key is being fetched. When the fetch has ended, the layer can verify the token.
    Waits {
        wait: KeyWait,
        reason: String,
    },
}

impl NotAuthenticated {
    /// Returns the error for a request that cannot wait for the token's key, or that has already
    /// waited for it.
    pub(crate) fn without_wait(self) -> AuthError {
        match self {
            Self::Refused(error) => error,
            Self::Waits { reason, .. } => {
                AuthError::keys_unavailable(Duration::from_secs(1), reason)
            }
        }
    }
}

impl From<AuthError> for NotAuthenticated {
    fn from(error: AuthError) -> Self {
        Self::Refused(error)
    }
}

impl Settings {
    pub(crate) fn new(issuers: Issuers) -> Self {
        // With a public key, a verification takes many times as long as a cache hit.
        let has_public_keys = issuers.iter().any(TrustedIssuer::has_public_keys);
        Self {
            context: Arc::new(LayerContext::new(issuers)),
            cache: has_public_keys.then(|| LayerCache::new(TokenCache::new())),
            allow_anonymous: false,
            strip_token: false,
        }
    }

    /// Decides whether to accept a request, and stores the decision in the request's extensions.
    /// Returns the source of the token, or `None` for an anonymous request. If a request has to
    /// wait for a key, its token is not removed, so that the layer can read the token again after
    /// the wait.
    pub(crate) fn authenticate<T, B>(
        &self,
        request: &mut Request<B>,
    ) -> Result<Option<Source>, NotAuthenticated>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let sources = &self.context.sources;
        let found = sources.find(request).map_err(AuthError::from)?;
        let Found { credentials: Some(credentials), .. } = found else {
            let Found { other, unread, .. } = found;
            let has_unread_token = unread.is_some();
            let preflight = bearer::is_preflight(request.method(), request.headers());
            // The `Authorization` header may contain a token without `Bearer` before it. The layer
            // does not read such a token. Refuse the request, since a logged-in client would
            // otherwise silently become anonymous.
            if preflight || (self.allow_anonymous && !has_unread_token) {
                let context = Arc::clone(&self.context);
                let anonymous = Anonymous { context, other, preflight };
                decision::insert_anonymous(request.extensions_mut(), anonymous);
                return Ok(None);
            }
            return Err(AuthError::missing_credentials(sources, other).into());
        };
        let source = credentials.source;
        let claims = self.verify::<T>(&credentials.token, source)?;
        drop(credentials);

        let headers = request.headers_mut();
        if self.strip_token {
            sources.strip(headers);
        }
        if source == Source::Custom {
            bearer::mark_holders(claims.token().encoded(), headers);
        }
        decision::insert_claims(request.extensions_mut(), claims);
        Ok(Some(source))
    }

    pub(crate) fn verify<T>(
        &self,
        token: &[u8],
        source: Source,
    ) -> Result<Claims<T>, NotAuthenticated>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let issuers = &self.context.issuers;
        let cached = self.cache.as_ref().and_then(|cache| cache.find(issuers, token));
        if let Some((issuer, cached)) = cached
            && !issuer.prepare_keys()
        {
            let verified = &cached.data().verified;
            let now = issuer.verifier.check_dates(verified).map_err(AuthError::of_token)?;
            let unchecked = self.context.check_revocation(verified, now)?;
            if let Some(claims) = Claims::again(cached, source, unchecked) {
                return Ok(claims);
            }
        }
        let (place, issuer) =
            issuers.choose(token).map_err(|error| rejection(error, token, source))?;
        issuer.prepare_keys();
        // Read the generation number before the keys. In the other order, a token that was verified
        // with old keys could be cached under the new number.
        let key_generation = issuer.verifier.key_generation();
        let keys = issuer.verifier.peek_keys();
        let opened = match issuer.verifier.open(token, &keys) {
            Ok(opened) => opened,
            Err(error) => return Err(not_opened(issuer, &keys, error, token, source)),
        };
        let context = Arc::clone(&self.context);
        let (mut claims, now) =
            Claims::read(opened, source, context, |verified| issuer.read::<T>(verified))?;
        claims.set_unchecked(self.context.check_revocation(claims.token().verified(), now)?);
        if let Some(cache) = &self.cache {
            cache.insert(place, key_generation, Arc::clone(claims.token().erased_claims()));
        }
        Ok(claims)
    }
}

/// Returns the outcome for a token that was not verified: a rejection, or a wait for the token's
/// key.
#[cold]
fn not_opened(
    issuer: &TrustedIssuer,
    keys: &KeySet,
    error: TokenError,
    token: &[u8],
    source: Source,
) -> NotAuthenticated {
    match issuer.on_rejected(token, keys, &error) {
        None | Some(MissingKey::Unknown) => rejection(error, token, source).into(),
        Some(MissingKey::Unavailable { retry_after, reason }) => {
            AuthError::keys_unavailable(retry_after, reason).into()
        }
        Some(MissingKey::Wait { wait, reason }) => NotAuthenticated::Waits { wait, reason },
    }
}

/// Returns the error for a rejected token. The characters of a token are checked only here, after
/// the rejection, since a token with a valid signature has no invalid characters. An invalid
/// character takes precedence over any other error: a comma after the token, for instance, would
/// otherwise be reported as a bad signature.
#[cold]
fn rejection(error: TokenError, token: &[u8], source: Source) -> AuthError {
    let is_malformed = error.kind() != TokenErrorKind::TooLarge
        && source == Source::Authorization
        && !bearer::is_b64token(token);
    if is_malformed {
        let reason = "`Authorization` has more behind `Bearer` than a token: no quotes, commas, spaces \
                      or line breaks may be in it";
        AuthError::because(AuthErrorKind::MalformedRequest, reason)
    } else {
        AuthError::of_token(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_without_a_b64token_is_malformed_whatever_else_is_wrong() {
        let kind = |kind: TokenErrorKind, token: &str| {
            rejection(TokenError::new(kind), token.as_bytes(), Source::Authorization).kind()
        };
        for error in [TokenErrorKind::BadSignature, TokenErrorKind::UnknownKeyId] {
            assert_eq!(kind(error, "a.b.c,"), AuthErrorKind::MalformedRequest);
            assert_eq!(kind(error, "a.b.c=="), AuthErrorKind::InvalidToken);
        }
        assert_eq!(kind(TokenErrorKind::TooLarge, "a b"), AuthErrorKind::TokenTooLarge);
        let by_cookie =
            rejection(TokenError::new(TokenErrorKind::BadSignature), b"a.b.c,", Source::Cookie);
        assert_eq!(by_cookie.kind(), AuthErrorKind::InvalidToken);
    }
}
