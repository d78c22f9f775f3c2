//! One axum route behind each contender. Its handler reads one claim.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Extension;
use axum::Router;
use axum::body::Body;
use axum::extract::{FromRef, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum_jwt_auth::{Decoder, LocalDecoder};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use futures_util::FutureExt;
use http::request::Parts;
use http::{HeaderValue, Request, StatusCode, header::AUTHORIZATION};
use jsonwebtoken_10::{Algorithm, DecodingKey, Validation};
use tower::{Layer, Service};
use tower_jwt_auth::{Claims, JwtAuth};
use tower_oauth2_resource_server::server::OAuth2ResourceServer;
use tower_oauth2_resource_server::tenant::TenantConfiguration;
use tower_oauth2_resource_server::validation::ClaimsValidationSpec;

use crate::contenders::{Decode, ours, ours_with};
use crate::tokens::{AUDIENCE, ISSUER, KEY_ID, SECRET, Shopper, keyed};

/// Prepares the router as `axum::serve` does before the first request. Otherwise every request
/// would build the layered route again.
fn ready_to_serve(router: Router) -> Router {
    router.with_state(())
}

pub fn plain() -> Router {
    ready_to_serve(bare())
}

fn bare() -> Router {
    Router::new().route("/cart", get(async || "cart"))
}

/// Returns a route behind a layer that does nothing, which measures the cost of any layer.
pub fn no_op() -> Router {
    #[derive(Clone)]
    struct NoOp;
    impl<S> Layer<S> for NoOp {
        type Service = S;
        fn layer(&self, inner: S) -> S {
            inner
        }
    }
    ready_to_serve(bare().layer(NoOp))
}

/// Returns a route behind a layer that answers every request with a bare 401, which measures the
/// cost of any rejection.
pub fn turned_away() -> Router {
    #[derive(Clone)]
    struct TurnAway;
    impl Service<axum::extract::Request> for TurnAway {
        type Response = Response;
        type Error = Infallible;
        type Future = Ready<Result<Response, Infallible>>;
        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }
        fn call(&mut self, _: axum::extract::Request) -> Self::Future {
            ready(Ok(StatusCode::UNAUTHORIZED.into_response()))
        }
    }
    #[derive(Clone)]
    struct TurnAwayLayer;
    impl<S> Layer<S> for TurnAwayLayer {
        type Service = TurnAway;
        fn layer(&self, _: S) -> TurnAway {
            TurnAway
        }
    }
    ready_to_serve(bare().layer(TurnAwayLayer))
}

pub fn tower_jwt_auth(parties: bool) -> Router {
    behind(ours(parties))
}

/// Returns the route of [`tower_jwt_auth`] with a key that has a `kid`.
pub fn tower_jwt_auth_keyed(parties: bool) -> Router {
    behind(ours_with(keyed(), parties))
}

fn behind(auth: JwtAuth<Shopper>) -> Router {
    async fn cart(claims: Claims<Shopper>) -> &'static str {
        if claims.company.is_empty() { "nobody" } else { "cart" }
    }
    ready_to_serve(Router::new().route("/cart", get(cart)).layer(auth))
}

/// Returns a route with typical hand-written authentication: `from_fn`, the header, `decode` and an
/// extension.
pub fn hand_written(parties: bool) -> Router {
    async fn authenticate(
        State(decode): State<Arc<Decode>>,
        mut request: axum::extract::Request,
        next: Next,
    ) -> Response {
        let token = request
            .headers()
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        let Some(token) = token else { return StatusCode::UNAUTHORIZED.into_response() };
        match decode.verify::<Shopper>(token) {
            Some(claims) => {
                request.extensions_mut().insert(Arc::new(claims));
                next.run(request).await
            }
            None => StatusCode::UNAUTHORIZED.into_response(),
        }
    }
    async fn cart(Extension(claims): Extension<Arc<Shopper>>) -> &'static str {
        if claims.company.is_empty() { "nobody" } else { "cart" }
    }
    let decode = Arc::new(Decode::new(parties));
    let layer = from_fn_with_state(decode, authenticate);
    ready_to_serve(Router::new().route("/cart", get(cart)).layer(layer))
}

pub fn axum_jwt_auth(parties: bool) -> Router {
    #[derive(Clone, FromRef)]
    struct AppState {
        decoder: Decoder<Shopper>,
    }
    async fn cart(user: axum_jwt_auth::Claims<Shopper>) -> &'static str {
        if user.claims.company.is_empty() { "nobody" } else { "cart" }
    }
    let mut validation = Validation::new(Algorithm::HS256);
    // `axum-jwt-auth` requires a configured audience, even if the audience is not checked.
    validation.set_audience(&[AUDIENCE]);
    validation.validate_aud = parties;
    if parties {
        validation.set_issuer(&[ISSUER]);
    }
    let decoder = LocalDecoder::builder()
        .keys(vec![DecodingKey::from_secret(SECRET)])
        .validation(validation)
        .build()
        .expect("a decoder");
    let state = AppState { decoder: Arc::new(decoder) };
    Router::new().route("/cart", get(cart)).with_state(state)
}

/// Returns a route for tokens with a `kid`, which `tower-oauth2-resource-server` requires. HMAC
/// must be allowed explicitly.
pub fn tower_oauth2_resource_server(parties: bool) -> Router {
    async fn cart(Extension(claims): Extension<Shopper>) -> &'static str {
        if claims.company.is_empty() { "nobody" } else { "cart" }
    }
    let jwk = serde_json::json!({
        "kty": "oct", "alg": "HS256", "kid": KEY_ID, "k": BASE64_URL_SAFE_NO_PAD.encode(SECRET),
    });
    let mut claims = ClaimsValidationSpec::new().exp(true);
    if parties {
        claims = claims.iss(ISSUER).aud(&vec![AUDIENCE.to_owned()]);
    }
    let tenant =
        TenantConfiguration::static_builder(serde_json::json!({ "keys": [jwk] }).to_string())
            .allowed_algorithms(&[jsonwebtoken::Algorithm::HS256])
            .claims_validation(claims)
            .build()
            .expect("a tenant");
    let server = OAuth2ResourceServer::<Shopper>::builder().add_tenant(tenant).build();
    let server = server.now_or_never().expect("nothing to fetch").expect("a server");
    ready_to_serve(Router::new().route("/cart", get(cart)).layer(server.into_layer()))
}

/// Returns the head of a request. It is created once, since a server receives it from the
/// connection and cloning it costs less than building it.
pub fn request(authorization: &HeaderValue) -> Parts {
    let mut request = Request::new(());
    *request.uri_mut() = http::Uri::from_static("/cart");
    let headers = request.headers_mut();
    headers.insert("host", HeaderValue::from_static("cart.shop.example"));
    headers.insert("user-agent", HeaderValue::from_static("bench"));
    headers.insert("accept", HeaderValue::from_static("*/*"));
    headers.insert(AUTHORIZATION, authorization.clone());
    request.into_parts().0
}

/// Sends `request` to `router` and returns the response, which must have the given status.
pub fn ask(router: &mut Router, request: &Parts, status: u16) -> Response {
    let request = Request::from_parts(request.clone(), Body::empty());
    let response = router.call(request).now_or_never().expect("nothing to wait for");
    let response = response.expect("infallible");
    assert_eq!(response.status(), status);
    response
}
