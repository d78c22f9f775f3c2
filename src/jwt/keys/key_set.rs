//! Several keys, and the choice of the right one for each token.

use std::fmt::{self, Debug};
use std::sync::Arc;

use crate::jwt::error::{KeyError, KeyErrorKind};
use crate::jwt::header::Header;
use crate::jwt::header_cache::HeaderCache;
use crate::jwt::keys::key::Key;
use crate::jwt::keys::secret::Secret;
use crate::jwt::token_error::{TokenError, TokenErrorKind};

const MAX_KEYS: usize = 64;
/// The maximum number of public keys that one token is checked against. Without this limit, an
/// attacker could make the server check a signature with every key of a set.
const MAX_TRIES: usize = 4;

/// The keys that are valid at the same time: the current key, previous keys whose tokens have not
/// all expired, and announced keys, which will sign later. No two keys have both the same
/// identifier and the same algorithm, except in a set that an issuer published.
///
/// A token with a `kid` is checked only against the keys that have this identifier and the
/// algorithm of the token. A token without a `kid` is checked against all keys that have the
/// algorithm of the token, first to last. In both cases, no more than four public keys are tried.
/// There is no such limit for shared secrets.
///
/// ```
/// use tower_jwt_auth::{Key, KeySet, Secret};
///
/// let current = Key::hs256(Secret::generate()?).with_id("2026-11")?;
/// let previous = Key::hs256(Secret::generate()?).with_id("2026-10")?;
/// let keys = KeySet::new([current, previous])?;
/// assert_eq!(keys.current().id(), Some("2026-11"));
/// # Ok::<_, tower_jwt_auth::KeyError>(())
/// ```
#[derive(Clone)]
pub struct KeySet {
    /// The current key, then the previous keys, then the announced keys. Empty only for a remote
    /// source that has no usable keys at the moment.
    keys: Vec<Key>,
    /// The number of announced keys. They are the last elements of `keys`.
    announced: usize,
    headers: Arc<HeaderCache>,
    /// The identifiers and algorithms of all keys, as text for rejection reasons. Created in
    /// advance, so that rejecting a token allocates nothing.
    listed: Arc<str>,
}

impl KeySet {
    /// Creates a set of `keys`. The first key is the current one, and the others are previous keys.
    ///
    /// # Errors
    ///
    /// Returns [`KeyErrorKind::BadSetSize`] for no key or more than 64 keys, and
    /// [`KeyErrorKind::BadId`] if two keys have the same identifier and the same algorithm.
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Result<Self, KeyError> {
        let mut distinct: Vec<Key> = Vec::new();
        for key in keys {
            if distinct.len() >= MAX_KEYS {
                let message = format!("a key set holds at most {MAX_KEYS} keys: retire the oldest");
                return Err(KeyError::new(KeyErrorKind::BadSetSize, message));
            }
            let is_same =
                |other: &Key| other.id() == key.id() && other.algorithm() == key.algorithm();
            if key.id().is_some() && distinct.iter().any(is_same) {
                let message = "two keys of the set have the same identifier: rename one";
                return Err(KeyError::new(KeyErrorKind::BadId, message));
            }
            distinct.push(key);
        }
        if distinct.is_empty() {
            let message = "a key set needs at least one key";
            return Err(KeyError::new(KeyErrorKind::BadSetSize, message));
        }
        Ok(Self::of(distinct))
    }

    /// Creates a set of `keys`. The announced keys must be at the end of `keys`, and `announced` is
    /// their number.
    fn with_announced(
        keys: impl IntoIterator<Item = Key>,
        announced: usize,
    ) -> Result<Self, KeyError> {
        Ok(Self { announced, ..Self::new(keys)? })
    }

    /// Creates a set without any checks. Two keys may have the same identifier and algorithm.
    pub(crate) fn of(keys: Vec<Key>) -> Self {
        let listed = listed(&keys);
        Self { keys, announced: 0, headers: Arc::default(), listed }
    }

    /// Creates an empty set, for a remote source that has not loaded any keys or whose keys are too
    /// old. No public function returns such a set.
    #[cfg(feature = "jwks")]
    pub(crate) fn empty() -> Self {
        Self::of(Vec::new())
    }

    /// Adds a previous key.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`KeySet::new`].
    pub fn add_previous(mut self, key: Key) -> Result<Self, KeyError> {
        let announced = self.keys.split_off(self.keys.len().saturating_sub(self.announced));
        let count = announced.len();
        Self::with_announced(self.keys.into_iter().chain([key]).chain(announced), count)
    }

