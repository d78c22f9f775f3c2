//! Tests through the public API, in modules named after those they test.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used)]
#![allow(clippy::expect_used, clippy::panic)]

mod answers;
mod contract;
mod logs;
mod misuse;
mod rotation;
mod server;
mod shop;
mod tcp;
