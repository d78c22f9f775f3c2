//! The keys of an issuer: kept in memory, or fetched.

use std::time::Duration;

use crate::jwt::KeyStore;

/// The keys of an [`Issuer`](crate::Issuer).
///
/// Everything that converts into a [`KeyStore`] converts into this type: a
/// [`Secret`](crate::Secret), a [`Key`](crate::Key), a [`KeySet`](crate::KeySet) or a `KeyStore`.
#[derive(Clone, Debug)]
pub struct IssuerKeys {
    store: KeyStore,
}

/// The future of a request that waits for a key. It resolves when the fetch in flight ends, after
/// two seconds at the latest.
pub(crate) type KeyWait = std::future::Ready<()>;

/// The answer for a token whose key is not there.
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
    pub(crate) fn start(&self) {}

    /// Decides about a token whose key is not in the store. `kid` is the name of the key in the
    /// token, if it has one.
    pub(crate) fn on_missing(&self, _kid: Option<&str>) -> MissingKey {
        MissingKey::Unknown
    }
}

impl<K: Into<KeyStore>> From<K> for IssuerKeys {
    fn from(keys: K) -> Self {
        Self { store: keys.into() }
    }
}
