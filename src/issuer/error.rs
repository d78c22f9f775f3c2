//! Errors that occur while a token is issued.

use std::error::Error;
use std::fmt;

use crate::random::NoRandomness;

/// An error that occurred while issuing a token. Its text contains names of claims, never their
/// values.
#[derive(Debug)]
pub struct IssueError {
    kind: IssueErrorKind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The kind of an [`IssueError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IssueErrorKind {
    /// The issuer cannot choose a key for the token. The issuer may have no key for one of the
    /// grant's audiences, or the audiences may have different keys. If the grant sets no audience,
    /// the issuer must have exactly one key. An empty list of audiences is also an error.
    UnknownAudience,
    /// The grant has an empty subject.
    NoSubject,
    /// The claims contain `scp`, or they contain a claim that the issuer writes itself, with a
    /// value other than the issuer's.
    ReservedClaim,
    /// A scope is empty, or contains a space, a quote, a backslash or a character beyond ASCII (RFC
    /// 6749 section 3.3).
    BadScope,
    /// The token, or its cookie, is too large.
    TooLarge,
    /// The claims or the session's data failed to serialize, or the claims are not a JSON object.
    /// This is also the error for claims that every service would reject: claims that are nested
    /// more than 32 levels deep, a registered claim of the wrong type, or a date after the year
    /// 9999.
    Unserializable,
    /// The system's random number generator failed.
    NoRandomness,
    /// The signature could not be computed, or the current key of the audience is a public key,
    /// which cannot sign. The latter happens if the `KeyStore` was rotated to a public key.
    CannotSign,
}

impl IssueError {
    pub(crate) fn new(kind: IssueErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    pub(crate) fn unserializable(
        message: &str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        let (kind, message) = (IssueErrorKind::Unserializable, message.to_owned());
        Self { kind, message, source: Some(source.into()) }
    }

    /// Returns the kind of the error.
    pub fn kind(&self) -> IssueErrorKind {
        self.kind
    }
}

impl From<NoRandomness> for IssueError {
    fn from(error: NoRandomness) -> Self {
        Self::new(IssueErrorKind::NoRandomness, error.to_string())
    }
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for IssueError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
