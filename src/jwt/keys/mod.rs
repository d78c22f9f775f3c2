//! Keys: the secret, keys that are made from it, sets of keys, and a set that can be replaced while
//! requests run.

pub(crate) mod algorithm;
#[cfg(feature = "jsonwebtoken")]
mod from_jsonwebtoken;
mod jwk;
pub(crate) mod key;
pub(crate) mod key_set;
pub(crate) mod key_store;
pub(crate) mod mac;
pub(crate) mod secret;
pub(crate) mod secret_text;
