//! Tests of the stores on servers that these tests start themselves.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout
)]

mod child;
mod conformance;
mod growth;
mod outages;
mod processes;
mod redis;
mod schema;
mod servers;
mod sqlite;
#[path = "../feeds/stopwatch.rs"]
mod stopwatch;
mod store;
