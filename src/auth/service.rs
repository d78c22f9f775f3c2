//! The service that verifies tokens.

use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use serde::de::DeserializeOwned;
use tower_service::Service;

use crate::auth::settings::Settings;
use crate::bearer::Source;
use crate::rejection::{AuthError, AuthErrorKind, Caching, Format, ResponseFuture};
use crate::request::{decision, no_layer};

/// Passes requests with a valid token on to `S`, and refuses all other requests. Made by
/// [`JwtAuth`](crate::JwtAuth).
///
/// Request bodies are not read and may be of any type. Response bodies must implement
/// `From<Bytes>`; for other bodies, put `MapResponseBodyLayer` of `tower-http` between this service
/// and `S`.
pub struct JwtAuthService<S, T> {
    inner: S,
    settings: Arc<Settings>,
    claims: PhantomData<fn() -> T>,
}

impl<S, T> JwtAuthService<S, T> {
    pub(crate) fn new(inner: S, settings: Arc<Settings>) -> Self {
        no_layer::note_a_layer();
        Self { inner, settings, claims: PhantomData }
    }
}

impl<S: Clone, T> Clone for JwtAuthService<S, T> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            settings: Arc::clone(&self.settings),
            claims: PhantomData,
        }
    }
}

impl<S: Debug, T> Debug for JwtAuthService<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtAuthService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<S, T, ReqBody, ResBody> Service<Request<ReqBody>> for JwtAuthService<S, T>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    T: DeserializeOwned + Send + Sync + 'static,
    ResBody: From<Bytes>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        // A panic in the application's token source, clock or `Deserialize` implementation must not
        // close the connection, which may carry other requests.
        let decision =
            catch_unwind(AssertUnwindSafe(|| self.settings.authenticate::<T, _>(&mut request)))
                .unwrap_or_else(|_| Err(AuthError::new(AuthErrorKind::InternalError)));
        match decision {
            Ok(source) => {
                let is_preflight = source.is_none() && decision::is_preflight(request.extensions());
                // Call the instance that was polled ready, not a clone.
                let future = self.inner.call(request);
                let caching = match source {
                    Some(Source::Cookie) => Caching::PrivateByCookie,
                    Some(Source::Custom) => Caching::Private,
                    None if self.settings.sources.cookie.is_some() => Caching::VariesByCookie,
                    _ => Caching::AsItIs,
                };
                if is_preflight {
                    ResponseFuture::preflight(future, caching)
                } else {
                    ResponseFuture::running(future, caching)
                }
            }
            Err(error) => {
                let format = Format::of(request.method(), request.headers());
                ResponseFuture::refused(self.settings.answers.refuse(error, &format))
            }
        }
    }
}
