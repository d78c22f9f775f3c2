//! Is this token still good? What is revoked is in this process' memory, and comes in by a feed.
//!
//! A stateless server cannot ask anyone about each token. So it remembers the little that is
//! revoked and not yet expired, in [`Revocations`], and hears of more within a second. How it
//! works, what it guarantees and how to run it is in `docs/revocation.md`.

mod event;
mod fingerprint;
mod freshness;
mod ledger;
mod mark;
mod message;
mod names;
mod revocations;
mod stats;
mod table;

pub use self::event::RevocationEvent;
pub use self::freshness::AsOf;
pub use self::ledger::Applied;
pub use self::message::{Revocation, RevocationKind, Target};
pub use self::names::TokenNames;
pub use self::revocations::{Revocations, Verdict};
pub use self::stats::RevocationStats;

/// In the extensions of a request whose token was accepted although what is known to be revoked
/// is too old, as [`Revocations::dangerously_accept_stale`] allows.
#[derive(Clone, Copy, Debug)]
pub struct RevocationUnchecked;
