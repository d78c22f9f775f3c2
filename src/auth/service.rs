//! The service that verifies tokens.

use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use serde::de::DeserializeOwned;
use tower_service::Service;

use crate::auth::decide;
use crate::auth::future::JwtAuthFuture;
use crate::auth::settings::{NotAuthenticated, Settings};
use crate::request::no_layer;

/// Passes requests with a valid token on to `S`, and refuses all other requests. Created by
/// [`JwtAuth`](crate::JwtAuth).
///
/// `S` must be `Clone`: while the key for a token is being fetched, the waiting request keeps a
/// clone of `S`. After the wait, `poll_ready` is called on the clone before the clone receives the
/// request. Request bodies are not read and may be of any type. Response bodies must implement
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
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    T: DeserializeOwned + Send + Sync + 'static,
    ResBody: From<Bytes>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = JwtAuthFuture<S, T, ReqBody, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    // Inlining this function would cause one more move of the returned future.
    #[inline(never)]
    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        match decide::decide::<T, _>(&self.settings, &mut request) {
            // Call the instance whose `poll_ready` returned ready, not a clone.
            Ok(passed) => JwtAuthFuture::running(self.inner.call(request), passed),
            Err(NotAuthenticated::Refused(error)) => {
                JwtAuthFuture::refused(decide::refuse(&self.settings, error, &request))
            }
            Err(NotAuthenticated::Waits { wait, .. }) => {
                let inner = self.inner.clone();
                // Replace the ready instance with a clone. This drops the ready instance, which may
                // hold a permit. The request does not need a permit while it waits for the key.
                // Before the next call, the caller polls the clone until the clone is ready.
                self.inner = inner.clone();
                JwtAuthFuture::waiting(wait, request, inner, Arc::clone(&self.settings))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;
    use std::future::ready;
    use std::rc::Rc;

    use http::header::AUTHORIZATION;
    use tower::service_fn;

    use super::*;
    use crate::jwt::{Key, KeyStore, Secret, Signer, StandardClaims, Verifier};
    use crate::request::token::Token;
    use crate::revocation::Revocations;

    /// Checks the reference-count changes of a request, as listed in
    /// `docs/explanation/performance.md`.
    #[test]
    fn a_request_adds_one_reference_to_the_context_and_one_for_the_clone_of_the_service() {
        let key = Key::hs256(Secret::generate().unwrap()).with_id("2026-11").unwrap();
        let claims = serde_json::json!({ "sub": "alice", "exp": 32_503_680_000_u64 });
        let token = Signer::new(key.clone()).sign(&claims).unwrap();
        let (id, keys) = (key.shared_id().unwrap(), KeyStore::from(key));
        let revocations = Revocations::new();
        revocations.current_as_of(revocations.as_of());
        let mut settings = Settings::new(Verifier::new(keys.clone()).into());
        Arc::make_mut(&mut settings.context).revocations = Some(revocations);
        let settings = Arc::new(settings);

        let (key_set, shared) = (keys.load(), Arc::clone(&settings));
        let counts = Rc::new(move || {
            [
                Arc::strong_count(&shared),
                Arc::strong_count(&shared.context),
                Arc::strong_count(&shared.context.sources),
                Arc::strong_count(&shared.context.answers),
                Arc::strong_count(&key_set),
                Arc::strong_count(&id),
            ]
        });
        let during = Rc::new(Cell::new([0; 6]));
        let handler = {
            let (counts, during) = (Rc::clone(&counts), Rc::clone(&during));
            service_fn(move |request: Request<()>| {
                assert_eq!(request.extensions().get::<Token>().unwrap().key_id(), Some("2026-11"));
                during.set(counts());
                ready(Ok::<_, Infallible>(Response::new(Bytes::new())))
            })
        };
        let service = JwtAuthService::<_, StandardClaims>::new(handler, settings);
        let before = counts();
        for _ in 0..2 {
            let mut clone = service.clone();
            let request = Request::builder().header(AUTHORIZATION, format!("Bearer {token}"));
            drop(clone.call(request.body(()).unwrap()));
            drop(clone);
            let added: Vec<_> = during.get().iter().zip(before).map(|(a, b)| a - b).collect();
            assert_eq!(added, [1, 1, 0, 0, 0, 0]);
            assert_eq!(counts(), before);
        }
    }
}
