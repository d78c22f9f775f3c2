//! Tests of the public API. Each module has the name of the module that it tests.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used)]
#![allow(clippy::expect_used, clippy::panic)]

mod auth;
mod bearer;
mod docs;
mod extract;
mod guard;
#[cfg(feature = "issuer")]
mod issuer;
#[cfg(feature = "jwks")]
mod jwks;
mod jwt;
mod kit;
mod misuse;
#[cfg(feature = "openid-login")]
mod openid;
mod providers;
mod rejection;
mod request;
mod revocation;
#[cfg(feature = "test-util")]
mod testing;
mod vectors;
