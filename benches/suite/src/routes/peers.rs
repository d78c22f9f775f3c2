//! Routes that authenticate requests with other crates. Each crate is used as its documentation
//! shows.

use std::sync::Arc;

use aliri::Jwks;
use aliri_oauth2::Authority;
use aliri_tower::Oauth2Authorizer;
use axum::body::Body;
use axum::extract::FromRef;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use axum_jwt_auth::{Decoder, LocalDecoder};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use futures_util::FutureExt;
use huskarl_axum::extractors::ValidatedToken;
use huskarl_axum::layers::ValidatorLayer;
use huskarl_axum::resource_server::core::crypto::verifier::{JwsVerifier, JwsVerifierPlatform};
use huskarl_axum::resource_server::core::jwk::{OctKey, SymmetricJwk};
use huskarl_axum::resource_server::core::jwt::validator::ClaimCheck;
use huskarl_axum::resource_server::core::platform::MaybeSendBoxFuture;
use huskarl_axum::resource_server::core::{EndpointUrl, Error};
use huskarl_axum::resource_server::validator::custom::CustomValidator;
use huskarl_crypto_native::asymmetric::verifier::AsymmetricPublicKey;
use huskarl_crypto_native::symmetric::SymmetricKey;
use jwt_authorizer::{AuthError, IntoLayer, JwtAuthorizer};
use tower::ServiceBuilder;
use tower_oauth2_resource_server::server::OAuth2ResourceServer;
use tower_oauth2_resource_server::tenant::TenantConfiguration;
use tower_oauth2_resource_server::validation::ClaimsValidationSpec;

use crate::key_pairs::key_pair;
use crate::routes::answer;
use crate::tokens::{AUDIENCE, ISSUER, KEY_ID, SECRET, Shopper, TokenKind};
use crate::verifiers::{AliriShopper, aliri_parts, install_switch};

pub fn aliri_tower(kind: &TokenKind) -> Router {
    async fn cart(Extension(claims): Extension<AliriShopper>) -> &'static str {
        if claims.company.is_empty() { "nobody" } else { "cart" }
    }
    let (key, validator) = aliri_parts(kind.parties);
    let mut keys = Jwks::default();
    keys.add_key(key);
    let layer = Oauth2Authorizer::new()
        .with_claims::<AliriShopper>()
        .with_terse_error_handler::<Body>()
        .jwt_layer(Authority::new(keys, validator));
    Router::new().route("/cart", get(cart)).layer(layer)
}

pub fn axum_jwt_auth(kind: &TokenKind) -> Router {
    use jsonwebtoken_10::{DecodingKey, Validation};

    #[derive(Clone, FromRef)]
    struct AppState {
        decoder: Decoder<Shopper>,
    }
    async fn cart(user: axum_jwt_auth::Claims<Shopper>) -> &'static str {
        answer(&user.claims)
    }
    let name = kind.algorithm.as_str();
    let mut validation = Validation::new(name.parse().expect("an algorithm of the crate"));
    // `axum-jwt-auth` requires a configured audience, even if the audience is not checked.
    validation.set_audience(&[AUDIENCE]);
    validation.validate_aud = kind.parties;
    if kind.parties {
        validation.set_issuer(&[ISSUER]);
    }
    let key = match key_pair(kind.algorithm) {
        Some(pair) => DecodingKey::from_jwk(&pair.jwk()).expect("a key"),
        None => DecodingKey::from_secret(SECRET),
    };
    let decoder =
        LocalDecoder::builder().keys(vec![key]).validation(validation).build().expect("a decoder");
    let state = AppState { decoder: Arc::new(decoder) };
    Router::new().route("/cart", get(cart)).with_state(state)
}

