//! A key set that can be replaced while requests run.

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwap, Guard};

use crate::jwt::error::KeyError;
use crate::jwt::keys::key::Key;
use crate::jwt::keys::key_set::KeySet;
use crate::jwt::keys::secret::Secret;

/// A shared handle to a [`KeySet`] that can be replaced. Clones share one set. Every token is
/// checked, without a lock, against the set that is current when the check begins.
///
/// A key can be rotated without a restart and without rejecting valid tokens. The servers that
/// verify must have the new key before the auth server signs with it. For a shared secret, call
/// [`rotate`](Self::rotate) on those servers first. For a key pair, call
/// [`announce`](Self::announce) on the auth server first, so that the auth server publishes the
/// key. Retire the old key once its last token has expired.
/// [`guide::how_to::rotate_a_key`](crate::guide::how_to::rotate_a_key) lists all steps.
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
    shared: Arc<Shared>,
}

struct Shared {
    keys: ArcSwap<KeySet>,
    /// The number of times that the keys were changed. Reading this number is cheaper than reading
    /// the keys.
    generation: AtomicU64,
}

impl KeyStore {
    /// Replaces all keys in one step. A request that is being checked finishes with the old keys,
    /// and every later request uses the new set.
    pub fn replace(&self, keys: impl Into<KeySet>) {
        self.shared.keys.store(Arc::new(keys.into()));
        self.end_generation();
    }

    /// Adds a key that will sign tokens later. An issuer publishes the public half of the key in
    /// its key set, and a later [`rotate`](Self::rotate) with the same key makes it the current
    /// key.
    ///
    /// Announce a key pair at least a day before it signs. Services can cache the key set of the
    /// issuer for that long. Until a service knows the new key, it may reject tokens that are
    /// signed with the key. The announcement needs only the public half, so the private key need
    /// not be on the server before the rotation.
    ///
    #[cfg_attr(feature = "asymmetric", doc = "```")]
    #[cfg_attr(not(feature = "asymmetric"), doc = "```ignore")]
    /// use tower_jwt_auth::{Algorithm, Key, KeyStore};
    ///
    /// let october = Key::generate(Algorithm::EdDsa)?;
    /// let keys = KeyStore::from(october.clone());
    /// let november = Key::generate(Algorithm::EdDsa)?;
    /// keys.announce(november.clone())?;
    /// assert_eq!(keys.load().current().id(), october.id());
    /// // A day later:
    /// keys.rotate(november.clone())?;
    /// assert_eq!(keys.load().current().id(), november.id());
    /// assert_eq!(keys.load().iter().count(), 2);
    /// # Ok::<_, tower_jwt_auth::KeyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`KeySet::new`]. After an error, the keys stay unchanged.
    pub fn announce(&self, key: Key) -> Result<(), KeyError> {
        self.try_update(|keys| keys.clone().add_announced(key.clone()))
    }

    /// Makes `key` the current key and keeps the other keys as previous ones. If the store already
    /// has this key as an announced or a previous key, no second copy is added.
    ///
    /// # Errors
    ///
    /// Fails for the same reasons as [`KeySet::new`], for example if another key of the store has
    /// the same identifier and algorithm. The keys then stay unchanged.
    pub fn rotate(&self, key: Key) -> Result<(), KeyError> {
        self.try_update(|keys| keys.rotated_to(key.clone()))
    }

    /// Removes the previous keys. The current key and announced keys stay. Tokens that were signed
    /// with the removed keys are rejected from then on. A connection that was opened with such a
    /// token ends if the connection's handler uses `Claims::ended` or `until_ended`.
    pub fn retire_previous(&self) {
        self.shared.keys.rcu(|keys| keys.without_previous());
        self.end_generation();
    }

    /// Returns the current set.
    pub fn load(&self) -> Arc<KeySet> {
        self.shared.keys.load_full()
    }

    pub(crate) fn peek(&self) -> Guard<Arc<KeySet>> {
        self.shared.keys.load()
    }

    /// Returns a number that changes whenever the keys change. A caller must read this number
    /// before it reads the keys. As long as the number stays the same afterward, the keys that
    /// were read are still current, unless a change of the keys is in progress.
    ///
    /// Each method that changes the keys stores the new keys, then changes this number, and then
    /// returns.
    #[inline]
    pub(crate) fn generation(&self) -> u64 {
        // `Acquire` pairs with the `Release` in `end_generation`: a thread that reads a changed
        // number and then reads the keys gets the changed keys.
        self.shared.generation.load(Ordering::Acquire)
    }

