//! A request that waits for a key.

use std::panic::catch_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

use crate::jwks::policy::LONGEST_WAIT;

/// A future that waits for the current fetch. It completes when the fetch ends, or after 2 seconds
/// if the fetch takes longer. Dropping the future has no effect on the fetch.
#[derive(Debug)]
pub(crate) struct KeyWait {
    ended: oneshot::Receiver<()>,
    limit: Option<Pin<Box<Sleep>>>,
}

impl KeyWait {
    pub(crate) fn new(ended: oneshot::Receiver<()>) -> Self {
        Self { ended, limit: None }
    }
}

impl Future for KeyWait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // A dropped sender means that the task ended: there is nothing to wait for.
        if Pin::new(&mut self.ended).poll(context).is_ready() {
            return Poll::Ready(());
        }
        if self.limit.is_none() {
            self.limit = timer();
        }
        // Without a timer, the wait ends at once, since it could otherwise last forever.
        self.limit.as_mut().map_or(Poll::Ready(()), |limit| limit.as_mut().poll(context))
    }
}

/// Creates the timer of a wait. Returns `None` outside of a tokio runtime, and in a runtime without
/// timers, where `sleep` panics. The panic is caught, since anyone can cause a wait and the panic
/// would end the connection.
fn timer() -> Option<Pin<Box<Sleep>>> {
    Handle::try_current().ok()?;
    catch_unwind(|| Box::pin(sleep(LONGEST_WAIT))).ok()
}
