//! The times at which keys are fetched, and the decision about a token whose key is unknown.
//!
//! The policy does no I/O and reads no clock: every method takes the current time as an argument.
//! The time is monotonic, so a change of the system's clock has no effect on it.

use std::time::{Duration, Instant};

use crate::jwks::unknown_names::UnknownNames;

/// The lifetime of a key set whose source does not state a lifetime.
pub(crate) const DEFAULT_MAX_AGE: Duration = Duration::from_secs(3_600);
/// The shortest and the longest lifetime of a key set. If the source states a lifetime outside this
/// range, the nearer of the two limits is used instead.
pub(crate) const SHORTEST_MAX_AGE: Duration = Duration::from_secs(300);
pub(crate) const LONGEST_MAX_AGE: Duration = Duration::from_secs(24 * 3_600);
/// The time for which the last fetched set is used while fetches fail.
pub(crate) const DEFAULT_MAX_STALENESS: Duration = Duration::from_secs(24 * 3_600);
/// The minimum time between the starts of two fetches if a key set is already loaded.
pub(crate) const COOLDOWN: Duration = Duration::from_secs(30);
/// The maximum time for which a request waits for a fetch.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// The time from one fetch to the next while a set is loaded and at least two fetches in a row have
/// failed.
const LONGEST_RETRY: Duration = Duration::from_secs(60);
/// The shortest and the longest pause after a failed fetch if no set is loaded.
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// The state of one key source, which decides when its keys are fetched.
#[derive(Debug)]
pub(crate) struct RefreshPolicy {
    max_staleness: Duration,
    /// The time at which the fetch of the current key set began. `None` if no key set is loaded,
    /// because no fetch has succeeded yet or because the last key set is too old.
    loaded_at: Option<Instant>,
    /// The time at which the last fetch began.
    started_at: Option<Instant>,
    is_fetching: bool,
    has_failed: bool,
    /// The number of failed fetches in a row. It is reset to zero when a fetch succeeds, and when a
    /// key set is discarded because it is too old.
    failures: u32,
    /// The time of the next scheduled fetch. `None` means immediately.
    next_at: Option<Instant>,
    /// True if a fetch was requested because the key of a token was not in the set.
    is_asked: bool,
    unknown: UnknownNames,
}

/// The decision about a token whose key is not in the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The issuer does not have the key.
    Rejected,
    /// It is unknown whether the issuer has the key.
    Unavailable { retry_after: Duration },
    /// A fetch is in flight, or is about to start.
    Wait,
}

/// A random number from 0 to 1,000, which spreads the fetches of many servers over time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Jitter(u16);

impl Jitter {
    pub(crate) fn new(random: u16) -> Self {
        Self(random.checked_rem(1_001).unwrap_or(0))
    }

    /// Shortens a time by a random part of at most 10 %.
    fn earlier(self, time: Duration) -> Duration {
        time.saturating_sub(self.tenth_of(time))
    }

    /// Extends a time by a random part of at most 10 %.
    fn later(self, time: Duration) -> Duration {
        time.saturating_add(self.tenth_of(time))
    }

    fn tenth_of(self, time: Duration) -> Duration {
        part(time, self.0.into(), 10_000)
    }
}

impl RefreshPolicy {
    pub(crate) fn new() -> Self {
        Self {
            max_staleness: DEFAULT_MAX_STALENESS,
            loaded_at: None,
            started_at: None,
            is_fetching: false,
            has_failed: false,
            failures: 0,
            next_at: None,
            is_asked: false,
            unknown: UnknownNames::default(),
        }
    }

    /// Sets the time for which the last fetched set is used while fetches fail.
    pub(crate) fn max_staleness(&mut self, time: Duration) {
        self.max_staleness = time;
    }

    pub(crate) fn is_fetching(&self) -> bool {
        self.is_fetching
    }

    pub(crate) fn is_loaded(&self) -> bool {
        self.loaded_at.is_some()
    }

