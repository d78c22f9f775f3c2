//! Tokens that end while a WebSocket, an event stream or a long download still uses them.

use std::fmt::{self, Debug};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::{Sink, Stream};
use pin_project_lite::pin_project;

use crate::jwt::{KeySet, VerifiedToken};
use crate::request::layer_context::LayerContext;
use crate::revocation::{TokenNames, Verdict};

/// The pause between two checks of a token that can be revoked. The token is checked as long as a
/// request uses it. A check takes a few hundred nanoseconds.
const POLL: Duration = Duration::from_millis(250);
/// The longest pause between two checks of a token that cannot be revoked. Such a token becomes
/// invalid only when it expires or when its key is retired. The pause has a limit because the keys
/// or the clock may change during the pause.
const LONG_POLL: Duration = Duration::from_secs(30);

/// The reason why a previously valid token is no longer valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ended {
    /// The token has expired, and the leeway has passed.
    Expired,
    /// The token was revoked.
    Revoked,
    /// Revocation data is stale, and the policy is to reject tokens in that case.
    RevocationUnavailable,
    /// No key in the layer's `KeyStore` verifies the token any more: its key was retired or
    /// replaced.
    KeyRetired,
}

/// The key set that last verified the signature of a token. The signature is checked again only if
/// the key set of the layer has been replaced. The reference is weak, so retired keys do not stay
/// in memory.
#[derive(Debug, Default)]
pub(crate) struct SeenKeys(Weak<KeySet>);

impl LayerContext {
    /// Checks a token that is still in use. If the token is still valid, returns the time to wait
    /// before the next check.
    fn recheck(&self, token: &VerifiedToken, seen: &mut SeenKeys) -> Result<Duration, Ended> {
        let Some(issuer) = self.issuers.of(token) else { return Err(Ended::KeyRetired) };
        let verifier = &issuer.verifier;
        let leeway = verifier.validation().tolerated();
        let now = verifier.clock().now();
        let left = match token.expires_at() {
            Some(expires_at) => expires_at.saturating_add(leeway).saturating_since(now),
            // A token without `exp` stays valid until it is revoked or its key is retired.
            None => Duration::MAX,
        };
        if left.is_zero() {
            return Err(Ended::Expired);
        }
        issuer.prepare_keys();
        let keys = verifier.key_set();
        if seen.0.as_ptr() != Arc::as_ptr(&keys) {
            if !verifier.is_signed_by(&keys, token.encoded()) {
                return Err(Ended::KeyRetired);
            }
            seen.0 = Arc::downgrade(&keys);
        }
        let Some(revocations) = &self.revocations else { return Ok(left.min(LONG_POLL)) };
        match revocations.check(&TokenNames::from(token)) {
            Verdict::Good | Verdict::Unchecked => Ok(left.min(POLL)),
            Verdict::Revoked => Err(Ended::Revoked),
            Verdict::Unavailable => Err(Ended::RevocationUnavailable),
        }
    }

    pub(crate) fn has_ended(&self, token: &VerifiedToken, seen: &mut SeenKeys) -> Option<Ended> {
        self.recheck(token, seen).err()
    }

    pub(crate) async fn ended(&self, token: &VerifiedToken) -> Ended {
        let mut seen = SeenKeys::default();
        loop {
            match self.recheck(token, &mut seen) {
                Ok(pause) => tokio::time::sleep(pause).await,
                Err(ended) => return ended,
            }
        }
    }
}

pin_project! {
    /// A stream that ends as soon as a token is no longer valid. `Claims::until_ended` creates it.
    ///
    /// Implements [`Sink`] if the inner stream does. Once the token is no longer valid, the next
    /// send first closes the inner sink. If the closed inner sink rejects items, as a WebSocket or
    /// a channel does, the send fails. To close a WebSocket with a reason, take the inner stream
    /// with [`into_inner`](Self::into_inner), and send the close frame to it.
    pub struct UntilEnded<S> {
        #[pin]
        inner: S,
        ending: Pin<Box<dyn Future<Output = Ended> + Send>>,
        check: Box<dyn FnMut() -> Option<Ended> + Send + Sync>,
        ended: Option<Ended>,
        is_closed: bool,
    }
}

impl<S> UntilEnded<S> {
    /// Creates a stream that ends when `ending` resolves, which happens when the token is no longer
    /// valid. `check` does not wait. It returns the reason if the token is no longer valid, and
    /// `None` otherwise.
    pub(crate) fn new(
        inner: S,
        ending: impl Future<Output = Ended> + Send + 'static,
        check: impl FnMut() -> Option<Ended> + Send + Sync + 'static,
    ) -> Self {
        Self {
            inner,
            ending: Box::pin(ending),
            check: Box::new(check),
            ended: None,
            is_closed: false,
        }
    }

    /// Returns the reason why the token is no longer valid. Returns `None` until the stream or the
    /// sink has detected that the token is no longer valid.
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// Returns the wrapped stream, for example to close a WebSocket with a reason.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S: Stream> Stream for UntilEnded<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        // Poll `ending` first. Otherwise an inner stream that is always ready would never end.
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
        // Do not poll `ending` here. It wakes only the task that polled it last. If that were the
        // task of the sink half, the task of the stream half would not be woken.
        if this.ended.is_none() {
            *this.ended = (this.check)();
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
