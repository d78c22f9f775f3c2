//! An OpenID provider on loopback, with real keys. A test can change its responses.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tower_jwt_auth::jwt::Signer;
use tower_jwt_auth::openid::{LoginProvider, OAuthEndpoints};
use tower_jwt_auth::{Algorithm, Clock, Key, ManualClock};

use crate::kit::b64;

pub(crate) const CLIENT: &str = "shop";
const CLIENT_SECRET: &str = "the secret of the shop";

type Params = BTreeMap<String, String>;

/// A provider that logs every user in without asking for credentials.
#[derive(Clone)]
pub(crate) struct Idp {
    pub(crate) issuer: String,
    state: Arc<IdpState>,
}

struct IdpState {
    issuer: String,
    clock: ManualClock,
    key: Key,
    spoiled: Mutex<Spoiled>,
    /// The unused codes, and the authorization request of each code.
    codes: Mutex<BTreeMap<String, Params>>,
    /// The authorization requests that arrived, in order.
    requests: Mutex<Vec<Params>>,
    exchanges: Mutex<usize>,
}

/// The ways in which this provider differs from a correct one.
#[derive(Clone, Default)]
pub(crate) struct Spoiled {
    /// The `error` parameter of the redirect to the callback. By default, the redirect contains a
    /// code instead of an error.
    pub(crate) error: Option<&'static str>,
    /// The status of the token endpoint's responses.
    pub(crate) token_status: Option<u16>,
    /// True if the token endpoint does not respond.
    pub(crate) hangs: bool,
    /// The `iss` parameter of the redirect to the callback. By default, the provider's issuer.
    pub(crate) response_issuer: Option<String>,
    /// Claims that replace the correct claims of the ID token.
    pub(crate) claims: BTreeMap<&'static str, Value>,
    /// True if the ID token is signed with a key that is not published.
    pub(crate) unknown_key: bool,
    /// The granted scopes. By default, all scopes are granted.
    pub(crate) scope: Option<&'static str>,
    /// The length of the access token.
    pub(crate) token_len: Option<usize>,
}

impl Idp {
    pub(crate) async fn start(clock: ManualClock) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(IdpState {
            issuer: issuer.clone(),
            clock,
            key: Key::generate(Algorithm::Es256).unwrap().with_id("k1").unwrap(),
            spoiled: Mutex::default(),
            codes: Mutex::default(),
            requests: Mutex::default(),
            exchanges: Mutex::default(),
        });
        let app = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/keys", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/me", get(|| async { Json(json!({ "id": "user-1" })) }))
            .with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { issuer, state }
    }

    pub(crate) fn provider(&self, name: &str) -> LoginProvider {
        LoginProvider::openid(name, &self.issuer, CLIENT)
            .client_secret(CLIENT_SECRET)
            .scopes(["profile", "email"])
            .trust_verified_email()
            .timeout(std::time::Duration::from_secs(2))
            .dangerous_allow_http()
    }

    /// Returns this provider as a plain OAuth 2.0 provider.
    pub(crate) fn plain_provider(
        &self,
        name: &str,
        subject: impl Fn(Value) -> Option<String> + Send + Sync + 'static,
    ) -> LoginProvider {
        let url = |path: &str| format!("{}{path}", self.issuer);
        let endpoints = OAuthEndpoints::new(url("/authorize"), url("/token"), url("/me"));
        LoginProvider::oauth(name, endpoints, CLIENT, subject)
            .client_secret(CLIENT_SECRET)
            .scopes(["profile"])
            .dangerous_allow_http()
    }

    pub(crate) fn spoil(&self, change: impl FnOnce(&mut Spoiled)) {
        change(&mut self.state.spoiled.lock().unwrap());
    }

    pub(crate) fn heal(&self) {
        *self.state.spoiled.lock().unwrap() = Spoiled::default();
    }

    /// Returns the number of requests to the token endpoint.
    pub(crate) fn exchanges(&self) -> usize {
        *self.state.exchanges.lock().unwrap()
    }

    /// Returns the parameters of the last authorization request.
    pub(crate) fn last_request(&self) -> Params {
        self.state.requests.lock().unwrap().last().unwrap().clone()
    }

    /// Returns this provider's code for an authorization request. An attacker could obtain a code
    /// in the same way.
    pub(crate) fn code_for(&self, request: &Params) -> String {
        self.state.grant(request.clone())
    }
}

