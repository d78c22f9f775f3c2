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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_call_takes_the_connection_that_an_earlier_call_put_back() {
        let kept = KeptConnection::none();
        assert_eq!(kept.take(), None);
        kept.put(1);
        assert_eq!((kept.take(), kept.take()), (Some(1), None));
        kept.put(2);
        kept.put(3);
        assert_eq!(kept.take(), Some(3));
    }
}
