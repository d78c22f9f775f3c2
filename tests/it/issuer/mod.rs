//! The auth server: tokens, sessions, routes.

mod cookies;
pub(crate) mod kit;
mod misuse;
#[cfg(feature = "feeds")]
mod revocation;
mod routes;
mod sessions;
mod tokens;