/// `huskarl-axum` reads the registered claims itself, so the claims type of this route contains
/// only the other claims.
pub fn huskarl_axum(kind: &TokenKind) -> Router {
    #[derive(Clone, serde::Deserialize)]
    struct Company {
        company: String,
    }
    async fn cart(token: ValidatedToken<Company>) -> &'static str {
        if token.claims.company.is_empty() { "nobody" } else { "cart" }
    }
    let key: Arc<dyn JwsVerifier> = match key_pair(kind.algorithm) {
        Some(pair) => Arc::new(AsymmetricPublicKey::from_jwk(pair.jwk()).expect("a key")),
        None => {
            let key = OctKey::builder().k(SECRET.iter().copied()).build();
            let jwk = SymmetricJwk::builder().key(key).algorithm("HS256").build();
            Arc::new(SymmetricKey::from_jwk(jwk).expect("a key"))
        }
    };
    let factory = move |_: Option<&EndpointUrl>,
                        _: Arc<dyn JwsVerifierPlatform>|
          -> MaybeSendBoxFuture<'static, Result<Arc<dyn JwsVerifier>, Error>> {
        let key = Arc::clone(&key);
        Box::pin(async { Ok(key) })
    };
    let validator = CustomValidator::builder()
        .with_claims::<Company>()
        .jws_verifier_factory(factory)
        .allowed_signing_algorithms(vec![kind.algorithm.to_string()])
        .sub(ClaimCheck::NoCheck)
        .require_iat(false)
        .require_jti(false);
    let validator = if kind.parties {
        validator.iss(ISSUER).aud(AUDIENCE)
    } else {
        validator.iss(ClaimCheck::NoCheck)
    };
    let validator = validator.build().now_or_never().expect("nothing to fetch");
    let layer = ValidatorLayer::builder().validator(validator.expect("a validator")).build();
    Router::new().route("/cart", get(cart)).layer(layer.authenticated())
}

/// The error responses of `jwt-authorizer` have the body type of axum 0.7. This function converts
/// them to the body type of the current axum.
pub fn jwt_authorizer(kind: &TokenKind) -> Router {
    use jsonwebtoken_9::TokenData;

    async fn cart(Extension(token): Extension<TokenData<Shopper>>) -> &'static str {
        answer(&token.claims)
    }
    struct Answer(Response);
    impl From<AuthError> for Answer {
        fn from(error: AuthError) -> Self {
            let response: http::Response<_> = error.into();
            Self(response.map(Body::new))
        }
    }
    let algorithm = kind.algorithm.as_str().parse().expect("an algorithm of the crate");
    let mut validation = jwt_authorizer::Validation::new().algs(vec![algorithm]);
    if kind.parties {
        validation = validation.iss(&[ISSUER]).aud(&[AUDIENCE]);
    }
    let authorizer = match key_pair(kind.algorithm) {
        Some(pair) => JwtAuthorizer::<Shopper>::from_jwks_text(&pair.jwk_set_text()),
        None => JwtAuthorizer::from_secret(std::str::from_utf8(SECRET).expect("text")),
    };
    let authorizer = authorizer.validation(validation).build();
    let authorizer = authorizer.now_or_never().expect("nothing to fetch").expect("an authorizer");
    let layer = ServiceBuilder::new()
        .map_response(|answer: Answer| answer.0)
        .layer(authorizer.into_layer())
        .map_response(Answer);
    Router::new().route("/cart", get(cart)).layer(layer)
}

/// Returns a route behind `tower-oauth2-resource-server`. That crate requires a `kid` in each
/// token. It accepts HMAC only if the configuration allows the algorithm explicitly.
pub fn tower_oauth2_resource_server(kind: &TokenKind) -> Router {
    async fn cart(Extension(claims): Extension<Shopper>) -> &'static str {
        answer(&claims)
    }
    install_switch();
    let jwk = serde_json::json!({
        "kty": "oct", "alg": "HS256", "kid": KEY_ID, "k": BASE64_URL_SAFE_NO_PAD.encode(SECRET),
    });
    let mut claims = ClaimsValidationSpec::new().exp(true);
    if kind.parties {
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
