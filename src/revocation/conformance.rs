//! A conformance check for authors of revocation feeds (feature `test-util`).
//!
//! A feed is correct if a test such as this one passes, on a multi-threaded runtime and against a
//! real server. The example checks [`MemoryFeed`](crate::revocation::MemoryFeed); put your own feed
//! in its place.
//!
//! ```
//! use tower_jwt_auth::revocation::MemoryFeed;
//! use tower_jwt_auth::revocation::conformance::{Conformance, Failure};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Failure> {
//!     Conformance::new(MemoryFeed::new()).check().await
//! }
//! ```
//!
//! The check needs an empty feed. The log of the feed need not exist yet. The messages that the
//! check appends stay in the feed, and most of them expire within an hour.
//!
//! The check cannot see whether a message survives a crash or a failover of the server. An append
//! should not return before the message is stored durably enough to survive both.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Barrier;

use crate::clock::{Clock, SystemClock, UnixTime};
pub use crate::failure::Failure;
use crate::failure::{Finding, ensure, rule};
use crate::revocation::feed::error::FeedErrorKind;
use crate::revocation::feed::{Position, Read, RevocationFeed};
use crate::revocation::message::Revocation;

/// A conformance check for a feed.
#[derive(Debug)]
#[must_use]
pub struct Conformance<F> {
    feed: F,
}

impl<F: RevocationFeed + Clone> Conformance<F> {
    /// Creates a check of this feed, which must be empty.
    pub fn new(feed: F) -> Self {
        Self { feed }
    }

    /// Runs the checks one after another, and stops at the first check that fails. This method
    /// needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// Returns the first rule that the feed breaks.
    pub async fn check(self) -> Result<(), Failure> {
        let feed = &self.feed;
        rule("a missing log is an error, and is created once", creation(feed)).await?;
        rule("an appended message is read once from any position", reading(feed)).await?;
        rule("the longest message fits, and a longer one is an error", length(feed)).await?;
        rule("a snapshot is complete", snapshot(feed)).await?;
        rule("a repeated message adds nothing", repetition(feed)).await?;
        rule("a position of another log is a gap", foreign_positions(feed)).await?;
        rule("concurrent appends are all read", concurrency(feed)).await?;
        rule("nothing is announced without an append", announcements(feed)).await
    }
}

type Check = Result<(), Finding>;

fn end() -> UnixTime {
    SystemClock.now().saturating_add(Duration::from_secs(3_600)).whole_secs()
}

fn token(name: &str) -> Revocation {
    Revocation::token(name, end()).issuer("https://issuer.example/\u{e4}\"'\\ $1")
}

/// Reads the messages, and returns the names of the revoked tokens. Fails if the feed has changed a
/// message.
fn names(messages: &[String]) -> Result<Vec<String>, Finding> {
    let read = messages.iter().map(|message| {
        let revocation = serde_json::from_str::<Revocation>(message)
            .map_err(|error| Finding::new(format!("a message was changed: {error}")))?;
        Ok(revocation.target.name().to_owned())
    });
    read.collect()
}

async fn all<F: RevocationFeed>(feed: &F) -> Result<(Vec<String>, Position), Finding> {
    let mut part = feed.snapshot(None).await?;
    let position = part.position.clone();
    let mut found = names(&part.messages)?;
    while let Some(next) = part.next.take() {
        part = feed.snapshot(Some(next)).await?;
        found.extend(names(&part.messages)?);
    }
    Ok((found, position))
}

async fn news<F: RevocationFeed>(
    feed: &F,
    position: &mut Position,
) -> Result<Vec<String>, Finding> {
    let mut found = Vec::new();
    loop {
        match feed.read(position).await? {
            Read::Gap => return Err(Finding::new("a gap although nothing was lost")),
            Read::Messages { messages, position: next, has_more } => {
                found.extend(names(&messages)?);
                *position = next;
                if !has_more {
                    return Ok(found);
                }
            }
        }
    }
}

async fn creation<F: RevocationFeed + Clone>(feed: &F) -> Check {
    let was_missing = match feed.snapshot(None).await {
        Ok(snapshot) => {
            ensure(snapshot.messages.is_empty(), "the feed is not empty")?;
            false
        }
        Err(error) => {
            let is_missing = error.kind() == FeedErrorKind::Missing;
            ensure(is_missing, "reading without a log fails with another kind than Missing")?;
            true
        }
    };
    let creators: Vec<_> = (0..8)
        .map(|_| {
            let feed = feed.clone();
            tokio::spawn(async move { feed.create().await })
        })
        .collect();
    let mut created = 0_usize;
    for creator in creators {
        created = created.saturating_add(creator.await??.into());
    }
    ensure(
        created == usize::from(was_missing),
        "of several calls at once, not exactly the one that created the log returned true",
    )?;
    let (_, mut position) = all(feed).await?;
    ensure(!feed.create().await?, "an existing log is created again")?;
    let found = news(feed, &mut position).await?;
    ensure(found.is_empty(), "creating an existing log adds messages")
}