    /// Adds a key that will sign tokens later. The set accepts tokens that are signed with this
    /// key, and an issuer that uses the set publishes the public half of the key. All services
    /// therefore know the key before the first token is signed with it. A running server announces
    /// a key with [`KeyStore::announce`]. A server that starts while a key is announced, but not
    /// yet used for signing, must add the key to its set with this method.
    ///
    /// [`KeyStore::announce`]: crate::KeyStore::announce
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`KeySet::new`].
    pub fn add_announced(self, key: Key) -> Result<Self, KeyError> {
        let announced = self.announced.saturating_add(1);
        Self::with_announced(self.keys.into_iter().chain([key]), announced)
    }

    /// Returns a copy of the set in which `key` is the first key, and therefore the current key. If
    /// the set already contains this key, the copy contains it only once.
    pub(crate) fn rotated_to(&self, key: Key) -> Result<Self, KeyError> {
        let (valid, announced) = self.keys.split_at(self.keys.len().saturating_sub(self.announced));
        let is_other = |other: &&Key| !other.is_same(&key);
        let announced: Vec<Key> = announced.iter().filter(is_other).cloned().collect();
        let valid = valid.iter().filter(is_other).cloned();
        let count = announced.len();
        Self::with_announced(std::iter::once(key.clone()).chain(valid).chain(announced), count)
    }

    /// Returns the set without its previous keys.
    pub(crate) fn without_previous(&self) -> Self {
        let announced = self.keys.len().saturating_sub(self.announced);
        let kept = |place: &usize| *place == 0 || *place >= announced;
        let keys = self.keys.iter().enumerate().filter(|(place, _)| kept(place));
        let keys = keys.map(|(_, key)| key.clone()).collect();
        Self { announced: self.announced, ..Self::of(keys) }
    }

    /// Returns the first key, which signs new tokens.
    #[expect(clippy::expect_used, reason = "the public API returns no empty set")]
    pub fn current(&self) -> &Key {
        self.keys.first().expect("a key set has at least one key")
    }

    /// Iterates over all keys: the current key, the previous keys, and the announced keys.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter()
    }

    /// Returns true if the set has no keys. Only the set of a remote source can be empty.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(crate) fn headers(&self) -> &HeaderCache {
        &self.headers
    }

    /// Returns the key that signed `message`.
    pub(crate) fn signer_of(
        &self,
        header: &Header<'_>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<&Key, TokenError> {
        let kid = header.kid.as_deref();
        let mut candidates = self.keys.iter().filter(|key| {
            key.algorithm() == header.algorithm && kid.is_none_or(|kid| key.id() == Some(kid))
        });
        let Some(first) = candidates.next() else { return Err(self.no_candidate(kid)) };
        if first.verifies(message, signature) {
            return Ok(first);
        }
        let more = if header.algorithm.is_hmac() { MAX_KEYS } else { MAX_TRIES.saturating_sub(1) };
        let mut others = candidates.by_ref().take(more);
        if let Some(key) = others.find(|key| key.verifies(message, signature)) {
            return Ok(key);
        }
        Err(match first.shared_id().filter(|_| kid.is_some()) {
            Some(id) => TokenError::configured(TokenErrorKind::BadSignature, id),
            None if candidates.next().is_some() => TokenError::because(
                TokenErrorKind::BadSignature,
                "none of the first 4 public keys for the token's `alg` made the signature: without \
                 a `kid` in the token, no more keys are tried",
            ),
            None => TokenError::because(
                TokenErrorKind::BadSignature,
                "no configured key made the signature: the issuer signs with another key, or the \
                 token was changed",
            ),
        })
    }

    /// Returns the error for a token with this `kid` if no key fits.
    #[cold]
    fn no_candidate(&self, kid: Option<&str>) -> TokenError {
        let is_known = |kid| self.keys.iter().any(|key| key.id() == Some(kid));
        self.error(match kid {
            Some(kid) if !is_known(kid) => TokenErrorKind::UnknownKeyId,
            _ => TokenErrorKind::WrongAlgorithm,
        })
    }

    /// Creates an error that lists the configured keys.
    #[cold]
    pub(crate) fn error(&self, kind: TokenErrorKind) -> TokenError {
        TokenError::configured(kind, Arc::clone(&self.listed))
    }
}

/// Formats a list of keys for a rejection reason, each in the form `"2026-11" (HS256)`.
fn listed(keys: &[Key]) -> Arc<str> {
    const SHOWN: usize = 8;
    let named = |key: &Key| match key.id() {
        Some(id) => format!("{id:?} ({})", key.algorithm()),
        None => format!("one without an identifier ({})", key.algorithm()),
    };
    let names: Vec<String> = keys.iter().map(named).collect();
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown.into(),
        more => format!("{shown} and {more} more").into(),
    }
}

