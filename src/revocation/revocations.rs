//! What a server knows to be revoked.

use std::fmt::{self, Debug};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, UnixTime};
use crate::misuse;
use crate::revocation::event::RevocationEvent;
use crate::revocation::freshness::{AsOf, Freshness};
use crate::revocation::ledger::{Applied, Ledger};
use crate::revocation::message::Revocation;
use crate::revocation::names::TokenNames;
#[cfg(feature = "feeds")]
use crate::revocation::outage::Follower;
#[cfg(not(feature = "feeds"))]
use crate::revocation::outage::OutageCause;
use crate::revocation::outage::RevocationOutage;
use crate::revocation::stats::{self, Counters, RevocationStats};

const MAX_STALENESS: Duration = Duration::from_secs(5);
const LONGEST_UNCHECKED: Duration = Duration::from_secs(3_600);
const MAX_BYTES: usize = 68 << 20;

type Hook = dyn Fn(&RevocationEvent<'_>) + Send + Sync;

/// What a server knows to be revoked: a shared handle, of which clones are the same.
///
/// A token is looked up by its names in this process' memory, without a lock, without I/O and
/// without an allocation. What is revoked comes in through a feed, or through
/// [`apply`](Self::apply). By default a token is refused with 503 while the last news of the feed
/// are more than 5 seconds old, and before the first.
///
/// A watermark refuses what was issued **in the same second** as it, or earlier, since an `iat`
/// has no fraction in most tokens: of two tokens of one second nobody can tell which came first. A
/// user who logs in again in that second is refused once more and renews. A token without `iat` is
/// refused by every watermark that covers it.
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
/// let of = |subject| TokenNames { subject: Some(subject), ..TokenNames::default() };
/// assert_eq!(revocations.check(&of("alice")), Verdict::Revoked);
/// assert_eq!(revocations.check(&of("bob")), Verdict::Good);
/// ```
#[derive(Clone)]
#[must_use]
pub struct Revocations {
    shared: Arc<Shared>,
}

struct Shared {
    ledger: Ledger,
    freshness: Freshness,
    counters: Counters,
    /// In nanoseconds.
    max_staleness: u64,
    /// Of tokens that expire so soon.
    accepts_stale: Option<Duration>,
    accepts_unknown: bool,
    hook: Option<Box<Hook>>,
    #[cfg(feature = "feeds")]
    follower: Follower,
}

/// Whether a token is still good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It is not revoked, as far as is known, and enough is known.
    Good,
    /// It is not revoked as far as is known, which is not enough; it is to be accepted all the
    /// same. Only after a call of a `dangerous_` method was called.
    Unchecked,
    /// It is revoked.
    Revoked,
    /// What is known is too old to say.
    Unavailable,
}

impl Revocations {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                ledger: Ledger::new(MAX_BYTES),
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

    /// How old the last news may be. 5 seconds by default. Under the default policy, a token that is
    /// revoked is refused everywhere within this time, also while the feed or the way to it is down:
    /// `docs/revocation.md` says what that rests on.
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

