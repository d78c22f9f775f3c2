//! Tests of the cache of verified tokens. A cached token gets the same decision as an uncached one.

mod claims_types;
mod decisions;
#[cfg(feature = "asymmetric")]
mod defaults;
mod memory;
mod properties;

use std::fmt::Write;

use http::{Request, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tower_jwt_auth::{AuthError, Claims, JwtAuth, ManualClock, Token, TokenCache};

use crate::kit::{self, NOW};

/// Returns a layer with a cache, and its clock.
fn cached() -> (JwtAuth, TokenCache, ManualClock) {
    let (cache, clock) = (TokenCache::new(), kit::at(NOW));
    (kit::auth().with_clock(clock.clone()).with_cache(cache.clone()), cache, clock)
}

/// Returns a token with these claims. By default, the subject is `alice`, and the token expires in
/// 10 minutes.
fn token(changes: &Value) -> String {
    let mut claims = json!({ "sub": "alice", "exp": NOW + 600 });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    kit::with_payload(claims.to_string())
}

/// Returns the numbers of hits, misses and entries.
fn counts(cache: &TokenCache) -> (u64, u64, usize) {
    let stats = cache.stats();
    (stats.hits, stats.misses, stats.entries)
}

/// Describes everything that an application learns from `JwtAuth::verify`.
fn verified<T>(auth: &JwtAuth<T>, token: &str) -> String
where
    T: DeserializeOwned + Send + Sync + 'static,
{
    describe(&auth.verify(token))
}

fn describe<T>(result: &Result<Claims<T>, AuthError>) -> String {
    match result {
        Ok(claims) => describe_token(claims.token()),
        Err(error) => format!("{:?}: {} {:?}", error.kind(), error.reason(), error.token_error()),
    }
}

fn describe_token(token: &Token) -> String {
    let mut text = format!("{token:?} {:?}", token.revocation_unchecked());
    let names = [token.issuer(), token.subject(), token.id(), token.tenant(), token.key_id()];
    let roles: Vec<_> = token.roles().collect();
    write!(text, " {names:?} {roles:?} {:?} {}", token.issued_at(), token.encoded()).unwrap();
    text
}

/// Sends a request through the layer to a service. The service's response describes the token and
/// the headers that the service received.
fn sent<T>(auth: &JwtAuth<T>, request: Request<()>) -> String
where
    T: DeserializeOwned + Send + Sync + 'static,
{
    use std::convert::Infallible;

    use bytes::Bytes;
    use futures_util::FutureExt;
    use tower::{Layer, ServiceExt, service_fn};

    let inner = service_fn(|request: Request<()>| async move {
        let token = request.extensions().get::<Token>().map(describe_token);
        let claims = request.extensions().get::<Claims<T>>();
        assert_eq!(token, claims.map(|claims| describe_token(claims.token())));
        let text = format!("{token:?} {:?}", request.headers());
        Ok::<_, Infallible>(Response::new(Bytes::from(text)))
    });
    let answered = auth.layer(inner).oneshot(request).now_or_never();
    let response: Response<Bytes> = answered.expect("nothing has to be awaited").unwrap();
    let error = response.extensions().get::<AuthError>().map(AuthError::reason);
    format!("{} {error:?} {:?} {:?}", response.status(), response.headers(), response.body())
}
