//! Identifiers that nobody can guess.

use crate::issuer::error::{IssueError, IssueErrorKind};
use crate::jwt::base64url;

/// Fills an array from the system's random number generator.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], IssueError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| {
        IssueError::new(IssueErrorKind::NoRandomness, "the system gave no random bytes")
    })?;
    Ok(bytes)
}

/// The length of an identifier.
pub(crate) const ID_CHARS: usize = 22;

/// 128 random bits in base64url.
pub(crate) fn id() -> Result<String, IssueError> {
    let mut id = String::with_capacity(ID_CHARS);
    base64url::encode_onto(&bytes::<16>()?, &mut id);
    Ok(id)
}
