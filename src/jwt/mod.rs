//! Tokens as pure functions: no HTTP, no async, no storage.
//!
//! [`Verifier::verify`] is the whole of it: bytes in, [`Verified`] out, in the order of
//! `docs/reference/verification.md`. Everything else here is what it is built from: [`Secret`] and
//! [`Key`], several of them in a [`KeySet`], a set that can be replaced in a [`KeyStore`], the
//! rules for claims in [`Validation`], and the other direction in [`Signer`].

pub(crate) mod base64url;
mod checks;
mod claim_path;
mod duplicates;
mod error;
mod facts;
mod few;
mod header;
mod header_cache;
mod json;
pub(crate) mod keys;
mod misfit;
mod one_or_many;
pub(crate) mod payload;
mod signer;
mod spans;
mod standard_claims;
mod token_error;
mod validation;
mod verifier;

pub use self::claim_path::ClaimPath;
pub use self::error::{KeyError, KeyErrorKind, SignError};
pub use self::facts::Facts;
pub use self::keys::algorithm::Algorithm;
pub use self::keys::key::Key;
pub use self::keys::key_set::KeySet;
pub use self::keys::key_store::KeyStore;
pub use self::keys::secret::Secret;
pub use self::misfit::Misfit;
pub use self::one_or_many::OneOrMany;
pub use self::signer::Signer;
pub use self::standard_claims::StandardClaims;
pub use self::token_error::{TokenError, TokenErrorKind};
pub use self::validation::Validation;
pub use self::verifier::{Verified, Verifier};

#[cfg(all(feature = "axum", feature = "issuer"))]
pub(crate) use self::payload::fitting::misfit_of;
