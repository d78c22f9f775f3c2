//! The mark of a request that a layer passed on without a token.

use std::sync::Arc;

use crate::bearer::{OtherScheme, Sources};
use crate::rejection::{Answers, AuthError};

/// Distinguishes an anonymous request from one without a layer: guards and extractors answer the
/// first with 401 and the second with 500.
#[derive(Clone, Debug)]
pub(crate) struct Anonymous {
    pub(crate) answers: Arc<Answers>,
    /// The sources that had no token.
    pub(crate) sources: Arc<Sources>,
    /// The scheme in `Authorization` instead of `Bearer`.
    pub(crate) other: Option<OtherScheme>,
    /// The request looks like a CORS preflight.
    pub(crate) preflight: bool,
}

impl Anonymous {
    /// Returns the error for a guard or an extractor that needs a token.
    pub(crate) fn error(&self) -> AuthError {
        AuthError::missing_credentials(&self.sources, self.other)
    }
}
