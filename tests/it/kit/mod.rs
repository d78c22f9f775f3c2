//! Helpers for all tests: tokens with arbitrary bytes, files of test vectors, and requests without
//! a server.

#[cfg(feature = "asymmetric")]
pub(crate) mod pairs;
pub(crate) mod panics;
pub(crate) mod server;
pub(crate) mod shop;

use std::convert::Infallible;
use std::time::Duration;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use futures_util::FutureExt;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderValue, Request, Response, header};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower::{Layer, ServiceExt, service_fn};
use tower_jwt_auth::jwt::TokenErrorKind;
use tower_jwt_auth::{
    Algorithm, AuthError, JwtAuth, Key, ManualClock, Revocations, Secret, Token, UnixTime,
};

/// The tests' default time.
pub(crate) const NOW: i64 = 1_700_000_000;
/// The HMAC algorithms.
pub(crate) const ALGORITHMS: [Algorithm; 3] =
    [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512];

/// Returns the bytes of a key that is long enough for every algorithm.
pub(crate) fn key_bytes() -> Vec<u8> {
    (0..64).collect()
}

/// Returns the secret that consists of [`key_bytes`].
pub(crate) fn secret() -> Secret {
    Secret::new(key_bytes()).unwrap()
}

/// Returns a key for this algorithm. Its bytes are [`key_bytes`].
pub(crate) fn key(algorithm: Algorithm) -> Key {
    match algorithm {
        Algorithm::Hs256 => Key::hs256(secret()),
        Algorithm::Hs384 => Key::hs384(secret()).unwrap(),
        Algorithm::Hs512 => Key::hs512(secret()).unwrap(),
        other => panic!("{other:?} is not an HMAC"),
    }
}

/// Returns a layer for [`secret`] at the time [`NOW`], without leeway.
pub(crate) fn auth() -> JwtAuth {
    JwtAuth::new(secret()).with_clock(at(NOW)).leeway(Duration::ZERO)
}

/// Returns a clock that stands at this second.
pub(crate) fn at(secs: i64) -> ManualClock {
    ManualClock::new(UnixTime::from_secs(secs))
}

pub(crate) fn b64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn unb64(text: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// Decodes standard base64, which the test vectors use for bytes.
pub(crate) fn from_base64(text: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(text).unwrap()
}

/// Returns a token with a valid signature over any header and any payload.
pub(crate) fn sign_as(
    algorithm: Algorithm,
    key: &[u8],
    header: impl AsRef<[u8]>,
    payload: impl AsRef<[u8]>,
) -> String {
    let signed = format!("{}.{}", b64(header), b64(payload));
    let tag = tag(algorithm, key, signed.as_bytes());
    format!("{signed}.{}", b64(tag))
}

/// Returns the HMAC of `message`, computed independently of the code under test.
pub(crate) fn tag(algorithm: Algorithm, key: &[u8], message: &[u8]) -> Vec<u8> {
    fn with<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Vec<u8> {
        let mac = <M as KeyInit>::new_from_slice(key).unwrap();
        mac.chain_update(message).finalize().into_bytes().to_vec()
    }
    match algorithm {
        Algorithm::Hs256 => with::<Hmac<sha2::Sha256>>(key, message),
        Algorithm::Hs384 => with::<Hmac<sha2::Sha384>>(key, message),
        Algorithm::Hs512 => with::<Hmac<sha2::Sha512>>(key, message),
        other => panic!("{other:?} is not an HMAC"),
    }
}

/// Returns a token for [`auth`] with this header and payload.
pub(crate) fn sign(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    sign_as(Algorithm::Hs256, &key_bytes(), header, payload)
}

/// Returns a token for [`auth`] with this payload and the usual header.
pub(crate) fn with_payload(payload: impl AsRef<[u8]>) -> String {
    sign(r#"{"alg":"HS256"}"#, payload)
}

/// Returns a token for [`auth`] with this header and valid claims.
pub(crate) fn with_header(header: impl AsRef<[u8]>) -> String {
    sign(header, format!(r#"{{"exp":{}}}"#, NOW + 600))
}

/// The maximum staleness of [`revocations`].
pub(crate) const MAX_STALENESS: Duration = Duration::from_secs(600);

/// Returns revocations with this clock and with [`MAX_STALENESS`]. The age of the data is measured
/// with `clock` and also with the system's steady clock, which advances while the machine stalls.
/// With the default maximum staleness of 5 seconds, a stall could make the data stale.
pub(crate) fn revocations(clock: ManualClock) -> Revocations {
    Revocations::new().max_staleness(MAX_STALENESS).with_clock(clock)
}

/// Returns the reason for a rejection, or `None` if the token was accepted.
pub(crate) fn fault<T: DeserializeOwned + Send + Sync + 'static>(
    auth: &JwtAuth<T>,
    token: &str,
) -> Option<TokenErrorKind> {
    let error = auth.verify(token).err()?;
    Some(error.token_error().expect("a rejected token has a reason").kind())
}

/// Reads a file of `tests/data`.
pub(crate) fn text(path: &str) -> String {
    let path = format!("{}/data/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Reads and parses a file of `tests/data`.
pub(crate) fn json(path: &str) -> Value {
    serde_json::from_str(&text(path)).unwrap()
}

/// Returns the test cases in a file of `tests/data`. The file must contain one array.
pub(crate) fn cases(path: &str) -> Vec<Value> {
    let Value::Array(cases) = json(path) else { panic!("{path} is not an array") };
    cases
}

/// Returns a member that is a string.
pub(crate) fn str_of<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no text {name:?} in {value}"))
}

/// Returns a request with these header fields.
pub(crate) fn request<V: AsRef<[u8]>>(fields: &[(&str, V)]) -> Request<()> {
    let mut request = Request::new(());
    for (name, value) in fields {
        let name = header::HeaderName::from_bytes(name.as_bytes()).unwrap();
        let value = HeaderValue::from_bytes(value.as_ref()).unwrap();
        request.headers_mut().append(name, value);
    }
    request
}

/// Returns a request with this token.
pub(crate) fn bearer(token: &str) -> Request<()> {
    request(&[("authorization", format!("Bearer {token}"))])
}

/// Sends a request through the layer to a service that responds with the token of the request.
pub(crate) fn send<T>(auth: &JwtAuth<T>, request: Request<()>) -> Response<Bytes>
where
    T: DeserializeOwned + Send + Sync + 'static,
{
    let inner = service_fn(|request: Request<()>| async move {
        let token = request.extensions().get::<Token>();
        let encoded = token.map(|token| token.encoded().to_owned()).unwrap_or_default();
        Ok::<_, Infallible>(Response::new(Bytes::from(encoded)))
    });
    let answered = auth.layer(inner).oneshot(request).now_or_never();
    answered.expect("nothing has to be awaited").unwrap()
}

/// Returns the code of a refusal, or `None` if the request was accepted.
pub(crate) fn code(response: &Response<Bytes>) -> Option<&'static str> {
    response.extensions().get::<AuthError>().map(AuthError::code)
}

/// Returns the challenge of a response.
pub(crate) fn challenge(response: &Response<Bytes>) -> Option<&str> {
    response.headers().get(header::WWW_AUTHENTICATE).map(|value| value.to_str().unwrap())
}
