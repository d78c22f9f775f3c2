//! A feed within one process.

use std::collections::{HashSet, VecDeque};
use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::{Clock, SystemClock, UnixTime};
use crate::misuse;
use crate::revocation::feed::error::{FeedError, FeedErrorKind};
use crate::revocation::feed::{KEPT_LONGER, Position, Read, RevocationFeed, Snapshot};
use crate::revocation::message::Revocation;

const PART: usize = 1_000;
const MAX_BYTES: usize = 64 << 20;
/// The memory that an entry needs in addition to its text: one slot in the log, and two slots in
/// the set of messages, since half of the set's slots may be empty.
const ENTRY_BYTES: usize = size_of::<LoggedMessage>() + 2 * (size_of::<Arc<str>>() + 1);
const PRUNED_EVERY: Duration = Duration::from_secs(1);

/// A feed within one process, for tests and for a program that both issues and verifies tokens.
/// This is a handle: clones share the same feed.
///
/// The feed is empty after a restart. An append removes expired messages. If there is no room for a
/// message, appending fails with [`FeedErrorKind::Full`].
#[derive(Clone)]
pub struct MemoryFeed {
    shared: Arc<MemoryLog>,
}

struct MemoryLog {
    log: Mutex<Messages>,
    appended: Notify,
    clock: Box<dyn Clock>,
    max_bytes: usize,
}

#[derive(Default)]
struct Messages {
    /// The messages, sorted by their numbers. Removed messages leave gaps in the numbers.
    entries: VecDeque<LoggedMessage>,
    /// The texts of all messages in `entries`. A message whose text is in this set is not added
    /// again.
    messages: HashSet<Arc<str>>,
    last: u64,
    bytes: usize,
    pruned_at: Option<UnixTime>,
}

struct LoggedMessage {
    number: u64,
    message: Arc<str>,
    until: UnixTime,
}

impl MemoryFeed {
    /// Creates an empty feed.
    pub fn new() -> Self {
        Self {
            shared: Arc::new(MemoryLog {
                log: Mutex::default(),
                appended: Notify::new(),
                clock: Box::new(SystemClock),
                max_bytes: MAX_BYTES,
            }),
        }
    }

    /// Uses this clock instead of the system's clock.
    ///
    /// # Panics
    ///
    /// Panics if the feed has been cloned already.
    #[must_use]
    #[track_caller]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.shared_mut().clock = Box::new(clock);
        self
    }

    /// Sets the maximum memory for messages. 64 MiB by default.
    ///
    /// # Panics
    ///
    /// Panics if the feed has been cloned already.
    #[must_use]
    #[track_caller]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.shared_mut().max_bytes = bytes;
        self
    }

    /// Returns the number of messages.
    pub fn len(&self) -> usize {
        self.log().entries.len()
    }

    /// Returns true if there are no messages.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Publishes any text, as a faulty publisher might.
    ///
    /// # Errors
    ///
    /// Fails if the feed is full.
    pub fn append_text(
        &self,
        message: impl Into<String>,
        until: UnixTime,
    ) -> Result<(), FeedError> {
        let (now, message) = (self.shared.clock.now(), Arc::from(message.into()));
        let mut log = self.log();
        log.prune(now);
        log.push(message, until, self.shared.max_bytes)?;
        drop(log);
        self.shared.appended.notify_waiters();
        Ok(())
    }

    #[track_caller]
    fn shared_mut(&mut self) -> &mut MemoryLog {
        match Arc::get_mut(&mut self.shared) {
            Some(shared) => shared,
            None => misuse::refuse(
                "MemoryFeed is configured after it was cloned: configure it first, then hand out clones",
            ),
        }
    }

    fn log(&self) -> MutexGuard<'_, Messages> {
        // No code that could panic runs while the lock is held.
        self.shared.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LoggedMessage {
    fn bytes(&self) -> usize {
        self.message.len().saturating_add(ENTRY_BYTES)
    }
}

impl Messages {
    /// Removes expired messages. Does so at most once a second, since it reads all messages.
    fn prune(&mut self, now: UnixTime) {
        let pruned_at = self.pruned_at.filter(|then| *then <= now);
        if pruned_at.is_some_and(|then| now.saturating_since(then) < PRUNED_EVERY) {
            return;
        }
        self.pruned_at = Some(now);
        let Self { entries, messages, .. } = self;
        entries.retain(|entry| {
            let is_kept = entry.until.saturating_add(KEPT_LONGER) > now;
            if !is_kept {
                messages.remove(&entry.message);
            }
            is_kept
        });
        self.bytes = self.entries.iter().map(LoggedMessage::bytes).sum();
    }

    fn push(
        &mut self,
        message: Arc<str>,
        until: UnixTime,
        max_bytes: usize,
    ) -> Result<(), FeedError> {
        if self.messages.contains(&message) {
            return Ok(());
        }
        let entry = LoggedMessage { number: self.last.saturating_add(1), message, until };
        let bytes = self.bytes.saturating_add(entry.bytes());
        if bytes > max_bytes {
            return Err(FeedErrorKind::Full.into());
        }
        (self.last, self.bytes) = (entry.number, bytes);
        self.messages.insert(Arc::clone(&entry.message));
        self.entries.push_back(entry);
        Ok(())
    }

    /// Returns the next messages, at most [`PART`], whose numbers are higher than `after`. The
    /// second returned value is the `after` to pass to the next call. The third returned value is
    /// true if more messages follow.
    fn part(&self, after: u64) -> (Vec<String>, u64, bool) {
        let start = self.entries.partition_point(|entry| entry.number <= after);
        let mut rest = self.entries.iter().skip(start);
        let part: Vec<_> = rest.by_ref().take(PART).collect();
        let has_more = rest.next().is_some();
        let end = part.last().filter(|_| has_more).map_or(self.last, |entry| entry.number);
        (part.into_iter().map(|entry| entry.message.as_ref().to_owned()).collect(), end, has_more)
    }
}

impl Default for MemoryFeed {
    fn default() -> Self {
        Self::new()
    }
}

impl RevocationFeed for MemoryFeed {
    async fn create(&self) -> Result<bool, FeedError> {
        Ok(false)
    }

    async fn append(&self, revocation: &Revocation) -> Result<(), FeedError> {
        let message = revocation.to_message(self.shared.clock.now())?;
        self.append_text(message, revocation.until)
    }

    async fn snapshot(&self, part: Option<String>) -> Result<Snapshot, FeedError> {
        let after = part.and_then(|number| number.parse().ok()).unwrap_or(0);
        let log = self.log();
        let (messages, end, has_more) = log.part(after);
        let position = Position::new(log.last.to_string());
        Ok(Snapshot { messages, next: has_more.then(|| end.to_string()), position })
    }

    async fn read(&self, after: &Position) -> Result<Read, FeedError> {
        let log = self.log();
        let after = after.as_str().parse().ok();
        let Some(after) = after.filter(|after| *after <= log.last) else {
            return Ok(Read::Gap);
        };
        let (messages, end, has_more) = log.part(after);
        Ok(Read::Messages { messages, position: Position::new(end.to_string()), has_more })
    }

    async fn changed(&self) {
        self.shared.appended.notified().await;
    }
}

impl Debug for MemoryFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryFeed").field("len", &self.len()).finish_non_exhaustive()
    }
}
