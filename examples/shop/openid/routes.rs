//! The routes for the profile and the permissions of the user who is logged in.
//!
//! These routes have the same path prefix as the routes of the auth server, since browsers send the
//! refresh token only to that prefix. The provider's tokens never reach the browser.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use tower_jwt_auth::issuer::{Cookies, Session, SessionError, Sessions, SqliteStore};

use super::providers::Provider;
use crate::users::Users;

pub(crate) struct Account {
    pub(crate) users: Arc<Users>,
    pub(crate) cookies: Cookies,
    pub(crate) sessions: Sessions<SqliteStore>,
    pub(crate) providers: Vec<Provider>,
}

pub(crate) fn router(account: Account) -> Router {
    Router::new()
        .route("/account", get(show))
        .route("/messages", post(send))
        .with_state(Arc::new(account))
}

impl Account {
    /// Returns the session of the browser that sent the request. Refuses requests from other
    /// origins, since a browser adds the cookies even to requests from another port of the same
    /// host. A request without `Sec-Fetch-Site` is accepted: it comes from a program such as curl,
    /// which does not have the browser's cookies.
    async fn session(&self, headers: &HeaderMap) -> Result<Session, Refusal> {
        if headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin") {
            return Err(Refusal::forbidden("Only the page of the shop may do this.".to_owned()));
        }
        let token = self.cookies.refresh_token(headers).ok_or(Refusal::logged_out())?;
        self.sessions.session_of(token).await.map_err(Refusal::from)
    }

    /// Returns the provider at which the user of a session logged in.
    fn provider_of(&self, session: &Session) -> Option<&Provider> {
        let login = session.external_login()?;
        self.providers.iter().find(|provider| provider.name == login.provider())
    }
}

/// Responds with the profile and the scopes. For each scope that the shop requested, the response
/// shows whether the user granted it.
async fn show(
    State(account): State<Arc<Account>>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Refusal> {
    let session = account.session(&headers).await?;
    let mut body = json!({ "name": null, "provider": null, "scopes": [] });
    if let (Some(login), Some(provider)) = (session.external_login(), account.provider_of(&session))
    {
        let name = account.users.profile_name(login.issuer(), login.subject()).await?;
        let scope = |name: &&str| json!({ "name": *name, "is_granted": login.has_scope(name) });
        let scopes: Vec<_> = provider.scopes.iter().map(scope).collect();
        body = json!({ "name": name, "provider": provider.title, "scopes": scopes });
    }
    let linked = account.users.providers_of(session.subject()).await?;
    if let Some(body) = body.as_object_mut() {
        body.insert("linked".to_owned(), json!(linked));
    }
    Ok(([(CACHE_CONTROL, "no-store")], Json(body)))
}

#[derive(Deserialize)]
struct Message {
    text: String,
}

/// Sends a message on behalf of the user, who must have given the shop permission to do so.
async fn send(
    State(account): State<Arc<Account>>,
    headers: HeaderMap,
    Json(message): Json<Message>,
) -> Result<StatusCode, Refusal> {
    let session = account.session(&headers).await?;
    let (Some(login), Some(provider)) = (session.external_login(), account.provider_of(&session))
    else {
        return Err(Refusal::forbidden(
            "You logged in with a password. The shop can send messages only for somebody who logged \
             in with an account elsewhere."
                .to_owned(),
        ));
    };
    let title = &provider.title;
    let Some(scope) = provider.for_messages else {
        return Err(Refusal::forbidden(format!("The shop cannot send messages with {title}.")));
    };
    if !login.has_scope(scope) {
        return Err(Refusal::forbidden(format!(
            "You did not allow the shop to send messages in your name. Log out, log in with {title} \
             again, and allow it there."
        )));
    }
    println!("{}: a message of {} bytes", session.subject(), message.text.len());
    Ok(StatusCode::CREATED)
}

/// An error response, in the same form as the auth server's errors.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    sentence: String,
}

impl Refusal {
    fn logged_out() -> Self {
        let sentence = "you are not logged in".to_owned();
        Self { status: StatusCode::BAD_REQUEST, code: "invalid_grant", sentence }
    }

    fn forbidden(sentence: String) -> Self {
        Self { status: StatusCode::FORBIDDEN, code: "insufficient_scope", sentence }
    }

    fn unavailable() -> Self {
        let sentence = "try again later".to_owned();
        Self { status: StatusCode::SERVICE_UNAVAILABLE, code: "unavailable", sentence }
    }
}

impl From<SessionError> for Refusal {
    fn from(error: SessionError) -> Self {
        if error.is_refusal() { Self::logged_out() } else { Self::unavailable() }
    }
}

impl From<sqlx::Error> for Refusal {
    fn from(_: sqlx::Error) -> Self {
        Self::unavailable()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.code, "error_description": self.sentence });
        (self.status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
    }
}
