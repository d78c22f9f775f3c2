//! The `arbitrary_precision` feature of `serde_json`, which any crate of a build can enable for the
//! whole build.

use std::fmt;
use std::sync::OnceLock;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

/// Returns true if `serde_json` represents a number as an object that contains the number's text.
/// In this case, a type that buffers values, such as an untagged enum, gets this object from
/// `serde_json`. The reader's own scanner would give the type a plain number. If this function
/// returns true, the reader therefore uses `serde_json` to read numbers for such types.
#[inline]
pub(crate) fn are_on() -> bool {
    static ARE_ON: OnceLock<bool> = OnceLock::new();
    // Some versions of `serde_json` represent some numbers as objects and others as plain numbers.
    // Therefore test an integer and a fraction.
    let is_map = |json| serde_json::from_str(json).is_ok_and(|IsMap(is_map)| is_map);
    *ARE_ON.get_or_init(|| ["1", "1.5"].into_iter().any(is_map))
}

/// True if `serde_json` represented a number as an object.
struct IsMap(bool);

impl<'de> Deserialize<'de> for IsMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Probe)
    }
}

struct Probe;

impl<'de> Visitor<'de> for Probe {
    type Value = IsMap;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_u64<E>(self, _: u64) -> Result<IsMap, E> {
        Ok(IsMap(false))
    }

    fn visit_f64<E>(self, _: f64) -> Result<IsMap, E> {
        Ok(IsMap(false))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<IsMap, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(IsMap(true))
    }
}
