//! Tests of keys: what may be one, and which of them verifies a token.

#[cfg(feature = "asymmetric")]
mod agreement;
#[cfg(feature = "asymmetric")]
mod choice;
#[cfg(feature = "asymmetric")]
mod import;
#[cfg(feature = "asymmetric")]
mod pairs;
mod secret;
#[cfg(feature = "asymmetric")]
mod sets;
