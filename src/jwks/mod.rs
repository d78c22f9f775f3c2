//! Key sets of other issuers, fetched over HTTPS and refreshed in the background.
//!
//! [`RemoteKeys`] keeps the public keys of an issuer up to date, so that a request never waits for
//! a fetch if its token's key is known. The keys come from a JWKS document ([`RemoteKeys::jwks`]),
//! from the issuer's discovery document ([`RemoteKeys::discover`]), or from your own [`KeySource`].
//! Such a source can, for example, read a file, or use a proxy or a client certificate.
//! [`guide::explanation::key_sets`](crate::guide::explanation::key_sets) explains the policy, and
//! what happens when the source fails.

mod cache_control;
pub(crate) mod discovery;
mod error;
#[cfg(feature = "tracing")]
mod events;
mod health;
pub(crate) mod http;
mod key_wait;
mod loaded_set;
mod origin;
mod policy;
mod race;
mod remote_keys;
pub(crate) mod remote_url;
mod source;
mod state;
mod task;
mod unknown_names;

pub use self::error::{KeySourceError, KeySourceErrorKind};
pub use self::health::KeysHealth;
pub(crate) use self::key_wait::KeyWait;
pub(crate) use self::origin::KeySetUrl;
pub use self::remote_keys::RemoteKeys;
pub use self::source::{FetchedKeys, KeySource};
pub(crate) use self::state::UnknownKey;
