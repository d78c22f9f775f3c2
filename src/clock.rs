//! The clocks of this crate. Only [`SystemClock`] reads the system's wall clock; all other code
//! takes the current time as an input.

use std::error::Error;
use std::fmt::{self, Debug, Display};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::de::{self, Deserialize, Deserializer, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};

const NANOS_PER_SEC: u32 = 1_000_000_000;

/// A point in time, counted from 1970-01-01T00:00:00Z without leap seconds.
///
/// This is the `NumericDate` of RFC 7519 section 2: it may have a fraction, and it may lie before
/// 1970. In JSON, it is a number of seconds. Arithmetic saturates.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use tower_jwt_auth::UnixTime;
///
/// let noon = UnixTime::from_secs(1_700_000_000);
/// assert_eq!(noon.saturating_add(Duration::from_millis(1500)).as_secs(), 1_700_000_001);
/// assert!(noon < noon.saturating_add(Duration::from_nanos(1)));
/// assert_eq!(UnixTime::from(SystemTime::try_from(noon)?), noon);
/// # Ok::<_, tower_jwt_auth::SystemTimeRangeError>(())
/// ```
// The derived `Ord` compares the seconds first and then the nanoseconds, so the order is
// chronological.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime {
    /// The whole seconds, rounded down so that `nanos` is never negative.
    secs: i64,
    /// The fraction of a second in nanoseconds, less than [`NANOS_PER_SEC`].
    nanos: u32,
}

impl UnixTime {
    /// The start of 1970, UTC.
    pub const EPOCH: Self = Self::from_secs(0);

    /// The earliest time, some 292 billion years before [`UnixTime::EPOCH`].
    pub const MIN: Self = Self::from_secs(i64::MIN);

    /// The latest time, some 292 billion years after [`UnixTime::EPOCH`].
    pub const MAX: Self = Self { secs: i64::MAX, nanos: NANOS_PER_SEC - 1 };

    /// Returns the time `secs` seconds after [`UnixTime::EPOCH`], or before it if `secs` is
    /// negative.
    pub const fn from_secs(secs: i64) -> Self {
        Self { secs, nanos: 0 }
    }

    /// Returns the time `nanos` nanoseconds after [`UnixTime::EPOCH`], or before it if `nanos` is
    /// negative. A result out of range becomes [`UnixTime::MIN`] or [`UnixTime::MAX`].
    pub fn from_nanos(nanos: i128) -> Self {
        let per_sec = i128::from(NANOS_PER_SEC);
        let parts =
            (i64::try_from(nanos.div_euclid(per_sec)), u32::try_from(nanos.rem_euclid(per_sec)));
        match parts {
            (Ok(secs), Ok(nanos)) => Self { secs, nanos },
            _ if nanos < 0 => Self::MIN,
            _ => Self::MAX,
        }
    }

    /// Returns the whole seconds since [`UnixTime::EPOCH`], rounded down.
    pub const fn as_secs(self) -> i64 {
        self.secs
    }

    /// Returns the nanoseconds to add to the whole seconds of [`as_secs`](Self::as_secs): 0 to
    /// 999,999,999.
    pub const fn subsec_nanos(self) -> u32 {
        self.nanos
    }

    /// Returns the nanoseconds since [`UnixTime::EPOCH`].
    pub fn as_nanos(self) -> i128 {
        i128::from(self.secs).saturating_mul(NANOS_PER_SEC.into()).saturating_add(self.nanos.into())
    }

    /// Returns this time, rounded down to a whole second. The `iat` and `exp` of a token should be
    /// whole seconds, since other libraries expect integers.
    #[must_use]
    pub const fn whole_secs(self) -> Self {
        Self::from_secs(self.secs)
    }

