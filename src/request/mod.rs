//! The contents of a request's extensions behind a layer: the token and its claims, or an entry
//! that marks the request as anonymous.

pub(crate) mod anonymous;
pub(crate) mod claims;
pub(crate) mod decision;
#[cfg(feature = "connections")]
pub(crate) mod ended;
pub(crate) mod layer_context;
pub(crate) mod no_layer;
pub(crate) mod token;
