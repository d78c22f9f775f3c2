//! Keys, from the bytes of a secret to the key set that verifies tokens.
//!
//! 1. A [`Key`](key::Key) is for exactly one [`Algorithm`](algorithm::Algorithm), so a token can
//!    never choose the algorithm. A key holds a shared secret, a public key or a key pair. The key
//!    may have an identifier, which is the `kid` of the tokens that the key signs.
//! 2. A [`Secret`](secret::Secret) holds bytes that are hard to guess. Its constructors reject
//!    short and predictable secrets, and keys of a different kind. [`secret_text`] reads files and
//!    variables.
//! 3. `PublicComponents` holds the numbers of a public key, checks them, and computes the
//!    thumbprint. Public keys from all sources are read into this type: PEM and DER (`pem`, `der`),
//!    JWKs ([`jwk`], `jwk_members`), key sets in JSON (`jwk_set`), and the `jsonwebtoken` crate
//!    (`from_jsonwebtoken`).
//! 4. A [`KeySet`](key_set::KeySet) holds the current key, which signs, and previous keys, which
//!    still verify. It chooses the keys for a token by `kid` and algorithm.
//! 5. A [`KeyStore`](key_store::KeyStore) is a shared handle to a set. To rotate keys, the store
//!    replaces the set while requests run.
//! 6. [`mac`] computes HMAC and HKDF, and `asymmetric` computes public-key signatures. No other
//!    file of this module uses the crates `aws-lc-rs`, `hkdf`, `hmac` and `sha2`.

pub(crate) mod algorithm;
#[cfg(feature = "asymmetric")]
mod asymmetric;
#[cfg(feature = "asymmetric")]
mod der;
#[cfg(feature = "jsonwebtoken")]
mod from_jsonwebtoken;
mod jwk;
mod jwk_common;
#[cfg(feature = "asymmetric")]
mod jwk_members;
#[cfg(feature = "asymmetric")]
pub(crate) mod jwk_set;
pub(crate) mod key;
pub(crate) mod key_set;
pub(crate) mod key_store;
pub(crate) mod mac;
#[cfg(feature = "asymmetric")]
mod pem;
#[cfg(feature = "asymmetric")]
mod public_components;
pub(crate) mod secret;
pub(crate) mod secret_text;
