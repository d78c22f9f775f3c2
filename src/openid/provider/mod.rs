//! The protocol between this server and a provider.
//!
//! 1. A [`LoginProvider`](login_provider::LoginProvider) is the configuration, which `presets` makes
//!    for some providers.
//! 2. A [`ProviderClient`](client::ProviderClient) is a provider that is ready for logins. It has
//!    everything that the routes use.
//! 3. `authorization` builds the URL to which the browser is sent.
#![allow(dead_code, reason = "the routes are not there yet")]

pub(crate) mod authorization;
pub(crate) mod client;
mod client_auth;
pub(crate) mod endpoints;
pub(crate) mod error;
pub(crate) mod login;
pub(crate) mod login_provider;
mod settings;
pub(crate) mod tokens;
mod user_info_reader;