impl IdpState {
    fn grant(&self, request: Params) -> String {
        let mut codes = self.codes.lock().unwrap();
        let code = format!("code-{}-{}", codes.len(), self.requests.lock().unwrap().len());
        codes.insert(code.clone(), request);
        code
    }
}

async fn metadata(State(state): State<Arc<IdpState>>) -> Json<Value> {
    let issuer = &state.issuer;
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

async fn keys(State(state): State<Arc<IdpState>>) -> Json<Value> {
    let key: Value = serde_json::from_str(&state.key.to_jwk().unwrap()).unwrap();
    Json(json!({ "keys": [key] }))
}

async fn authorize(State(state): State<Arc<IdpState>>, Query(request): Query<Params>) -> Response {
    state.requests.lock().unwrap().push(request.clone());
    let spoiled = state.spoiled.lock().unwrap().clone();
    let answer = match spoiled.error {
        Some(error) => ("error", error.to_owned()),
        None => ("code", state.grant(request.clone())),
    };
    let issuer = spoiled.response_issuer.unwrap_or(state.issuer.clone());
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair(answer.0, &answer.1).append_pair("state", &request["state"]);
    query.append_pair("iss", &issuer);
    Redirect::to(&format!("{}?{}", request["redirect_uri"], query.finish())).into_response()
}

async fn token(
    State(state): State<Arc<IdpState>>,
    headers: HeaderMap,
    Form(form): Form<Params>,
) -> Response {
    *state.exchanges.lock().unwrap() += 1;
    let spoiled = state.spoiled.lock().unwrap().clone();
    if spoiled.hangs {
        std::future::pending::<()>().await;
    }
    if let Some(status) = spoiled.token_status {
        return StatusCode::from_u16(status).unwrap().into_response();
    }
    let credentials = format!("{CLIENT}:{}", CLIENT_SECRET.replace(' ', "+"));
    let expected = format!("Basic {}", BASE64_STANDARD.encode(credentials));
    if headers["authorization"] != expected.as_str() {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "error": "invalid_client" })))
            .into_response();
    }
    let refused =
        || (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" }))).into_response();
    let Some(request) = state.codes.lock().unwrap().remove(&form["code"]) else { return refused() };
    let challenge = b64(Sha256::digest(form["code_verifier"].as_bytes()));
    if form["grant_type"] != "authorization_code"
        || request["redirect_uri"] != form["redirect_uri"]
        || request["code_challenge"] != challenge
        || request["code_challenge_method"] != "S256"
    {
        return refused();
    }
    let now = state.clock.now().as_secs();
    let mut claims = json!({
        "iss": state.issuer, "sub": "user-1", "aud": CLIENT, "exp": now + 300, "iat": now,
        "nonce": request.get("nonce"), "name": "Alice",
        "email": "alice@example.com", "email_verified": true,
    });
    for (name, value) in &spoiled.claims {
        claims[*name] = value.clone();
    }
    let key = if spoiled.unknown_key {
        Key::generate(Algorithm::Es256).unwrap().with_id("k1").unwrap()
    } else {
        state.key.clone()
    };
    let scope = spoiled.scope.unwrap_or(&request["scope"]).to_owned();
    Json(json!({
        "access_token": ACCESS_TOKEN.to_owned() + &"x".repeat(spoiled.token_len.unwrap_or(0)),
        "refresh_token": REFRESH_TOKEN,
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": scope,
        "id_token": Signer::new(key).sign(&claims).unwrap(),
    }))
    .into_response()
}

pub(crate) const ACCESS_TOKEN: &str = "access-token-of-the-provider";
pub(crate) const REFRESH_TOKEN: &str = "refresh-token-of-the-provider";
