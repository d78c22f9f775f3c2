//! The proof that a request is authenticated.

use std::fmt::{self, Debug};
use std::ops::Deref;
use std::sync::Arc;

use http::Extensions;

use crate::jwt::StandardClaims;
use crate::request::anonymous::Unauthenticated;
#[cfg(feature = "connections")]
use crate::request::ended::{Ended, SeenKeys, UntilEnded};
use crate::request::token::{Holder, Inner, Token};

/// The claims of a verified token.
///
/// Holding one is the proof that the token was verified: only `JwtAuth` makes them. It is in the
/// request's extensions and, with the feature `axum`, an extractor. Cheap to clone.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use tower_jwt_auth::Claims;
///
/// #[derive(serde::Deserialize)]
/// struct Shopper { sub: String, company: String }
///
/// async fn cart(claims: Claims<Shopper>) -> String {
///     format!("the cart of {} at {}, until {:?}", claims.sub, claims.company,
///         claims.token().expires_at())
/// }
/// # let _ = axum::routing::get::<_, _, ()>(cart);
/// # }
/// ```
pub struct Claims<T = StandardClaims> {
    held: Arc<Held<T>>,
    /// The same allocation once more, since [`Claims::token`] lends a `Token`.
    token: Token,
}

struct Held<T> {
    inner: Inner,
    claims: T,
}

impl<T: Send + Sync + 'static> Holder for Held<T> {
    fn inner(&self) -> &Inner {
        &self.inner
    }

    fn take_claims_out(&self, extensions: &mut Extensions) {
        extensions.remove::<Claims<T>>();
    }
}

impl<T: Send + Sync + 'static> Claims<T> {
    pub(crate) fn new(claims: T, inner: Inner) -> Self {
        let held = Arc::new(Held { inner, claims });
        let token = Token::new(Arc::clone(&held) as _);
        Self { held, token }
    }
}

impl<T> Claims<T> {
    /// What every token has, whatever its claims are read into.
    pub fn token(&self) -> &Token {
        &self.token
    }
}

#[cfg(feature = "connections")]
impl<T> Claims<T> {
    /// Resolves when the token has expired, leeway included, when it is revoked, or when its key is no
    /// longer in the layer's [`KeyStore`](crate::KeyStore): for work that goes on after the request
    /// was accepted.
    ///
    /// A layer with revocations notices the end within a quarter of a second, and one without them a
    /// retired key within 30 seconds.
    ///
    /// # Panics
    ///
    /// If it is awaited outside of a tokio runtime with its time driver.
    pub fn ended(&self) -> impl Future<Output = Ended> + Send + use<T> {
        self.token.ended()
    }

    /// Wraps a stream, such as a WebSocket or the events of a response, so that it ends when the token
    /// ends. Sending into it fails from then on: see [`UntilEnded`].
    ///
    /// ```
    /// use axum::response::{IntoResponse, Sse, sse::Event};
    /// use futures_util::{Stream, StreamExt, stream};
    /// use tower_jwt_auth::Claims;
    ///
    /// async fn ticks(claims: Claims) -> impl IntoResponse {
    ///     let ticks = stream::repeat_with(|| Ok::<_, std::convert::Infallible>(Event::default()));
    ///     Sse::new(claims.until_ended(ticks))
    /// }
    /// # let _ = axum::routing::get::<_, _, ()>(ticks);
    /// ```
    pub fn until_ended<S>(&self, stream: S) -> UntilEnded<S> {
        let token = self.token.clone();
        let mut seen = SeenKeys::default();
        UntilEnded::new(stream, self.token.ended(), move || token.has_ended(&mut seen))
    }
}

impl<T: Send + Sync + 'static> Claims<T> {
    /// The claims that the nearest layer found in a request.
    ///
    /// A layer further out may have left claims of another type. They are of another token, or of
    /// one that the nearest layer did not see, and what was decided about the request since then
    /// was not decided about them.
    pub(crate) fn nearest(extensions: &Extensions) -> Option<&Self> {
        let claims = extensions.get::<Self>()?;
        let is_nearest = match extensions.get::<Token>() {
            Some(token) => claims.token.is(token),
            None => extensions.get::<Unauthenticated>().is_none(),
        };
        is_nearest.then_some(claims)
    }
}

impl<T> Clone for Claims<T> {
    fn clone(&self) -> Self {
        Self { held: Arc::clone(&self.held), token: self.token.clone() }
    }
}

impl<T> Deref for Claims<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.held.claims
    }
}

impl<T> Debug for Claims<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Claim values do not belong in logs.
        f.debug_struct("Claims").field("token", &self.token).finish_non_exhaustive()
    }
}
