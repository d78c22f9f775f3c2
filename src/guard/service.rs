//! A service behind a guard.

use std::any::type_name;
use std::fmt::{self, Debug};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use tower_service::Service;

use crate::guard::admit::admit;
use crate::guard::combine::Guard;
use crate::rejection::{Caching, Format, Passed, ResponseFuture};
use crate::request::decision;

/// Passes a request on to `S` if the guard admits it, and refuses it otherwise. Created by
/// [`require`](crate::require).
pub struct RequireService<S, G> {
    inner: S,
    guard: Arc<G>,
    passes_preflight: bool,
}

impl<S, G> RequireService<S, G> {
    pub(crate) fn new(inner: S, guard: Arc<G>, passes_preflight: bool) -> Self {
        Self { inner, guard, passes_preflight }
    }
}

impl<S: Clone, G> Clone for RequireService<S, G> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), Arc::clone(&self.guard), self.passes_preflight)
    }
}

impl<S: Debug, G> Debug for RequireService<S, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequireService").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<S, G, ReqBody, ResBody> Service<Request<ReqBody>> for RequireService<S, G>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    G: Guard,
    ResBody: From<Bytes>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let Parts { method, uri, headers, extensions, .. } = &mut parts;
        let admitted = if self.passes_preflight && decision::is_preflight(extensions) {
            Ok(())
        } else {
            admit(&*self.guard, method, uri, headers, extensions, type_name::<S>())
        };
        match admitted {
            Ok(()) => ResponseFuture::running(
                self.inner.call(Request::from_parts(parts, body)),
                Passed { caching: Caching::AsItIs, is_preflight: false },
            ),
            Err(error) => {
                let format = Format::of(&parts.method, &parts.headers);
                let answers = decision::answers(&parts.extensions);
                ResponseFuture::refused(answers.refuse(error, format))
            }
        }
    }
}
