//! What a token says about whom it was issued to, as cart and payment read it.

use serde::Deserialize;

/// Members that a service does not need may be left out here; those that are named must be in the
/// token, or it is refused.
#[derive(Deserialize)]
pub(crate) struct Shopper {
    pub(crate) sub: String,
    pub(crate) company: String,
}
