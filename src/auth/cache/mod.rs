//! The cache of verified tokens, behind [`JwtAuth::with_cache`](crate::JwtAuth::with_cache).
//!
//! | file | holds |
//! |---|---|
//! | `token_text` | the comparison and the keyed hash of tokens |
//! | `counters` | the numbers of hits and misses |
//! | `slots` | a hash table that threads read without a lock |
//! | `shard` | one part of the table: its memory, and the choice of the entry to evict |
//! | `table` | the whole table, which consists of shards |
//! | `token_cache` | the public handle, and the check that a value's keys and rules are current |
//!
//! The cache follows five rules:
//!
//! 1. Only a token that passed every check is added, so nobody without valid tokens can fill the
//!    table.
//! 2. A value is found only for the same token bytes, the same rules and the same key set.
//! 3. A hit means that the signature and the claims were verified before. For each request, the
//!    layer still checks the token's dates and revocations, with the same code as after a miss.
//! 4. No application code runs under a lock. Values are dropped after the lock is released.
//! 5. No request waits for another request. A look-up takes no lock. If a request cannot lock a
//!    part of the table because another request is adding a token there, the request does not add
//!    its token.

mod counters;
mod shard;
mod slots;
mod sync;
mod table;
mod token_cache;
mod token_text;

pub(crate) use self::token_cache::LayerCache;
pub use self::token_cache::{TokenCache, TokenCacheStats};
