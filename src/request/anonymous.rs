//! A mark for requests without a token. Guards and extractors read this mark.

use std::sync::Arc;

use crate::bearer::OtherScheme;
use crate::rejection::AuthError;
use crate::request::layer_context::LayerContext;

/// Marks a request that a layer passed on without a token. Guards and extractors respond with 401
/// to such a request, but with 500 to a request that no layer has seen.
#[derive(Clone, Debug)]
pub(crate) struct Anonymous {
    /// The context of the layer that found no token.
    pub(crate) context: Arc<LayerContext>,
    /// The scheme in `Authorization`, if it is not `Bearer`.
    pub(crate) other: Option<OtherScheme>,
    /// The request looks like a CORS preflight.
    pub(crate) preflight: bool,
}

impl Anonymous {
    /// Returns the error for a guard or an extractor that needs a token.
    pub(crate) fn error(&self) -> AuthError {
        AuthError::missing_credentials(&self.context.sources, self.other)
    }
}
