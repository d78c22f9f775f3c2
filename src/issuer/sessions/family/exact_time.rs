//! Times in stored sessions, in JSON as whole nanoseconds: seconds with a fraction are floats,
//! which move the end of a session by some hundred nanoseconds. What lies beyond the year 2262 is
//! stored as that.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock::UnixTime;

pub(crate) fn serialize<S: Serializer>(time: &UnixTime, serializer: S) -> Result<S::Ok, S::Error> {
    time.as_nanos_i64().serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<UnixTime, D::Error> {
    i64::deserialize(deserializer).map(|nanos| UnixTime::from_nanos(nanos.into()))
}
