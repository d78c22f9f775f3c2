//! The identifier of a session.

use std::borrow::Borrow;
use std::error::Error;
use std::fmt;
use std::str::FromStr;

use crate::jwt::base64url;
use crate::jwt::keys::mac;

/// The length of a session's identifier.
const LEN: usize = 22;

/// The identifier of a session: 22 characters of base64url. It is the `sid` claim of the session's
/// access tokens, and the key of the session in a store.
///
/// The identifier is not secret. It is a hash of the constant part of the refresh token, and does
/// not reveal that part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(String);

impl SessionId {
    pub(crate) fn of_handle(handle: &[u8]) -> Self {
        let hash = mac::sha256(handle);
        let mut id = String::with_capacity(LEN);
        base64url::encode_onto(hash.get(..16).unwrap_or_default(), &mut id);
        Self(id)
    }

    /// Returns the identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Accepts any text with the form of an identifier, for example from a path parameter or a column
/// of a store.
impl TryFrom<String> for SessionId {
    type Error = SessionIdError;

    fn try_from(id: String) -> Result<Self, SessionIdError> {
        let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if id.len() == LEN && id.bytes().all(is_base64url) {
            Ok(Self(id))
        } else {
            Err(SessionIdError(()))
        }
    }
}

impl FromStr for SessionId {
    type Err = SessionIdError;

    fn from_str(id: &str) -> Result<Self, SessionIdError> {
        id.to_owned().try_into()
    }
}

/// An error for a text that is not the identifier of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionIdError(());

impl fmt::Display for SessionIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a session has 22 characters of base64url")
    }
}

impl Error for SessionIdError {}

impl AsRef<str> for SessionId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for SessionId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_22_characters_of_base64url() {
        let name = "ABCDEFGHIJ-_klmnopqr09";
        assert_eq!(name.parse::<SessionId>().unwrap().as_str(), name);
        assert_eq!(SessionId::try_from(name.to_owned()).unwrap().to_string(), name);
        for other in ["", &name[1..], &format!("{name}A"), &name.replace('-', "+"), "é"] {
            assert_eq!(other.parse::<SessionId>(), Err(SessionIdError(())), "{other}");
        }
    }
}
