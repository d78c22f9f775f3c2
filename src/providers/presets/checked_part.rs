//! URL parts that the application supplies.

use crate::misuse;

/// Checks a URL part that the application supplies, such as the identifier of a tenant, and returns
/// it.
///
/// # Panics
///
/// Panics if the part could change the rest of the URL, or if the part is empty, for example
/// because an environment variable is missing.
#[track_caller]
pub(super) fn checked_part<'a>(method: &str, what: &str, part: &'a str) -> &'a str {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if part.is_empty() || !part.bytes().all(is_allowed) {
        misuse::refuse(format_args!(
            "Issuer::{method}: {part:?} is not {what}: it has other characters than letters, \
             digits, `-`, `_` and `.`, or none"
        ));
    }
    part
}
