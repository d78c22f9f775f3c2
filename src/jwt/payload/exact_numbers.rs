//! The feature `arbitrary_precision` of `serde_json`, which any crate of a build can switch on for
//! all of it.

use std::fmt;
use std::sync::OnceLock;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

/// Returns true if `serde_json` hands on a number as an object that holds its text. The scanner
/// hands on numbers, so a type that buffers values, such as an untagged enum, would read them
/// differently: the scanner must then be left out.
#[inline]
pub(crate) fn are_on() -> bool {
    static ARE_ON: OnceLock<bool> = OnceLock::new();
    // Versions of `serde_json` differ in the numbers that they hand on as an object.
    let is_map = |json| serde_json::from_str(json).is_ok_and(|IsMap(is_map)| is_map);
    *ARE_ON.get_or_init(|| ["1", "1.5"].into_iter().any(is_map))
}

/// Set if a number was an object.
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
