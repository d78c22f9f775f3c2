//! Key sources that the application implements.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;

use crate::jwks::cache_control;
use crate::jwks::error::KeySourceError;

/// A source of keys that the built-in client cannot fetch.
/// [`RemoteKeys::new`](crate::jwks::RemoteKeys::new) takes such a source. Examples are keys behind
/// a proxy, keys on a server that requires a client certificate or that has a certificate of a
/// private CA, and keys in a file.
///
/// One fetch runs at a time, in a background task. The task drops a fetch that takes longer than
/// [`RemoteKeys::timeout`](crate::jwks::RemoteKeys::timeout), by default 5 seconds. A fetch fails
/// if it returns more than 256 KiB, or panics.
///
/// ```
/// use std::path::PathBuf;
/// use tower_jwt_auth::jwks::{FetchedKeys, KeySource, KeySourceError, RemoteKeys};
///
/// struct File(PathBuf);
///
/// impl KeySource for File {
///     async fn fetch(&self) -> Result<FetchedKeys, KeySourceError> {
///         let path = self.0.clone();
///         let read = tokio::task::spawn_blocking(move || std::fs::read(path)).await;
///         let json = read.map_err(KeySourceError::new)?.map_err(KeySourceError::new)?;
///         Ok(FetchedKeys::new(json))
///     }
/// }
///
/// let keys = RemoteKeys::new(File("/etc/keys/jwks.json".into()));
/// # let _ = keys;
/// ```
///
/// # Security
///
/// An attacker who can change the fetched keys can sign tokens that this service accepts. A source
/// must therefore authenticate the server, as HTTPS does, and should not follow redirects.
pub trait KeySource: Send + Sync + 'static {
    /// Fetches the key set: a JSON object with the member `keys` (RFC 7517 section 5).
    ///
    /// # Errors
    ///
    /// Returns an error if the keys could not be fetched. The keys of the last successful fetch
    /// then stay in use, and the refresh policy decides when the next attempt starts.
    fn fetch(&self) -> impl Future<Output = Result<FetchedKeys, KeySourceError>> + Send;
}

/// The result of a [`KeySource`]: the JSON of a key set, and the time for which it stays fresh.
#[derive(Clone, Debug)]
pub struct FetchedKeys {
    json: Bytes,
    max_age: Option<Duration>,
}

impl FetchedKeys {
    /// Creates a result from the JSON of a key set. The set is fetched again after about an hour.
    pub fn new(json: impl Into<Bytes>) -> Self {
        Self { json: json.into(), max_age: None }
    }

    /// Sets the time for which the set stays fresh. The set is fetched again after 80 % of that
    /// time. A time below 5 minutes counts as 5 minutes, and a time above 24 hours as 24 hours. One
    /// hour by default.
    pub fn max_age(mut self, time: Duration) -> Self {
        self.max_age = Some(time);
        self
    }

    /// Reads the set's lifetime from the `Cache-Control` and `Age` headers of an HTTP response.
    /// Changes nothing if these headers do not state a lifetime.
    ///
    /// ```
    /// use http::{HeaderMap, HeaderValue, header};
    /// use tower_jwt_auth::jwks::FetchedKeys;
    ///
    /// let mut headers = HeaderMap::new();
    /// headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=21600"));
    /// let fetched = FetchedKeys::new(r#"{"keys":[]}"#).cache_headers(&headers);
    /// # let _ = fetched;
    /// ```
    pub fn cache_headers(mut self, headers: &HeaderMap) -> Self {
        self.max_age = cache_control::fresh_for(headers).or(self.max_age);
        self
    }

    pub(crate) fn with_json(mut self, json: impl Into<Bytes>) -> Self {
        self.json = json.into();
        self
    }

    pub(crate) fn json(&self) -> &Bytes {
        &self.json
    }

    pub(crate) fn fresh_for(&self) -> Option<Duration> {
        self.max_age
    }
}

/// A [`KeySource`] of any type. The future is boxed once for each fetch, never for a request.
pub(crate) trait ErasedSource: Send + Sync {
    fn fetch_boxed(&self) -> BoxedFetch<'_>;
}

pub(crate) type BoxedFetch<'s> =
    Pin<Box<dyn Future<Output = Result<FetchedKeys, KeySourceError>> + Send + 's>>;

impl<S: KeySource> ErasedSource for S {
    fn fetch_boxed(&self) -> BoxedFetch<'_> {
        Box::pin(self.fetch())
    }
}
