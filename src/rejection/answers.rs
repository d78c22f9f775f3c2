//! What a layer answers when it refuses.

use std::fmt::{self, Debug};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, VARY, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use crate::bearer::{Challenges, Sources};
use crate::rejection::body::RejectionBody;
use crate::rejection::error::{AuthError, AuthErrorKind};
use crate::rejection::format::{self, Format};
use crate::rejection::problem;

type Renderer = dyn Fn(&AuthError) -> RejectionBody + Send + Sync;

/// The answers of one layer: its realm, and the application's body if it has one.
#[derive(Clone)]
pub(crate) struct Answers {
    challenges: Challenges,
    renderer: Option<Arc<Renderer>>,
    /// The sources that a token may come from, for logs.
    looked_in: String,
}

impl Default for Answers {
    fn default() -> Self {
        let looked_in = Sources::default().to_string();
        Self { challenges: Challenges::new("api"), renderer: None, looked_in }
    }
}

impl Answers {
    #[track_caller]
    pub(crate) fn realm(&mut self, realm: &str) {
        self.challenges = Challenges::new(realm);
    }

    pub(crate) fn looked_in(&mut self, sources: &Sources) {
        self.looked_in = sources.to_string();
    }

    pub(crate) fn with_renderer(
        &mut self,
        renderer: impl Fn(&AuthError) -> RejectionBody + Send + Sync + 'static,
    ) {
        self.renderer = Some(Arc::new(renderer));
    }

    /// The response that refuses, with the error in its extensions.
    pub(crate) fn refuse<B: From<Bytes>>(&self, error: AuthError, format: &Format) -> Response<B> {
        match format {
            Format::Http => self.refuse_http(error),
            Format::Grpc(content_type) => self.refuse_grpc(error, content_type.clone()),
        }
    }

    fn refuse_http<B: From<Bytes>>(&self, mut error: AuthError) -> Response<B> {
        let body = match &self.renderer {
            None => default_body(&error),
            Some(renderer) => {
                catch_unwind(AssertUnwindSafe(|| renderer(&error))).unwrap_or_else(|_| {
                    error = AuthError::new(AuthErrorKind::InternalError);
                    default_body(&error)
                })
            }
        };
        let mut response = Response::new(B::from(body.bytes));
        *response.status_mut() = error.status();
        response.headers_mut().insert(CONTENT_TYPE, body.content_type);
        self.finish(response, error)
    }

    /// Trailers-only: a gRPC client reads the status of the call from the headers of an empty
    /// response (gRPC over HTTP/2, "Responses").
    fn refuse_grpc<B: From<Bytes>>(
        &self,
        error: AuthError,
        content_type: HeaderValue,
    ) -> Response<B> {
        let mut response = Response::new(B::from(Bytes::new()));
        *response.status_mut() = StatusCode::OK;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, content_type);
        headers.insert(HeaderName::from_static("grpc-status"), format::grpc_status(&error));
        let message = HeaderValue::from_static(error.code());
        headers.insert(HeaderName::from_static("grpc-message"), message);
        self.finish(response, error)
    }

    fn finish<B>(&self, mut response: Response<B>, error: AuthError) -> Response<B> {
        self.trace(&error);
        let headers = response.headers_mut();
        if let Some(challenge) = error.challenge() {
            headers.insert(WWW_AUTHENTICATE, self.challenges.render(challenge, error.scopes()));
        }
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if error.kind() == AuthErrorKind::CrossSiteRequest {
            headers.insert(VARY, HeaderValue::from_static("Sec-Fetch-Site, Origin"));
        }
        if error.kind() == AuthErrorKind::RevocationUnavailable {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response.extensions_mut().insert(error);
        response
    }

    #[cfg(feature = "tracing")]
    fn trace(&self, error: &AuthError) {
        let code = error.code();
        match error.kind() {
            AuthErrorKind::Misconfigured | AuthErrorKind::InternalError => {
                tracing::error!(code, reason = %error, "request refused");
            }
            AuthErrorKind::MissingCredentials => {
                tracing::debug!(code, looked_in = self.looked_in, "request refused");
            }
            _ => {
                let misfit = error.misfit().map(tracing::field::display);
                tracing::debug!(code, reason = ?error.token_error(), misfit, "request refused");
            }
        }
    }

    #[cfg(not(feature = "tracing"))]
    fn trace(&self, _: &AuthError) {}
}

impl Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers")
            .field("challenges", &self.challenges)
            .field("looked_in", &self.looked_in)
            .finish_non_exhaustive()
    }
}

fn default_body(error: &AuthError) -> RejectionBody {
    let content_type = HeaderValue::from_static("application/problem+json");
    RejectionBody { content_type, bytes: problem::body(error) }
}
