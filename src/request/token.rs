//! The verified token, for handlers, guards and logs that do not know the claims type.

use std::any::Any;
use std::fmt::{self, Debug};
use std::sync::Arc;

use http::Extensions;

use crate::bearer::Source;
use crate::clock::UnixTime;
use crate::jwt::VerifiedToken;
use crate::rejection::Answers;
#[cfg(feature = "connections")]
use crate::request::ended::{Ended, SeenKeys};
use crate::request::layer_context::LayerContext;
use crate::revocation::{RevocationUnchecked, TokenNames};

/// A verified token: its issuer, subject, dates, scopes and roles.
///
/// Every authenticated request has a `Token` in its extensions, next to the
/// [`Claims`](crate::Claims). A `Token` is cheap to clone.
///
/// ```
/// use http::Request;
/// use tower_jwt_auth::Token;
///
/// fn user<B>(request: &Request<B>) -> &str {
///     request.extensions().get::<Token>().and_then(|token| token.subject()).unwrap_or("nobody")
/// }
/// # assert_eq!(user(&Request::new(())), "nobody");
/// ```
#[derive(Clone)]
pub struct Token {
    /// The claims may be shared by several requests with the same token.
    claims: Arc<dyn ErasedClaims>,
    source: Source,
    unchecked: Option<RevocationUnchecked>,
}

/// A verified token without its claims, and the context of the layer that verified it.
#[derive(Default)]
pub(crate) struct TokenData {
    pub(crate) verified: VerifiedToken,
    /// `None` only while the claims are being read.
    pub(crate) context: Option<Arc<LayerContext>>,
}

impl TokenData {
    fn context(&self) -> &LayerContext {
        match &self.context {
            Some(context) => context,
            None => unreachable!("`Claims::read` sets the context"),
        }
    }
}

/// A token and its claims in one allocation. The type of the claims is erased.
pub(crate) trait ErasedClaims: Any + Send + Sync {
    fn data(&self) -> &TokenData;

    /// Returns the name of the claims type.
    fn type_name(&self) -> &'static str;

    /// Removes the claims from a request's extensions. The caller need not know the claims type.
    fn remove_from(&self, extensions: &mut Extensions);
}

impl Token {
    #[inline]
    pub(crate) fn new(
        claims: Arc<dyn ErasedClaims>,
        source: Source,
        unchecked: Option<RevocationUnchecked>,
    ) -> Self {
        Self { claims, source, unchecked }
    }

    /// Records whether the token was accepted with stale revocation data.
    pub(crate) fn set_unchecked(&mut self, unchecked: Option<RevocationUnchecked>) {
        self.unchecked = unchecked;
    }

    fn data(&self) -> &TokenData {
        self.claims.data()
    }

    /// Returns true if `self` and `other` come from the same verification. Returns false if the
    /// same token was verified twice. With a cache, one verification serves several requests.
    #[cfg(feature = "axum")]
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.claims, &other.claims)
    }

    pub(crate) fn verified(&self) -> &VerifiedToken {
        &self.data().verified
    }

    /// Returns `iss`, the issuer of the token.
    pub fn issuer(&self) -> Option<&str> {
        self.verified().issuer()
    }

    /// Returns `sub`, the subject of the token. A subject is unique only within its issuer. For a
    /// number (see `accept_numeric_subject`), the method returns its decimal text: 42 and "42" are
    /// the same subject.
    pub fn subject(&self) -> Option<&str> {
        self.verified().subject()
    }

    /// Returns the names in `aud`, the audience of the token.
    pub fn audience(&self) -> impl Iterator<Item = &str> {
        self.verified().audience()
    }

    /// Returns `exp`, the expiry of the token. It is `None` only if
    /// `dangerous_allow_missing_expiry` accepted a token without one.
    pub fn expires_at(&self) -> Option<UnixTime> {
        self.verified().expires_at()
    }

    /// Returns `iat`, the time at which the token was issued.
    pub fn issued_at(&self) -> Option<UnixTime> {
        self.verified().issued_at()
    }

    /// Returns `nbf`, the time from which the token is valid.
    pub fn not_before(&self) -> Option<UnixTime> {
        self.verified().not_before()
    }

    /// Returns `jti`, the token's identifier.
    pub fn id(&self) -> Option<&str> {
        self.verified().id()
    }

    /// Returns `sid`, the session that the token belongs to. Logging out ends the session.
    pub fn session(&self) -> Option<&str> {
        self.verified().session()
    }

    /// Returns the tenant of the subject, from the claim that `tenant_claim` names.
    pub fn tenant(&self) -> Option<&str> {
        self.verified().tenant()
    }

    /// Returns the scopes, one by one. The issuer may write them as a string with spaces or as an
    /// array. The scopes are read from `scope` and `scp` unless `scope_claim` names another claim.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.verified().scopes()
    }

    /// Returns the roles. The roles are read from `roles` unless `roles_claim` names another claim.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.verified().roles()
    }

    /// Returns the identifier of the key that verified the token, if the key has one.
    pub fn key_id(&self) -> Option<&str> {
        self.verified().key_id()
    }

    /// Returns the text of the token, for example to send it to another service. Keep it out of
    /// logs: anyone who sees it can use it.
    pub fn encoded(&self) -> &str {
        self.verified().encoded()
    }

    /// Returns the place in the request where the token was found.
    pub fn source(&self) -> Source {
        self.source
    }

    /// Returns `Some` if the token was accepted although the revocation data was stale or missing.
    /// Only a `dangerous_` method of [`Revocations`](crate::Revocations) allows this.
    pub fn revocation_unchecked(&self) -> Option<RevocationUnchecked> {
        self.unchecked
    }

    /// Resolves when the token is no longer accepted: see `Claims::ended`.
    #[cfg(feature = "connections")]
    pub fn ended(&self) -> impl Future<Output = Ended> + Send + use<> {
        let token = self.clone();
        async move { token.data().context().ended(token.verified()).await }
    }

    #[cfg(feature = "connections")]
    pub(crate) fn has_ended(&self, seen: &mut SeenKeys) -> Option<Ended> {
        self.data().context().has_ended(self.verified(), seen)
    }

    pub(crate) fn erased_claims(&self) -> &Arc<dyn ErasedClaims> {
        &self.claims
    }

    /// Returns the name of the type that the claims were read into.
    pub(crate) fn claims_type(&self) -> &'static str {
        self.claims.type_name()
    }

    pub(crate) fn remove_claims(&self, extensions: &mut Extensions) {
        self.claims.remove_from(extensions);
    }

    /// Returns the rejection settings of the layer that verified the token.
    pub(crate) fn answers(&self) -> &Arc<Answers> {
        &self.data().context().answers
    }
}

impl<'a> From<&'a Token> for TokenNames<'a> {
    fn from(token: &'a Token) -> Self {
        Self::from(token.verified())
    }
}

impl Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Claim values and the token itself do not belong in logs.
        f.debug_struct("Token")
            .field("expires_at", &self.expires_at())
            .field("key_id", &self.key_id())
            .field("source", &self.source())
            .finish_non_exhaustive()
    }
}
