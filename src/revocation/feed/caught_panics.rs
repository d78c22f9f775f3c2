//! A panic in somebody else's code is a failure like any other.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use crate::revocation::feed::error::{FeedError, FeedErrorKind};

/// A call that fails where it would have panicked. What it panicked with is not kept: the panic
/// hook has shown it already, and it may name users.
pub(crate) async fn caught<T>(
    call: impl Future<Output = Result<T, FeedError>>,
) -> Result<T, FeedError> {
    let mut call = pin!(call);
    poll_fn(|context| {
        // It is not polled again after a panic.
        catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context)))
            .unwrap_or_else(|_| Poll::Ready(Err(FeedErrorKind::Panicked.into())))
    })
    .await
}
