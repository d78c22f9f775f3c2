//! Routes behind other crates, each used as in its documentation.

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
use huskarl_crypto_native::symmetric::SymmetricKey;
use jwt_authorizer::{AuthError, IntoLayer, JwtAuthorizer};
use tower::ServiceBuilder;
use tower_oauth2_resource_server::server::OAuth2ResourceServer;
use tower_oauth2_resource_server::tenant::TenantConfiguration;
use tower_oauth2_resource_server::validation::ClaimsValidationSpec;

use crate::routes::answer;
use crate::tokens::{AUDIENCE, ISSUER, KEY_ID, SECRET, Shopper};
use crate::verifiers::{AliriShopper, aliri_parts, install_switch};

pub fn aliri_tower(parties: bool) -> Router {
    async fn cart(Extension(claims): Extension<AliriShopper>) -> &'static str {
        if claims.company.is_empty() { "nobody" } else { "cart" }
    }
    let (key, validator) = aliri_parts(parties);
    let mut keys = Jwks::default();
    keys.add_key(key);
    let layer = Oauth2Authorizer::new()
        .with_claims::<AliriShopper>()
        .with_terse_error_handler::<Body>()
        .jwt_layer(Authority::new(keys, validator));
    Router::new().route("/cart", get(cart)).layer(layer)
}

pub fn axum_jwt_auth(parties: bool) -> Router {
    use jsonwebtoken_10::{Algorithm, DecodingKey, Validation};

    #[derive(Clone, FromRef)]
    struct AppState {
        decoder: Decoder<Shopper>,
    }
    async fn cart(user: axum_jwt_auth::Claims<Shopper>) -> &'static str {
        answer(&user.claims)
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

/// The claims type of `huskarl-axum` cannot have registered claims: the crate reads them itself.
pub fn huskarl_axum(parties: bool) -> Router {
    #[derive(Clone, serde::Deserialize)]
    struct Company {
        company: String,
    }
    async fn cart(token: ValidatedToken<Company>) -> &'static str {
        if token.claims.company.is_empty() { "nobody" } else { "cart" }
    }
    let key = OctKey::builder().k(SECRET.iter().copied()).build();
    let key = SymmetricKey::from_jwk(SymmetricJwk::builder().key(key).algorithm("HS256").build());
    let key: Arc<dyn JwsVerifier> = Arc::new(key.expect("a key"));
    let factory = move |_: Option<&EndpointUrl>,
                        _: Arc<dyn JwsVerifierPlatform>|
          -> MaybeSendBoxFuture<'static, Result<Arc<dyn JwsVerifier>, Error>> {
        let key = Arc::clone(&key);
        Box::pin(async { Ok(key) })
    };
    let validator = CustomValidator::builder()
        .with_claims::<Company>()
        .jws_verifier_factory(factory)
        .allowed_signing_algorithms(vec!["HS256".to_owned()])
        .sub(ClaimCheck::NoCheck)
        .require_iat(false)
        .require_jti(false);
    let validator = if parties {
        validator.iss(ISSUER).aud(AUDIENCE)
    } else {
        validator.iss(ClaimCheck::NoCheck)
    };
    let validator = validator.build().now_or_never().expect("nothing to fetch");
    let layer = ValidatorLayer::builder().validator(validator.expect("a validator")).build();
    Router::new().route("/cart", get(cart)).layer(layer.authenticated())
}

/// `jwt-authorizer` answers with axum 0.7's response, so its response is converted.
pub fn jwt_authorizer(parties: bool) -> Router {
    use jsonwebtoken_9::{Algorithm, TokenData};

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
    let mut validation = jwt_authorizer::Validation::new().algs(vec![Algorithm::HS256]);
    if parties {
        validation = validation.iss(&[ISSUER]).aud(&[AUDIENCE]);
    }
    let secret = std::str::from_utf8(SECRET).expect("text");
    let authorizer = JwtAuthorizer::<Shopper>::from_secret(secret).validation(validation).build();
    let authorizer = authorizer.now_or_never().expect("nothing to fetch").expect("an authorizer");
    let layer = ServiceBuilder::new()
        .map_response(|answer: Answer| answer.0)
        .layer(authorizer.into_layer())
        .map_response(Answer);
    Router::new().route("/cart", get(cart)).layer(layer)
}

/// `tower-oauth2-resource-server` requires tokens with a `kid`, and HMAC must be allowed
/// explicitly.
pub fn tower_oauth2_resource_server(parties: bool) -> Router {
    async fn cart(Extension(claims): Extension<Shopper>) -> &'static str {
        answer(&claims)
    }
    install_switch();
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
