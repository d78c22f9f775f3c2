//! Token verification and signing as pure functions: no HTTP, no async, no storage.
//!
//! [`Verifier::verify`] takes a token and returns it as [`Verified`], or an error for the first
//! rule that the token breaks.
//! [`guide::reference::verification`](crate::guide::reference::verification) lists the rules. A
//! verifier has the rules of a [`Validation`], and a [`KeyStore`] whose [`KeySet`] can be replaced.
//! A set contains [`Key`]s, for example a key that was made from a [`Secret`]. [`Signer`] signs
//! tokens.

pub(crate) mod base64url;
mod checks;
mod claim_error;
mod claim_path;
mod error;
mod header;
mod header_cache;
pub(crate) mod issuer_peek;
mod json;
pub(crate) mod keys;
mod one_or_many;
pub(crate) mod payload;
mod signer;
mod spans;
mod standard_claims;
mod token_error;
mod token_parts;
mod validation;
pub(crate) mod verified_token;
mod verifier;

pub use self::claim_error::{ClaimError, ClaimErrorKind};
pub use self::claim_path::ClaimPath;
pub use self::error::{KeyError, KeyErrorKind, SignError, SignErrorKind};
#[cfg(feature = "openid-login")]
pub(crate) use self::json::reader::object as json_object;
pub use self::keys::algorithm::Algorithm;
#[cfg(feature = "jwks")]
pub(crate) use self::keys::jwk_set::{ParsedKeySet, parse as parse_key_set, texts_of_keys};
pub use self::keys::key::Key;
pub use self::keys::key_set::KeySet;
pub use self::keys::key_store::KeyStore;
pub use self::keys::secret::Secret;
pub use self::one_or_many::OneOrMany;
pub(crate) use self::payload::claim_place::Purpose;
pub use self::signer::Signer;
pub use self::standard_claims::StandardClaims;
pub(crate) use self::token_error::quoted;
pub use self::token_error::{TokenError, TokenErrorKind};
pub(crate) use self::validation::Setting;
pub use self::validation::Validation;
pub use self::verified_token::VerifiedToken;
pub use self::verifier::{Verified, Verifier};
