//! The claims of a token, as cart and payment read them.

use serde::Deserialize;

/// A token that lacks one of these claims is rejected. Claims that a service does not need are not
/// listed here.
#[derive(Deserialize)]
pub(crate) struct Shopper {
    pub(crate) sub: String,
    pub(crate) company: String,
}
