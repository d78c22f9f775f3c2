//! The public type [`TokenCache`], and the code with which a layer uses a cache.

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::auth::cache::table::{Cached, Table, TableStats};
use crate::misuse;
use crate::providers::issuers::Issuers;
use crate::providers::trusted_issuer::TrustedIssuer;
use crate::request::token::ErasedClaims;

const SHARDS: usize = 16;
const MAX_BYTES: usize = 8 << 20;
const LEAST_BYTES: usize = 1 << 20;

/// A cache of verified tokens for [`JwtAuth::with_cache`](crate::JwtAuth::with_cache). This is a
/// handle: clones share the same memory.
///
/// The signature and the claims of a cached token are not verified again. Each request is still
/// checked against the clock, the current keys and the revocations. If a cached token expires, is
/// revoked, or was signed with a key that has been removed, it is therefore rejected at the same
/// moment, and with the same error, as without a cache.
///
/// ```
/// use tower_jwt_auth::{JwtAuth, Secret, TokenCache};
///
/// let cache = TokenCache::new().max_bytes(16 << 20);
/// let auth = JwtAuth::new(Secret::generate()?).with_cache(cache.clone());
///
/// // Later, for the metrics of the service:
/// let stats = cache.stats();
/// assert_eq!((stats.hits, stats.entries), (0, 0));
/// # let _ = auth;
/// # Ok::<_, tower_jwt_auth::KeyError>(())
/// ```
///
/// Several layers can use one cache. They share its memory, but not its entries: a layer finds a
/// token only if the token was verified by this layer, or by a clone with the same configuration
/// and claims type.
///
/// # Time and memory
///
/// With public keys, a cache hit takes a small fraction of the time that a verification takes. A
/// layer with a public key therefore has a cache by default.
/// [`without_cache`](crate::JwtAuth::without_cache) removes the cache.
///
/// For HS256 tokens, a hit takes a tenth of the time of a verification if a few hundred tokens are
/// in use, and an eighth if a thousand tokens are in use. With more tokens, the entries are rarely
/// in the processor's cache: with 10,000 tokens, a hit takes two fifths of the time. A cached token
/// occupies about 1.4 KB. If a token is presented only once, its verification takes longer than
/// without a cache. To find out whether most requests are hits, compare the hits and misses in
/// [`stats`](Self::stats). [`guide::explanation::cache`](crate::guide::explanation::cache) has the
/// figures.
///
/// # Security
///
/// - Only tokens that passed every check enter the cache. Requests with other tokens neither use
///   its memory nor evict its entries.
/// - When the key set is replaced, the new keys apply at once, just as they do without the cache.
/// - Tokens and their claims, even expired ones, stay in memory until other tokens displace them or
///   the cache is dropped. Their memory is then freed, but not overwritten with zeros. The memory
///   of the requests that contained the tokens is not overwritten either. A core dump therefore
///   contains more tokens than without the cache.
/// - Signatures are compared in constant time, and the table is addressed by a keyed hash, so
///   response times do not help an attacker to guess a token.
/// - The claims of one token are shared by all its requests. If the claims type has interior
///   mutability, the other requests see a change that one request makes.
#[derive(Clone)]
#[must_use]
pub struct TokenCache {
    table: Arc<Table<CachedToken, SHARDS>>,
}

/// Counters of a [`TokenCache`], for metrics.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct TokenCacheStats {
    /// Look-ups that found the token.
    pub hits: u64,
    /// Look-ups that did not find the token, or found a token that was verified before the keys
    /// last changed. Each forged token counts as a miss.
    pub misses: u64,
    /// Tokens that were evicted to make room for others.
    pub evictions: u64,
    /// The number of tokens in the cache. Some may have expired, been revoked, or been verified
    /// with former keys.
    pub entries: usize,
    /// The memory that the tokens in the cache occupy, in bytes.
    pub bytes: usize,
}

impl TokenCache {
    /// Creates an empty cache of at most 8 MiB.
    pub fn new() -> Self {
        Self { table: Arc::new(Table::new(MAX_BYTES)) }
    }

