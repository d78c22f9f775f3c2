//! The HTTP client. Each call sends one request. The client does not support redirects,
//! compression, cookies or proxies.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::{Context, Poll};

use bytes::Bytes;
#[cfg(feature = "openid-login")]
use http::HeaderValue;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioExecutor;
use tokio::task;
use tower_service::Service;

use crate::jwks::error::{KeySourceError, KeySourceErrorKind};
use crate::jwks::remote_url::RemoteUrl;

/// The maximum length of the body of a response, in bytes.
pub(crate) const MAX_BYTES: usize = 256 * 1024;

const USER_AGENT: &str = concat!("tower-jwt-auth/", env!("CARGO_PKG_VERSION"));

type TlsClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;
type LoopbackClient = Client<HttpConnector<Loopback>, Full<Bytes>>;
/// A response whose body has not been read. `TlsClient` and `LoopbackClient` both return this type.
type Response = <TlsClient as Service<Request<Full<Bytes>>>>::Response;

/// A response whose body has been read in full.
pub(crate) struct Fetched {
    #[cfg(feature = "openid-login")]
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Sends a GET request and reads the whole response, whose status must be 200. The caller sets the
/// time limit.
pub(crate) async fn get(url: &RemoteUrl, accept: &'static str) -> Result<Fetched, KeySourceError> {
    let response = send(url, request(Method::GET, url, accept), Bytes::new()).await?;
    if response.status() != StatusCode::OK {
        return Err(status(&response));
    }
    read(response).await
}

/// Sends a GET request with credentials, and reads the whole response with [`read_answer`]. The
/// caller sets the time limit.
#[cfg(feature = "openid-login")]
pub(crate) async fn get_as(
    url: &RemoteUrl,
    accept: &'static str,
    authorization: HeaderValue,
) -> Result<Fetched, KeySourceError> {
    let request = request(Method::GET, url, accept).header(header::AUTHORIZATION, authorization);
    read_answer(send(url, request, Bytes::new()).await?).await
}

/// Sends a form in a POST request, and reads the whole response with [`read_answer`]. The caller
/// sets the time limit.
#[cfg(feature = "openid-login")]
pub(crate) async fn post_form(
    url: &RemoteUrl,
    accept: &'static str,
    authorization: Option<HeaderValue>,
    form: String,
) -> Result<Fetched, KeySourceError> {
    let mut request = request(Method::POST, url, accept)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(authorization) = authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    read_answer(send(url, request, form.into()).await?).await
}

fn request(method: Method, url: &RemoteUrl, accept: &'static str) -> http::request::Builder {
    Request::builder()
        .method(method)
        .uri(url.uri().clone())
        .header(header::ACCEPT, accept)
        .header(header::USER_AGENT, USER_AGENT)
}

/// Sends a request and reads the head of the response.
///
/// Each call creates its own client. Keys are fetched about once an hour, and a login takes two
/// requests, so there is no connection to reuse. Each new client reads the system's root
/// certificates, so changes to these certificates take effect without a restart.
async fn send(
    url: &RemoteUrl,
    request: http::request::Builder,
    body: Bytes,
) -> Result<Response, KeySourceError> {
    let request = request
        .body(Full::new(body))
        .map_err(|error| KeySourceError::caused(KeySourceErrorKind::BadUrl, error))?;
    let response = if url.is_http() {
        loopback_client().request(request).await
    } else {
        tls_client().await?.request(request).await
    };
    response.map_err(unreachable)
}

/// Reads a response with the status 200 or 4xx. Any other status is an error, and the body of such
/// a response is not read. Redirects are not followed.
#[cfg(feature = "openid-login")]
async fn read_answer(response: Response) -> Result<Fetched, KeySourceError> {
    if response.status() != StatusCode::OK && !response.status().is_client_error() {
        return Err(status(&response));
    }
    read(response).await
}

async fn read(response: Response) -> Result<Fetched, KeySourceError> {
    let (parts, body) = response.into_parts();
    if is_compressed(&parts.headers) {
        let cause = "the answer is compressed although the request does not accept that";
        return Err(KeySourceError::caused(KeySourceErrorKind::Unreadable, cause));
    }
    match Limited::new(body, MAX_BYTES).collect().await {
        Ok(body) => Ok(Fetched {
            #[cfg(feature = "openid-login")]
            status: parts.status,
            headers: parts.headers,
            body: body.to_bytes(),
        }),
        Err(error) if error.is::<LengthLimitError>() => Err(KeySourceErrorKind::TooLarge.into()),
        Err(error) => Err(unreachable(error)),
    }
}

fn status(response: &Response) -> KeySourceError {
    KeySourceErrorKind::Status(response.status().as_u16()).into()
}

/// Creates a client for `https` alone, with the root certificates of the system. Reading them from
/// the disk takes several milliseconds, so another thread does it.
async fn tls_client() -> Result<TlsClient, KeySourceError> {
    let created = task::spawn_blocking(|| {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let builder = HttpsConnectorBuilder::new().with_provider_and_platform_verifier(provider);
        let connector = builder.map_err(no_roots)?.https_only().enable_http1().build();
        let mut builder = Client::builder(TokioExecutor::new());
        Ok(builder.pool_max_idle_per_host(0).build(connector))
    });
    created.await.map_err(KeySourceError::new)?
}

/// Creates a client for plain `http`. The client resolves every host name to a loopback address, so
/// it sends no request to another machine.
fn loopback_client() -> LoopbackClient {
    let connector = HttpConnector::new_with_resolver(Loopback);
    Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector)
}

/// Resolves every name to the loopback addresses.
#[derive(Clone)]
struct Loopback;

impl Service<Name> for Loopback {
    type Response = std::array::IntoIter<SocketAddr, 2>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        let addresses =
            [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), (Ipv6Addr::LOCALHOST, 0).into()];
        ready(Ok(addresses.into_iter()))
    }
}

fn is_compressed(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    encodings.any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn unreachable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> KeySourceError {
    KeySourceError::caused(KeySourceErrorKind::Unreachable, error)
}

fn no_roots(error: std::io::Error) -> KeySourceError {
    KeySourceError::caused(KeySourceErrorKind::NoRootCertificates, error)
}
