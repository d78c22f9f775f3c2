//! What a request carries once the layer has decided about it: the token, its claims, or the note
//! that there is no token.

pub(crate) mod anonymous;
pub(crate) mod claims;
#[cfg(feature = "connections")]
pub(crate) mod ended;
pub(crate) mod no_layer;
pub(crate) mod token;
