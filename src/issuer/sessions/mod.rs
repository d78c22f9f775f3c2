//! Refresh tokens: who is logged in, and where.

pub(crate) mod error;
pub(crate) mod event;
pub(crate) mod family;
pub(crate) mod id;
mod ledger;
mod lifetimes;
pub(crate) mod memory;
pub(crate) mod pending_refresh;
pub(crate) mod refresh_token;
pub(crate) mod service;
pub(crate) mod session;
pub(crate) mod store;
