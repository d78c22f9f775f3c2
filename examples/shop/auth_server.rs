//! The auth server: a password goes in, a token comes out.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tower_jwt_auth::jwt::Signer;
use tower_jwt_auth::{Clock, Key, Secret, SystemClock};

use crate::secrets::ISSUER;
use crate::users::{self, User};

const LIFETIME_SECS: i64 = 600;

/// One for each audience: a token for the cart is signed with the secret of the cart.
type Signers = Arc<HashMap<&'static str, Signer>>;

pub(crate) fn app(master: &Secret) -> Router {
    let signers = ["cart", "payment"]
        .map(|audience| (audience, Signer::new(Key::hs256(master.derive(ISSUER, audience)))));
    Router::new().route("/login", post(login)).with_state(Arc::new(HashMap::from(signers)))
}

#[derive(Deserialize)]
struct Login {
    user: String,
    password: String,
    /// The service that the token is for, and no other will take it.
    #[serde(default = "cart")]
    audience: String,
}

fn cart() -> String {
    "cart".to_owned()
}

#[derive(Serialize)]
struct AccessToken<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    company: &'a str,
    roles: &'a [&'a str],
    scope: &'a str,
}

impl<'a> AccessToken<'a> {
    fn new(user: &User, audience: &'a str) -> Self {
        let now = SystemClock.now().as_secs();
        Self {
            iss: ISSUER,
            sub: user.name,
            aud: audience,
            iat: now,
            exp: now.saturating_add(LIFETIME_SECS),
            company: user.company,
            roles: user.roles,
            scope: user.scope,
        }
    }
}

async fn login(State(signers): State<Signers>, Json(login): Json<Login>) -> Response {
    let Some(user) = users::with_password(&login.user, &login.password) else {
        return refuse("invalid_grant");
    };
    let Some(signer) = signers.get(login.audience.as_str()) else {
        return refuse("invalid_target");
    };
    match signer.sign(&AccessToken::new(user, &login.audience)) {
        Ok(token) => answer(
            StatusCode::OK,
            &json!({
                "access_token": token,
                "token_type": "Bearer",
                "expires_in": LIFETIME_SECS,
            }),
        ),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// By the words of RFC 6749 section 5.2 and RFC 8707 section 2. The status is theirs too: 401 is
/// for requests that a token would have helped.
fn refuse(error: &str) -> Response {
    answer(StatusCode::BAD_REQUEST, &json!({ "error": error }))
}

fn answer(status: StatusCode, body: &serde_json::Value) -> Response {
    // Whoever finds a token in a cache is logged in.
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}