    /// Returns the number of consecutive fetches that failed. The number is reset to zero when a
    /// fetch succeeds, and when a key set is discarded because it is too old.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// Returns the age of the current set. The age is measured from the start of the fetch, so the
    /// contents of the set are never older than this age.
    pub(crate) fn age(&self, now: Instant) -> Option<Duration> {
        self.loaded_at.map(|at| now.saturating_duration_since(at))
    }

    /// Returns the time until the next fetch may start. Zero means now.
    pub(crate) fn until_fetch(&self, now: Instant) -> Duration {
        let scheduled = if self.is_asked { None } else { self.next_at };
        let at = scheduled.max(self.cooldown_end());
        at.map_or(Duration::ZERO, |at| at.saturating_duration_since(now))
    }

    /// Returns the remaining time in which the current set may be used, or `None` if there is no
    /// set.
    pub(crate) fn until_stale(&self, now: Instant) -> Option<Duration> {
        self.age(now).map(|age| self.max_staleness.saturating_sub(age))
    }

    /// Returns the time until the current set reaches half of its maximum age, or zero if the set
    /// is older.
    pub(crate) fn until_half_stale(&self, now: Instant) -> Option<Duration> {
        self.age(now).map(|age| part(self.max_staleness, 1, 2).saturating_sub(age))
    }

    /// Records the start of a fetch.
    pub(crate) fn fetch_started(&mut self, now: Instant) {
        self.started_at = Some(now);
        self.is_fetching = true;
        self.is_asked = false;
        self.unknown.fetch_started();
    }

    /// Records that a fetch returned a set with at least one usable key.
    pub(crate) fn fetch_succeeded(
        &mut self,
        max_age: Option<Duration>,
        set_changed: bool,
        now: Instant,
        jitter: Jitter,
    ) {
        let started_at = self.started_at.unwrap_or(now);
        let max_age = max_age.unwrap_or(DEFAULT_MAX_AGE).clamp(SHORTEST_MAX_AGE, LONGEST_MAX_AGE);
        let refresh_after = jitter.earlier(part(max_age.min(self.max_staleness), 4, 5));
        self.is_fetching = false;
        self.has_failed = false;
        self.failures = 0;
        self.loaded_at = Some(started_at);
        self.next_at = started_at.checked_add(refresh_after);
        self.unknown.fetch_succeeded(set_changed, now);
    }

    /// Records that a fetch failed.
    pub(crate) fn fetch_failed(&mut self, now: Instant, jitter: Jitter) {
        self.is_fetching = false;
        self.has_failed = true;
        self.failures = self.failures.saturating_add(1);
        self.unknown.fetch_failed();
        self.next_at = if self.is_loaded() {
            let pause = if self.failures == 1 { COOLDOWN } else { LONGEST_RETRY };
            self.started_at.unwrap_or(now).checked_add(jitter.later(pause))
        } else {
            let doublings = self.failures.saturating_sub(1).min(16);
            let pause = FIRST_BACKOFF.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(1));
            now.checked_add(jitter.later(pause).min(LONGEST_BACKOFF))
        };
    }

    /// Records the end of the task that fetches keys. If a fetch was in flight, it has no result.
    pub(crate) fn fetch_dropped(&mut self) {
        if std::mem::take(&mut self.is_fetching) {
            self.unknown.fetch_failed();
            self.next_at = None;
        }
    }

    /// Discards the current set if it is too old, and returns true in that case.
    pub(crate) fn expire(&mut self, now: Instant) -> bool {
        let is_stale = self.until_stale(now).is_some_and(|left| left.is_zero());
        if is_stale {
            self.loaded_at = None;
            // Without a key set, no token can be verified. Repeat failed fetches as often as at
            // startup.
            self.failures = 0;
            self.next_at = None;
        }
        is_stale
    }

    /// Decides what happens to a token whose key is not in the set. Requests a new fetch if one is
    /// allowed for this token.
    pub(crate) fn on_unknown(&mut self, name: Option<&str>, now: Instant) -> Answer {
        if self.is_fetching {
            return Answer::Wait;
        }
        let until_fetch = self.until_fetch(now);
        if !self.is_loaded() {
            return if until_fetch <= LONGEST_WAIT {
                Answer::Wait
            } else {
                self.without_fetch(now)
            };
        }
        let until_cooldown_end =
            self.cooldown_end().map_or(Duration::ZERO, |end| end.saturating_duration_since(now));
        let may_ask = until_cooldown_end.is_zero() && !self.unknown.is_missing(name, now);
        if may_ask {
            self.is_asked = true;
            self.unknown.ask(name);
        }
        if may_ask || until_fetch.is_zero() { Answer::Wait } else { self.without_fetch(now) }
    }

    /// Decides immediately what happens to a token whose key is not in the set. The token is
    /// rejected only if a set is loaded, the last fetch succeeded, and no fetch is in flight. In
    /// every other case, the result is `Unavailable`. The issuer may have published a key that this
    /// server has not fetched yet, and a rejection would make the client discard a valid token.
    pub(crate) fn without_fetch(&self, now: Instant) -> Answer {
        if self.is_loaded() && !self.has_failed && !self.is_fetching {
            return Answer::Rejected;
        }
        let cooldown_end = self.cooldown_end();
        let until_end = cooldown_end.map(|end| end.saturating_duration_since(now));
        let until_end = until_end.filter(|left| !left.is_zero() && !self.is_fetching);
        let retry_after = match until_end {
            Some(left) => left,
            None if self.is_fetching => LONGEST_WAIT,
            None => self.until_fetch(now),
        };
        Answer::Unavailable { retry_after: retry_after.max(Duration::from_secs(1)) }
    }

    #[cfg(test)]
    fn remembered(&self) -> usize {
        self.unknown.len()
    }

    /// Returns the end of the cooldown. While no set is loaded, there is no cooldown, and only the
    /// backoff delays fetches.
    fn cooldown_end(&self) -> Option<Instant> {
        self.started_at.filter(|_| self.is_loaded())?.checked_add(COOLDOWN)
    }
}

