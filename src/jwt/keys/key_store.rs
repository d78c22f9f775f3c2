//! A key set that can be replaced while requests run.

use std::fmt::{self, Debug};
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use crate::jwt::error::KeyError;
use crate::jwt::keys::key::Key;
use crate::jwt::keys::key_set::KeySet;
use crate::jwt::keys::secret::Secret;

/// A shared handle to a [`KeySet`] that can be replaced. Clones share one set. Every token is
/// checked against the set that is current at that moment, without a lock.
///
/// A secret can be rotated without a restart and without rejecting valid tokens. First add the new
/// key to the servers that verify, then sign with it on the auth server. Retire the old key once
/// its last token has expired.
///
/// ```
/// use tower_jwt_auth::{JwtAuth, Key, KeyStore, Secret};
///
/// let keys = KeyStore::from(Key::hs256(Secret::generate()?).with_id("2026-10")?);
/// let auth = JwtAuth::new(keys.clone());
///
/// // Later, while `auth` serves requests:
/// keys.rotate(Key::hs256(Secret::generate()?).with_id("2026-11")?)?;
/// assert_eq!(keys.load().iter().count(), 2);
/// // And when the tokens of the old key have expired:
/// keys.retire_previous();
/// # let _ = auth;
/// # Ok::<_, tower_jwt_auth::KeyError>(())
/// ```
#[derive(Clone)]
pub struct KeyStore {
    keys: Arc<ArcSwap<KeySet>>,
}

impl KeyStore {
    /// Replaces all keys in one step. A request that is being checked finishes with the old keys,
    /// and every later request uses the new set.
    pub fn replace(&self, keys: impl Into<KeySet>) {
        self.keys.store(Arc::new(keys.into()));
    }

    /// Makes `key` the current key and keeps the other keys as previous ones.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`KeySet::new`]. In that case the keys stay unchanged.
    pub fn rotate(&self, key: Key) -> Result<(), KeyError> {
        self.try_update(|keys| {
            KeySet::new(std::iter::once(key.clone()).chain(keys.iter().cloned()))
        })
    }

    /// Removes every key but the current one. From then on, tokens signed with the removed keys are
    /// rejected, and connections that use `Claims::ended` or `until_ended` for such a token end.
    pub fn retire_previous(&self) {
        self.keys.rcu(|keys| KeySet::of(keys.iter().take(1).cloned().collect()));
    }

    /// Returns the current set.
    pub fn load(&self) -> Arc<KeySet> {
        self.keys.load_full()
    }

    pub(crate) fn peek(&self) -> Guard<Arc<KeySet>> {
        self.keys.load()
    }

    /// Repeats the update if another thread replaced the set in between, so that no key is lost.
    fn try_update(
        &self,
        next: impl Fn(&KeySet) -> Result<KeySet, KeyError>,
    ) -> Result<(), KeyError> {
        let mut seen = self.keys.load();
        loop {
            let replacement = Arc::new(next(&seen)?);
            let before = self.keys.compare_and_swap(&*seen, replacement);
            if Arc::ptr_eq(&before, &seen) {
                return Ok(());
            }
            seen = before;
        }
    }
}

impl Debug for KeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyStore").field(&self.peek()).finish()
    }
}

impl From<KeySet> for KeyStore {
    fn from(keys: KeySet) -> Self {
        Self { keys: Arc::new(ArcSwap::from_pointee(keys)) }
    }
}

impl From<Key> for KeyStore {
    fn from(key: Key) -> Self {
        Self::from(KeySet::from(key))
    }
}

impl From<Secret> for KeyStore {
    /// Creates a store of one key for HS256 without an identifier.
    fn from(secret: Secret) -> Self {
        Self::from(KeySet::from(secret))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(first: u8, id: &str) -> Key {
        let secret = Secret::new((first..first + 32).collect::<Vec<u8>>()).unwrap();
        Key::hs256(secret).with_id(id).unwrap()
    }

    #[test]
    fn rotations_at_once_lose_no_key() {
        let store = KeyStore::from(key(0, "first"));
        std::thread::scope(|scope| {
            for n in 1..=8 {
                let store = &store;
                scope.spawn(move || store.rotate(key(n, &format!("key {n}"))).unwrap());
            }
        });
        assert_eq!(store.load().iter().count(), 9);
    }

    #[test]
    fn a_failed_rotation_changes_nothing() {
        let store = KeyStore::from(key(0, "a"));
        assert!(store.rotate(key(1, "a")).is_err());
        assert_eq!(store.load().iter().count(), 1);
        store.rotate(key(1, "b")).unwrap();
        assert_eq!(store.load().current().id(), Some("b"));
        store.retire_previous();
        assert_eq!(store.load().iter().count(), 1);
    }
}
