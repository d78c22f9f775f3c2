//! Feeds on real servers, which these tests start by themselves: `redis-server` and PostgreSQL must
//! be installed.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used)]
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod fleet;
mod outages;
mod postgres;
#[allow(dead_code, reason = "the shop's own tests use the rest")]
#[path = "../shop/process.rs"]
mod process;
mod proxy;
mod redis;
mod server;
mod shop;
