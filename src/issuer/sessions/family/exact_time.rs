//! Times in stored sessions, as whole nanoseconds in JSON. Floating-point seconds would shift the
//! end of a session by a few hundred nanoseconds. Times after the year 2262 are stored as the last
//! representable time.

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
