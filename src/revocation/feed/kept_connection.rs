//! A connection that is kept between successful calls.

use std::sync::{Mutex, PoisonError};

/// Holds a connection between calls. A call takes the connection out, and puts it back when the
/// call has succeeded. After a call that failed or was given up, no connection is kept, and the
/// next call reconnects. Otherwise a dead connection, in a network that drops packets, would be
/// used forever.
#[derive(Debug)]
pub(crate) struct KeptConnection<C>(Mutex<Option<C>>);

impl<C> KeptConnection<C> {
    pub(crate) fn none() -> Self {
        Self(Mutex::new(None))
    }

    pub(crate) fn take(&self) -> Option<C> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(crate) fn put(&self, connection: C) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
    }
}
