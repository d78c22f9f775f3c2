//! Presents revoked tokens to a server until the server rejects them, and goes on after that.

use std::sync::Arc;
use std::time::{Duration, Instant};

use suite::connection::Connection;
use tokio::sync::mpsc::UnboundedReceiver;

/// The default of `Revocations::max_staleness`.
const MAX_STALENESS: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);

/// Requests with a token that is revoked, and with one that is not and has the same subject.
pub(crate) struct Pair {
    pub(crate) revoked: Vec<u8>,
    pub(crate) good: Vec<u8>,
}

#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) lags: Vec<Duration>,
    /// Acceptances later than the bound, or after a refusal.
    pub(crate) late: usize,
    /// Good tokens that were refused.
    pub(crate) wrong: usize,
}

/// Until there is nothing more to come and the bound is over.
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
            // Of the moment before the request.
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
