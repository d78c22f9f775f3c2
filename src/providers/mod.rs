//! The issuers that a layer trusts, and the choice of one of them for each token.
//!
//! 1. An [`Issuer`](issuer::Issuer) is the configuration: names, keys, and rules for claims.
//! 2. [`IssuerKeys`](issuer_keys::IssuerKeys) are its keys, in memory or fetched.
//! 3. A [`TrustedIssuer`](trusted_issuer::TrustedIssuer) is an issuer that is ready to verify
//!    tokens.
//! 4. [`Issuers`](issuers::Issuers) holds all of them. It chooses one by the exact `iss` of the
//!    token, and no other issuer's keys are tried.
//! 5. `presets` has a constructor of `Issuer` for each provider.

mod claims_mapping;
pub(crate) mod issuer;
pub(crate) mod issuer_keys;
pub(crate) mod issuers;
#[cfg(feature = "jwks")]
mod presets;
pub(crate) mod trusted_issuer;
