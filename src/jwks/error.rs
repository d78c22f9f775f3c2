//! Errors of a key source.

use std::error::Error;
use std::fmt::{self, Debug, Write};
use std::sync::Arc;

/// The maximum number of characters of a cause that logs and rejection reasons show.
const MAX_CAUSE_CHARS: usize = 300;

/// The error of a fetch.
///
/// Authors of a [`KeySource`](crate::jwks::KeySource) create the error from a cause with
/// [`new`](Self::new), from a [`KeySourceErrorKind`], or from both with [`caused`](Self::caused).
///
/// ```
/// use tower_jwt_auth::jwks::{KeySourceError, KeySourceErrorKind};
///
/// let error = KeySourceError::new("the vault is sealed");
/// assert_eq!(error.kind(), KeySourceErrorKind::Failed);
/// ```
#[derive(Clone)]
pub struct KeySourceError {
    kind: KeySourceErrorKind,
    /// Shared, so that the error can be cloned.
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// The kind of a [`KeySourceError`]. Its `Display` is a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeySourceErrorKind {
    /// The source could not be reached: no connection, no valid certificate, or an answer that
    /// breaks off.
    Unreachable,
    /// The source did not answer in full within the [time
    /// limit](crate::jwks::RemoteKeys::timeout).
    TimedOut,
    /// The source answered with this status and not with 200. Redirects are not followed.
    Status(u16),
    /// The answer has more than 256 KiB.
    TooLarge,
    /// The answer is not the document that was asked for: it is HTML, compressed, or malformed.
    Unreadable,
    /// The key set has no key that can verify a token.
    NoUsableKey,
    /// The discovery document belongs to another issuer.
    WrongIssuer,
    /// A URL is not allowed, for example because it is not an `https` URL.
    BadUrl,
    /// The system has no root certificates, so no server can be trusted.
    NoRootCertificates,
    /// The source's code panicked.
    Panicked,
    /// Your own source failed.
    Failed,
}

impl KeySourceError {
    /// Creates an error of kind [`Failed`](KeySourceErrorKind::Failed) with a cause, whose `Display`
    /// must not contain a secret.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::caused(KeySourceErrorKind::Failed, source)
    }

    /// Creates an error of this kind with a cause, whose `Display` must not contain a secret.
    pub fn caused(
        kind: KeySourceErrorKind,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { kind, source: Some(Arc::from(source.into())) }
    }

    /// Returns the kind of the error.
    pub fn kind(&self) -> KeySourceErrorKind {
        self.kind
    }

    /// Returns the error with its causes, in one sentence. The causes may quote text from the
    /// network, so they are shortened, and all characters but printable ASCII are escaped.
    pub(crate) fn with_causes(&self) -> String {
        let mut sentence = self.to_string();
        let mut causes = String::new();
        let mut last = String::new();
        let mut source = self.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // Some errors contain the text of their cause.
            if !last.ends_with(&text) {
                let _ = write!(causes, ": {text}");
            }
            last = text;
            source = cause.source();
        }
        append_escaped(&causes, &mut sentence);
        sentence
    }
}

/// Appends text from the network to a sentence. Shortens the text and escapes its characters.
fn append_escaped(text: &str, sentence: &mut String) {
    let is_plain = |c: char| c == ' ' || c.is_ascii_graphic();
    for c in text.chars().take(MAX_CAUSE_CHARS) {
        if is_plain(c) {
            sentence.push(c);
        } else {
            sentence.extend(c.escape_default());
        }
    }
    if text.chars().nth(MAX_CAUSE_CHARS).is_some() {
        sentence.push_str("..");
    }
}

/// Creates an error without a cause.
impl From<KeySourceErrorKind> for KeySourceError {
    fn from(kind: KeySourceErrorKind) -> Self {
        Self { kind, source: None }
    }
}

impl Debug for KeySourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySourceError")
            .field("kind", &self.kind)
            .field("sentence", &self.with_causes())
            .finish()
    }
}

impl fmt::Display for KeySourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.kind, f)
    }
}

impl fmt::Display for KeySourceErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreachable => "the key source cannot be reached",
            Self::TimedOut => "the key source did not answer in time",
            Self::Status(status) => {
                return write!(f, "the key source answered with status {status}");
            }
            Self::TooLarge => "the answer of the key source has more than 256 KiB",
            Self::Unreadable => "the answer of the key source cannot be read",
            Self::NoUsableKey => "the key set has no usable key",
            Self::WrongIssuer => "the discovery document belongs to another issuer",
            Self::BadUrl => "the URL is not allowed",
            Self::NoRootCertificates => {
                "the system has no root certificates: install the package ca-certificates, or copy \
                 /etc/ssl/certs/ca-certificates.crt into the image"
            }
            Self::Panicked => "the key source panicked",
            Self::Failed => "the key source failed",
        })
    }
}

impl Error for KeySourceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_from_the_network_are_escaped_and_shortened() {
        let hostile = format!("\u{1b}[31m\r\nGET /\u{202e}{}", "x".repeat(10_000));
        let error = KeySourceError::caused(KeySourceErrorKind::Unreadable, hostile);
        for text in [error.with_causes(), format!("{error:?}")] {
            assert!(text.len() < 600, "{text}");
            assert!(text.chars().all(|c| c == ' ' || c.is_ascii_graphic()), "{text}");
        }
        assert!(error.with_causes().contains(r"\u{1b}[31m\r\nGET"), "{error:?}");
    }

    #[test]
    fn a_status_is_in_the_sentence() {
        let error = KeySourceError::from(KeySourceErrorKind::Status(302));
        assert_eq!(error.with_causes(), "the key source answered with status 302");
    }
}
