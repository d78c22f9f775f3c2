//! The revocations that a server knows.

use std::fmt::{self, Debug};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, TimeSource, UnixTime};
use crate::misuse;
use crate::revocation::event::RevocationEvent;
use crate::revocation::freshness::{AsOf, Freshness};
use crate::revocation::message::Revocation;
#[cfg(feature = "feeds")]
use crate::revocation::outage::Follower;
use crate::revocation::outage::RevocationOutage;
#[cfg(not(feature = "feeds"))]
use crate::revocation::outage::RevocationOutageKind;
use crate::revocation::stats::{self, Counters, RevocationStats};
use crate::revocation::table::revocation_table::{Applied, RevocationTable};
use crate::revocation::token_names::TokenNames;

const MAX_STALENESS: Duration = Duration::from_secs(5);
const LONGEST_UNCHECKED: Duration = Duration::from_secs(3_600);
const MAX_BYTES: usize = 68 << 20;

type RevocationHook = dyn Fn(&RevocationEvent<'_>) + Send + Sync;

/// The revocations that a server knows. This is a handle: clones share the same revocations.
///
/// The identifier, session, subject, tenant and key of each token are looked up in this process's
/// memory, without a lock, without I/O and without an allocation. Revocations arrive through a
/// feed, or through [`apply`](Self::apply). By default, a request with a token is refused with 503
/// until the first data has been read, and while the data is more than 5 seconds old.
///
/// A watermark rejects tokens that were issued **in the same second** or earlier. An `iat` has no
/// fraction in most tokens, so the order within one second is unknown. If a user logs in again in
/// that second, the new token is rejected too, and the client has to renew it. A token without
/// `iat` is rejected by every watermark that covers it.
///
/// ```
/// use tower_jwt_auth::UnixTime;
/// use tower_jwt_auth::revocation::{Revocation, Revocations, TokenNames, Verdict};
///
/// let revocations = Revocations::new();
/// let as_of = revocations.as_of();
/// revocations.apply(&Revocation::subject("alice", UnixTime::from_secs(5_000_000_000)));
/// revocations.current_as_of(as_of);
///
/// let of = |subject| TokenNames::new().subject(subject);
/// assert_eq!(revocations.check(&of("alice")), Verdict::Revoked);
/// assert_eq!(revocations.check(&of("bob")), Verdict::Good);
/// ```
#[derive(Clone)]
#[must_use]
pub struct Revocations {
    shared: Arc<RevocationState>,
}

struct RevocationState {
    table: RevocationTable,
    freshness: Freshness,
    counters: Counters,
    /// In nanoseconds.
    max_staleness: u64,
    /// While the data is stale, only tokens that expire within this time are accepted. If this is
    /// `None`, no token is accepted.
    accepts_stale: Option<Duration>,
    accepts_unknown: bool,
    hook: Option<Box<RevocationHook>>,
    #[cfg(feature = "feeds")]
    follower: Follower,
}

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The token is not revoked, and revocation data is current.
    Good,
    /// The token is not known to be revoked, but revocation data is missing or stale. The token is
    /// accepted, because the application called a `dangerous_` method that allows this.
    Unchecked,
    /// The token is revoked.
    Revoked,
    /// Revocation data is missing or stale, so the token cannot be checked.
    Unavailable,
}

impl Revocations {
    /// Creates an empty set of revocations. No data has been read into the set yet.
    pub fn new() -> Self {
        Self {
            shared: Arc::new(RevocationState {
                table: RevocationTable::new(MAX_BYTES),
                freshness: Freshness::default(),
                counters: Counters::default(),
                max_staleness: nanos(MAX_STALENESS),
                accepts_stale: None,
                accepts_unknown: false,
                hook: None,
                #[cfg(feature = "feeds")]
                follower: Follower::default(),
            }),
        }
    }

    /// Sets the maximum age of the revocation data. 5 seconds by default. Under the default policy,
    /// a revoked token is rejected everywhere within this time, even while the feed or the network
    /// is down: see the [conditions](crate::guide::explanation::revocation#what-is-guaranteed).
    #[track_caller]
    pub fn max_staleness(mut self, staleness: Duration) -> Self {
        if staleness.is_zero() {
            misuse::refuse(
                "Revocations::max_staleness of zero would refuse every token: give a time",
            );
        }
        self.shared_mut().max_staleness = nanos(staleness);
        self
    }

