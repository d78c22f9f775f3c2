//! The part of a refusal that an application may replace.

use bytes::Bytes;
use http::HeaderValue;

/// The body of a refusal and its content type; see `JwtAuth::with_rejection`.
#[derive(Clone, Debug)]
pub struct RejectionBody {
    pub(crate) content_type: HeaderValue,
    pub(crate) bytes: Bytes,
}

impl RejectionBody {
    /// A body of any type.
    pub fn new(content_type: HeaderValue, body: impl Into<Bytes>) -> Self {
        Self { content_type, bytes: body.into() }
    }

    /// A body of `application/json`.
    pub fn json(body: impl Into<Bytes>) -> Self {
        Self::new(HeaderValue::from_static("application/json"), body)
    }

    /// A body of `text/plain`, UTF-8.
    pub fn text(body: impl Into<Bytes>) -> Self {
        Self::new(HeaderValue::from_static("text/plain; charset=utf-8"), body)
    }

    /// A body of `text/html`, UTF-8.
    pub fn html(body: impl Into<Bytes>) -> Self {
        Self::new(HeaderValue::from_static("text/html; charset=utf-8"), body)
    }
}
