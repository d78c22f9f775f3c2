//! The responses to refused requests.

use std::fmt::{self, Debug};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, VARY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use crate::bearer::Challenges;
use crate::rejection::body::RejectionBody;
use crate::rejection::error::{AuthError, AuthErrorKind};
#[cfg(feature = "tracing")]
use crate::rejection::events::Events;
use crate::rejection::format::{self, Format};
use crate::rejection::problem;

type Renderer = dyn Fn(&AuthError) -> RejectionBody + Send + Sync;

/// The settings for a layer's responses to refused requests: the realm, and the application's own
/// body if there is one.
#[derive(Clone)]
pub(crate) struct Answers {
    challenges: Challenges,
    renderer: Option<Arc<Renderer>>,
    #[cfg(feature = "tracing")]
    events: Arc<Events>,
}

/// The settings that guards and extractors use if no layer is in front of them.
static WITHOUT_LAYER: LazyLock<Arc<Answers>> = LazyLock::new(Arc::default);

impl Default for Answers {
    fn default() -> Self {
        Self {
            challenges: Challenges::new("api"),
            renderer: None,
            #[cfg(feature = "tracing")]
            events: Arc::default(),
        }
    }
}

impl Answers {
    pub(crate) fn without_layer() -> Arc<Self> {
        Arc::clone(&WITHOUT_LAYER)
    }

    #[track_caller]
    pub(crate) fn realm(&mut self, realm: &str) {
        self.challenges = Challenges::new(realm);
    }

    pub(crate) fn with_renderer(
        &mut self,
        renderer: impl Fn(&AuthError) -> RejectionBody + Send + Sync + 'static,
    ) {
        self.renderer = Some(Arc::new(renderer));
    }

    /// Returns the response to a refused request, with the error in its extensions.
    pub(crate) fn refuse<B: From<Bytes>>(&self, error: AuthError, format: Format) -> Response<B> {
        match format {
            Format::Http => self.refuse_http(error),
            Format::Grpc(content_type) => self.refuse_grpc(error, content_type),
        }
    }

    fn refuse_http<B: From<Bytes>>(&self, mut error: AuthError) -> Response<B> {
        let content = match &self.renderer {
            None => None,
            Some(renderer) => match catch_unwind(AssertUnwindSafe(|| renderer(&error))) {
                Ok(RejectionBody { content: Some(content) }) => Some(content),
                Ok(RejectionBody { content: None }) => {
                    self.note_unserializable(&error);
                    None
                }
                Err(_) => {
                    error = AuthError::new(AuthErrorKind::InternalError);
                    None
                }
            },
        };
        let (content_type, body) = content.unwrap_or_else(|| {
            let content_type = const { HeaderValue::from_static("application/problem+json") };
            (content_type, problem::body(&error, cfg!(debug_assertions)))
        });
        let mut response = Response::new(B::from(body));
        *response.status_mut() = error.status();
        response.headers_mut().append(CONTENT_TYPE, content_type);
        self.finish(&mut response, error);
        response
    }

    /// Returns a Trailers-Only response: a gRPC client reads the status of the call from the
    /// headers of an empty response (gRPC over HTTP/2, "Responses").
    fn refuse_grpc<B: From<Bytes>>(
        &self,
        error: AuthError,
        content_type: &'static str,
    ) -> Response<B> {
        let mut response = Response::new(B::from(Bytes::new()));
        *response.status_mut() = StatusCode::OK;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(HeaderName::from_static("grpc-status"), format::grpc_status(&error));
        let message = HeaderValue::from_static(error.code());
        headers.insert(HeaderName::from_static("grpc-message"), message);
        self.finish(&mut response, error);
        response
    }

    fn finish<B>(&self, response: &mut Response<B>, error: AuthError) {
        self.trace(&error);
        let headers = response.headers_mut();
        // The response has none of these headers yet, and `append` costs less than `insert`.
        if let Some(challenge) = error.challenge() {
            headers.append(WWW_AUTHENTICATE, self.challenges.render(challenge, error.scopes()));
        }
        headers.append(CACHE_CONTROL, const { HeaderValue::from_static("no-store") });
        headers.append(X_CONTENT_TYPE_OPTIONS, const { HeaderValue::from_static("nosniff") });
        if error.kind() == AuthErrorKind::CrossSiteRequest {
            headers.insert(VARY, HeaderValue::from_static("Sec-Fetch-Site, Origin"));
        }
        if let Some(secs) = error.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(secs));
        }
        response.extensions_mut().insert(error);
    }

    #[cfg(feature = "tracing")]
    fn trace(&self, error: &AuthError) {
        self.events.refused(error);
    }

    #[cfg(not(feature = "tracing"))]
    fn trace(&self, _: &AuthError) {}

    #[cfg(feature = "tracing")]
    fn note_unserializable(&self, error: &AuthError) {
        self.events.unserializable(error);
    }

    #[cfg(not(feature = "tracing"))]
    fn note_unserializable(&self, _: &AuthError) {}
}

impl Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").field("challenges", &self.challenges).finish_non_exhaustive()
    }
}
