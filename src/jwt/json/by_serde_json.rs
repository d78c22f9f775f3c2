//! Parsing with `serde_json`, for the forms of values that are rare in tokens.

use serde_json::Error;
use serde_json::de::StrRead;

/// Reads `text`, which must be exactly one JSON value.
pub(crate) fn read<'de, R>(
    text: &'de str,
    read: impl FnOnce(&mut serde_json::Deserializer<StrRead<'de>>) -> Result<R, Error>,
) -> Result<R, Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = read(&mut json)?;
    json.end()?;
    Ok(value)
}