    /// How much memory the entries may take. 68 MiB by default, which is room for 1.5 million; the
    /// least is 2.1 KiB. Where it does not suffice, more is revoked than was asked for, and never less
    /// while clocks agree: see [`RevocationEvent::Widened`] and [`Revocation::of_subject`].
    #[track_caller]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.shared_mut().ledger.max_bytes(bytes);
        self
    }

    /// Replaces the system's clock. [`JwtAuth`](crate::JwtAuth) has one of its own.
    #[track_caller]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.shared_mut().freshness.with_clock(clock);
        self
    }

    /// Calls `hook` with each event for operators, whose `Display` is a sentence. The feature `tracing`
    /// logs the same events. The hook must not block. A panic of the hook has no effect.
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

    /// Accepts tokens that expire within this time while the last news are too old, and marks them
    /// and their requests with [`RevocationUnchecked`](crate::revocation::RevocationUnchecked). Those
    /// that are good for longer are answered 503 all the same.
    ///
    /// # What is lost
    ///
    /// The bound: whoever can keep this server from the feed can use a stolen token for so long, and the
    /// leeway. Take the lifetime of your access tokens, 10 minutes say.
    ///
    /// # Panics
    ///
    /// On zero and on more than an hour: what is accepted unchecked must be short-lived.
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

    /// Accepts tokens, whenever they expire, before anything is known, and marks them and their
    /// requests as [`dangerous_accept_stale`](Self::dangerous_accept_stale) does.
    ///
    /// # What is lost
    ///
    /// After a start, everything that is revoked is accepted until the feed was read.
    #[track_caller]
    pub fn dangerous_accept_before_first_snapshot(mut self) -> Self {
        self.shared_mut().accepts_unknown = true;
        self
    }

    /// Revokes. The same again changes nothing, and nothing takes a revocation back.
    pub fn apply(&self, revocation: &Revocation) -> Applied {
        let shared = &self.shared;
        let applied = shared.ledger.apply(revocation, shared.freshness.now());
        shared.freshness.forgot_at(shared.ledger.forgot_at());
        match applied {
            Applied::Widened(kind) => {
                stats::count(&shared.counters.widened);
                self.tell(&RevocationEvent::Widened(revocation, kind));
            }
            _ => stats::count(&shared.counters.applied),
        }
        applied
    }

    /// Whether a token with these names is still good.
    #[inline]
    pub fn check(&self, names: &TokenNames<'_>) -> Verdict {
        self.check_at(names, self.shared.freshness.now())
    }

    /// The same, for whoever has just read the time by the same clock as this one's.
    #[inline]
    pub fn check_at(&self, names: &TokenNames<'_>, now: UnixTime) -> Verdict {
        let shared = &*self.shared;
        // First: what is looked up after this is at least as new as this says. The other way round,
        // news that come in between would vouch for a look-up that did not see them.
        let staleness = shared.freshness.staleness_at(now);
        if shared.ledger.refuses(names) {
            stats::count(&shared.counters.refused);
            return Verdict::Revoked;
        }
        match staleness {
            Some(staleness) if staleness <= shared.max_staleness => Verdict::Good,
            Some(_) => shared.unless_accepted(shared.accepts_stale(names, now)),
            None => shared.unless_accepted(shared.accepts_unknown),
        }
    }

    /// Returns the age of the data, or `None` before the first read.
    pub fn staleness(&self) -> Option<Duration> {
        self.shared.freshness.staleness()
    }

    /// Returns the reason why tokens cannot be checked, or `None` while they can.
    ///
    /// ```
    /// use tower_jwt_auth::Revocations;
    ///
    /// let outage = Revocations::new().outage().unwrap();
    /// assert_eq!(outage.age(), None);
    /// assert!(outage.to_string().contains("no feed is followed"));
    /// ```
    pub fn outage(&self) -> Option<RevocationOutage> {
        let age = self.shared.freshness.staleness();
        if age.is_some_and(|age| nanos(age) <= self.shared.max_staleness) {
            return None;
        }
        #[cfg(feature = "feeds")]
        let cause = self.shared.follower.outage_cause();
        #[cfg(not(feature = "feeds"))]
        let cause = OutageCause::Silent;
        Some(RevocationOutage { age, cause })
    }

    /// Counters, for metrics.
    pub fn stats(&self) -> RevocationStats {
        self.shared.counters.read(&self.shared.ledger)
    }

    /// This moment: to be taken *before* a feed is asked, for
    /// [`current_as_of`](Self::current_as_of).
    pub fn as_of(&self) -> AsOf {
        self.shared.freshness.moment()
    }

    /// Says that whatever was revoked before `as_of` has been applied. Where a feed is followed, that
    /// is said already, and saying it besides would hide that the feed is down.
    pub fn current_as_of(&self, as_of: AsOf) {
        self.shared.freshness.set(as_of);
    }

    /// Forgets what need not be remembered, while tokens are checked. To be called now and then,
    /// say once a minute, by whoever drives a feed of their own.
    ///
    /// Says whether everything must be read anew, since the clock was set back: what was forgotten
    /// may be needed again. Then nothing is known until [`current_as_of`](Self::current_as_of).
    pub fn sweep(&self) -> bool {
        let now = self.shared.freshness.now();
        let is_set_back = self.is_set_back();
        self.shared.ledger.sweep(now);
        self.shared.freshness.forgot_at(self.shared.ledger.forgot_at());
        is_set_back
    }

    pub(crate) fn is_by_system_clock(&self) -> bool {
        self.shared.freshness.is_by_system_clock()
    }

    pub(crate) fn is_set_back(&self) -> bool {
        let is_set_back = self.shared.ledger.is_set_back(self.shared.freshness.now());
        if is_set_back {
            self.shared.freshness.forget();
            self.shared.freshness.forgot_at(self.shared.ledger.forgot_at());
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
            // What is revoked is so whether or not the application can hear of it.
            let _ = catch_unwind(AssertUnwindSafe(|| hook(event)));
        }
    }

    #[track_caller]
    fn shared_mut(&mut self) -> &mut Shared {
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

impl Shared {
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
