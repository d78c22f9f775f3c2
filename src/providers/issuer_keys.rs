//! The keys of an issuer: kept in memory, or fetched.

use std::time::Duration;

#[cfg(feature = "jwks")]
use crate::jwks::{KeyWait as FetchWait, RemoteKeys, UnknownKey};
use crate::jwt::KeyStore;

/// The keys of an [`Issuer`](crate::Issuer).
///
/// Everything that converts into a [`KeyStore`] converts into this type: a
/// [`Secret`](crate::Secret), a [`Key`](crate::Key), a [`KeySet`](crate::KeySet) or a `KeyStore`.
/// With the feature `jwks`, `RemoteKeys` converts into it too.
#[derive(Clone, Debug)]
pub struct IssuerKeys {
    store: KeyStore,
    #[cfg(feature = "jwks")]
    remote: Option<RemoteKeys>,
}

/// The future of a request that waits for a key. It resolves when the fetch in flight ends, after
/// two seconds at the latest.
#[cfg(feature = "jwks")]
pub(crate) type KeyWait = FetchWait;
/// Without the feature `jwks`, no request waits.
#[cfg(not(feature = "jwks"))]
pub(crate) type KeyWait = std::future::Ready<()>;

/// The answer for a token whose key is not there.
#[cfg_attr(not(feature = "jwks"), allow(dead_code, reason = "no keys are fetched"))]
pub(crate) enum MissingKey {
    /// No key of the issuer has the name.
    Unknown,
    /// The keys cannot be fetched at the moment.
    Unavailable { retry_after: Duration, reason: String },
    /// The keys are being fetched.
    Wait(KeyWait),
}

impl IssuerKeys {
    /// Returns the store with the keys, which changes when keys are fetched.
    pub(crate) fn store(&self) -> &KeyStore {
        &self.store
    }

    /// Starts to fetch the keys if that is necessary and has not been done.
    #[inline]
    pub(crate) fn start(&self) {
        #[cfg(feature = "jwks")]
        if let Some(remote) = &self.remote {
            remote.start();
        }
    }

    /// Decides about a token whose key is not in the store. `kid` is the name of the key in the
    /// token, if it has one.
    #[cfg_attr(not(feature = "jwks"), allow(unused_variables, reason = "no keys are fetched"))]
    pub(crate) fn on_missing(&self, kid: Option<&str>) -> MissingKey {
        #[cfg(feature = "jwks")]
        if let Some(remote) = &self.remote {
            return match remote.on_unknown_key(kid) {
                UnknownKey::Rejected => MissingKey::Unknown,
                UnknownKey::Unavailable { retry_after, reason } => {
                    MissingKey::Unavailable { retry_after, reason }
                }
                UnknownKey::Wait(wait) => MissingKey::Wait(wait),
            };
        }
        MissingKey::Unknown
    }
}

impl<K: Into<KeyStore>> From<K> for IssuerKeys {
    fn from(keys: K) -> Self {
        Self {
            store: keys.into(),
            #[cfg(feature = "jwks")]
            remote: None,
        }
    }
}

#[cfg(feature = "jwks")]
impl From<RemoteKeys> for IssuerKeys {
    /// Uses fetched keys.
    ///
    /// # Panics
    ///
    /// Panics if the URL is a plain `http` URL without
    /// [`dangerous_allow_http`](RemoteKeys::dangerous_allow_http).
    #[track_caller]
    fn from(remote: RemoteKeys) -> Self {
        remote.refuse_forbidden_url();
        Self { store: remote.store().clone(), remote: Some(remote) }
    }
}
