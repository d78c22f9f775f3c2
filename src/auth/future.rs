//! The response future of the service.

use std::fmt::{self, Debug};
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use pin_project_lite::pin_project;
use serde::de::DeserializeOwned;
use tower_service::Service;

use crate::auth::decide;
use crate::auth::settings::Settings;
use crate::providers::issuer_keys::KeyWait;
use crate::rejection::{Passed, ResponseFuture};

pin_project! {
    /// The response future of [`JwtAuthService`](crate::JwtAuthService).
    ///
    /// Almost every request is decided before this future is created. The exception is a request
    /// whose key is still being fetched: the future first waits for the key.
    pub struct JwtAuthFuture<S, T, ReqBody, ResBody>
    where
        S: Service<Request<ReqBody>>,
    {
        #[pin]
        state: State<S, ReqBody, S::Future, ResBody>,
        claims: PhantomData<fn() -> T>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, ReqBody, F, ResBody> {
        Decided { #[pin] future: ResponseFuture<F, ResBody> },
        // The state of a waiting request is boxed, because few requests wait. Without the box, this
        // variant would make every future larger.
        Waiting { waiting: Option<Box<Waiting<S, ReqBody>>> },
    }
}

/// A request that waits for a key, and then for the service.
struct Waiting<S, ReqBody> {
    wait: KeyWait,
    /// The verification result of the accepted request. `None` while the request waits for the key.
    passed: Option<Passed>,
    request: Request<ReqBody>,
    /// `poll_ready` is called on this service only after the wait for the key. A ready service may
    /// hold a permit, for example of a concurrency limit. If requests held permits while they wait
    /// for a key, anyone could take all permits.
    inner: S,
    settings: Arc<Settings>,
}

impl<S, T, ReqBody, ResBody> JwtAuthFuture<S, T, ReqBody, ResBody>
where
    S: Service<Request<ReqBody>>,
{
    #[inline]
    pub(crate) fn running(future: S::Future, passed: Passed) -> Self {
        let future = ResponseFuture::running(future, passed);
        Self { state: State::Decided { future }, claims: PhantomData }
    }

    pub(crate) fn refused(response: Response<ResBody>) -> Self {
        let future = ResponseFuture::refused(response);
        Self { state: State::Decided { future }, claims: PhantomData }
    }

    #[cold]
    pub(crate) fn waiting(
        wait: KeyWait,
        request: Request<ReqBody>,
        inner: S,
        settings: Arc<Settings>,
    ) -> Self {
        let waiting = Some(Box::new(Waiting { wait, passed: None, request, inner, settings }));
        Self { state: State::Waiting { waiting }, claims: PhantomData }
    }
}

impl<S, T, ReqBody, ResBody> Future for JwtAuthFuture<S, T, ReqBody, ResBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    T: DeserializeOwned + Send + Sync + 'static,
    ResBody: From<Bytes>,
{
    type Output = Result<Response<ResBody>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            match state.as_mut().project() {
                StateProjection::Decided { future } => return future.poll(cx),
                StateProjection::Waiting { waiting } => {
                    // Polling again after completion does not panic.
                    let Some(still) = waiting else { return Poll::Pending };
                    if still.passed.is_none() {
                        ready!(Pin::new(&mut still.wait).poll(cx));
                        match decide::decide::<T, _>(&still.settings, &mut still.request) {
                            Ok(passed) => still.passed = Some(passed),
                            Err(not) => {
                                let error = not.without_wait();
                                let response =
                                    decide::refuse(&still.settings, error, &still.request);
                                let future = ResponseFuture::refused(response);
                                state.set(State::Decided { future });
                                continue;
                            }
                        }
                    }
                    let readiness = ready!(still.inner.poll_ready(cx));
                    let Some(mut done) = waiting.take() else { return Poll::Pending };
                    if let Err(error) = readiness {
                        return Poll::Ready(Err(error));
                    }
                    let Some(passed) = done.passed else { return Poll::Pending };
                    let future = ResponseFuture::running(done.inner.call(done.request), passed);
                    state.set(State::Decided { future });
                }
            }
        }
    }
}

impl<S, T, ReqBody, ResBody> Debug for JwtAuthFuture<S, T, ReqBody, ResBody>
where
    S: Service<Request<ReqBody>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtAuthFuture").finish_non_exhaustive()
    }
}