    /// Returns this time plus `duration`. If the result is out of range, returns the latest
    /// possible time.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let nanos = self.nanos.saturating_add(duration.subsec_nanos());
        let (carry, nanos) = match nanos.checked_sub(NANOS_PER_SEC) {
            Some(nanos) => (1, nanos),
            None => (0, nanos),
        };
        let secs = self.secs.checked_add_unsigned(duration.as_secs());
        let secs = secs.and_then(|secs| secs.checked_add(carry));
        secs.map_or(Self::MAX, |secs| Self { secs, nanos })
    }

    /// Returns this time minus `duration`. If the result is out of range, returns the earliest
    /// possible time.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        let (borrow, nanos) = match self.nanos.checked_sub(duration.subsec_nanos()) {
            Some(nanos) => (0, nanos),
            None => (
                1,
                self.nanos.saturating_add(NANOS_PER_SEC.saturating_sub(duration.subsec_nanos())),
            ),
        };
        let secs = self.secs.checked_sub_unsigned(duration.as_secs());
        let secs = secs.and_then(|secs| secs.checked_sub(borrow));
        secs.map_or(Self::MIN, |secs| Self { secs, nanos })
    }

    /// Returns the duration from `earlier` to `self`, or zero if `earlier` is later.
    pub fn saturating_since(self, earlier: Self) -> Duration {
        if self <= earlier {
            return Duration::ZERO;
        }
        Duration::new(self.secs.abs_diff(earlier.secs), self.nanos)
            .saturating_sub(Duration::new(0, earlier.nanos))
    }

    /// Returns the nanoseconds since [`UnixTime::EPOCH`]. Times before 1677 and after 2262
    /// saturate.
    pub(crate) fn as_nanos_i64(self) -> i64 {
        let nanos = self.as_nanos();
        i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
    }

    pub(crate) fn from_secs_u64(secs: u64) -> Self {
        i64::try_from(secs).map_or(Self::MAX, Self::from_secs)
    }

    /// Returns the time `secs` seconds after [`UnixTime::EPOCH`]. `secs` must be finite. Numbers
    /// from JSON are finite: JSON has no NaN, and numbers that are out of range are rejected
    /// earlier.
    pub(crate) fn from_secs_f64(secs: f64) -> Self {
        let whole = secs.floor();
        let fraction = ((secs - whole) * 1e9).round();
        // Casts from floats saturate, so 1e300 becomes a time in the far future.
        Self::from_secs(whole as i64).saturating_add(Duration::from_nanos(fraction as u64))
    }
}

impl Debug for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if *self < Self::EPOCH { "-" } else { "" };
        let distance = self.saturating_since(Self::EPOCH).max(Self::EPOCH.saturating_since(*self));
        write!(f, "UnixTime({sign}{}", distance.as_secs())?;
        if distance.subsec_nanos() != 0 {
            write!(f, ".{:09}", distance.subsec_nanos())?;
        }
        f.write_str(")")
    }
}

impl From<SystemTime> for UnixTime {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => Self::EPOCH.saturating_add(after),
            Err(before) => Self::EPOCH.saturating_sub(before.duration()),
        }
    }
}

impl TryFrom<UnixTime> for SystemTime {
    type Error = SystemTimeRangeError;

    fn try_from(time: UnixTime) -> Result<Self, SystemTimeRangeError> {
        let epoch = Self::UNIX_EPOCH;
        let converted = if time < UnixTime::EPOCH {
            epoch.checked_sub(UnixTime::EPOCH.saturating_since(time))
        } else {
            epoch.checked_add(time.saturating_since(UnixTime::EPOCH))
        };
        converted.ok_or(SystemTimeRangeError { _private: () })
    }
}

/// The error for a [`UnixTime`] that [`SystemTime`] cannot represent on this platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemTimeRangeError {
    _private: (),
}

impl Display for SystemTimeRangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time is out of range for the system's clock")
    }
}

impl Error for SystemTimeRangeError {}

impl Serialize for UnixTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Write whole seconds as an integer, which the typed claims of other libraries expect.
        if self.nanos == 0 {
            serializer.serialize_i64(self.secs)
        } else {
            serializer.serialize_f64(self.secs as f64 + f64::from(self.nanos) / 1e9)
        }
    }
}

impl<'de> Deserialize<'de> for UnixTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumericDate;

        impl Visitor<'_> for NumericDate {
            type Value = UnixTime;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of seconds since 1970-01-01")
            }

            fn visit_u64<E: de::Error>(self, secs: u64) -> Result<UnixTime, E> {
                Ok(UnixTime::from_secs_u64(secs))
            }

            fn visit_i64<E: de::Error>(self, secs: i64) -> Result<UnixTime, E> {
                Ok(UnixTime::from_secs(secs))
            }

            fn visit_f64<E: de::Error>(self, secs: f64) -> Result<UnixTime, E> {
                if !secs.is_finite() {
                    return Err(E::invalid_value(Unexpected::Float(secs), &self));
                }
                Ok(UnixTime::from_secs_f64(secs))
            }
        }

        // `deserialize_any` would give maps instead of numbers if another crate in the build
        // enables the `arbitrary_precision` feature of serde_json.
        deserializer.deserialize_f64(NumericDate)
    }
}

