//! Tests of the auth server: tokens, sessions and routes.

#[cfg(feature = "feeds")]
mod access_revocation;
mod accounts;
mod clear_site_data;
mod clients;
mod cookies;
#[cfg(feature = "jwks")]
mod discovery;
pub(crate) mod kit;
mod logins;
mod misuse;
#[cfg(feature = "asymmetric")]
mod public_keys;
mod refusals;
mod renewal;
#[cfg(feature = "feeds")]
mod revocation;
mod routes;
mod session_limit;
mod sessions;
mod slow_answers;
mod store_calls;
mod tokens;
mod well_known;
