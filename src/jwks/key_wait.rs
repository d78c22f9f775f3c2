//! A request that waits for a key.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

use crate::jwks::policy::LONGEST_WAIT;

/// The wait for the fetch in flight. Resolves when the fetch ends, and after 2 seconds at the
/// latest. Dropping the wait has no effect on the fetch.
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
        // Outside of tokio there is no timer, and a wait without a limit could last forever.
        if self.limit.is_none() && Handle::try_current().is_err() {
            return Poll::Ready(());
        }
        self.limit.get_or_insert_with(|| Box::pin(sleep(LONGEST_WAIT))).as_mut().poll(context)
    }
}
