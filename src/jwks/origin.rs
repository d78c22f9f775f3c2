//! The origin of the keys.

use std::any::type_name;
use std::fmt::{self, Debug, Display};

use crate::jwks::discovery;
use crate::jwks::error::{KeySourceError, KeySourceErrorKind};
use crate::jwks::http;
use crate::jwks::remote_url::{self, RemoteUrl};
use crate::jwks::source::{ErasedSource, FetchedKeys, KeySource};
use crate::misuse;
use crate::type_name;

const ACCEPT: &str = "application/jwk-set+json, application/json";

/// The place from which keys are fetched.
pub(crate) struct Origin {
    place: Place,
    allow_http: bool,
}

enum Place {
    KeySet(RemoteUrl),
    Discovery { issuer: String, url: RemoteUrl },
    Custom { source: Box<dyn ErasedSource>, name: String },
}

impl Origin {
    #[track_caller]
    pub(crate) fn key_set(url: &str) -> Self {
        Self::new(Place::KeySet(parse("RemoteKeys::jwks", url)))
    }

    #[track_caller]
    pub(crate) fn discovery(issuer: &str) -> Self {
        let url = parse("RemoteKeys::discover", issuer);
        if issuer.contains('?') {
            misuse::refuse(format_args!(
                "RemoteKeys::discover: the issuer {issuer:?} has a query, so it has no discovery \
                 document; use RemoteKeys::jwks with the URL of its keys"
            ));
        }
        Self::new(Place::Discovery { issuer: issuer.to_owned(), url })
    }

    pub(crate) fn custom<S: KeySource>(source: S) -> Self {
        let name = type_name::written(type_name::<S>());
        Self::new(Place::Custom { source: Box::new(source), name })
    }

    fn new(place: Place) -> Self {
        Self { place, allow_http: false }
    }

    #[track_caller]
    pub(crate) fn allow_http(&mut self) {
        if matches!(self.place, Place::Custom { .. }) {
            misuse::refuse(
                "RemoteKeys::dangerous_allow_http has no effect on your own source, which decides \
                 about its connections itself",
            );
        }
        self.allow_http = true;
    }

    /// Returns true if the URL is a plain `http` URL and the application has not allowed plain
    /// `http`.
    pub(crate) fn is_forbidden(&self) -> bool {
        match &self.place {
            Place::KeySet(url) | Place::Discovery { url, .. } => url.is_http() && !self.allow_http,
            Place::Custom { .. } => false,
        }
    }

    pub(crate) async fn fetch(&self) -> Result<FetchedKeys, KeySourceError> {
        if self.is_forbidden() {
            let cause = remote_url::HTTP_NOT_ALLOWED;
            return Err(KeySourceError::caused(KeySourceErrorKind::BadUrl, cause));
        }
        match &self.place {
            Place::KeySet(url) => key_set(url).await,
            Place::Discovery { issuer, url } => {
                key_set(&discovery::keys_url(issuer, url, self.allow_http).await?).await
            }
            Place::Custom { source, .. } => {
                let fetched = source.fetch_boxed().await?;
                let is_too_large = fetched.json().len() > http::MAX_BYTES;
                if is_too_large { Err(KeySourceErrorKind::TooLarge.into()) } else { Ok(fetched) }
            }
        }
    }
}

/// The URL of a key set, for a [`KeySource`](crate::jwks::KeySource) that removes some of the keys
/// from the set after each fetch.
pub(crate) struct KeySetUrl(RemoteUrl);

impl KeySetUrl {
    /// Parses a URL. If the URL cannot be used, panics with a message that names `method`.
    #[track_caller]
    pub(crate) fn new(method: &str, url: &str) -> Self {
        Self(parse(method, url))
    }

    pub(crate) async fn fetch(&self) -> Result<FetchedKeys, KeySourceError> {
        key_set(&self.0).await
    }
}

async fn key_set(url: &RemoteUrl) -> Result<FetchedKeys, KeySourceError> {
    let fetched = http::get(url, ACCEPT).await?;
    Ok(FetchedKeys::new(fetched.body).cache_headers(&fetched.headers))
}

#[track_caller]
fn parse(method: &str, url: &str) -> RemoteUrl {
    match RemoteUrl::parse(url) {
        Ok(url) => url,
        // The URL is not shown, since it may contain a password.
        Err(reason) => misuse::refuse(format_args!("{method}: the URL cannot be used: {reason}")),
    }
}

/// Shows the origin for logs and rejection reasons: a URL without its query, or the type of a
/// custom source.
impl Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::KeySet(url) | Place::Discovery { url, .. } => Display::fmt(url, f),
            Place::Custom { name, .. } => f.write_str(name),
        }
    }
}

impl Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Origin").field(&self.to_string()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source whose key set has this number of bytes.
    struct OfSize(usize);

    impl KeySource for OfSize {
        async fn fetch(&self) -> Result<FetchedKeys, KeySourceError> {
            Ok(FetchedKeys::new(vec![b' '; self.0]))
        }
    }

    #[tokio::test]
    async fn a_source_of_the_application_may_return_256_kib() {
        for (bytes, is_too_large) in [(256 << 10, false), ((256 << 10) + 1, true), (1 << 20, true)]
        {
            let fetched = Origin::custom(OfSize(bytes)).fetch().await;
            let kind = fetched.err().map(|error| error.kind());
            assert_eq!(kind, is_too_large.then_some(KeySourceErrorKind::TooLarge), "{bytes}");
        }
    }
}