/// Returns `time * numerator / denominator`.
fn part(time: Duration, numerator: u32, denominator: u32) -> Duration {
    time.saturating_mul(numerator).checked_div(denominator).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwks::unknown_names::{MAX_NAMES, REMEMBERED_FOR};
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);
    const NONE: Jitter = Jitter(0);

    /// A policy, and the time at which the test calls its methods.
    struct Scene {
        policy: RefreshPolicy,
        now: Instant,
    }

    impl Scene {
        fn new() -> Self {
            Self { policy: RefreshPolicy::new(), now: Instant::now() }
        }

        /// Returns a test setup in which the policy has just fetched a key set.
        fn loaded() -> Self {
            let mut scene = Self::new();
            scene.fetch(Some(None));
            scene
        }

        fn pass(&mut self, time: Duration) {
            self.now += time;
            self.policy.expire(self.now);
        }

        /// Simulates a fetch that takes no time. `succeeds` is `None` if the fetch fails. Otherwise
        /// it contains the `max-age` of the response.
        fn fetch(&mut self, succeeds: Option<Option<Duration>>) {
            assert_eq!(self.until_fetch(), Duration::ZERO, "a fetch may start");
            self.policy.fetch_started(self.now);
            match succeeds {
                Some(max_age) => self.policy.fetch_succeeded(max_age, false, self.now, NONE),
                None => self.policy.fetch_failed(self.now, NONE),
            }
        }

        fn until_fetch(&self) -> Duration {
            self.policy.until_fetch(self.now)
        }

        fn ask(&mut self, name: &str) -> Answer {
            self.policy.on_unknown(Some(name), self.now)
        }
    }

    fn unavailable(secs: u64) -> Answer {
        Answer::Unavailable { retry_after: Duration::from_secs(secs) }
    }

    #[test]
    fn without_a_fetch_a_token_is_rejected_only_if_the_last_fetch_succeeded() {
        let mut scene = Scene::new();
        let without_fetch = |scene: &Scene| scene.policy.without_fetch(scene.now);
        let in_flight = Answer::Unavailable { retry_after: LONGEST_WAIT };
        assert_eq!(without_fetch(&scene), unavailable(1));
        scene.policy.fetch_started(scene.now);
        assert_eq!(without_fetch(&scene), in_flight);
        scene.policy.fetch_succeeded(None, false, scene.now, NONE);
        assert_eq!(without_fetch(&scene), Answer::Rejected);
        scene.pass(2_880 * SECOND);
        scene.policy.fetch_started(scene.now);
        assert_eq!(without_fetch(&scene), in_flight);
        scene.policy.fetch_failed(scene.now, NONE);
        assert_eq!(without_fetch(&scene), unavailable(30));
    }

    #[test]
    fn keys_are_refreshed_at_80_percent_of_a_clamped_lifetime() {
        for (max_age, expected) in [
            (None, 2_880),
            (Some(0), 240),
            (Some(60), 240),
            (Some(300), 240),
            (Some(600), 480),
            (Some(24 * 3_600), 69_120),
            (Some(u64::MAX), 69_120),
        ] {
            let mut scene = Scene::new();
            scene.fetch(Some(max_age.map(Duration::from_secs)));
            assert_eq!(scene.until_fetch().as_secs(), expected, "{max_age:?}");
        }
    }

    #[test]
    fn jitter_makes_a_refresh_earlier_and_a_retry_later_by_a_tenth_at_most() {
        let mut scene = Scene::new();
        scene.policy.fetch_started(scene.now);
        scene.policy.fetch_succeeded(None, false, scene.now, Jitter::new(1_000));
        assert_eq!(scene.until_fetch(), 2_592 * SECOND);
        scene.pass(2_592 * SECOND);
        scene.policy.fetch_started(scene.now);
        scene.policy.fetch_failed(scene.now, Jitter::new(1_000));
        assert_eq!(scene.until_fetch(), 33 * SECOND);
        for random in 0..=u16::MAX {
            assert!(Jitter::new(random).0 <= 1_000);
        }
    }

    #[test]
    fn a_short_max_staleness_makes_refreshes_more_frequent() {
        let mut scene = Scene::new();
        scene.policy.max_staleness(600 * SECOND);
        scene.fetch(Some(None));
        assert_eq!(scene.until_fetch(), 480 * SECOND);
    }

    #[test]
    fn before_the_first_set_the_pause_doubles_from_250_milliseconds_to_30_seconds() {
        let mut scene = Scene::new();
        let mut pauses = Vec::new();
        for _ in 0..10 {
            scene.fetch(None);
            pauses.push(scene.until_fetch().as_millis());
            scene.pass(scene.until_fetch());
        }
        assert_eq!(pauses, [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
        for _ in 0..100 {
            scene.fetch(None);
            scene.pass(scene.until_fetch());
        }
        assert_eq!(scene.policy.failures(), 110, "and no overflow");
    }

    #[test]
    fn the_first_pause_counts_from_the_end_of_the_attempt() {
        let mut scene = Scene::new();
        scene.policy.fetch_started(scene.now);
        scene.pass(5 * SECOND);
        scene.policy.fetch_failed(scene.now, NONE);
        assert_eq!(scene.until_fetch(), Duration::from_millis(250));
    }

    #[test]
    fn a_failed_refresh_is_repeated_after_30_seconds_and_then_every_60() {
        let mut scene = Scene::loaded();
        scene.pass(scene.until_fetch());
        for expected in [30, 60, 60, 60] {
            scene.fetch(None);
            assert_eq!(scene.until_fetch().as_secs(), expected);
            scene.pass(scene.until_fetch());
        }
        scene.fetch(Some(None));
        assert_eq!(scene.until_fetch().as_secs(), 2_880);
        assert_eq!(scene.policy.failures(), 0);
    }

    #[test]
    fn the_cooldown_counts_from_the_start_of_the_attempt() {
        let mut scene = Scene::loaded();
        scene.pass(40 * SECOND);
        assert_eq!(scene.ask("a"), Answer::Wait);
        scene.policy.fetch_started(scene.now);
        scene.pass(5 * SECOND);
        scene.policy.fetch_failed(scene.now, NONE);
        assert_eq!(scene.ask("a"), unavailable(25));
        scene.pass(25 * SECOND);
        assert_eq!(scene.ask("a"), Answer::Wait);
    }

    #[test]
    fn the_last_good_set_is_discarded_after_24_hours() {
        let mut scene = Scene::loaded();
        scene.pass(24 * 3_600 * SECOND - Duration::from_nanos(1));
        scene.fetch(None);
        assert!(scene.policy.is_loaded());
        scene.pass(Duration::from_nanos(1));
        assert!(!scene.policy.is_loaded());
        assert_eq!(scene.until_fetch(), Duration::ZERO);
        // The set is now too old. A failed fetch is therefore retried as quickly as if no set had
        // ever been loaded.
        scene.fetch(None);
        assert_eq!(scene.until_fetch(), Duration::from_millis(250));
        for _ in 0..5 {
            scene.pass(scene.until_fetch());
            scene.fetch(None);
        }
        assert_eq!(scene.ask("a"), unavailable(8));
        scene.pass(scene.until_fetch());
        scene.fetch(Some(None));
        assert!(scene.policy.is_loaded());
    }

    #[test]
    fn half_of_the_maximum_age_is_noticed() {
        let mut scene = Scene::loaded();
        assert_eq!(scene.policy.until_half_stale(scene.now), Some(12 * 3_600 * SECOND));
        scene.pass(12 * 3_600 * SECOND);
        assert_eq!(scene.policy.until_half_stale(scene.now), Some(Duration::ZERO));
        assert_eq!(scene.policy.until_stale(scene.now), Some(12 * 3_600 * SECOND));
    }

    #[test]
    fn a_token_waits_only_if_a_fetch_is_in_flight_or_may_start() {
        let mut scene = Scene::new();
        assert_eq!(scene.ask("a"), Answer::Wait, "the first fetch is about to start");
        scene.policy.fetch_started(scene.now);
        assert_eq!(scene.ask("a"), Answer::Wait);
        scene.policy.fetch_succeeded(None, true, scene.now, NONE);
        assert_eq!(scene.ask("a"), Answer::Rejected, "within the cooldown");
        scene.pass(30 * SECOND - Duration::from_nanos(1));
        assert_eq!(scene.ask("a"), Answer::Rejected);
        scene.pass(Duration::from_nanos(1));
        assert_eq!(scene.ask("a"), Answer::Wait);
        assert_eq!(scene.until_fetch(), Duration::ZERO);
        assert_eq!(scene.ask("b"), Answer::Wait, "both wait for one fetch");
        scene.fetch(Some(None));
        assert_eq!([scene.ask("a"), scene.ask("b")], [Answer::Rejected; 2]);
    }

    #[test]
    fn before_the_first_set_a_token_waits_only_for_a_fetch_that_is_near() {
        let mut scene = Scene::new();
        for expected in [Answer::Wait, Answer::Wait, Answer::Wait, Answer::Wait, unavailable(4)] {
            scene.fetch(None);
            assert_eq!(scene.ask("a"), expected);
            if expected == Answer::Wait {
                scene.pass(scene.until_fetch());
            }
        }
        scene.pass(2 * SECOND);
        assert_eq!(scene.ask("a"), Answer::Wait, "two seconds are left");
    }

    #[test]
    fn no_token_is_rejected_while_the_last_fetch_failed() {
        let mut scene = Scene::loaded();
        scene.pass(30 * SECOND);
        scene.ask("a");
        scene.fetch(Some(None));
        scene.pass(30 * SECOND);
        assert_eq!(scene.ask("a"), Answer::Rejected, "it is remembered");
        assert_eq!(scene.ask("b"), Answer::Wait);
        scene.fetch(None);
        assert_eq!([scene.ask("a"), scene.ask("b")], [unavailable(30); 2]);
        scene.pass(29 * SECOND);
        assert_eq!([scene.ask("a"), scene.ask("c")], [unavailable(1); 2]);
    }

    #[test]
    fn a_remembered_name_starts_no_fetch_for_five_minutes() {
        let mut scene = Scene::loaded();
        scene.pass(30 * SECOND);
        scene.ask("a");
        scene.fetch(Some(None));
        scene.pass(REMEMBERED_FOR - Duration::from_nanos(1));
        assert_eq!(scene.ask("a"), Answer::Rejected);
        scene.pass(Duration::from_nanos(1));
        assert_eq!(scene.ask("a"), Answer::Wait);
    }

    #[test]
    fn a_changed_set_lets_a_remembered_name_start_a_fetch() {
        let mut scene = Scene::loaded();
        scene.pass(30 * SECOND);
        scene.ask("a");
        scene.fetch(Some(None));
        scene.pass(30 * SECOND);
        scene.ask("b");
        scene.policy.fetch_started(scene.now);
        scene.policy.fetch_succeeded(None, true, scene.now, NONE);
        scene.pass(30 * SECOND);
        assert_eq!([scene.ask("b"), scene.ask("a")], [Answer::Rejected, Answer::Wait]);
    }

    #[test]
    fn a_name_that_arrives_during_a_fetch_is_not_remembered() {
        let mut scene = Scene::loaded();
        scene.pass(30 * SECOND);
        scene.ask("a");
        scene.policy.fetch_started(scene.now);
        assert_eq!(scene.ask("late"), Answer::Wait);
        scene.policy.fetch_succeeded(None, false, scene.now, NONE);
        scene.pass(30 * SECOND);
        assert_eq!([scene.ask("a"), scene.ask("late")], [Answer::Rejected, Answer::Wait]);
    }

    #[test]
    fn a_token_without_kid_starts_a_fetch_and_is_remembered_like_any_name() {
        let mut scene = Scene::loaded();
        scene.pass(30 * SECOND);
        assert_eq!(scene.policy.on_unknown(None, scene.now), Answer::Wait);
        scene.fetch(Some(None));
        scene.pass(30 * SECOND);
        assert_eq!(scene.policy.on_unknown(None, scene.now), Answer::Rejected);
        assert_eq!(scene.ask(""), Answer::Wait, "an empty name is another name");
    }

    #[test]
    fn names_of_strangers_are_bounded_and_cost_one_fetch_per_cooldown() {
        for usable in [true, false] {
            let mut scene = Scene::loaded();
            let mut fetches = 0;
            // Look up 100,000 unknown key identifiers within 10 seconds.
            for n in 0..100_000 {
                scene.pass(Duration::from_micros(100));
                scene.ask(&format!("{n}"));
                if scene.until_fetch().is_zero() {
                    fetches += 1;
                    scene.fetch(usable.then_some(None));
                }
                assert!(scene.policy.remembered() <= MAX_NAMES);
            }
            assert_eq!(fetches, 0, "the keys were fetched less than 30 seconds ago");
            scene.pass(20 * SECOND);
            for n in 0..100_000 {
                scene.pass(Duration::from_micros(100));
                scene.ask(&format!("{n}"));
                if scene.until_fetch().is_zero() && n % 5_000 == 0 {
                    fetches += 1;
                    scene.fetch(usable.then_some(None));
                }
                assert!(scene.policy.remembered() <= MAX_NAMES);
            }
            assert_eq!(fetches, 1, "{usable}");
            assert!(scene.policy.is_loaded());
        }
    }

    #[test]
    fn strangers_cannot_change_the_pauses_before_the_first_set() {
        let mut scene = Scene::new();
        let mut fetches = 0;
        for n in 0..100_000 {
            scene.pass(Duration::from_micros(100));
            scene.ask(&format!("{n}"));
            if scene.until_fetch().is_zero() {
                fetches += 1;
                scene.fetch(None);
            }
        }
        assert_eq!(fetches, 6, "at 0, 0.25, 0.75, 1.75, 3.75 and 7.75 seconds");
        assert_eq!(scene.policy.remembered(), 0);
    }

    #[test]
    fn a_dropped_fetch_is_repeated_after_the_cooldown() {
        let mut scene = Scene::loaded();
        scene.pass(3_000 * SECOND);
        scene.policy.fetch_started(scene.now);
        scene.policy.fetch_dropped();
        assert_eq!(scene.until_fetch(), 30 * SECOND);
        assert!(!scene.policy.is_fetching());
    }

    #[derive(Clone, Debug)]
    enum Action {
        Pass(Duration),
        Ask(u16),
        Start,
        Succeed(Option<u32>, bool),
        Fail,
        Drop,
    }

    fn action() -> impl Strategy<Value = Action> {
        let time = prop_oneof![
            (0..3_000_u64).prop_map(Duration::from_millis),
            (0..120_u64).prop_map(Duration::from_secs),
            (0..200_000_u64).prop_map(Duration::from_secs),
        ];
        prop_oneof![
            3 => time.prop_map(Action::Pass),
            4 => (0..2_000_u16).prop_map(Action::Ask),
            4 => Just(Action::Start),
            2 => (any::<Option<u32>>(), any::<bool>()).prop_map(|(age, new)| Action::Succeed(age, new)),
            2 => Just(Action::Fail),
            1 => Just(Action::Drop),
        ]
    }

    proptest! {
        /// Applies random sequences of requests, fetch results and pauses. Checks when keys may be
        /// fetched and how requests with unknown keys are answered.
        #[test]
        fn the_rules_hold_for_every_sequence(
            actions in prop::collection::vec(action(), 1..300),
            random: u16,
        ) {
            let (mut scene, jitter) = (Scene::new(), Jitter::new(random));
            let (mut last_start, mut last_end) = (None::<Instant>, None::<Instant>);
            let (mut has_succeeded, mut loaded_at) = (None, None::<Instant>);
            for action in actions {
                let now = scene.now;
                match action {
                    Action::Pass(time) => scene.pass(time),
                    Action::Ask(name) => {
                        let answer = scene.ask(&name.to_string());
                        let is_near = scene.until_fetch() <= LONGEST_WAIT;
                        match answer {
                            Answer::Wait => {
                                prop_assert!(scene.policy.is_fetching() || is_near);
                            }
                            Answer::Rejected => {
                                prop_assert!(scene.policy.is_loaded());
                                prop_assert_eq!(has_succeeded, Some(true));
                            }
                            Answer::Unavailable { retry_after } => {
                                prop_assert!(retry_after >= SECOND && retry_after <= 66 * SECOND);
                                prop_assert!(!scene.policy.is_loaded() || has_succeeded != Some(true));
                            }
                        }
                        let later = scene.policy.without_fetch(now);
                        prop_assert_ne!(later, Answer::Wait);
                    }
                    Action::Start if scene.until_fetch().is_zero() && !scene.policy.is_fetching() => {
                        if let Some(last) = last_start.filter(|_| scene.policy.is_loaded()) {
                            prop_assert!(now - last >= COOLDOWN);
                        }
                        scene.policy.fetch_started(now);
                        last_start = Some(now);
                    }
                    Action::Succeed(max_age, is_new) if scene.policy.is_fetching() => {
                        let max_age = max_age.map(|secs| Duration::from_secs(secs.into()));
                        scene.policy.fetch_succeeded(max_age, is_new, now, jitter);
                        (last_end, has_succeeded, loaded_at) = (Some(now), Some(true), last_start);
                        scene.policy.expire(now);
                        prop_assert!(scene.until_fetch() <= part(LONGEST_MAX_AGE, 4, 5));
                    }
                    Action::Fail if scene.policy.is_fetching() => {
                        scene.policy.fetch_failed(now, jitter);
                        (last_end, has_succeeded) = (Some(now), Some(false));
                        prop_assert!(scene.until_fetch() <= 66 * SECOND);
                        if !scene.policy.is_loaded() {
                            prop_assert!(scene.until_fetch() >= FIRST_BACKOFF);
                            prop_assert!(scene.until_fetch() <= LONGEST_BACKOFF);
                        }
                    }
                    Action::Drop => scene.policy.fetch_dropped(),
                    _ => {}
                }
                let age = loaded_at.map(|at| scene.now - at);
                let is_young = age.is_some_and(|age| age < DEFAULT_MAX_STALENESS);
                prop_assert_eq!(scene.policy.is_loaded(), is_young);
                prop_assert!(scene.policy.remembered() <= MAX_NAMES);
                prop_assert!(last_end.is_none_or(|end| end <= scene.now));
            }
        }
    }
}