impl Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl From<Key> for KeySet {
    fn from(key: Key) -> Self {
        Self::of(vec![key])
    }
}

impl From<Secret> for KeySet {
    /// Creates a set with one HS256 key. The key has no identifier.
    fn from(secret: Secret) -> Self {
        Self::from(Key::from(secret))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(first: u8, id: Option<&str>) -> Key {
        let key = Key::hs256(Secret::new((first..first + 32).collect::<Vec<u8>>()).unwrap());
        match id {
            Some(id) => key.with_id(id).unwrap(),
            None => key,
        }
    }

    #[test]
    fn a_set_has_one_to_64_keys_and_no_identifier_twice() {
        let kind = |keys: Vec<Key>| KeySet::new(keys).map_err(|error| error.kind()).err();
        assert_eq!(kind(vec![]), Some(KeyErrorKind::BadSetSize));
        assert_eq!(kind(vec![key(1, None); 64]), None);
        assert_eq!(kind(vec![key(1, None); 65]), Some(KeyErrorKind::BadSetSize));
        assert_eq!(kind(vec![key(1, Some("a")), key(2, Some("b"))]), None);
        assert_eq!(kind(vec![key(1, Some("a")), key(2, Some("a"))]), Some(KeyErrorKind::BadId));
    }

    #[cfg(feature = "asymmetric")]
    mod public_keys {
        use super::*;
        use crate::jwt::keys::algorithm::Algorithm;

        fn pair(id: Option<&str>) -> Key {
            let pair = Key::generate(Algorithm::EdDsa).unwrap();
            match id {
                Some(id) => pair.with_id(id).unwrap(),
                None => pair,
            }
        }

        fn signer_of(set: &KeySet, key: &Key, kid: Option<&str>) -> Result<Key, TokenError> {
            let mut text = "message".to_owned();
            key.sign_onto(&mut text).unwrap();
            let (message, signature) = text.split_once('.').unwrap();
            let header = Header { algorithm: key.algorithm(), kid: kid.map(Into::into), typ: None };
            set.signer_of(&header, message.as_bytes(), signature.as_bytes()).cloned()
        }

        #[test]
        fn at_most_four_keys_are_tried_for_a_token_without_an_identifier() {
            let keys: Vec<Key> = (0..5).map(|_| pair(None)).collect();
            // Keys of other algorithms are not tried, so they do not count toward the limit of
            // four keys.
            let others = (0..5).map(|first| key(first, None));
            let set = KeySet::of(others.chain(keys.iter().cloned()).collect());
            for key in &keys[..4] {
                assert_eq!(signer_of(&set, key, None).unwrap().id(), key.id());
                assert_eq!(signer_of(&set, key, key.id()).unwrap().id(), key.id());
            }
            let error = signer_of(&set, &keys[4], None).unwrap_err();
            assert_eq!(error.kind(), TokenErrorKind::BadSignature);
            assert!(error.to_string().contains("none of the first 4 public keys"), "{error}");
            assert_eq!(signer_of(&set, &keys[4], keys[4].id()).unwrap().id(), keys[4].id());

            let error = signer_of(&KeySet::of(keys[..4].to_vec()), &keys[4], None).unwrap_err();
            assert!(error.to_string().contains("no configured key"), "{error}");
        }

        #[test]
        fn keys_with_the_same_identifier_are_tried_in_their_order_and_at_most_four() {
            let keys: Vec<Key> = (0..5).map(|_| pair(Some("a"))).collect();
            let set = KeySet::of(keys.clone());
            for (place, key) in keys.iter().enumerate() {
                let found = signer_of(&set, key, Some("a"));
                assert_eq!(found.is_ok(), place < 4, "{place}");
            }
            let error = signer_of(&set, &keys[4], Some("a")).unwrap_err();
            assert_eq!(error.to_string(), "the signature is not that of the key \"a\"");
        }

        #[cfg(feature = "jwks")]
        #[test]
        fn an_empty_set_knows_no_key() {
            let set = KeySet::empty();
            let key = pair(Some("a"));
            let kind = |kid| signer_of(&set, &key, kid).unwrap_err().kind();
            assert_eq!(kind(Some("a")), TokenErrorKind::UnknownKeyId);
            assert_eq!(kind(None), TokenErrorKind::WrongAlgorithm);
            assert_eq!(set.iter().count(), 0);
        }
    }
}
