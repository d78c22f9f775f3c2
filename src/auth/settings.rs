//! A layer's settings, and its decision about a request.

use std::sync::Arc;

use http::Request;
use serde::de::DeserializeOwned;

use crate::auth::cache::LayerCache;
use crate::bearer::{self, Found, Source};
use crate::jwt::{TokenError, TokenErrorKind, Verifier};
use crate::rejection::{AuthError, AuthErrorKind};
use crate::request::anonymous::Anonymous;
use crate::request::claims::Claims;
use crate::request::decision;
use crate::request::layer_context::LayerContext;

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) context: Arc<LayerContext>,
    /// The cache is not in the context: cached tokens keep the context, so a cache in it would keep
    /// itself alive.
    pub(crate) cache: Option<LayerCache>,
    pub(crate) allow_anonymous: bool,
    pub(crate) strip_token: bool,
}

impl Settings {
    pub(crate) fn new(verifier: Verifier) -> Self {
        Self {
            context: Arc::new(LayerContext::new(verifier)),
            cache: None,
            allow_anonymous: false,
            strip_token: false,
        }
    }

    /// Decides about a request and stores the decision in the request's extensions. Returns the
    /// source of the token, or `None` for an anonymous request.
    pub(crate) fn authenticate<T, B>(
        &self,
        request: &mut Request<B>,
    ) -> Result<Option<Source>, AuthError>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let sources = &self.context.sources;
        let found = sources.find(request.method(), request.uri(), request.headers())?;
        let Found { credentials: Some(credentials), .. } = found else {
            let Found { other, has_unread_token, .. } = found;
            let preflight = bearer::is_preflight(request.method(), request.headers());
            // If an unread token were ignored, a logged-in client would silently become anonymous.
            if preflight || (self.allow_anonymous && !has_unread_token) {
                let context = Arc::clone(&self.context);
                let anonymous = Anonymous { context, other, preflight };
                decision::insert_anonymous(request.extensions_mut(), anonymous);
                return Ok(None);
            }
            return Err(AuthError::missing_credentials(sources, other));
        };
        let source = credentials.source;
        let verified = self.verify::<T>(&credentials.token, source);
        drop(credentials);

        let headers = request.headers_mut();
        if self.strip_token && verified.is_ok() {
            sources.strip(headers);
        }
        sources.mark_sensitive(headers);
        let claims = verified?;
        if source == Source::Custom {
            bearer::mark_holders(claims.token().encoded(), headers);
        }
        decision::insert_claims(request.extensions_mut(), claims);
        Ok(Some(source))
    }

    pub(crate) fn verify<T>(&self, token: &[u8], source: Source) -> Result<Claims<T>, AuthError>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let verifier = &self.context.verifier;
        let rejection = |error| rejection(error, token, source);
        let keys = verifier.peek_keys();
        let cached = self.cache.as_ref().and_then(|cache| cache.find(&keys, token));
        let cached = cached.and_then(|cached| Claims::<T>::again(cached, source));
        let is_cached = cached.is_some();
        let checked = match cached {
            Some(claims) => {
                verifier.check_dates(claims.token().verified()).map(|now| (claims, now))
            }
            None => verifier.open(token, &keys).and_then(|opened| {
                let context = Arc::clone(&self.context);
                Claims::read(opened, source, context, |verified| verifier.read(verified))
            }),
        };
        let (mut claims, now) = checked.map_err(rejection)?;
        claims.set_unchecked(self.context.check_revocation(claims.token().verified(), now)?);
        if let Some(cache) = self.cache.as_ref().filter(|_| !is_cached) {
            cache.insert(&keys, Arc::clone(claims.token().erased_claims()));
        }
        Ok(claims)
    }
}

/// Returns the error for a rejected token. The characters of a token are checked only here, since a
/// token that verifies has no invalid characters. An invalid character takes precedence over any
/// other error: a comma after the token, for instance, would otherwise be reported as a bad
/// signature.
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
