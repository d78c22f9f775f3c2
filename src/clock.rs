//! Time as an input: nothing in this crate asks the system for it except [`SystemClock`].

use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

const NANOS_PER_SEC: i128 = 1_000_000_000;

/// A point in time, counted from 1970-01-01T00:00:00Z without leap seconds.
///
/// This is the `NumericDate` of RFC 7519 section 2: it may have a fraction, lie before 1970, or
/// lie far beyond what [`SystemTime`] can hold. Arithmetic saturates. In JSON it is a number of
/// seconds.
///
/// ```
/// use std::time::Duration;
/// use tower_jwt_auth::UnixTime;
///
/// let noon = UnixTime::from_secs(1_700_000_000);
/// assert_eq!(noon.saturating_add(Duration::from_millis(1500)).as_secs(), 1_700_000_001);
/// assert!(noon < noon.saturating_add(Duration::from_nanos(1)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime {
    nanos: i128,
}

impl UnixTime {
    /// The start of 1970, UTC.
    pub const EPOCH: Self = Self { nanos: 0 };

    /// Whole seconds since [`UnixTime::EPOCH`].
    pub const fn from_secs(secs: u64) -> Self {
        Self { nanos: (secs as i128).saturating_mul(NANOS_PER_SEC) }
    }

    /// Nanoseconds since [`UnixTime::EPOCH`], negative before it.
    pub const fn from_nanos(nanos: i128) -> Self {
        Self { nanos }
    }

    /// Whole seconds, rounded down; the nearest `i64` where the time lies outside its range.
    pub fn as_secs(self) -> i64 {
        let secs = self.nanos.div_euclid(NANOS_PER_SEC);
        i64::try_from(secs).unwrap_or(if secs < 0 { i64::MIN } else { i64::MAX })
    }

    /// The same without its fraction of a second, rounded down: what the `iat` and `exp` of a
    /// token should be, since other libraries expect integers.
    #[must_use]
    pub fn whole_secs(self) -> Self {
        let fraction = self.nanos.rem_euclid(NANOS_PER_SEC);
        Self { nanos: self.nanos.saturating_sub(fraction) }
    }

    /// Nanoseconds since [`UnixTime::EPOCH`].
    pub const fn as_nanos(self) -> i128 {
        self.nanos
    }

    /// The time as [`SystemTime`], or `None` where that type cannot hold it.
    pub fn to_system_time(self) -> Option<SystemTime> {
        let distance = duration_of(self.nanos.unsigned_abs())?;
        if self.nanos < 0 {
            SystemTime::UNIX_EPOCH.checked_sub(distance)
        } else {
            SystemTime::UNIX_EPOCH.checked_add(distance)
        }
    }

    /// The time `duration` later.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self { nanos: self.nanos.saturating_add(nanos_of(duration)) }
    }

    /// The time `duration` earlier.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Self { nanos: self.nanos.saturating_sub(nanos_of(duration)) }
    }

    /// How long `self` is after `earlier`; zero where it is not.
    pub fn saturating_since(self, earlier: Self) -> Duration {
        let nanos = self.nanos.saturating_sub(earlier.nanos).max(0).unsigned_abs();
        duration_of(nanos).unwrap_or(Duration::MAX)
    }

    pub(crate) fn from_secs_i64(secs: i64) -> Self {
        Self { nanos: i128::from(secs).saturating_mul(NANOS_PER_SEC) }
    }

    /// `secs` must be a number; JSON has no NaN and `serde_json` refuses what overflows.
    pub(crate) fn from_secs_f64(secs: f64) -> Self {
        let whole = secs.floor();
        // Casts from float saturate, so 1e300 becomes the far future and not an overflow.
        let fraction = ((secs - whole) * 1e9).round() as i128;
        Self { nanos: (whole as i128).saturating_mul(NANOS_PER_SEC).saturating_add(fraction) }
    }
}

fn duration_of(nanos: u128) -> Option<Duration> {
    let nanos_per_sec = NANOS_PER_SEC.unsigned_abs();
    let secs = u64::try_from(nanos.checked_div(nanos_per_sec)?).ok()?;
    let rest = u32::try_from(nanos.checked_rem(nanos_per_sec)?).ok()?;
    Some(Duration::new(secs, rest))
}

