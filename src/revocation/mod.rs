//! Revoked tokens, kept in the memory of the process and read from a feed.
//!
//! A stateless server cannot query a database for each token. It therefore keeps the few
//! revocations that have not expired yet in [`Revocations`], and reads new ones from a log within a
//! second. The [guide](crate::guide::explanation::revocation) explains how revocation works, what
//! it guarantees, and how to run it.

#[cfg(feature = "test-util")]
pub mod conformance;
mod event;
#[cfg(feature = "feeds")]
mod feed;
mod freshness;
mod message;
mod outage;
mod revocations;
mod stats;
mod table;
mod target;
mod token_names;

pub use self::event::RevocationEvent;
#[cfg(feature = "feeds")]
pub use self::feed::error::{FeedError, FeedErrorKind};
#[cfg(feature = "feeds")]
pub use self::feed::follow::Follow;
#[cfg(feature = "feeds")]
pub use self::feed::memory::MemoryFeed;
#[cfg(feature = "postgres")]
pub use self::feed::postgres::PostgresFeed;
#[cfg(feature = "redis")]
pub use self::feed::redis::RedisFeed;
#[cfg(all(feature = "feeds", feature = "issuer"))]
pub(crate) use self::feed::report_creation;
#[cfg(feature = "feeds")]
pub use self::feed::{Position, Read, RevocationFeed, Snapshot};
pub use self::freshness::AsOf;
pub use self::message::Revocation;
pub use self::outage::{RevocationOutage, RevocationOutageKind};
pub use self::revocations::{Revocations, Verdict};
pub use self::stats::RevocationStats;
pub use self::table::revocation_table::Applied;
pub use self::target::{RevocationKind, RevocationTarget};
pub use self::token_names::TokenNames;

/// Marks a request whose token was accepted although revocation data was stale or missing. Only
/// [`Revocations::dangerous_accept_stale`] and
/// [`Revocations::dangerous_accept_before_first_snapshot`] allow this.
/// [`Token::revocation_unchecked`](crate::Token::revocation_unchecked) returns this mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevocationUnchecked;
