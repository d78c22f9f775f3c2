//! The routes that register passkeys and log in with them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use tower_jwt_auth::issuer::{LoginRequest, Logins, MemoryStore};
use tower_jwt_auth::{Claims, Clock, JwtAuth, SystemClock};
use webauthn_rs::prelude::{
    PasskeyAuthentication, PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential,
    Uuid, Webauthn,
};

use crate::ceremonies::{Ceremonies, LIFETIME};
use crate::users::{LoggedIn, Users};

/// The cookie that binds a ceremony to the browser that began it.
const CEREMONY_COOKIE: &str = "__Host-ceremony";
/// A user can add a passkey only if the last login is at most this many seconds ago. A passkey
/// gives lasting access, so an attacker with a stolen session must not be able to add one.
const FRESH_SECS: i64 = 300;

pub(crate) struct Site {
    webauthn: Webauthn,
    users: Arc<Users>,
    logins: Logins<Arc<Users>, MemoryStore>,
    registrations: Ceremonies<Registration>,
    authentications: Ceremonies<(Uuid, PasskeyAuthentication)>,
}

struct Registration {
    user: Uuid,
    /// The name of a new user.
    name: Option<String>,
    state: PasskeyRegistration,
}

impl Site {
    pub(crate) fn new(
        webauthn: Webauthn,
        users: Arc<Users>,
        logins: Logins<Arc<Users>, MemoryStore>,
    ) -> Self {
        let (registrations, authentications) = (Ceremonies::new(), Ceremonies::new());
        Self { webauthn, users, logins, registrations, authentications }
    }
}

/// Returns the routes. `auth` must let anonymous requests through, since new users register without
/// a token.
pub(crate) fn routes(site: Site, auth: JwtAuth<LoggedIn>) -> Router {
    // The extractor `Json` accepts only the content type of JSON. A page of another site can send
    // this content type only if this server permits it by CORS.
    Router::new()
        .route("/passkey/register/start", post(start_registration).layer(auth.clone()))
        .route("/passkey/register/finish", post(finish_registration).layer(auth))
        .route("/passkey/login/start", post(start_login))
        .route("/passkey/login/finish", post(finish_login))
        .with_state(Arc::new(site))
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

/// Begins to register a passkey for the logged-in user. If nobody is logged in, the passkey is for
/// a new user with this name.
async fn start_registration(
    State(site): State<Arc<Site>>,
    claims: Option<Claims<LoggedIn>>,
    Json(Name { name }): Json<Name>,
) -> Result<Response, Refused> {
    let (user, name, shown, known) = match claims {
        Some(claims) => {
            let age = SystemClock.now().as_secs().saturating_sub(claims.auth_time);
            if age > FRESH_SECS {
                return Err(Refused("log in again before you add a passkey"));
            }
            let id = user_of(&claims).ok_or(Refused("the user was deleted"))?;
            let user = site.users.find(id).ok_or(Refused("the user was deleted"))?;
            (id, None, user.name.clone(), user.credentials())
        }
        None if name.is_empty() || name.len() > 64 => {
            return Err(Refused("a name has 1 to 64 bytes"));
        }
        None if site.users.find_name(&name).is_some() => return Err(Refused("the name is taken")),
        None => (Uuid::new_v4(), Some(name.clone()), name, Vec::new()),
    };
    let (options, state) = site
        .webauthn
        .start_passkey_registration(user, &shown, &shown, Some(known))
        .map_err(|_| Refused("the passkey cannot be registered"))?;
    let id = site.registrations.begin(Registration { user, name, state });
    Ok(with_ceremony(id, Json(options)))
}

/// Stores the new passkey. If the user is new, also logs the user in.
async fn finish_registration(
    State(site): State<Arc<Site>>,
    claims: Option<Claims<LoggedIn>>,
    head: Parts,
    Json(credential): Json<RegisterPublicKeyCredential>,
) -> Result<Response, Refused> {
    let begun = ceremony(&head.headers).and_then(|id| site.registrations.take(id));
    let Registration { user, name, state } = begun.ok_or(NOT_BEGUN)?;
    let is_new = name.is_some();
    // Check the user again. Since the registration began, the user may have logged out, and
    // somebody else may have logged in with the same browser.
    if !is_new && claims.as_ref().and_then(user_of) != Some(user) {
        return Err(Refused("log in again before you add a passkey"));
    }
    let passkey = site
        .webauthn
        .finish_passkey_registration(&credential, &state)
        .map_err(|_| Refused("the passkey was not accepted"))?;
    if !site.users.add(user, name, passkey) {
        return Err(Refused("the name or the passkey is taken"));
    }
    if !is_new {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    log_in(&site, user, &head).await
}

/// Returns the logged-in user.
fn user_of(claims: &Claims<LoggedIn>) -> Option<Uuid> {
    claims.token().subject()?.parse().ok()
}

async fn start_login(
    State(site): State<Arc<Site>>,
    Json(Name { name }): Json<Name>,
) -> Result<Response, Refused> {
    // This response reveals which names exist, and so does the registration. If names are private,
    // respond with credentials from `webauthn_rs::fake` instead.
    let (user, passkeys) = site
        .users
        .find_name(&name)
        .map(|(id, user)| (id, user.passkeys))
        .ok_or(Refused("nobody has this name"))?;
    let (options, state) = site
        .webauthn
        .start_passkey_authentication(&passkeys)
        .map_err(|_| Refused("the passkeys cannot be used"))?;
    let id = site.authentications.begin((user, state));
    Ok(with_ceremony(id, Json(options)))
}

async fn finish_login(
    State(site): State<Arc<Site>>,
    head: Parts,
    Json(credential): Json<PublicKeyCredential>,
) -> Result<Response, Refused> {
    let begun = ceremony(&head.headers).and_then(|id| site.authentications.take(id));
    let (user, state) = begun.ok_or(NOT_BEGUN)?;
    // Checks the origin, the challenge, the signature and the counter, and that the passkey belongs
    // to this user.
    let result = site
        .webauthn
        .finish_passkey_authentication(&credential, &state)
        .map_err(|_| Refused("the passkey was not accepted"))?;
    site.users.used(user, &result);
    log_in(&site, user, &head).await
}

/// Starts the session, and responds as `/login` does.
async fn log_in(site: &Site, user: Uuid, head: &Parts) -> Result<Response, Refused> {
    let grant = site.users.grant(user).ok_or(Refused("the user was deleted"))?;
    let grant = grant.session_label("passkey");
    let started = site.logins.start(grant, head, LoginRequest::new()).await;
    Ok(started.map_or_else(IntoResponse::into_response, IntoResponse::into_response))
}

fn with_ceremony(id: Uuid, options: impl IntoResponse) -> Response {
    let secs = LIFETIME.as_secs();
    let cookie = format!(
        "{CEREMONY_COOKIE}={id}; Path=/; Max-Age={secs}; HttpOnly; SameSite=Strict; Secure"
    );
    ([(SET_COOKIE, cookie)], options).into_response()
}

/// Returns the identifier of the ceremony that this browser began.
fn ceremony(headers: &HeaderMap) -> Option<Uuid> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split("; "));
    let value = pairs.find_map(|pair| pair.strip_prefix(CEREMONY_COOKIE)?.strip_prefix('='))?;
    value.parse().ok()
}

/// An error response, with a reason that is shown to the user.
struct Refused(&'static str);

const NOT_BEGUN: Refused = Refused("begin again: this took more than five minutes, or was used");

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = json!({ "error": "passkey_refused", "error_description": self.0 });
        (StatusCode::BAD_REQUEST, Json(body)).into_response()
    }
}
