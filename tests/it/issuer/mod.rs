//! Tests of the auth server: tokens, sessions and routes.

pub(crate) mod kit;
mod misuse;
#[cfg(feature = "asymmetric")]
mod public_keys;
mod routes;
mod sessions;
mod tokens;
