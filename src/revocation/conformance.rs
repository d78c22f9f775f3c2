//! The rules for feeds, as a function that the author of a feed calls in a test.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::clock::{Clock, SystemClock, UnixTime};
use crate::revocation::feed::error::FeedErrorKind;
use crate::revocation::feed::{Position, Read, RevocationFeed};
use crate::revocation::message::Revocation;

/// Checks a feed that is still empty, and whose log may be missing.
///
/// ```
/// use tower_jwt_auth::revocation::{MemoryFeed, conformance};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// conformance::check(MemoryFeed::new()).await;
/// # }
/// ```
///
/// # Panics
///
/// With a sentence that says what does not hold.
#[expect(clippy::panic, reason = "a failed check is a failed test")]
pub async fn check<F: RevocationFeed + Clone>(feed: F) {
    for check in [
        log_is_made_once(&feed).await,
        what_is_appended_is_read(&feed).await,
        what_is_too_long_is_refused(&feed).await,
        a_snapshot_is_complete(&feed).await,
        a_repeated_message_adds_nothing(&feed).await,
        foreign_positions_are_gaps(&feed).await,
        appends_at_once_are_all_read(&feed).await,
        news_wake_or_nothing_does(&feed).await,
    ] {
        if let Err(sentence) = check {
            panic!("the feed breaks its contract: {sentence}");
        }
    }
}

type Check = Result<(), String>;

fn end() -> UnixTime {
    SystemClock.now().saturating_add(Duration::from_secs(3_600)).whole_secs()
}

fn token(name: &str) -> Revocation {
    Revocation::token(name, end()).issuer("https://issuer.example/\u{e4}\"'\\ $1")
}

fn failed(error: impl std::error::Error) -> String {
    let source = error.source().map(ToString::to_string).unwrap_or_default();
    format!("a call failed: {error}: {source}")
}

fn ensure(is_so: bool, sentence: &str) -> Check {
    if is_so { Ok(()) } else { Err(sentence.to_owned()) }
}

fn names(messages: &[String]) -> Result<Vec<String>, String> {
    let parsed = messages.iter().map(|message| serde_json::from_str::<Revocation>(message));
    let parsed: Result<Vec<_>, _> = parsed.collect();
    let parsed = parsed.map_err(|error| format!("a message was changed: {error}"))?;
    Ok(parsed.iter().map(|revocation| revocation.target.name().to_owned()).collect())
}

async fn all<F: RevocationFeed>(feed: &F) -> Result<(Vec<String>, Position), String> {
    let mut part = feed.snapshot(None).await.map_err(failed)?;
    let position = part.position.clone();
    let mut found = names(&part.messages)?;
    while let Some(next) = part.next.take() {
        part = feed.snapshot(Some(next)).await.map_err(failed)?;
        found.extend(names(&part.messages)?);
    }
    Ok((found, position))
}

