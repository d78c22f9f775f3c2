//! What a layer leaves in a request that it let through without a token.

use std::sync::Arc;

use http::Extensions;

use crate::rejection::Answers;
use crate::token::Token;

/// Tells "nobody" from "no layer": guards and extractors refuse the first and report the second.
#[derive(Clone, Debug)]
pub(crate) struct Unauthenticated {
    pub(crate) answers: Arc<Answers>,
    /// What looks like a CORS preflight.
    pub(crate) preflight: bool,
}

impl Unauthenticated {
    /// What the nearest layer left. One further out may have left it too, but where there is a
    /// token, a nearer one found that.
    pub(crate) fn nearest(extensions: &Extensions) -> Option<&Self> {
        let nobody = extensions.get::<Self>()?;
        extensions.get::<Token>().is_none().then_some(nobody)
    }

    pub(crate) fn is_preflight(extensions: &Extensions) -> bool {
        Self::nearest(extensions).is_some_and(|nobody| nobody.preflight)
    }
}
