//! Refresh tokens and the sessions that they renew.

mod announcement;
mod ending;
pub(crate) mod error;
pub(crate) mod event;
mod exact_time;
pub(crate) mod family;
pub(crate) mod id;
mod ledger;
pub(crate) mod memory;
pub(crate) mod pending_refresh;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
mod pruning;
mod publisher;
#[cfg(feature = "redis")]
pub(crate) mod redis;
pub(crate) mod refresh_token;
mod revoked_tokens;
mod rotation_rules;
pub(crate) mod service;
pub(crate) mod session;
mod settings;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod sql;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
pub(crate) mod store;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
mod time_limit;
