//! The mark of a request that a layer let through without a token.

use std::sync::Arc;

use http::Extensions;

use crate::bearer::OtherScheme;
use crate::rejection::{Answers, AuthError};
use crate::request::token::Token;

/// Tells an anonymous request from one without a layer: guards and extractors refuse the first with
/// 401 and report the second with 500.
#[derive(Clone, Debug)]
pub(crate) struct Unauthenticated {
    pub(crate) answers: Arc<Answers>,
    /// The scheme in `Authorization` instead of `Bearer`.
    pub(crate) other: Option<OtherScheme>,
    /// The request looks like a CORS preflight.
    pub(crate) preflight: bool,
}

impl Unauthenticated {
    /// Returns the refusal of a guard or an extractor that needs a token.
    pub(crate) fn error(&self) -> AuthError {
        AuthError::missing_credentials(self.answers.looked_in(), self.other)
    }

    /// Returns the mark of the nearest layer. A layer further out may have left one too, but if the
    /// request has a token, a nearer layer found that.
    pub(crate) fn nearest(extensions: &Extensions) -> Option<&Self> {
        let nobody = extensions.get::<Self>()?;
        extensions.get::<Token>().is_none().then_some(nobody)
    }

    pub(crate) fn is_preflight(extensions: &Extensions) -> bool {
        Self::nearest(extensions).is_some_and(|nobody| nobody.preflight)
    }
}
