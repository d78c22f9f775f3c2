//! What an operator should hear of.

use crate::revocation::message::{Revocation, RevocationKind};

/// What an operator should hear of.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RevocationEvent<'a> {
    /// There was no room for an entry, so that more than it names was revoked: everything that its
    /// subject had, or everyone had. Raise [`max_bytes`](crate::revocation::Revocations::max_bytes).
    Widened(&'a Revocation, RevocationKind),
    /// The wall's clock was set back so far that what was forgotten may be needed again: all is
    /// read anew, and until then the state counts as unknown.
    ClockSetBack,
}