    /// Changes the number that [`Self::generation`] returns. Must be called after the keys have
    /// changed, and not before. Otherwise a reader could see the new number and then the old keys.
    fn end_generation(&self) {
        self.shared.generation.fetch_add(1, Ordering::Release);
    }

    /// Replaces the current set with the result of `next`. If another thread has replaced the set
    /// in the meantime, calls `next` again with that set, so that no key is lost.
    fn try_update(
        &self,
        next: impl Fn(&KeySet) -> Result<KeySet, KeyError>,
    ) -> Result<(), KeyError> {
        let mut seen = self.shared.keys.load();
        loop {
            let replacement = Arc::new(next(&seen)?);
            let before = self.shared.keys.compare_and_swap(&*seen, replacement);
            if Arc::ptr_eq(&before, &seen) {
                self.end_generation();
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
        let keys = ArcSwap::from_pointee(keys);
        Self { shared: Arc::new(Shared { keys, generation: AtomicU64::new(0) }) }
    }
}

impl From<Key> for KeyStore {
    fn from(key: Key) -> Self {
        Self::from(KeySet::from(key))
    }
}

impl From<Secret> for KeyStore {
    /// Creates a store with one HS256 key. The key has no identifier.
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
    fn every_change_of_the_keys_ends_their_generation() {
        let store = KeyStore::from(key(0, "a"));
        let changes: [fn(&KeyStore); 4] = [
            |store| store.announce(key(1, "b")).unwrap(),
            |store| store.rotate(key(2, "c")).unwrap(),
            KeyStore::retire_previous,
            |store| store.replace(key(0, "a")),
        ];
        for change in changes {
            let before = (store.generation(), store.load());
            change(&store.clone());
            assert_ne!(store.generation(), before.0);
            assert!(!Arc::ptr_eq(&store.load(), &before.1));
        }
        let before = store.generation();
        assert!(store.rotate(key(1, "a")).is_err());
        assert_eq!(store.generation(), before);
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

    fn ids(store: &KeyStore) -> Vec<String> {
        let keys = store.load();
        keys.iter().map(|key| key.id().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn an_announced_key_stays_until_it_signs() {
        let store = KeyStore::from(key(0, "a"));
        store.announce(key(1, "b")).unwrap();
        store.announce(key(2, "c")).unwrap();
        assert_eq!(ids(&store), ["a", "b", "c"]);
        assert!(store.announce(key(1, "b")).is_err());

        // A key is rejected if it has the identifier of an announced key but is not that key.
        assert!(store.rotate(key(9, "b")).is_err());
        assert_eq!(ids(&store), ["a", "b", "c"]);
        store.rotate(key(1, "b")).unwrap();
        assert_eq!(ids(&store), ["b", "a", "c"]);
        store.retire_previous();
        assert_eq!(ids(&store), ["b", "c"]);
        store.rotate(key(3, "d")).unwrap();
        assert_eq!(ids(&store), ["d", "b", "c"]);
        store.rotate(key(2, "c")).unwrap();
        store.retire_previous();
        assert_eq!(ids(&store), ["c"]);
    }

    #[test]
    fn a_rotation_back_to_a_previous_key_moves_it_to_the_front() {
        let store = KeyStore::from(key(0, "a"));
        store.rotate(key(1, "b")).unwrap();
        for _ in 0..2 {
            store.rotate(key(0, "a")).unwrap();
            assert_eq!(ids(&store), ["a", "b"]);
        }
    }

    #[test]
    fn a_previous_key_is_added_before_the_announced_ones() {
        let set = KeySet::from(key(0, "a")).add_announced(key(1, "b")).unwrap();
        let store = KeyStore::from(set.add_previous(key(2, "c")).unwrap());
        assert_eq!(ids(&store), ["a", "c", "b"]);
        store.retire_previous();
        assert_eq!(ids(&store), ["a", "b"]);
    }

    #[cfg(feature = "asymmetric")]
    #[test]
    fn a_pair_replaces_its_announced_public_key() {
        use crate::jwt::keys::algorithm::Algorithm;
        let pair = Key::generate(Algorithm::EdDsa).unwrap();
        let store = KeyStore::from(key(0, "a"));
        store.announce(pair.public().unwrap()).unwrap();
        let renamed = Key::generate(Algorithm::EdDsa).unwrap().with_id(pair.id().unwrap()).unwrap();
        assert!(store.rotate(renamed).is_err());
        store.rotate(pair.clone()).unwrap();
        assert!(store.load().current().can_sign());
        assert_eq!(ids(&store), [pair.id().unwrap(), "a"]);
    }
}
