//! The body of the response to a refused request, which an application can replace.

use bytes::Bytes;
use http::HeaderValue;
use serde::Serialize;

/// A response body for refused requests, with its content type; see `JwtAuth::with_rejection`.
#[derive(Clone, Debug)]
pub struct RejectionBody {
    /// `None` if the value could not be serialized.
    pub(crate) content: Option<(HeaderValue, Bytes)>,
}

impl RejectionBody {
    /// Returns a body with this content type.
    pub fn new(content_type: HeaderValue, body: impl Into<Bytes>) -> Self {
        Self { content: Some((content_type, body.into())) }
    }

    /// Returns `value` as a body of `application/json`.
    ///
    /// If `value` cannot be serialized, the response has the default body instead, and the
    /// `tracing` feature logs an error. Status and headers are the same either way.
    ///
    /// ```
    /// use serde_json::json;
    /// use tower_jwt_auth::{JwtAuth, RejectionBody, Secret};
    ///
    /// let auth = JwtAuth::new(Secret::generate()?)
    ///     .with_rejection(|error| RejectionBody::json(json!({ "error": error.code() })));
    /// # let _ = auth;
    /// # Ok::<_, tower_jwt_auth::KeyError>(())
    /// ```
    pub fn json(value: impl Serialize) -> Self {
        match serde_json::to_vec(&value) {
            Ok(bytes) => Self::json_bytes(bytes),
            Err(_) => Self { content: None },
        }
    }

    /// Returns a body of `application/json`. `body` must already be JSON.
    pub fn json_bytes(body: impl Into<Bytes>) -> Self {
        Self::new(HeaderValue::from_static("application/json"), body)
    }

    /// Returns a body of `text/plain`, UTF-8.
    pub fn text(body: impl Into<Bytes>) -> Self {
        Self::new(HeaderValue::from_static("text/plain; charset=utf-8"), body)
    }

    /// Returns a body of `text/html`, UTF-8.
    pub fn html(body: impl Into<Bytes>) -> Self {
        Self::new(HeaderValue::from_static("text/html; charset=utf-8"), body)
    }
}
