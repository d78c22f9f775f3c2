//! The registrations and logins that have begun.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use webauthn_rs::prelude::Uuid;

/// The time limit for a ceremony. `webauthn-rs` gives the browser the same time limit.
pub(crate) const LIFETIME: Duration = webauthn_rs::DEFAULT_AUTHENTICATOR_TIMEOUT;

/// The maximum number of ceremonies. When this number is reached, each new ceremony replaces the
/// oldest, so a flood of ceremonies does not use more memory. In production, also limit the
/// ceremonies from one address.
const MAX: usize = 10_000;

/// The ceremonies that have begun. The server stores the challenges, so that each challenge is
/// accepted only once.
pub(crate) struct Ceremonies<C> {
    open: Mutex<VecDeque<Open<C>>>,
}

struct Open<C> {
    id: Uuid,
    since: Instant,
    ceremony: C,
}

impl<C> Ceremonies<C> {
    pub(crate) fn new() -> Self {
        Self { open: Mutex::default() }
    }

    /// Stores a ceremony, and returns its random identifier.
    pub(crate) fn begin(&self, ceremony: C) -> Uuid {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        while open.front().is_some_and(|oldest| oldest.since.elapsed() > LIFETIME) {
            open.pop_front();
        }
        if open.len() >= MAX {
            open.pop_front();
        }
        let id = Uuid::new_v4();
        open.push_back(Open { id, since: Instant::now(), ceremony });
        id
    }

    /// Removes and returns a ceremony, so that a browser can use it only once, even if the ceremony
    /// fails.
    pub(crate) fn take(&self, id: Uuid) -> Option<C> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let place = open.iter().position(|open| open.id == id)?;
        let taken = open.remove(place)?;
        (taken.since.elapsed() <= LIFETIME).then_some(taken.ceremony)
    }
}
