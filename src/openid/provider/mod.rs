//! The protocol between this server and a provider.
//!
//! 1. A [`LoginProvider`](login_provider::LoginProvider) is the configuration of a provider. The
//!    functions in `presets` create the configuration of some well-known providers.
//! 2. A [`ProviderClient`](client::ProviderClient) is a provider that is ready for logins. The
//!    routes call its methods.
//! 3. `authorization` builds the URL to which the browser is sent. For OpenID Connect, the URL's
//!    endpoint comes from the provider's `metadata`.
//! 4. `exchange` exchanges the code for tokens, `id_token` verifies the ID token, and `user_info`
//!    fetches and checks the user info.

pub(crate) mod authorization;
pub(crate) mod client;
mod client_auth;
pub(crate) mod endpoints;
pub(crate) mod error;
mod exchange;
mod id_token;
pub(crate) mod login;
pub(crate) mod login_provider;
mod metadata;
mod metadata_cache;
mod presets;
mod settings;
#[cfg(test)]
mod tests;
mod token_endpoint_response;
pub(crate) mod tokens;
mod user_info;
mod user_info_reader;
