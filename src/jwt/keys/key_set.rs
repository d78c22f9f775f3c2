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

/// The keys that are valid at the same time: the current key, and previous keys whose tokens have
/// not all expired. Identifiers are unique within a set.
///
/// A token with a `kid` is checked only against the key with this identifier. A token without a
/// `kid` is checked against every key of its algorithm, first to last.
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
    current: Key,
    previous: Vec<Key>,
    headers: Arc<HeaderCache>,
    /// The identifiers and algorithms of all keys, as text for rejection reasons. Created in
    /// advance, so that rejecting a token allocates nothing.
    listed: Arc<str>,
}

impl KeySet {
    /// Creates a set of `keys`. The first key is the current one.
    ///
    /// # Errors
    ///
    /// Returns [`KeyErrorKind::BadSetSize`] for no key or more than 64 keys, and
    /// [`KeyErrorKind::BadId`] if two keys have the same identifier.
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Result<Self, KeyError> {
        let mut keys = keys.into_iter();
        let Some(current) = keys.next() else {
            return Err(KeyError::new(
                KeyErrorKind::BadSetSize,
                "a key set needs at least one key",
            ));
        };
        keys.try_fold(Self::from(current), Self::add_previous)
    }

    /// Adds a previous key after the keys of the set.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`KeySet::new`].
    pub fn add_previous(mut self, key: Key) -> Result<Self, KeyError> {
        if self.iter().count() >= MAX_KEYS {
            let message = format!("a key set holds at most {MAX_KEYS} keys: retire the oldest");
            return Err(KeyError::new(KeyErrorKind::BadSetSize, message));
        }
        if key.id().is_some() && self.iter().any(|other| other.id() == key.id()) {
            let message = "two keys of the set have the same identifier: rename one";
            return Err(KeyError::new(KeyErrorKind::BadId, message));
        }
        self.previous.push(key);
        self.headers = Arc::default();
        self.listed = listed(self.iter());
        Ok(self)
    }

    /// Returns the first key, which signs new tokens.
    pub fn current(&self) -> &Key {
        &self.current
    }

    /// Iterates over all keys, the current key first.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.current).chain(&self.previous)
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
        let Some(kid) = header.kid.as_deref() else {
            return self.signer_without_id(header, message, signature);
        };
        // A `kid` names one key. No other key is tried.
        let Some(key) = self.iter().find(|key| key.id() == Some(kid)) else {
            return Err(self.error(TokenErrorKind::UnknownKeyId));
        };
        if key.algorithm() != header.algorithm {
            return Err(self.error(TokenErrorKind::WrongAlgorithm));
        }
        if key.verifies(message, signature) {
            return Ok(key);
        }
        Err(match key.shared_id() {
            Some(id) => TokenError::configured(TokenErrorKind::BadSignature, id),
            None => TokenError::new(TokenErrorKind::BadSignature),
        })
    }

    /// Finds the key that signed a token without a `kid`, among all keys of its algorithm.
    fn signer_without_id(
        &self,
        header: &Header<'_>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<&Key, TokenError> {
        let mut candidates = self.iter().filter(|key| key.algorithm() == header.algorithm);
        let Some(first) = candidates.next() else {
            return Err(self.error(TokenErrorKind::WrongAlgorithm));
        };
        let mut keys = std::iter::once(first).chain(candidates);
        keys.find(|key| key.verifies(message, signature)).ok_or(TokenError::because(
            TokenErrorKind::BadSignature,
            "no configured key made the signature: the issuer signs with another secret, or the \
             token was changed",
        ))
    }

    /// Creates an error that lists the configured keys.
    #[cold]
    pub(crate) fn error(&self, kind: TokenErrorKind) -> TokenError {
        TokenError::configured(kind, Arc::clone(&self.listed))
    }
}

/// Lists keys in the form that reasons show: `"2026-11" (HS256)`.
fn listed<'k>(keys: impl Iterator<Item = &'k Key>) -> Arc<str> {
    const SHOWN: usize = 8;
    let named = |key: &Key| match key.id() {
        Some(id) => format!("{id:?} ({})", key.algorithm()),
        None => format!("one without an identifier ({})", key.algorithm()),
    };
    let names: Vec<String> = keys.map(named).collect();
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
        let listed = listed(std::iter::once(&key));
        Self { current: key, previous: Vec::new(), headers: Arc::default(), listed }
    }
}

impl From<Secret> for KeySet {
    /// Creates a set of one key for HS256 without an identifier.
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
}
