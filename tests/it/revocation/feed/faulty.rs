//! A feed with faults that tests can enable.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tower_jwt_auth::ManualClock;
use tower_jwt_auth::revocation::{
    FeedError, FeedErrorKind, MemoryFeed, Position, Read, Revocation, RevocationFeed, Snapshot,
};

/// A feed with a fault that a test can choose.
#[derive(Clone)]
pub(super) struct Faulty {
    pub(super) feed: MemoryFeed,
    fault: Arc<AtomicU8>,
}

pub(super) const NONE: u8 = 0;
pub(super) const FAILS: u8 = 1;
pub(super) const HANGS: u8 = 2;
pub(super) const LOSES: u8 = 3;
pub(super) const MISSING: u8 = 4;
pub(super) const PANICS: u8 = 5;
/// The feed panics while it waits for messages.
pub(super) const PANICS_WAITING: u8 = 6;
/// There is no log, and the right to create one is missing.
pub(super) const MISSING_AND_DENIED: u8 = 7;
/// There is no log, and the server fails while it creates one.
pub(super) const MISSING_AND_DOWN: u8 = 8;
/// The feed has a limitation that operators should know about.
pub(super) const LIMITED: u8 = 9;

impl Faulty {
    pub(super) fn new(clock: &ManualClock) -> Self {
        let feed = MemoryFeed::new().with_clock(clock.clone());
        Self { feed, fault: Arc::new(AtomicU8::new(NONE)) }
    }

    pub(super) fn set(&self, fault: u8) {
        self.fault.store(fault, Ordering::SeqCst);
    }

    async fn fail(&self) -> Result<u8, FeedError> {
        match self.fault.load(Ordering::SeqCst) {
            FAILS => Err(FeedError::new("down")),
            MISSING | MISSING_AND_DENIED | MISSING_AND_DOWN => Err(FeedErrorKind::Missing.into()),
            HANGS => std::future::pending().await,
            PANICS => panic!("a feed with a fault"),
            other => Ok(other),
        }
    }
}

impl RevocationFeed for Faulty {
    async fn create(&self) -> Result<bool, FeedError> {
        match self.fault.load(Ordering::SeqCst) {
            MISSING_AND_DENIED => Err(FeedErrorKind::Denied.into()),
            MISSING_AND_DOWN => Err(FeedError::new("down")),
            fault => {
                self.set(NONE);
                Ok(fault == MISSING)
            }
        }
    }

    async fn append(&self, revocation: &Revocation) -> Result<(), FeedError> {
        self.feed.append(revocation).await
    }

    async fn snapshot(&self, part: Option<String>) -> Result<Snapshot, FeedError> {
        self.fail().await?;
        self.feed.snapshot(part).await
    }

    async fn read(&self, after: &Position) -> Result<Read, FeedError> {
        if self.fail().await? == LOSES { Ok(Read::Gap) } else { self.feed.read(after).await }
    }

    fn warning(&self) -> Option<&'static str> {
        (self.fault.load(Ordering::SeqCst) == LIMITED).then_some("a limitation")
    }

    async fn changed(&self) {
        assert_ne!(self.fault.load(Ordering::SeqCst), PANICS_WAITING, "a feed with a fault");
        self.feed.changed().await;
    }
}
