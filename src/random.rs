//! Random bytes from the system.

use std::error::Error;
use std::fmt;

#[cfg(feature = "issuer")]
use crate::jwt::base64url;

/// The system's random number generator failed.
#[derive(Debug)]
pub(crate) struct NoRandomness;

/// Fills a buffer with random bytes.
pub(crate) fn fill(buffer: &mut [u8]) -> Result<(), NoRandomness> {
    getrandom::fill(buffer).map_err(|_| NoRandomness)
}

/// Returns an array of random bytes.
#[cfg(feature = "issuer")]
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// The length of an identifier.
#[cfg(feature = "issuer")]
pub(crate) const ID_CHARS: usize = 22;

/// Returns an identifier that nobody can guess: 128 random bits in base64url.
#[cfg(feature = "issuer")]
pub(crate) fn id() -> Result<String, NoRandomness> {
    let mut id = String::with_capacity(ID_CHARS);
    base64url::encode_onto(&bytes::<16>()?, &mut id);
    Ok(id)
}

impl fmt::Display for NoRandomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the system gave no random bytes")
    }
}

impl Error for NoRandomness {}
