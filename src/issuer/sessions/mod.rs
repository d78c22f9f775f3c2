//! Sessions and their refresh tokens.

mod ending;
pub(crate) mod error;
pub(crate) mod event;
pub(crate) mod family;
pub(crate) mod id;
pub(crate) mod pending_refresh;
mod pruning;
mod publisher;
pub(crate) mod refresh_token;
mod rows;
pub(crate) mod service;
pub(crate) mod session;
mod settings;
pub(crate) mod store;
