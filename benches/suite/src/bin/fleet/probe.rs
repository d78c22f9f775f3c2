//! A client that presents revoked tokens to a server until the server rejects them. After that it
//! checks that the server keeps rejecting them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use suite::connection::Connection;
use tokio::sync::mpsc::UnboundedReceiver;

/// The default of `Revocations::max_staleness`.
const MAX_STALENESS: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);

/// Two requests with tokens of one subject. Only the first token is revoked.
pub(crate) struct Pair {
    pub(crate) revoked: Vec<u8>,
    pub(crate) good: Vec<u8>,
}

#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) lags: Vec<Duration>,
    /// The number of times that the server wrongly accepted a revoked token. Accepting the token is
    /// wrong once the server has rejected it, or once `MAX_STALENESS` has passed since the
    /// revocation was published.
    pub(crate) late: usize,
    /// The number of valid tokens that were rejected.
    pub(crate) wrong: usize,
}

/// Runs until all revocations have been published and the last one is older than `MAX_STALENESS`.
pub(crate) async fn run(port: u16, mut published: UnboundedReceiver<(Arc<Pair>, Instant)>) -> Seen {
    let mut connection = Connection::to(port).await;
    let (mut seen, mut open, mut refused) = (Seen::default(), Vec::new(), Vec::new());
    let mut last = Instant::now();
    let mut again = 0;
    while !published.is_closed() || !published.is_empty() || last.elapsed() < MAX_STALENESS {
        while let Ok((pair, at)) = published.try_recv() {
            last = at;
            open.push((pair, at));
        }
        let mut waiting = Vec::new();
        for (pair, at) in open {
            // Read the time before the request is sent.
            let is_late = at.elapsed() > MAX_STALENESS;
            if connection.ask(&pair.revoked).await == 401 {
                seen.lags.push(at.elapsed());
                seen.wrong += usize::from(connection.ask(&pair.good).await != 200);
                refused.push(pair);
            } else {
                seen.late += usize::from(is_late);
                waiting.push((pair, at));
            }
        }
        open = waiting;
        if let Some(pair) = refused.get(again % refused.len().max(1)) {
            seen.late += usize::from(connection.ask(&pair.revoked).await != 401);
            again += 1;
        }
        tokio::time::sleep(PAUSE).await;
    }
    seen.late += open.len();
    for pair in &refused {
        seen.late += usize::from(connection.ask(&pair.revoked).await != 401);
        seen.wrong += usize::from(connection.ask(&pair.good).await != 200);
    }
    seen
}
