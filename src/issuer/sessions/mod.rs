//! Refresh tokens: who is logged in, and where.

pub(crate) mod error;
pub(crate) mod event;
mod exact_time;
pub(crate) mod family;
pub(crate) mod id;
mod ledger;
mod lifetimes;
pub(crate) mod memory;
pub(crate) mod pending_refresh;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
mod publisher;
#[cfg(feature = "redis")]
pub(crate) mod redis;
pub(crate) mod refresh_token;
pub(crate) mod service;
pub(crate) mod session;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod sql;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
pub(crate) mod store;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
mod time_limit;
