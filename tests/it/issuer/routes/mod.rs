//! Tests of the auth server's routes.

#[cfg(feature = "feeds")]
mod access_revocation;
mod accounts;
mod clear_site_data;
mod clients;
mod cookies;
#[cfg(feature = "jwks")]
mod discovery;
mod handlers;
mod logins;
mod refusals;
mod store_calls;
mod well_known;
