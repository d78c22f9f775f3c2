//! Tests of layers that trust several issuers.

mod issuers;
#[cfg(feature = "jwks")]
mod presets;
#[cfg(feature = "jwks")]
mod waiting;
