//! A connection that is kept between successful calls.

use std::sync::{Mutex, PoisonError};

/// Holds a connection between calls. A call takes the connection out, and puts it back when the
/// call has succeeded. A call that failed or was given up leaves nothing behind, and the next call
/// connects again. So a network that swallows packets cannot leave a dead connection that is tried
/// for ever.
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
