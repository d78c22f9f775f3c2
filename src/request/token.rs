//! What a handler, a guard or a log can know of a token without knowing the type of its claims.

use std::fmt::{self, Debug};
use std::ops::Deref;
use std::sync::Arc;

use http::Extensions;

use crate::bearer::Source;
use crate::jwt::Facts;
use crate::rejection::Answers;
#[cfg(feature = "connections")]
use crate::request::ended::{Ended, SeenKeys, Watch};
use crate::revocation::RevocationUnchecked;

/// A verified token: who issued it, for whom, until when, with which scopes and roles. The rest of
/// its methods are those of [`Facts`].
///
/// It is in the extensions of every authenticated request, and cheap to clone.
///
/// ```
/// use http::Request;
/// use tower_jwt_auth::Token;
///
/// fn who<B>(request: &Request<B>) -> &str {
///     request.extensions().get::<Token>().and_then(|token| token.subject()).unwrap_or("nobody")
/// }
/// # assert_eq!(who(&Request::new(())), "nobody");
/// ```
#[derive(Clone)]
pub struct Token {
    holder: Arc<dyn Holder>,
}

/// What is kept of a token besides its claims.
pub(crate) struct Inner {
    pub(crate) facts: Facts,
    pub(crate) source: Source,
    pub(crate) claims_type: &'static str,
    pub(crate) answers: Arc<Answers>,
    pub(crate) unchecked: Option<RevocationUnchecked>,
    #[cfg(feature = "connections")]
    pub(crate) watch: Arc<Watch>,
}

/// A token lives in the same allocation as its claims, whose type it does not know.
pub(crate) trait Holder: Send + Sync {
    fn inner(&self) -> &Inner;

    /// Takes the claims out of a request's extensions.
    fn take_claims_out(&self, extensions: &mut Extensions);
}

impl Token {
    pub(crate) fn new(holder: Arc<dyn Holder>) -> Self {
        Self { holder }
    }

    fn inner(&self) -> &Inner {
        self.holder.inner()
    }

    /// Takes what a layer left out again, so that what another one finds is all there is.
    pub(crate) fn take_out(extensions: &mut Extensions) {
        if let Some(token) = extensions.remove::<Self>() {
            token.holder.take_claims_out(extensions);
        }
    }

    /// Resolves when the token has ended: see `Claims::ended`.
    #[cfg(feature = "connections")]
    pub fn ended(&self) -> impl Future<Output = Ended> + Send + use<> {
        let token = self.clone();
        async move { token.inner().watch.ended(&token).await }
    }

    #[cfg(feature = "connections")]
    pub(crate) fn has_ended(&self, seen: &mut SeenKeys) -> Option<Ended> {
        self.inner().watch.has_ended(self, seen)
    }

    /// Where in the request the token was.
    pub fn source(&self) -> Source {
        self.inner().source
    }

    /// The mark of a token that was accepted although revocation data was stale, which only a
    /// `dangerous_` method of [`Revocations`](crate::Revocations) allows.
    pub fn revocation_unchecked(&self) -> Option<RevocationUnchecked> {
        self.inner().unchecked
    }

    /// Whether both are of one verification: not of the same text verified twice.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.holder, &other.holder)
    }

    /// The type that the claims were read into.
    pub(crate) fn claims_type(&self) -> &'static str {
        self.inner().claims_type
    }

    /// How the layer that verified the token answers.
    pub(crate) fn answers(&self) -> &Arc<Answers> {
        &self.inner().answers
    }
}

impl Deref for Token {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &self.inner().facts
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
