//! Tests of feeds and stores on real servers. The tests start the servers themselves:
//! `redis-server`, PostgreSQL and `pgbouncer` must be installed.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used)]
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod cluster;
mod failover;
mod first_hour;
mod fleet;
mod outages;
mod pooler;
mod postgres;
#[allow(dead_code, reason = "the shop's own tests use the rest")]
#[path = "../shop/process.rs"]
mod process;
mod proxy;
mod redis;
mod server;
mod shop;
mod stopwatch;
#[cfg(feature = "tls")]
mod tls;
