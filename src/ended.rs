//! Tokens that end while they are in use: by a WebSocket, a stream of events, a long download.

use std::fmt::{self, Debug};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::{Sink, Stream};
use pin_project_lite::pin_project;

use crate::clock::Clock;
use crate::jwt::{Facts, Verifier};
use crate::revocation::{Revocations, TokenNames, Verdict};

/// How often a token in use is looked up. A look-up takes some hundred nanoseconds.
const POLL: Duration = Duration::from_millis(250);
/// Without revocations there is only the end to wait for, and a clock that may be set.
const LONG_POLL: Duration = Duration::from_secs(30);

/// Why a token that was good is no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ended {
    /// `exp` has come, and the leeway has gone by.
    Expired,
    /// It was revoked.
    Revoked,
    /// Too little is known of what is revoked, and the policy is to refuse then.
    RevocationUnavailable,
}

/// What a layer knows of the tokens that it accepted.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    clock: Arc<dyn Clock>,
    leeway: Duration,
    revocations: Option<Revocations>,
}

impl Watch {
    pub(crate) fn of(verifier: &Verifier, revocations: Option<Revocations>) -> Self {
        let leeway = verifier.validation().tolerated();
        Self { clock: verifier.clock(), leeway, revocations }
    }

    fn look(&self, facts: &Facts) -> Result<Duration, Ended> {
        let end = facts.expires_at().saturating_add(self.leeway);
        let left = end.saturating_since(self.clock.now());
        if left.is_zero() {
            return Err(Ended::Expired);
        }
        let Some(revocations) = &self.revocations else { return Ok(left.min(LONG_POLL)) };
        match revocations.check(&TokenNames::from(facts)) {
            Verdict::Good | Verdict::Unchecked => Ok(left.min(POLL)),
            Verdict::Revoked => Err(Ended::Revoked),
            Verdict::Unavailable => Err(Ended::RevocationUnavailable),
        }
    }

    pub(crate) fn has_ended(&self, facts: &Facts) -> Option<Ended> {
        self.look(facts).err()
    }

    pub(crate) async fn ended(&self, facts: &Facts) -> Ended {
        loop {
            match self.look(facts) {
                Ok(pause) => tokio::time::sleep(pause).await,
                Err(ended) => return ended,
            }
        }
    }
}

pin_project! {
    /// A stream that ends when a token does; made by `Claims::until_ended`.
    ///
    /// It is a sink if the inner one is: that is closed before anything is sent after the end. What is
    /// sent then is refused, if the inner one refuses after it was closed, as WebSockets and channels
    /// do. To close a WebSocket with a reason, send the last frame [into it](Self::into_inner).
    pub struct UntilEnded<S> {
        #[pin]
        inner: S,
        ending: Pin<Box<dyn Future<Output = Ended> + Send>>,
        look: Box<dyn Fn() -> Option<Ended> + Send + Sync>,
        ended: Option<Ended>,
        is_closed: bool,
    }
}

impl<S> UntilEnded<S> {
    /// `ending` resolves when the token ends, and `look` says at once whether it has.
    pub(crate) fn new(
        inner: S,
        ending: impl Future<Output = Ended> + Send + 'static,
        look: impl Fn() -> Option<Ended> + Send + Sync + 'static,
    ) -> Self {
        Self {
            inner,
            ending: Box::pin(ending),
            look: Box::new(look),
            ended: None,
            is_closed: false,
        }
    }

    /// Why the token ended, if that is why the stream did, or the sink was closed.
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// What was wrapped: to close a WebSocket with a reason, say.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S: Stream> Stream for UntilEnded<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        // First, so that an inner stream that is always ready does not outlive its token.
        if this.ended.is_none()
            && let Poll::Ready(ended) = this.ending.as_mut().poll(cx)
        {
            *this.ended = Some(ended);
        }
        if this.ended.is_some() {
            return Poll::Ready(None);
        }
        Poll::Ready(ready!(this.inner.poll_next(cx)))
    }
}

impl<S: Sink<Item>, Item> Sink<Item> for UntilEnded<S> {
    type Error = S::Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        let mut this = self.project();
        // Not by polling `ending`: where the two halves are in two tasks, that wakes the reader.
        if this.ended.is_none() {
            *this.ended = (this.look)();
        }
        if this.ended.is_some() && !*this.is_closed {
            ready!(this.inner.as_mut().poll_close(cx))?;
            *this.is_closed = true;
        }
        this.inner.poll_ready(cx)
    }

    fn start_send(self: Pin<&mut Self>, item: Item) -> Result<(), S::Error> {
        self.project().inner.start_send(item)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.project().inner.poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.project().inner.poll_close(cx)
    }
}

impl<S: Debug> Debug for UntilEnded<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UntilEnded")
            .field("inner", &self.inner)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