async fn reading<F: RevocationFeed>(feed: &F) -> Check {
    let (_, mut position) = all(feed).await?;
    let start = position.clone();
    for name in ["a", "b", "c"] {
        feed.append(&token(name)).await?;
        ensure(news(feed, &mut position).await? == [name], "another message is read")?;
        ensure(news(feed, &mut position).await?.is_empty(), "the message is read twice")?;
    }
    let mut again = start;
    let found = news(feed, &mut again).await?;
    ensure(found == ["a", "b", "c"], "an old position does not lead to all later messages")?;
    ensure(again == position, "the last position depends on the parts that were read")
}

async fn length<F: RevocationFeed>(feed: &F) -> Check {
    let (_, mut position) = all(feed).await?;
    // This revocation has a fixed time. Without a time, the feed would add the current time, and
    // the length of the message would depend on the feed's clock.
    let of = |name: &str| Revocation::subject(name, UnixTime::from_secs(1)).forget_at(end());
    let others = of("").to_message(SystemClock.now())?.len();
    let longest = "x".repeat(Revocation::MAX_MESSAGE_BYTES.saturating_sub(others));
    feed.append(&of(&longest)).await?;
    let found = news(feed, &mut position).await?;
    ensure(found == [longest.clone()], "the longest message is not read")?;
    let appended = feed.append(&of(&format!("{longest}x"))).await;
    let is_too_long = appended.is_err_and(|error| error.kind() == FeedErrorKind::TooLong);
    ensure(is_too_long, "a longer message is not an error of the kind TooLong")?;
    ensure(news(feed, &mut position).await?.is_empty(), "a longer message is published")
}

async fn snapshot<F: RevocationFeed>(feed: &F) -> Check {
    let many: BTreeSet<String> = (0..25).map(|n| format!("many {n}")).collect();
    for name in &many {
        feed.append(&token(name)).await?;
    }
    let expired = Revocation::token("just expired", SystemClock.now());
    feed.append(&expired).await?;
    let (found, mut position) = all(feed).await?;
    let found: BTreeSet<String> = found.into_iter().collect();
    ensure(found.is_superset(&many), "the snapshot lacks messages")?;
    ensure(found.contains("a"), "the snapshot lacks an earlier message")?;
    ensure(
        found.contains("just expired"),
        "the snapshot lacks a message that has just expired, whose token may still be accepted",
    )?;
    let after = news(feed, &mut position).await?;
    ensure(after.is_empty(), "the position of the snapshot is not at the end of the log")
}

/// Checks that the log does not grow if the same message is appended again. Otherwise the holder of
/// one token could fill the log by revoking that token again and again.
async fn repetition<F: RevocationFeed>(feed: &F) -> Check {
    // The time is explicit, so that the feed does not add the current time.
    let repeated = token("repeated").of_subject("alice", UnixTime::from_secs(1));
    feed.append(&repeated).await?;
    let (found, mut position) = all(feed).await?;
    for _ in 0..3 {
        feed.append(&repeated).await?;
    }
    let (again, _) = all(feed).await?;
    ensure(again.len() == found.len(), "the snapshot has a repeated message twice")?;
    let after = news(feed, &mut position).await?;
    ensure(after.is_empty(), "a message that the log has is appended again")
}

async fn foreign_positions<F: RevocationFeed>(feed: &F) -> Check {
    for text in ["", "x", "another 9-9 9", "another 9", "9999999999"] {
        let read = feed.read(&Position::new(text)).await?;
        ensure(matches!(read, Read::Gap), "messages are read after a position of another log")?;
    }
    Ok(())
}

/// Checks that no message is skipped while others are appended. Messages can be skipped if a feed
/// assigns numbers before a transaction ends, since the numbers may then become visible out of
/// order.
async fn concurrency<F: RevocationFeed + Clone>(feed: &F) -> Check {
    const WRITERS: usize = 8;
    const EACH: usize = 25;
    let (_, mut position) = all(feed).await?;
    // Without a common start, the first writer may be done before the second one begins.
    let start = Arc::new(Barrier::new(WRITERS));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (feed, start) = (feed.clone(), Arc::clone(&start));
            tokio::spawn(async move {
                start.wait().await;
                for n in 0..EACH {
                    feed.append(&token(&format!("{writer} {n}"))).await?;
                }
                Check::Ok(())
            })
        })
        .collect();
    let mut found = BTreeSet::new();
    while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
        found.extend(news(feed, &mut position).await?);
        tokio::task::yield_now().await;
    }
    for writer in writers {
        writer.await??;
    }
    found.extend(news(feed, &mut position).await?);
    ensure(found.len() == WRITERS.saturating_mul(EACH), "a message is missing")
}

async fn announcements<F: RevocationFeed>(feed: &F) -> Check {
    let wait = Duration::from_millis(300);
    // Earlier appends may still cause announcements. Wait until there are no more.
    for _ in 0..1_000 {
        if tokio::time::timeout(wait, feed.changed()).await.is_err() {
            return Ok(());
        }
    }
    Err(Finding::new("the feed keeps announcing messages although none is appended"))
}
