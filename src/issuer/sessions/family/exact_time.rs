//! Times in stored sessions, in JSON as whole nanoseconds: seconds with a fraction are floats,
//! which move the end of a session by some hundred nanoseconds. What lies beyond the year 2262 is
//! stored as that.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock::UnixTime;

pub(crate) fn serialize<S: Serializer>(time: &UnixTime, serializer: S) -> Result<S::Ok, S::Error> {
    let nanos = time.as_nanos().clamp(i64::MIN.into(), i64::MAX.into());
    i64::try_from(nanos).unwrap_or(i64::MAX).serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<UnixTime, D::Error> {
    i64::deserialize(deserializer).map(|nanos| UnixTime::from_nanos(nanos.into()))
}
