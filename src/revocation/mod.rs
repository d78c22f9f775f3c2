//! Revoked tokens: kept in this process' memory, and read from a feed.
//!
//! A stateless server cannot ask about each token. So it remembers the few revocations that have not
//! expired yet, in [`Revocations`], and reads new ones from a log within a second. See
//! `docs/revocation.md` for how it works, what it guarantees, and how to run it.

#[cfg(feature = "test-util")]
pub mod conformance;
mod event;
#[cfg(feature = "feeds")]
mod feed;
#[cfg(feature = "feeds")]
mod feed_error;
mod fingerprint;
#[cfg(feature = "feeds")]
mod follow;
mod freshness;
mod ledger;
mod mark;
#[cfg(feature = "feeds")]
mod memory_feed;
mod message;
mod names;
mod outage;
#[cfg(feature = "postgres")]
mod postgres_feed;
#[cfg(feature = "postgres")]
mod postgres_listener;
#[cfg(feature = "redis")]
mod redis_feed;
#[cfg(feature = "feeds")]
mod reports;
mod revocations;
#[cfg(feature = "postgres")]
mod slot;
mod stats;
mod table;
#[cfg(feature = "feeds")]
mod unwind;

pub use self::event::RevocationEvent;
#[cfg(all(feature = "feeds", feature = "issuer"))]
pub(crate) use self::feed::report_creation;
#[cfg(feature = "feeds")]
pub use self::feed::{Position, Read, RevocationFeed, Snapshot};
#[cfg(feature = "feeds")]
pub use self::feed_error::{FeedError, FeedErrorKind};
#[cfg(feature = "feeds")]
pub use self::follow::Follow;
pub use self::freshness::AsOf;
pub use self::ledger::Applied;
#[cfg(feature = "feeds")]
pub use self::memory_feed::MemoryFeed;
pub use self::message::{Revocation, RevocationKind, Target};
pub use self::names::TokenNames;
pub use self::outage::RevocationOutage;
#[cfg(feature = "postgres")]
pub use self::postgres_feed::PostgresFeed;
#[cfg(feature = "redis")]
pub use self::redis_feed::RedisFeed;
pub use self::revocations::{Revocations, Verdict};
pub use self::stats::RevocationStats;

/// Marks a request whose token was accepted although revocation data was stale, as [`Revocations::dangerous_accept_stale`] allows; and in its
/// [`Token`](crate::Token::revocation_unchecked).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevocationUnchecked;
