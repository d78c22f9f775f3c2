//! The keys of an issuer: kept in memory, or fetched.

use std::time::Duration;

#[cfg(feature = "jwks")]
use crate::jwks::{RemoteKeys, UnknownKey};
use crate::jwt::KeyStore;

/// The keys of an [`Issuer`](crate::Issuer).
///
/// Everything that converts into a [`KeyStore`] converts into this type: a
/// [`Secret`](crate::Secret), a [`Key`](crate::Key), a [`KeySet`](crate::KeySet) or a `KeyStore`.
/// With the feature `jwks`, so does `RemoteKeys`.
#[derive(Clone, Debug)]
pub struct IssuerKeys(Location);

#[derive(Clone, Debug)]
enum Location {
    Local(KeyStore),
    #[cfg(feature = "jwks")]
    Remote(RemoteKeys),
}

/// The future of a request that waits for a key. It resolves when the fetch in flight ends, and
/// after two seconds at the latest.
#[cfg(feature = "jwks")]
pub(crate) use crate::jwks::KeyWait;
/// No request waits for a key, since nothing is fetched.
#[cfg(not(feature = "jwks"))]
pub(crate) type KeyWait = std::future::Pending<()>;

/// The ways to handle a token whose key is not in the store.
#[cfg_attr(not(feature = "jwks"), expect(dead_code, reason = "nothing is fetched"))]
pub(crate) enum MissingKey {
    /// The issuer does not have the key.
    Unknown,
    /// It is unknown whether the issuer has the key.
    Unavailable { retry_after: Duration, reason: String },
    /// The keys are being fetched. If the request cannot wait or has already waited, the response
    /// is 503, and `reason` is logged.
    Wait { wait: KeyWait, reason: String },
}

impl IssuerKeys {
    /// Returns the store that contains the keys. Each fetch can replace the keys in the store.
    pub(crate) fn store(&self) -> &KeyStore {
        match &self.0 {
            Location::Local(store) => store,
            #[cfg(feature = "jwks")]
            Location::Remote(keys) => keys.store(),
        }
    }

    /// Starts the task that fetches the keys. Does nothing if the task is already running, or if
    /// the keys come from the configuration.
    #[inline]
    pub(crate) fn start(&self) {
        match &self.0 {
            Location::Local(_) => {}
            #[cfg(feature = "jwks")]
            Location::Remote(keys) => keys.start(),
        }
    }

    /// Prepares the key store for the verification of a token: calls [`start`](Self::start), and
    /// removes keys that are too old. Returns true if keys were removed.
    #[inline]
    pub(crate) fn prepare(&self) -> bool {
        match &self.0 {
            Location::Local(_) => false,
            #[cfg(feature = "jwks")]
            Location::Remote(keys) => keys.prepare(),
        }
    }

    /// Returns true if the keys are fetched from another server. Such a server usually issues
    /// tokens for many services, so this service must distinguish the tokens for itself from the
    /// tokens for other services.
    pub(crate) fn are_remote(&self) -> bool {
        match &self.0 {
            Location::Local(_) => false,
            #[cfg(feature = "jwks")]
            Location::Remote(_) => true,
        }
    }

    /// Returns the fetched keys, or `None` for keys in memory.
    #[cfg(feature = "jwks")]
    pub(crate) fn remote(&self) -> Option<&RemoteKeys> {
        match &self.0 {
            Location::Local(_) => None,
            Location::Remote(keys) => Some(keys),
        }
    }

    /// Returns the fetched keys, so that a method of `Issuer` can change their settings. Panics if
    /// the keys are not fetched. The panic message contains `method`, the name of the calling
    /// method.
    #[cfg(feature = "jwks")]
    #[track_caller]
    pub(crate) fn into_remote(self, method: &str) -> RemoteKeys {
        match self.0 {
            Location::Remote(keys) => keys,
            Location::Local(_) => crate::misuse::refuse(format_args!(
                "Issuer::{method}(..) is for keys that are fetched, and this issuer has its keys \
                 in memory"
            )),
        }
    }

    /// Decides what happens to a token whose key is not in the store. `kid` is the key identifier
    /// in the token's header, if there is one.
    pub(crate) fn on_missing(&self, kid: Option<&str>) -> MissingKey {
        match &self.0 {
            Location::Local(_) => {
                let _ = kid;
                MissingKey::Unknown
            }
            #[cfg(feature = "jwks")]
            Location::Remote(keys) => match keys.on_unknown_key(kid) {
                UnknownKey::Rejected => MissingKey::Unknown,
                UnknownKey::Unavailable { retry_after, reason } => {
                    MissingKey::Unavailable { retry_after, reason }
                }
                UnknownKey::Wait { wait, reason } => MissingKey::Wait { wait, reason },
            },
        }
    }
}

impl<K: Into<KeyStore>> From<K> for IssuerKeys {
    fn from(keys: K) -> Self {
        Self(Location::Local(keys.into()))
    }
}

#[cfg(feature = "jwks")]
impl From<RemoteKeys> for IssuerKeys {
    fn from(keys: RemoteKeys) -> Self {
        Self(Location::Remote(keys))
    }
}