    /// Sets the maximum memory for entries. The default is 68 MiB, which is enough for 1.5 million
    /// entries. The minimum is 2.1 KiB. If the memory is full, a further revocation covers more
    /// tokens than it names. A revocation never covers fewer tokens than it names, provided that
    /// the servers' clocks agree: see [`RevocationEvent::Widened`] and [`Revocation::of_subject`].
    #[track_caller]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.shared_mut().table.max_bytes(bytes);
        self
    }

    /// Uses this clock instead of the system's clock. [`JwtAuth`](crate::JwtAuth) has a separate
    /// clock.
    #[track_caller]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.shared_mut().freshness.set_clock(TimeSource::custom(clock));
        self
    }

    /// Calls `hook` with each event for operators. The `Display` of an event is a sentence. The
    /// `tracing` feature logs the same events. The hook must not block. A panic of the hook has no
    /// effect.
    ///
    /// ```
    /// use tower_jwt_auth::Revocations;
    ///
    /// let revocations = Revocations::new().with_events(|event| eprintln!("revocation: {event}"));
    /// ```
    #[track_caller]
    pub fn with_events(
        mut self,
        hook: impl Fn(&RevocationEvent<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.shared_mut().hook = Some(Box::new(hook));
        self
    }

    /// Accepts stale data for a token that expires within this time, and marks the token and its
    /// request with [`RevocationUnchecked`](crate::revocation::RevocationUnchecked). A request
    /// whose token is valid for longer still gets 503.
    ///
    /// # Security
    ///
    /// The guarantee of [`max_staleness`](Self::max_staleness) is lost: an attacker who can cut
    /// this server off from the feed can use a stolen token for `expiring_within` plus the leeway.
    /// Set `expiring_within` to the lifetime of your access tokens, for example 10 minutes.
    ///
    /// # Panics
    ///
    /// Panics if `expiring_within` is zero or more than an hour. A longer time would let a stolen
    /// token work for too long.
    #[track_caller]
    pub fn dangerous_accept_stale(mut self, expiring_within: Duration) -> Self {
        if expiring_within.is_zero() || expiring_within > LONGEST_UNCHECKED {
            misuse::refuse(
                "Revocations::dangerous_accept_stale is for short-lived tokens: take their \
                 lifetime, of an hour at most",
            );
        }
        self.shared_mut().accepts_stale = Some(expiring_within);
        self
    }

    /// Accepts tokens before any revocation data has been read, even tokens that expire in the far
    /// future. Marks these tokens and their requests with
    /// [`RevocationUnchecked`](crate::revocation::RevocationUnchecked).
    ///
    /// # Security
    ///
    /// After startup, all revoked tokens are accepted until the feed has been read.
    #[track_caller]
    pub fn dangerous_accept_before_first_snapshot(mut self) -> Self {
        self.shared_mut().accepts_unknown = true;
        self
    }

    /// Adds a revocation. Applying the same revocation again changes nothing. Revocations cannot be
    /// undone; they expire.
    pub fn apply(&self, revocation: &Revocation) -> Applied {
        let shared = &self.shared;
        let applied = shared.table.apply(revocation, shared.freshness.clock().now());
        shared.freshness.forgot_at(shared.table.forgot_at());
        match applied {
            Applied::Widened(kind) => {
                stats::count(&shared.counters.widened);
                self.tell(&RevocationEvent::Widened(revocation, kind));
            }
            _ => stats::count(&shared.counters.applied),
        }
        applied
    }

    /// Decides whether a token is revoked. `names` contains the claims by which a token can be
    /// revoked, such as `jti` and `sub`.
    #[inline]
    pub fn check(&self, names: &TokenNames<'_>) -> Verdict {
        self.check_at(names, self.shared.freshness.clock().now())
    }

    /// Checks a token as [`check`](Self::check) does, but does not read the clock. `now` must be
    /// the time that the caller has just read from the clock of this `Revocations`.
    #[inline]
    pub fn check_at(&self, names: &TokenNames<'_>, now: UnixTime) -> Verdict {
        let shared = &*self.shared;
        // Read the age of the data before the look-up. If the look-up came first, new data could
        // arrive between the two steps. The age would then be that of the new data, although the
        // look-up used the old data.
        let staleness = shared.freshness.staleness_at(now);
        if shared.table.refuses(names) {
            stats::count(&shared.counters.refused);
            return Verdict::Revoked;
        }
        match staleness {
            Some(staleness) if staleness <= shared.max_staleness => Verdict::Good,
            Some(_) => shared.unless_accepted(shared.accepts_stale(names, now)),
            None => shared.unless_accepted(shared.accepts_unknown),
        }
    }

    /// Returns the age of the revocation data, or `None` before the first read.
    pub fn staleness(&self) -> Option<Duration> {
        self.shared.freshness.staleness()
    }

    /// Returns the reason why tokens cannot be checked, or `None` while tokens can be checked.
    ///
    /// ```
    /// use tower_jwt_auth::Revocations;
    ///
    /// let outage = Revocations::new().outage().unwrap();
    /// assert_eq!(outage.age(), None);
    /// # #[cfg(feature = "feeds")]
    /// assert!(outage.to_string().contains("no feed is followed"));
    /// ```
    pub fn outage(&self) -> Option<RevocationOutage> {
        let age = self.shared.freshness.staleness();
        if age.is_some_and(|age| nanos(age) <= self.shared.max_staleness) {
            return None;
        }
        #[cfg(feature = "feeds")]
        let kind = self.shared.follower.outage_kind();
        #[cfg(not(feature = "feeds"))]
        let kind = RevocationOutageKind::NoAnswer;
        Some(RevocationOutage { age, kind })
    }

    /// Returns counters for metrics.
    pub fn stats(&self) -> RevocationStats {
        self.shared.counters.read(&self.shared.table)
    }

    /// Returns the current moment. Call this method *before* you read a feed. After the read, pass
    /// the moment to [`current_as_of`](Self::current_as_of).
    pub fn as_of(&self) -> AsOf {
        self.shared.freshness.moment()
    }

    /// Declares that all revocations from before `as_of` have been applied. The follower of a feed
    /// does this itself. If you call this method as well, an outage of the feed is hidden.
    pub fn current_as_of(&self, as_of: AsOf) {
        self.shared.freshness.set(as_of);
    }

    /// Removes expired entries. Tokens can be checked while this method runs. If your own code
    /// reads the feed and applies its messages, call this method from time to time, for example
    /// once a minute.
    ///
    /// Returns true if the clock was set back so far that expired tokens may be valid again. The
    /// revocations of these tokens have been removed, so read all revocations again. Tokens cannot
    /// be checked until [`current_as_of`](Self::current_as_of) is called.
    pub fn sweep(&self) -> bool {
        let now = self.shared.freshness.clock().now();
        let is_set_back = self.is_set_back();
        self.shared.table.sweep(now);
        self.shared.freshness.forgot_at(self.shared.table.forgot_at());
        is_set_back
    }

    pub(crate) fn clock(&self) -> &TimeSource {
        self.shared.freshness.clock()
    }

    pub(crate) fn is_set_back(&self) -> bool {
        let is_set_back = self.shared.table.is_set_back(self.shared.freshness.clock().now());
        if is_set_back {
            self.shared.freshness.forget();
            self.shared.freshness.forgot_at(self.shared.table.forgot_at());
            self.tell(&RevocationEvent::ClockSetBack);
        }
        is_set_back
    }

    #[cfg(feature = "feeds")]
    pub(crate) fn follower(&self) -> &Follower {
        &self.shared.follower
    }

    #[cfg(feature = "feeds")]
    pub(crate) fn count_failure(&self) {
        stats::count(&self.shared.counters.feed_failures);
    }

    #[cfg(feature = "feeds")]
    pub(crate) fn count_unreadable(&self) {
        stats::count(&self.shared.counters.unreadable);
    }

    pub(crate) fn tell(&self, event: &RevocationEvent<'_>) {
        #[cfg(feature = "tracing")]
        event.trace();
        if let Some(hook) = &self.shared.hook {
            // A revocation takes effect even if the application's hook panics.
            let _ = catch_unwind(AssertUnwindSafe(|| hook(event)));
        }
    }

    #[track_caller]
    fn shared_mut(&mut self) -> &mut RevocationState {
        match Arc::get_mut(&mut self.shared) {
            Some(shared) => shared,
            None => misuse::refuse(
                "Revocations is configured after it was cloned: configure it first, then hand out clones",
            ),
        }
    }
}

impl Default for Revocations {
    fn default() -> Self {
        Self::new()
    }
}

impl RevocationState {
    fn accepts_stale(&self, names: &TokenNames<'_>, now: UnixTime) -> bool {
        let latest = self.accepts_stale.map(|within| now.saturating_add(within));
        latest.zip(names.expires_at).is_some_and(|(latest, expires_at)| expires_at <= latest)
    }

    #[cold]
    fn unless_accepted(&self, is_accepted: bool) -> Verdict {
        if is_accepted {
            stats::count(&self.counters.accepted_as_stale);
            return Verdict::Unchecked;
        }
        stats::count(&self.counters.refused_as_stale);
        Verdict::Unavailable
    }
}

impl Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocations")
            .field("max_staleness", &Duration::from_nanos(self.shared.max_staleness))
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
