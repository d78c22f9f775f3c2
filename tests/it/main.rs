//! Tests through the public API, in modules named after those they test.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used)]
#![allow(clippy::expect_used, clippy::panic)]

mod answers;
mod challenge;
mod contract;
mod docs;
#[cfg(feature = "connections")]
mod ended;
mod issuer;
mod jwt;
mod kit;
#[cfg(feature = "tracing")]
mod logs;
mod misuse;
mod mutations;
mod oracle;
mod oracle_crypto;
mod properties;
mod query_token;
mod revocation;
#[cfg(feature = "feeds")]
mod revocation_feeds;
mod rotation;
mod scopes;
mod server;
mod shop;
mod tcp;
#[cfg(feature = "test-util")]
mod testing;
mod vectors;
