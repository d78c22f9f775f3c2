//! The typed claims of an authenticated request.

use std::any::{Any, type_name};
use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use http::Extensions;

use crate::bearer::Source;
use crate::clock::UnixTime;
use crate::jwt::StandardClaims;
use crate::jwt::verified_token::{OpenedToken, VerifiedToken};
#[cfg(feature = "connections")]
use crate::request::ended::{Ended, SeenKeys, UntilEnded};
use crate::request::layer_context::LayerContext;
use crate::request::token::{ErasedClaims, Token, TokenData};
use crate::revocation::RevocationUnchecked;

/// The claims of a verified token.
///
/// A value of this type proves that the token was verified, since only `JwtAuth` creates one. The
/// claims are in the request's extensions, next to the [`Token`], and are cheap to clone. With the
/// `axum` feature, `Claims` is an extractor.
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
    /// The token, which owns the claims of type `T`. This struct has no separate reference to the
    /// claims: if it had one, each clone and each drop would change the same reference count twice.
    token: Token,
    typed: PhantomData<Arc<TypedClaims<T>>>,
}

struct TypedClaims<T> {
    data: TokenData,
    /// `None` only while the claims are being read.
    claims: Option<T>,
}

impl<T> TypedClaims<T> {
    fn claims(&self) -> &T {
        match &self.claims {
            Some(claims) => claims,
            None => unreachable!("`Claims::read` returns only claims that were read"),
        }
    }
}

impl<T> Default for TypedClaims<T> {
    fn default() -> Self {
        Self { data: TokenData::default(), claims: None }
    }
}

impl<T: Send + Sync + 'static> ErasedClaims for TypedClaims<T> {
    fn data(&self) -> &TokenData {
        &self.data
    }

    fn type_name(&self) -> &'static str {
        type_name::<T>()
    }

    fn remove_from(&self, extensions: &mut Extensions) {
        extensions.remove::<Claims<T>>();
    }
}

impl Token {
    /// Returns the claims if the layer read them into `T`, and `None` if it read them into a
    /// different type.
    ///
    /// ```
    /// use http::Request;
    /// use tower_jwt_auth::{StandardClaims, Token};
    ///
    /// fn user<B>(request: &Request<B>) -> Option<String> {
    ///     let token = request.extensions().get::<Token>()?;
    ///     token.claims::<StandardClaims>()?.sub.clone()
    /// }
    /// # assert_eq!(user(&Request::new(())), None);
    /// ```
    pub fn claims<T: Send + Sync + 'static>(&self) -> Option<Claims<T>> {
        self.claims_ref::<T>().map(|_| Claims { token: self.clone(), typed: PhantomData })
    }

    /// Returns a reference to the claims if the layer read them into `T`.
    #[inline]
    pub(crate) fn claims_ref<T: 'static>(&self) -> Option<&T> {
        let erased: &dyn Any = &**self.erased_claims();
        erased.downcast_ref::<TypedClaims<T>>().map(TypedClaims::claims)
    }
}

impl<T: Send + Sync + 'static> Claims<T> {
    /// Allocates memory for the verified token and its claims, then calls `read`. `read` completes
    /// the verified token in this memory, and returns the typed claims and the time of the check.
    /// If `read` completed the verified token elsewhere, moving it into this memory would take
    /// longer than reading the claims.
    pub(crate) fn read<E>(
        opened: OpenedToken,
        source: Source,
        context: Arc<LayerContext>,
        read: impl FnOnce(&mut VerifiedToken) -> Result<(T, UnixTime), E>,
    ) -> Result<(Self, UnixTime), E> {
        // `Arc::default` creates the fields directly in the allocation. `Arc::new` would create
        // them on the stack and then copy them.
        let mut typed = Arc::<TypedClaims<T>>::default();
        let Some(new) = Arc::get_mut(&mut typed) else { unreachable!("there is one reference") };
        new.data.context = Some(context);
        new.data.verified.opened = opened;
        let (claims, at) = read(&mut new.data.verified)?;
        new.claims = Some(claims);
        Ok((Self { token: Token::new(typed, source, None), typed: PhantomData }, at))
    }

    /// Returns the claims of a token that was verified during an earlier request, or `None` if the
    /// type of the claims is not `T`.
    #[inline]
    pub(crate) fn again(
        claims: Arc<dyn ErasedClaims>,
        source: Source,
        unchecked: Option<RevocationUnchecked>,
    ) -> Option<Self> {
        let has_type = (&*claims as &dyn Any).is::<TypedClaims<T>>();
        let token = Token::new(claims, source, unchecked);
        has_type.then_some(Self { token, typed: PhantomData })
    }

    pub(crate) fn set_unchecked(&mut self, unchecked: Option<RevocationUnchecked>) {
        self.token.set_unchecked(unchecked);
    }
}

impl<T> Claims<T> {
    /// Returns the [`Token`], whose methods do not depend on the claims type.
    pub fn token(&self) -> &Token {
        &self.token
    }
}

#[cfg(feature = "connections")]
impl<T> Claims<T> {
    /// Resolves when the token has expired (leeway included), when the token is revoked, or when
    /// its key is no longer in the layer's [`KeyStore`](crate::KeyStore). Use this method for work
    /// that continues after the request was accepted.
    ///
    /// The token is checked every quarter of a second if the layer has revocations, and every 30
    /// seconds otherwise. It is also checked at its expiry. A revocation or the removal of the key
    /// takes effect at the next check.
    ///
    /// # Panics
    ///
    /// Panics if the future is awaited outside of a tokio runtime with a time driver.
    pub fn ended(&self) -> impl Future<Output = Ended> + Send + use<T> {
        self.token.ended()
    }

    /// Wraps a stream, such as a WebSocket or the events of a response, so that the stream ends as
    /// soon as the token is no longer valid. From then on, sending into the stream fails: see
    /// [`UntilEnded`].
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

impl<T> Clone for Claims<T> {
    fn clone(&self) -> Self {
        Self { token: self.token.clone(), typed: PhantomData }
    }
}

impl<T: 'static> Deref for Claims<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        match self.token.claims_ref() {
            Some(claims) => claims,
            None => unreachable!("every constructor checks the type"),
        }
    }
}

impl<T> Debug for Claims<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Claim values do not belong in logs.
        f.debug_struct("Claims").field("token", &self.token).finish_non_exhaustive()
    }
}