/// A source of the current time.
///
/// ```
/// use tower_jwt_auth::{Clock, ManualClock, UnixTime};
///
/// let clock = ManualClock::new(UnixTime::from_secs(1_700_000_000));
/// assert_eq!(clock.now(), UnixTime::from_secs(1_700_000_000));
/// ```
pub trait Clock: Send + Sync + 'static {
    /// Returns the current time.
    fn now(&self) -> UnixTime;
}

impl Debug for dyn Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> UnixTime {
        C::now(self)
    }
}

/// The system's clock, which is the default everywhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixTime {
        UnixTime::from(SystemTime::now())
    }
}

/// The source of the current time: the system's clock, unless the application sets a different
/// clock.
#[derive(Clone, Debug, Default)]
pub(crate) enum TimeSource {
    #[default]
    System,
    Custom(Arc<dyn Clock>),
}

impl TimeSource {
    pub(crate) fn custom(clock: impl Clock) -> Self {
        Self::Custom(Arc::new(clock))
    }

    #[inline]
    pub(crate) fn now(&self) -> UnixTime {
        match self {
            Self::System => SystemClock.now(),
            Self::Custom(clock) => clock.now(),
        }
    }

    /// Returns true if this is the system's clock. Two types that both use the system's clock can
    /// share one reading. Sharing saves time, since one reading takes as long as a look-up in a
    /// hash table. Two custom clocks can differ, so each must be read.
    #[inline]
    pub(crate) fn is_system(&self) -> bool {
        matches!(self, Self::System)
    }
}

/// A clock for tests. It stands still until [`set`](Self::set) or [`advance`](Self::advance) moves
/// it. Clones share the time.
///
/// ```
/// use std::time::Duration;
/// use tower_jwt_auth::{Clock, ManualClock, UnixTime};
///
/// let clock = ManualClock::new(UnixTime::from_secs(100));
/// let other = clock.clone();
/// other.advance(Duration::from_secs(5));
/// assert_eq!(clock.now(), UnixTime::from_secs(105));
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock {
    now: Arc<Mutex<UnixTime>>,
}

impl ManualClock {
    /// Returns a clock that shows `now`.
    pub fn new(now: UnixTime) -> Self {
        Self { now: Arc::new(Mutex::new(now)) }
    }

    /// Sets the clock to `now`, forward or back.
    pub fn set(&self, now: UnixTime) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Moves the clock forward by `duration`.
    pub fn advance(&self, duration: Duration) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.saturating_add(duration);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixTime {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::de::IntoDeserializer;
    use serde::de::value::F64Deserializer;

    const PER_SEC: i128 = NANOS_PER_SEC as i128;

    #[test]
    fn fractions_and_extremes_keep_their_order() {
        let parse = |json: &str| serde_json::from_str::<UnixTime>(json).unwrap();
        assert_eq!(parse("1700000000.5").as_nanos(), 1_700_000_000_500_000_000);
        assert_eq!(parse("-0.5").as_nanos(), -500_000_000);
        assert_eq!(parse("9223372036854775807"), UnixTime::from_secs(i64::MAX));
        assert_eq!(parse("9223372036854775808"), UnixTime::MAX);
        assert_eq!(parse("18446744073709551615"), UnixTime::MAX);
        assert!(parse("1e300") >= UnixTime::from_secs(i64::MAX));
        assert_eq!(parse("-1e300"), UnixTime::MIN);
    }

    #[test]
    fn only_a_number_is_a_date() {
        for json in ["null", "\"1700000000\"", "true", "[]", "{}", "1e999", "NaN"] {
            assert!(serde_json::from_str::<UnixTime>(json).is_err(), "{json}");
        }
        // JSON cannot express these numbers, but other formats can.
        for secs in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let other: F64Deserializer<de::value::Error> = secs.into_deserializer();
            assert!(UnixTime::deserialize(other).is_err(), "{secs}");
        }
    }

    #[test]
    fn whole_seconds_are_written_as_an_integer() {
        assert_eq!(serde_json::to_string(&UnixTime::from_secs(7)).unwrap(), "7");
        assert_eq!(serde_json::to_string(&UnixTime::from_nanos(7_500_000_000)).unwrap(), "7.5");
    }