    /// Sets the maximum memory for tokens. 8 MiB by default, enough for about 6,000 tokens of
    /// typical size. The minimum is 1 MiB.
    ///
    /// The cache cannot measure the memory that the claims type itself allocates. It counts the
    /// payload's length instead. This estimate is high enough for a type with strings. A type with
    /// maps, such as `serde_json::Value`, may need several times as much memory.
    ///
    /// A token that needs more than 1/64 of the maximum memory is not cached.
    ///
    /// # Panics
    ///
    /// Panics if `bytes` is less than 1 MiB, or if the cache has been cloned.
    #[track_caller]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        if bytes < LEAST_BYTES {
            misuse::refuse(format_args!(
                "TokenCache::max_bytes({bytes}): 1 MiB is the least, and 8 MiB the default"
            ));
        }
        match Arc::get_mut(&mut self.table) {
            Some(table) => *table = Table::new(bytes),
            None => misuse::refuse(
                "TokenCache is configured after it was cloned: configure it first, then hand out clones",
            ),
        }
        self
    }

    /// Returns the current counters.
    pub fn stats(&self) -> TokenCacheStats {
        let TableStats { hits, misses, evictions, entries, bytes } = self.table.stats();
        TokenCacheStats { hits, misses, evictions, entries, bytes }
    }
}

impl Default for TokenCache {
    fn default() -> Self {
        Self::new()
    }
}

impl Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache")
            .field("max_bytes", &self.table.max_bytes())
            .field("stats", &self.stats())
            .finish()
    }
}

/// A view of a [`TokenCache`] that finds only the tokens of one layer configuration.
#[derive(Clone, Debug)]
pub(crate) struct LayerCache {
    cache: TokenCache,
    /// The scope, a number that identifies the configuration and the claims type. A token that was
    /// verified under one scope is not found under another.
    scope: u64,
}

impl LayerCache {
    pub(crate) fn new(cache: TokenCache) -> Self {
        Self { cache, scope: next_scope() }
    }

    /// Changes the scope, the number that identifies the layer's configuration in the cache. Tokens
    /// that were verified under the earlier configuration are then no longer found. The layer calls
    /// this method whenever its configuration changes.
    pub(crate) fn renew(&mut self) {
        self.scope = next_scope();
    }

    /// Returns a token's issuer and claims if the token was verified with the issuer's current
    /// keys.
    #[inline]
    pub(crate) fn find<'i>(
        &self,
        issuers: &'i Issuers,
        token: &[u8],
    ) -> Option<(&'i TrustedIssuer, Arc<dyn ErasedClaims>)> {
        let pick = |cached: &CachedToken| {
            let issuer = issuers.at(cached.issuer)?;
            let is_current = cached.key_generation == issuer.verifier.key_generation();
            is_current.then(|| (issuer, Arc::clone(&cached.claims)))
        };
        self.cache.table.find(self.scope, token, pick)
    }

    /// Adds the claims of a verified token. `issuer` is the index of the token's issuer in
    /// [`Issuers`]. `key_generation` is the generation number of the issuer's keys. The caller must
    /// have read this number before it read the keys.
    pub(crate) fn insert(&self, issuer: usize, key_generation: u64, claims: Arc<dyn ErasedClaims>) {
        self.cache.table.insert(self.scope, CachedToken { claims, issuer, key_generation });
    }
}

fn next_scope() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The claims of a verified token.
#[derive(Clone)]
struct CachedToken {
    claims: Arc<dyn ErasedClaims>,
    /// The index of the issuer in [`Issuers`].
    issuer: usize,
    /// The generation number that the issuer's keys had when the token was verified.
    key_generation: u64,
}

impl Cached for CachedToken {
    fn token(&self) -> &[u8] {
        self.claims.data().verified.encoded_bytes()
    }

    fn weight(&self) -> usize {
        /// The size of two allocation headers and of the two reference counts of an `Arc`. Each
        /// header takes two words, and each count takes one.
        const COUNTS: usize = size_of::<[usize; 6]>();
        let verified = &self.claims.data().verified;
        size_of_val(&*self.claims)
            .saturating_add(COUNTS)
            .saturating_add(verified.allocated_bytes())
            // The claims type may own strings. The total length of these strings is at most the
            // length of the payload.
            .saturating_add(verified.payload_len())
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::auth::cache::slots::Entry;
    use crate::auth::cache::sync::OnceLock;

    #[test]
    fn a_cache_is_configured_before_it_is_cloned() {
        let cache = TokenCache::new().max_bytes(2 << 20);
        assert_eq!(cache.table.max_bytes(), 2 << 20);
        let clone = cache.clone();
        let late = catch_unwind(AssertUnwindSafe(|| clone.max_bytes(3 << 20)));
        assert!(late.is_err());
        assert!(catch_unwind(|| TokenCache::new().max_bytes((1 << 20) - 1)).is_err());
    }

    #[test]
    fn a_slot_of_the_cache_is_as_large_as_a_cache_line() {
        assert_eq!(size_of::<OnceLock<Entry<CachedToken>>>(), 64);
    }
}
