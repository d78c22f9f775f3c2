//! The claims that the cart server and the payment server read from a token.

use serde::Deserialize;

/// A token that lacks one of these claims is rejected. Claims that a service does not need are not
/// listed here.
#[derive(Deserialize)]
pub(crate) struct Shopper {
    pub(crate) sub: String,
    pub(crate) company: String,
}
