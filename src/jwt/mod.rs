//! Tokens as pure functions: no HTTP, no async, no storage.
//!
//! [`Verifier::verify`] is the whole of it: bytes in, [`Verified`] out, in the order of
//! `docs/design.md` section 4. Everything else here is what it is built from: [`Secret`] and
//! [`Key`], several of them in a [`KeySet`], a set that can be replaced in a [`KeyStore`], the
//! rules for claims in [`Validation`], and the other direction in [`Signer`].

pub(crate) mod base64url;
mod checks;
mod claim_path;
mod claims;
mod duplicates;
mod error;
mod exact_numbers;
mod facts;
mod few;
mod fitting;
mod header;
mod header_cache;
mod in_band;
mod json;
mod key;
mod key_set;
mod key_store;
pub(crate) mod mac;
mod malformed;
mod member;
mod members;
mod misfit;
mod noted;
mod payload;
mod place;
mod plain;
mod replay;
mod scan;
mod secret;
mod secret_text;
mod signer;
mod spans;
mod strings;
mod token_error;
mod validation;
mod verifier;

pub use self::claim_path::ClaimPath;
pub use self::claims::StandardClaims;
pub use self::error::{KeyError, KeyErrorKind, SignError};
pub use self::facts::Facts;
pub use self::key::Key;
pub use self::key_set::KeySet;
pub use self::key_store::KeyStore;
pub use self::misfit::Misfit;
pub use self::secret::Secret;
pub use self::signer::Signer;
pub use self::strings::OneOrMany;
pub use self::token_error::{TokenError, TokenErrorKind};
pub use self::validation::Validation;
pub use self::verifier::{Verified, Verifier};
pub use jsonwebtoken::Algorithm;

#[cfg(all(feature = "axum", feature = "issuer"))]
pub(crate) use self::fitting::misfit_of;
