//! Functions that call a service without an async runtime, and simple parsers of the cookies and
//! tokens in a request.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, Response};
use tower_service::Service;

/// The service behind the layer. Its response carries the request that reached the service.
#[derive(Clone, Debug)]
pub struct Inner;

#[derive(Clone)]
pub struct Reached(pub Arc<Parts>);

impl Service<Request<()>> for Inner {
    type Response = Response<Bytes>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Bytes>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let mut response = Response::new(Bytes::new());
        response.extensions_mut().insert(Reached(Arc::new(request.into_parts().0)));
        ready(Ok(response))
    }
}

/// Returns the response. The layer never waits, so the response must be ready immediately.
pub fn call<S>(service: &mut S, request: Request<()>) -> Response<Bytes>
where
    S: Service<Request<()>, Response = Response<Bytes>, Error = Infallible>,
{
    let mut context = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut context).is_ready());
    match pin!(service.call(request)).poll(&mut context) {
        Poll::Ready(Ok(response)) => response,
        Poll::Ready(Err(never)) => match never {},
        Poll::Pending => panic!("the layer waits for nothing"),
    }
}

pub fn reached(response: &Response<Bytes>) -> Option<&Parts> {
    response.extensions().get::<Reached>().map(|reached| &*reached.0)
}

/// Returns a `GET /` request with up to three header fields called `name`. Each line of `lines` is
/// the value of one field. Returns `None` if a line is not a valid value.
pub fn get(name: &HeaderName, lines: &[u8]) -> Option<Request<()>> {
    let mut request = Request::new(());
    for line in lines.split(|byte| *byte == b'\n').take(3) {
        request.headers_mut().append(name.clone(), HeaderValue::from_bytes(line).ok()?);
    }
    Some(request)
}

fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// Returns the names and values of the cookies in all fields. A cookie without `=` has an empty
/// name.
pub fn cookies<'h>(fields: impl Iterator<Item = &'h HeaderValue>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut cookies = Vec::new();
    for field in fields {
        for pair in field.as_bytes().split(|byte| *byte == b';').map(trim) {
            let equals = pair.iter().position(|byte| *byte == b'=');
            let (name, value) =
                equals.map_or((&b""[..], pair), |at| (&pair[..at], &pair[at + 1..]));
            if !pair.is_empty() {
                cookies.push((trim(name).to_vec(), trim(value).to_vec()));
            }
        }
    }
    cookies
}

/// Checks the `b64token` grammar of RFC 6750 section 2.1.
pub fn is_b64token(token: &[u8]) -> bool {
    let text = String::from_utf8_lossy(token);
    let core = text.trim_end_matches('=');
    !core.is_empty() && core.chars().all(|c| c.is_ascii_alphanumeric() || "-._~+/".contains(c))
}
