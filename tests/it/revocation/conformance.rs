//! Tests that the conformance suite for feeds accepts a correct feed and finds each defect of a
//! faulty one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tower_jwt_auth::UnixTime;
use tower_jwt_auth::revocation::conformance::Conformance;
use tower_jwt_auth::revocation::{
    FeedError, FeedErrorKind, MemoryFeed, Position, Read, Revocation, RevocationFeed, Snapshot,
};

const CREATION: &str = "a missing log is an error, and is created once";
const READING: &str = "an appended message is read once from any position";
const LENGTH: &str = "the longest message fits, and a longer one is an error";
const SNAPSHOT: &str = "a snapshot is complete";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_feed_in_memory_conforms() {
    Conformance::new(MemoryFeed::new()).check().await.unwrap();
    let feed = Defective::new(Defect::None);
    Conformance::new(feed).check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_defect_of_a_feed_is_found() {
    for (defect, rule) in [
        (Defect::FailsWithoutLog, CREATION),
        (Defect::CreatesTwice, CREATION),
        (Defect::NeverCreates, CREATION),
        (Defect::LosesMessages, READING),
        (Defect::ChangesMessages, READING),
        (Defect::ReadsTwice, READING),
        (Defect::ReadsOnlyTheEnd, READING),
        (Defect::RejectsTheLongest, LENGTH),
        (Defect::CutsLongMessages, LENGTH),
        (Defect::PublishesTooLong, LENGTH),
        (Defect::OmitsAPart, SNAPSHOT),
        (Defect::ForgetsExpired, SNAPSHOT),
        (Defect::SnapshotIsTooOld, SNAPSHOT),
        (Defect::AppendsRepeats, "a repeated message adds nothing"),
        (Defect::TrustsPositions, "a position of another log is a gap"),
        (Defect::LosesConcurrent, "concurrent appends are all read"),
        (Defect::AlwaysAnnounces, "nothing is announced without an append"),
    ] {
        let failure = Conformance::new(Defective::new(defect)).check().await.unwrap_err();
        assert_eq!(failure.rule(), rule, "{defect:?}: {failure}");
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Defect {
    None,
    FailsWithoutLog,
    CreatesTwice,
    NeverCreates,
    LosesMessages,
    ChangesMessages,
    ReadsTwice,
    ReadsOnlyTheEnd,
    RejectsTheLongest,
    CutsLongMessages,
    PublishesTooLong,
    OmitsAPart,
    ForgetsExpired,
    SnapshotIsTooOld,
    AppendsRepeats,
    TrustsPositions,
    LosesConcurrent,
    AlwaysAnnounces,
}

/// An in-memory feed with at most one defect. Like a feed on a server, it has no log until `create`
/// is called.
#[derive(Clone)]
struct Defective {
    feed: MemoryFeed,
    defect: Defect,
    has_log: Arc<AtomicBool>,
    appending: Arc<AtomicUsize>,
    appended: Arc<AtomicUsize>,
}

impl Defective {
    fn new(defect: Defect) -> Self {
        let feed = MemoryFeed::new();
        let (has_log, appending, appended) = (Arc::default(), Arc::default(), Arc::default());
        Self { feed, defect, has_log, appending, appended }
    }
}

impl RevocationFeed for Defective {
    async fn create(&self) -> Result<bool, FeedError> {
        let had_log = self.has_log.swap(true, Ordering::SeqCst);
        Ok(match self.defect {
            Defect::CreatesTwice => true,
            Defect::NeverCreates => false,
            _ => !had_log,
        })
    }

    async fn append(&self, revocation: &Revocation) -> Result<(), FeedError> {
        let forgotten_at = revocation.forgotten_at();
        let now = self.appended.fetch_add(1, Ordering::SeqCst);
        let far = UnixTime::from_secs(4_000_000_000);
        let json = || serde_json::to_string(revocation).unwrap();
        match self.defect {
            Defect::LosesMessages => Ok(()),
            Defect::ChangesMessages => self.feed.append_text(json().to_uppercase(), far),
            Defect::RejectsTheLongest if json().len() == Revocation::MAX_MESSAGE_BYTES => {
                Err(FeedErrorKind::TooLong.into())
            }
            Defect::CutsLongMessages => {
                let mut json = json();
                json.truncate(Revocation::MAX_MESSAGE_BYTES - 1);
                self.feed.append_text(json, far)
            }
            Defect::PublishesTooLong => self.feed.append_text(json(), far),
            Defect::ForgetsExpired if forgotten_at < far && is_over(forgotten_at) => Ok(()),
            Defect::AppendsRepeats => {
                let message = revocation.to_message(UnixTime::from_secs(1))?;
                self.feed.append_text(format!("{message}{}", " ".repeat(now)), far)
            }
            Defect::LosesConcurrent => {
                let others = self.appending.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                let appended =
                    if others == 0 { self.feed.append(revocation).await } else { Ok(()) };
                self.appending.fetch_sub(1, Ordering::SeqCst);
                appended
            }
            _ => self.feed.append(revocation).await,
        }
    }

    async fn snapshot(&self, part: Option<String>) -> Result<Snapshot, FeedError> {
        if !self.has_log.load(Ordering::SeqCst) {
            return Err(match self.defect {
                Defect::FailsWithoutLog => FeedErrorKind::Unavailable.into(),
                _ => FeedErrorKind::Missing.into(),
            });
        }
        let mut snapshot = self.feed.snapshot(part).await?;
        match self.defect {
            Defect::OmitsAPart => snapshot.messages.truncate(20),
            Defect::SnapshotIsTooOld if snapshot.messages.len() > 10 => {
                snapshot.position = Position::new("0");
            }
            _ => {}
        }
        Ok(snapshot)
    }

    async fn read(&self, after: &Position) -> Result<Read, FeedError> {
        let read = self.feed.read(after).await?;
        Ok(match (self.defect, read) {
            (Defect::ReadsTwice, Read::Messages { messages, has_more, .. }) => {
                Read::Messages { messages, position: after.clone(), has_more }
            }
            (Defect::ReadsOnlyTheEnd, Read::Messages { messages, position, has_more }) => {
                let skipped = messages.len().saturating_sub(1);
                let messages = messages.into_iter().skip(skipped).collect();
                Read::Messages { messages, position, has_more }
            }
            (Defect::TrustsPositions, Read::Gap) => {
                Read::Messages { messages: Vec::new(), position: after.clone(), has_more: false }
            }
            (_, read) => read,
        })
    }

    async fn changed(&self) {
        if self.defect != Defect::AlwaysAnnounces {
            self.feed.changed().await;
        }
    }
}

fn is_over(time: UnixTime) -> bool {
    time <= UnixTime::from(std::time::SystemTime::now())
}
