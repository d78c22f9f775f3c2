//! Catches panics of a feed or of the application's clock, and returns errors instead.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use crate::revocation::feed::error::{FeedError, FeedErrorKind};

/// Runs a call, and returns an error if the call panics. The error does not contain the panic
/// message, since the message may name users. The panic hook has already printed the message.
pub(crate) async fn caught<T>(
    call: impl Future<Output = Result<T, FeedError>>,
) -> Result<T, FeedError> {
    let mut call = pin!(call);
    poll_fn(|context| {
        // `AssertUnwindSafe` is correct, since the future is not polled again after a panic.
        catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context)))
            .unwrap_or_else(|_| Poll::Ready(Err(FeedErrorKind::Panicked.into())))
    })
    .await
}