async fn news<F: RevocationFeed>(feed: &F, position: &mut Position) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    loop {
        match feed.read(position).await.map_err(failed)? {
            Read::Gap => return Err("a gap where nothing was lost".to_owned()),
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

async fn log_is_made_once<F: RevocationFeed + Clone>(feed: &F) -> Check {
    let was_missing = match feed.snapshot(None).await {
        Ok(snapshot) => {
            ensure(snapshot.messages.is_empty(), "the log must be empty")?;
            false
        }
        Err(error) => {
            let is_missing = error.kind() == FeedErrorKind::Missing;
            ensure(is_missing, "reading without a log is an error of the kind Missing")?;
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
        let is_created = creator.await.map_err(|error| error.to_string())?.map_err(failed)?;
        created = created.saturating_add(is_created.into());
    }
    ensure(created == usize::from(was_missing), "one of several that create a log did so")?;
    let (_, mut position) = all(feed).await?;
    ensure(!feed.create().await.map_err(failed)?, "an existing log is not created again")?;
    let found = news(feed, &mut position).await?;
    ensure(found.is_empty(), "making the log again adds nothing")
}

async fn what_is_appended_is_read<F: RevocationFeed>(feed: &F) -> Check {
    let (_, mut position) = all(feed).await?;
    let start = position.clone();
    for name in ["a", "b", "c"] {
        feed.append(&token(name)).await.map_err(failed)?;
        ensure(news(feed, &mut position).await? == [name], "what was appended is what is read")?;
        ensure(news(feed, &mut position).await?.is_empty(), "it is read once")?;
    }
    let mut again = start;
    ensure(news(feed, &mut again).await? == ["a", "b", "c"], "a position can be read from again")?;
    ensure(again == position, "both ways lead to the same position")
}

async fn what_is_too_long_is_refused<F: RevocationFeed>(feed: &F) -> Check {
    let (_, mut position) = all(feed).await?;
    // With a time of its own: the feed's clock may say one of another length.
    let of = |name: &str| Revocation::subject(name, UnixTime::from_secs(1)).forget_at(end());
    let others = of("").to_message(SystemClock.now()).map_err(failed)?.len();
    let longest = "x".repeat(Revocation::MAX_MESSAGE_BYTES.saturating_sub(others));
    feed.append(&of(&longest)).await.map_err(failed)?;
    ensure(news(feed, &mut position).await? == [longest.clone()], "the longest message is read")?;
    let appended = feed.append(&of(&format!("{longest}x"))).await;
    let is_too_long = appended.is_err_and(|error| error.kind() == FeedErrorKind::TooLong);
    ensure(is_too_long, "a longer one is an error of the kind TooLong")?;
    ensure(news(feed, &mut position).await?.is_empty(), "a longer one is not published")
}

async fn a_snapshot_is_complete<F: RevocationFeed>(feed: &F) -> Check {
    let many: BTreeSet<String> = (0..25).map(|n| format!("many {n}")).collect();
    for name in &many {
        feed.append(&token(name)).await.map_err(failed)?;
    }
    let outlived = Revocation::token("just outlived", SystemClock.now());
    feed.append(&outlived).await.map_err(failed)?;
    let (found, mut position) = all(feed).await?;
    let found: BTreeSet<String> = found.into_iter().collect();
    ensure(found.is_superset(&many), "a snapshot has all that was appended")?;
    ensure(found.contains("a"), "a snapshot has what was appended earlier")?;
    ensure(
        found.contains("just outlived"),
        "a token may be accepted a little longer than until its end",
    )?;
    let after = news(feed, &mut position).await?;
    ensure(after.is_empty(), "a snapshot's position is at the end of the log")
}

/// Otherwise the holder of one token could fill the log by revoking it again and again.
async fn a_repeated_message_adds_nothing<F: RevocationFeed>(feed: &F) -> Check {
    // With a time of its own, so that the feed does not add the current one.
    let repeated = token("repeated").of_subject("alice", UnixTime::from_secs(1));
    feed.append(&repeated).await.map_err(failed)?;
    let (found, mut position) = all(feed).await?;
    for _ in 0..3 {
        feed.append(&repeated).await.map_err(failed)?;
    }
    let (again, _) = all(feed).await?;
    ensure(again.len() == found.len(), "a snapshot has a repeated message once")?;
    let after = news(feed, &mut position).await?;
    ensure(after.is_empty(), "a message that the log has is not appended again")
}

async fn foreign_positions_are_gaps<F: RevocationFeed>(feed: &F) -> Check {
    for text in ["", "x", "another 9-9 9", "another 9", "9999999999"] {
        let read = feed.read(&Position::new(text)).await.map_err(failed)?;
        ensure(matches!(read, Read::Gap), "a position of another log is a gap")?;
    }
    Ok(())
}

/// Numbers that are given before a transaction ends may become visible out of their order.
async fn appends_at_once_are_all_read<F: RevocationFeed + Clone>(feed: &F) -> Check {
    const WRITERS: usize = 8;
    const EACH: usize = 25;
    let (_, mut position) = all(feed).await?;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let feed = feed.clone();
            tokio::spawn(async move {
                for n in 0..EACH {
                    feed.append(&token(&format!("{writer} {n}"))).await.map_err(failed)?;
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
        writer.await.map_err(|error| error.to_string())??;
    }
    found.extend(news(feed, &mut position).await?);
    ensure(found.len() == WRITERS.saturating_mul(EACH), "what is appended at once is read")
}

async fn news_wake_or_nothing_does<F: RevocationFeed>(feed: &F) -> Check {
    let wait = Duration::from_millis(300);
    // Whatever is left over from before.
    while tokio::time::timeout(wait, feed.changed()).await.is_ok() {}
    let woken = tokio::time::timeout(wait, feed.changed()).await;
    ensure(woken.is_err(), "nothing was appended, and yet it says so")
}
