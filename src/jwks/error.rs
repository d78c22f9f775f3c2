//! Errors of a key source.

use std::error::Error;
use std::fmt::{self, Debug, Write};
use std::sync::Arc;

/// The maximum length of a cause in logs and rejection reasons, in characters.
const MAX_CAUSE_CHARS: usize = 300;

/// An error that occurred while keys were fetched.
///
/// Authors of a [`KeySource`](crate::jwks::KeySource) have three ways to create the error:
/// [`new`](Self::new) takes a cause, `from` takes a [`KeySourceErrorKind`], and
/// [`caused`](Self::caused) takes both.
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
    /// The cause of the error. It is in an `Arc` so that the error can be cloned.
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// The kind of a [`KeySourceError`]. `Display` shows the kind as a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeySourceErrorKind {
    /// No complete response was received, for example because the connection failed, the
    /// certificate was not valid, or the connection ended too early.
    Unreachable,
    /// The source did not respond completely within the [time
    /// limit](crate::jwks::RemoteKeys::timeout).
    TimedOut,
    /// The source responded with this status instead of 200. Redirects are not followed.
    Status(u16),
    /// The response is larger than 256 KiB.
    TooLarge,
    /// The response is not the requested document: it is HTML, compressed, or malformed.
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
    /// The source failed for another reason. For example, your own
    /// [`KeySource`](crate::jwks::KeySource) failed.
    Failed,
}

impl KeySourceError {
    /// Creates an error of kind [`Failed`](KeySourceErrorKind::Failed) with this cause. The
    /// `Display` of the cause must not contain a secret.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::caused(KeySourceErrorKind::Failed, source)
    }

    /// Creates an error with this kind and this cause. The `Display` of the cause must not contain
    /// a secret.
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
    /// network, so they are shortened, and all characters except printable ASCII are escaped.
    pub(crate) fn with_causes(&self) -> String {
        self.about("the key source")
    }

    /// Returns the same sentence as [`with_causes`](Self::with_causes), but replaces the words "the
    /// key source" with the text `server`.
    pub(crate) fn about(&self, server: &str) -> String {
        let mut sentence = String::new();
        let _ = self.kind.write(server, &mut sentence);
        let mut causes = Start::default();
        let mut last = String::new();
        let mut source = self.source();
        while let Some(cause) = source.filter(|_| !causes.is_cut) {
            let text = Start::of(cause);
            // Some errors contain the text of their cause. Do not repeat that text.
            if !last.ends_with(&text.text) {
                let _ = write!(causes, ": {}", text.text);
            }
            last = text.text;
            source = cause.source();
        }
        append_escaped(&causes, &mut sentence);
        sentence
    }
}

/// The first [`MAX_CAUSE_CHARS`] characters of an error's text. The formatting stops after these
/// characters. This saves time, since the text is formatted for each request that gets 503 because
/// its key is missing.
#[derive(Default)]
struct Start {
    text: String,
    chars: usize,
    is_cut: bool,
}

impl Start {
    fn of(text: &dyn fmt::Display) -> Self {
        let mut start = Self::default();
        let _ = write!(start, "{text}");
        start
    }
}

impl Write for Start {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            if self.chars == MAX_CAUSE_CHARS {
                self.is_cut = true;
                return Err(fmt::Error);
            }
            self.chars = self.chars.saturating_add(1);
            self.text.push(c);
        }
        Ok(())
    }
}

/// Appends the text of the causes to a sentence. Escapes all characters of that text except
/// printable ASCII, since the text may come from the network.
fn append_escaped(start: &Start, sentence: &mut String) {
    let is_plain = |c: char| c == ' ' || c.is_ascii_graphic();
    for c in start.text.chars() {
        if is_plain(c) {
            sentence.push(c);
        } else {
            sentence.extend(c.escape_default());
        }
    }
    if start.is_cut {
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
        self.write("the key source", f)
    }
}

impl KeySourceErrorKind {
    /// Writes the error as a sentence. `server` is the name of the server in this sentence, such as
    /// "the key source".
    fn write(self, server: &str, f: &mut impl Write) -> fmt::Result {
        match self {
            Self::Unreachable => write!(f, "{server} cannot be reached"),
            Self::TimedOut => write!(f, "{server} did not answer in time"),
            Self::Status(status) => write!(f, "{server} answered with status {status}"),
            Self::TooLarge => write!(f, "the answer of {server} has more than 256 KiB"),
            Self::Unreadable => write!(f, "the answer of {server} cannot be read"),
            Self::NoUsableKey => f.write_str("the key set has no usable key"),
            Self::WrongIssuer => f.write_str("the discovery document belongs to another issuer"),
            Self::BadUrl => f.write_str("the URL is not allowed"),
            Self::NoRootCertificates => f.write_str(
                "the system has no root certificates: install the package ca-certificates, or copy \
                 /etc/ssl/certs/ca-certificates.crt into the image",
            ),
            Self::Panicked => write!(f, "{server} panicked"),
            Self::Failed => write!(f, "{server} failed"),
        }
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
        let quoted = KeySourceError::caused(KeySourceErrorKind::Unreadable, "it's \"x\"");
        assert!(quoted.with_causes().ends_with("it's \"x\""), "{quoted:?}");
    }

    /// An error whose text has no end. The field is the number of parts of the text that have been
    /// formatted so far.
    #[derive(Debug, Default)]
    struct Endless(std::sync::atomic::AtomicUsize);

    impl fmt::Display for Endless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            loop {
                self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                f.write_str("0123456789")?;
                assert!(self.0.load(std::sync::atomic::Ordering::Relaxed) < 100, "no limit");
            }
        }
    }

    impl Error for Endless {}

    #[test]
    fn the_end_of_a_long_cause_is_not_even_formatted() {
        let error = KeySourceError::new(Endless::default());
        let sentence = error.with_causes();
        assert!(sentence.ends_with("01234567.."), "{sentence}");
        assert_eq!(sentence.len(), "the key source failed".len() + MAX_CAUSE_CHARS + 2);
    }

    #[test]
    fn a_cause_of_the_greatest_length_is_complete() {
        let text = "x".repeat(MAX_CAUSE_CHARS - ": ".len());
        let sentence = KeySourceError::new(text.clone()).with_causes();
        assert_eq!(sentence, format!("the key source failed: {text}"));
        let sentence = KeySourceError::new(format!("{text}y")).with_causes();
        assert_eq!(sentence, format!("the key source failed: {text}.."));
    }

    #[test]
    fn a_status_is_in_the_sentence() {
        let error = KeySourceError::from(KeySourceErrorKind::Status(302));
        assert_eq!(error.with_causes(), "the key source answered with status 302");
    }
}
