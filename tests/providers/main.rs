//! Tests with independent OpenID providers. The tests install and start the providers themselves,
//! which requires node and npm.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used)]
#![allow(clippy::expect_used, clippy::panic)]

mod accepted;
mod examples;
mod mock;
mod oidc_provider;
mod outages;
mod process;
mod rejected;
mod rotation;
mod service;
mod several;
