//! Tests of the public API. Each module tests the library's module of the same name. The exceptions
//! are `docs`, `misuse` and `vectors`, which test the whole library, and `kit`, which has helpers.
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
