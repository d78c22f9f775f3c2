//! What a layer leaves in a request that it let through without a token.

use std::sync::Arc;

use crate::rejection::Answers;

/// Tells "nobody" from "no layer": guards and extractors refuse the first and report the second.
#[derive(Clone, Debug)]
pub(crate) struct Unauthenticated {
    pub(crate) answers: Arc<Answers>,
    /// A CORS preflight: whoever answers it does nothing else.
    pub(crate) preflight: bool,
}
