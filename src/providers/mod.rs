//! The issuers that a layer trusts, and the choice of one of them for each token.
//!
//! 1. An [`Issuer`](issuer::Issuer) is the configuration of an issuer: names, keys, and rules for
//!    claims.
//! 2. [`IssuerKeys`](issuer_keys::IssuerKeys) are the keys of an issuer. They are configured, or
//!    fetched from a URL.
//! 3. A [`TrustedIssuer`](trusted_issuer::TrustedIssuer) is an issuer that is ready to verify
//!    tokens.
//! 4. [`Issuers`](issuers::Issuers) holds all issuers that a layer trusts. For each token, it
//!    chooses the issuer by the exact `iss` of the token, and does not try the keys of other
//!    issuers.
//! 5. `presets` has a constructor of `Issuer` for each provider.

mod claims_mapping;
pub(crate) mod issuer;
pub(crate) mod issuer_keys;
pub(crate) mod issuers;
#[cfg(feature = "jwks")]
mod presets;
pub(crate) mod trusted_issuer;