    #[test]
    fn a_fraction_that_a_float_can_hold_is_written_exactly() {
        for eighths in -20_i128..20 {
            let time = UnixTime::from_nanos((1_700_000_007 * 8 + eighths) * (PER_SEC / 8));
            let json = serde_json::to_string(&time).unwrap();
            assert_eq!(serde_json::from_str::<UnixTime>(&json).unwrap(), time, "{json}");
        }
        let time = UnixTime::from_nanos(1_700_000_007_250_000_000);
        assert_eq!(serde_json::to_string(&time).unwrap(), "1700000007.25");
        assert_eq!(serde_json::to_string(&UnixTime::from_nanos(-250_000_000)).unwrap(), "-0.25");
    }

    #[test]
    fn system_time_before_1970_survives_the_round_trip() {
        let before = SystemTime::UNIX_EPOCH - Duration::new(3600, 500);
        assert_eq!(SystemTime::try_from(UnixTime::from(before)), Ok(before));
    }

    #[test]
    fn a_time_out_of_range_for_the_system_is_an_error_and_not_a_panic() {
        for time in [UnixTime::MIN, UnixTime::MAX] {
            if let Ok(converted) = SystemTime::try_from(time) {
                assert_eq!(UnixTime::from(converted), time);
            }
        }
    }

    #[test]
    fn debug_output_has_the_sign_and_the_fraction() {
        for (nanos, expected) in [
            (0, "UnixTime(0)"),
            (1_500_000_000, "UnixTime(1.500000000)"),
            (-500_000_000, "UnixTime(-0.500000000)"),
            (-2_000_000_000, "UnixTime(-2)"),
        ] {
            assert_eq!(format!("{:?}", UnixTime::from_nanos(nanos)), expected);
        }
    }

    /// Generates times near 1970, times near both ends of the range, and random times.
    fn time() -> impl Strategy<Value = UnixTime> {
        let secs =
            prop_oneof![-3..3_i64, i64::MIN..i64::MIN + 3, i64::MAX - 3..=i64::MAX, any::<i64>()];
        (secs, fraction()).prop_map(|(secs, nanos)| UnixTime { secs, nanos })
    }

    fn duration() -> impl Strategy<Value = Duration> {
        let secs = prop_oneof![0..3_u64, i64::MAX as u64 - 3..i64::MAX as u64 + 3, any::<u64>()];
        (secs, fraction()).prop_map(|(secs, nanos)| Duration::new(secs, nanos))
    }

    fn fraction() -> impl Strategy<Value = u32> {
        prop_oneof![Just(0), Just(NANOS_PER_SEC - 1), 0..NANOS_PER_SEC]
    }

    proptest! {
        /// The expected values are computed in `i128`, which does not overflow here. `from_nanos`
        /// then limits them to the range of `UnixTime`.
        #[test]
        fn arithmetic_is_that_of_128_bits_and_saturates(time in time(), by in duration()) {
            let nanos = i128::try_from(by.as_nanos()).unwrap();
            let expected = UnixTime::from_nanos(time.as_nanos() + nanos);
            prop_assert_eq!(time.saturating_add(by), expected);
            let expected = UnixTime::from_nanos(time.as_nanos() - nanos);
            prop_assert_eq!(time.saturating_sub(by), expected);
        }

        #[test]
        fn order_and_distance_are_those_of_128_bits(a in time(), b in time()) {
            prop_assert_eq!(a.cmp(&b), a.as_nanos().cmp(&b.as_nanos()));
            let distance = (a.as_nanos() - b.as_nanos()).max(0).unsigned_abs();
            prop_assert_eq!(a.saturating_since(b).as_nanos(), distance);
        }

        #[test]
        fn nanoseconds_survive_the_round_trip(time in time()) {
            prop_assert_eq!(UnixTime::from_nanos(time.as_nanos()), time);
            prop_assert_eq!(i128::from(time.as_secs()), time.as_nanos().div_euclid(PER_SEC));
            let clamped = time.as_nanos().clamp(i64::MIN.into(), i64::MAX.into());
            prop_assert_eq!(i128::from(time.as_nanos_i64()), clamped);
        }

        #[test]
        fn any_number_of_nanoseconds_is_a_time(nanos: i128) {
            let (min, max) = (UnixTime::MIN.as_nanos(), UnixTime::MAX.as_nanos());
            prop_assert_eq!(UnixTime::from_nanos(nanos).as_nanos(), nanos.clamp(min, max));
        }
    }
}
