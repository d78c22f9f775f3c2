//! The future of a middleware that either refuses a request or runs the inner service.

use std::fmt::{self, Debug};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, VARY};
use http::{HeaderMap, HeaderValue, Response};
use pin_project_lite::pin_project;

#[cfg(feature = "tracing")]
use crate::rejection::events::cors_is_behind;

/// The properties of an accepted request. They determine the headers that are added to the
/// response, and whether a warning is logged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passed {
    pub(crate) caching: Caching,
    /// True if the request is a CORS preflight that was accepted without a token.
    pub(crate) is_preflight: bool,
}

pin_project! {
    /// The response future of `JwtAuthService` and `RequireService`.
    pub struct ResponseFuture<F, B> {
        #[pin]
        state: FutureState<F, B>,
    }
}

pin_project! {
    #[project = FutureStateProjection]
    enum FutureState<F, B> {
        Refused { response: Option<Response<B>> },
        Running { #[pin] future: F, passed: Passed },
    }
}

impl<F, B> ResponseFuture<F, B> {
    pub(crate) fn refused(response: Response<B>) -> Self {
        Self { state: FutureState::Refused { response: Some(response) } }
    }

    #[inline]
    pub(crate) fn running(future: F, passed: Passed) -> Self {
        Self { state: FutureState::Running { future, passed } }
    }
}

impl<F, B, E> Future for ResponseFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            FutureStateProjection::Running { future, passed } => {
                let mut polled = future.poll(cx);
                if let Poll::Ready(Ok(response)) = &mut polled {
                    let headers = response.headers_mut();
                    if passed.is_preflight && headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
                        cors_is_behind();
                    }
                    if passed.caching != Caching::AsItIs {
                        passed.caching.tell(headers);
                    }
                }
                polled
            }
            // Polling again after completion does not panic.
            FutureStateProjection::Refused { response } => {
                response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response)))
            }
        }
    }
}

impl<F, B> Debug for ResponseFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

#[cfg(not(feature = "tracing"))]
fn cors_is_behind() {}

/// The headers that a response needs for caches in front of this server. Caches handle
/// `Authorization` by themselves (RFC 9111 section 3.5), but they do not recognize the cookie that
/// holds the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caching {
    /// The response does not depend on a cookie, so it gets no additional header for caches.
    AsItIs,
    /// The request was anonymous. The same request with a token in its cookie could get a different
    /// response, so a cache may reuse the response only for requests with the same cookies.
    VariesByCookie,
    /// The token came from the cookie, so only the holder of that cookie may get the response.
    PrivateByCookie,
    /// The token came from the application's own token source, and only the holder of the token may
    /// get the response. The response needs `Cache-Control: private`, since a cache might not
    /// recognize the header that contains the token.
    Private,
}

impl Caching {
    fn tell(self, headers: &mut HeaderMap) {
        let is_private = matches!(self, Self::PrivateByCookie | Self::Private);
        if is_private && !headers.contains_key(CACHE_CONTROL) {
            headers.insert(CACHE_CONTROL, const { HeaderValue::from_static("private") });
        }
        if matches!(self, Self::PrivateByCookie | Self::VariesByCookie) {
            headers.append(VARY, const { HeaderValue::from_static("Cookie") });
        }
    }
}
