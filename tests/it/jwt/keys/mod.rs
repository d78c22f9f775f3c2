//! Tests of keys: the input that is accepted as a key, and the choice of the key for a token.

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
