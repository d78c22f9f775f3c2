//! The name of a session.

use std::borrow::Borrow;
use std::fmt;

use crate::jwt::base64url;
use crate::jwt::keys::mac;

/// The name of a session: the claim `sid` of its access tokens, and the key under which a store
/// keeps it. 22 characters of base64url.
///
/// It may be shown: it is a hash of the part of the refresh token that never changes, from which
/// that part cannot be found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(String);

impl SessionId {
    /// A name that came from elsewhere, such as a path parameter or a store; `None` if it cannot
    /// be one.
    pub fn parse(id: &str) -> Option<Self> {
        let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (id.len() == 22 && id.bytes().all(is_base64url)).then(|| Self(id.to_owned()))
    }

    pub(crate) fn of_handle(handle: &[u8]) -> Self {
        let hash = mac::sha256(handle);
        let mut id = String::with_capacity(22);
        base64url::encode_onto(hash.get(..16).unwrap_or_default(), &mut id);
        Self(id)
    }

    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

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
