//! One axum route behind each contender; the handler reads one claim.

use std::sync::Arc;

use axum::Extension;
use axum::Router;
use axum::body::Body;
use axum::extract::{FromRef, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum_jwt_auth::{Decoder, LocalDecoder};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use futures_util::FutureExt;
use http::{HeaderValue, StatusCode, header::AUTHORIZATION};
use jsonwebtoken_10::{Algorithm, DecodingKey, Validation};
use tower::Layer;
use tower_jwt_auth::{Claims, JwtAuth};
use tower_oauth2_resource_server::server::OAuth2ResourceServer;
use tower_oauth2_resource_server::tenant::TenantConfiguration;
use tower_oauth2_resource_server::validation::ClaimsValidationSpec;

use crate::contenders::{Decode, ours, ours_with};
use crate::tokens::{AUDIENCE, ISSUER, KEY_ID, SECRET, Shopper, keyed};

pub fn plain() -> Router {
    Router::new().route("/cart", get(async || "cart"))
}

/// A layer that does nothing: what any layer costs.
pub fn no_op() -> Router {
    #[derive(Clone)]
    struct NoOp;
    impl<S> Layer<S> for NoOp {
        type Service = S;
        fn layer(&self, inner: S) -> S {
            inner
        }
    }
    plain().layer(NoOp)
}

pub fn tower_jwt_auth(parties: bool) -> Router {
    behind(ours(parties))
}

/// The same, for tokens with a `kid`.
pub fn tower_jwt_auth_keyed(parties: bool) -> Router {
    behind(ours_with(keyed(), parties))
}

fn behind(auth: JwtAuth<Shopper>) -> Router {
    async fn cart(claims: Claims<Shopper>) -> &'static str {
        if claims.company.is_empty() { "nobody" } else { "cart" }
    }
    Router::new().route("/cart", get(cart)).layer(auth)
}

/// What people write today: `from_fn`, the header, `decode`, an extension.
pub fn hand_written(parties: bool) -> Router {
    async fn authenticate(
        State(decode): State<Arc<Decode>>,
        mut request: Request,
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
    Router::new().route("/cart", get(cart)).layer(from_fn_with_state(decode, authenticate))
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
    // It insists on an audience being configured, needed or not.
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

/// For tokens with a `kid`, which it insists on; HMAC has to be allowed by name.
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
    Router::new().route("/cart", get(cart)).layer(server.into_layer())
}

pub fn request(authorization: &HeaderValue) -> Request {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = http::Uri::from_static("/cart");
    let headers = request.headers_mut();
    headers.insert("host", HeaderValue::from_static("cart.shop.example"));
    headers.insert("user-agent", HeaderValue::from_static("bench"));
    headers.insert("accept", HeaderValue::from_static("*/*"));
    headers.insert(AUTHORIZATION, authorization.clone());
    request
}
