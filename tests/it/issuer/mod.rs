//! The auth server: tokens, sessions, routes.

mod accounts;
mod clear_site_data;
mod cookies;
pub(crate) mod kit;
mod misuse;
mod renewal;
#[cfg(feature = "feeds")]
mod revocation;
mod routes;
mod sessions;
mod slow_answers;
mod tokens;