fn nanos_of(duration: Duration) -> i128 {
    i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX)
}

impl Debug for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.nanos.rem_euclid(NANOS_PER_SEC);
        write!(f, "UnixTime({}", self.nanos.div_euclid(NANOS_PER_SEC))?;
        if nanos != 0 {
            write!(f, ".{nanos:09}")?;
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

impl Serialize for UnixTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Whole seconds as an integer: other libraries' typed claims expect one.
        if self.nanos.rem_euclid(NANOS_PER_SEC) == 0 {
            serializer.serialize_i64(self.as_secs())
        } else {
            // Not `nanos / 1e9`: today's nanoseconds do not fit a float, their two halves do.
            let secs = self.nanos.div_euclid(NANOS_PER_SEC) as f64;
            let fraction = self.nanos.rem_euclid(NANOS_PER_SEC) as f64 / 1e9;
            serializer.serialize_f64(secs + fraction)
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
                Ok(UnixTime::from_secs(secs))
            }

            fn visit_i64<E: de::Error>(self, secs: i64) -> Result<UnixTime, E> {
                Ok(UnixTime::from_secs_i64(secs))
            }

            fn visit_f64<E: de::Error>(self, secs: f64) -> Result<UnixTime, E> {
                Ok(UnixTime::from_secs_f64(secs))
            }
        }

        // Asking for a float keeps plain numbers even when serde_json's `arbitrary_precision`
        // is switched on elsewhere in the build.
        deserializer.deserialize_f64(NumericDate)
    }
}

/// Where the current time comes from.
///
/// ```
/// use tower_jwt_auth::{Clock, ManualClock, UnixTime};
///
/// let clock = ManualClock::new(UnixTime::from_secs(1_700_000_000));
/// assert_eq!(clock.now(), UnixTime::from_secs(1_700_000_000));
/// ```
pub trait Clock: Debug + Send + Sync + 'static {
    /// The current time.
    fn now(&self) -> UnixTime;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> UnixTime {
        C::now(self)
    }
}

/// The system's clock, and the default everywhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixTime {
        UnixTime::from(SystemTime::now())
    }
}

/// A clock that stands still until it is told to move; clones share the time.
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
    /// A clock that shows `now`.
    pub fn new(now: UnixTime) -> Self {
        Self { now: Arc::new(Mutex::new(now)) }
    }

    /// Jumps to `now`, forward or back.
    pub fn set(&self, now: UnixTime) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Moves forward by `duration`.
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

    #[test]
    fn fractions_and_extremes_keep_their_order() {
        let parse = |json: &str| serde_json::from_str::<UnixTime>(json).unwrap();
        assert_eq!(parse("1700000000.5").as_nanos(), 1_700_000_000_500_000_000);
        assert_eq!(parse("-0.5").as_nanos(), -500_000_000);
        assert_eq!(parse("18446744073709551615"), UnixTime::from_secs(u64::MAX));
        assert!(parse("1e300") > UnixTime::from_secs(u64::MAX));
        assert!(parse("-1e300") < UnixTime::EPOCH);
    }

    #[test]
    fn what_is_not_a_number_is_not_a_date() {
        for json in ["null", "\"1700000000\"", "true", "[]", "{}", "1e999", "NaN"] {
            assert!(serde_json::from_str::<UnixTime>(json).is_err(), "{json}");
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
            let time = UnixTime::from_nanos((1_700_000_007 * 8 + eighths) * (NANOS_PER_SEC / 8));
            let json = serde_json::to_string(&time).unwrap();
            assert_eq!(serde_json::from_str::<UnixTime>(&json).unwrap(), time, "{json}");
        }
        let time = UnixTime::from_nanos(1_700_000_007_250_000_000);
        assert_eq!(serde_json::to_string(&time).unwrap(), "1700000007.25");
        assert_eq!(serde_json::to_string(&UnixTime::from_nanos(-250_000_000)).unwrap(), "-0.25");
    }

    #[test]
    fn system_time_before_1970_survives_the_round_trip() {
        let before = SystemTime::UNIX_EPOCH - Duration::new(3600, 5);
        assert_eq!(UnixTime::from(before).to_system_time(), Some(before));
        assert_eq!(UnixTime::from_nanos(i128::MAX).to_system_time(), None);
    }
}
