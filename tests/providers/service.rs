//! A service that trusts providers, and functions that send requests to this service.

use std::time::{Duration, Instant};

use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::HeaderValue;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower_jwt_auth::{AuthError, Issuer, JwtAuth, Token};

const REASON: &str = "x-reason";

/// A service on loopback that answers with the issuer, the subject, the roles and the scopes.
pub(crate) struct Service {
    url: String,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The reason for a rejection, or an empty string.
    pub(crate) reason: String,
    pub(crate) retry_after: Option<u64>,
    pub(crate) body: String,
    pub(crate) took: Duration,
}

impl Service {
    /// Starts a service that trusts these issuers.
    pub(crate) async fn start(issuers: impl IntoIterator<Item = Issuer>) -> Self {
        let auth = JwtAuth::issuers(issuers);
        let app =
            Router::new().route("/", get(describe)).layer(auth).layer(map_response(show_reason));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url }
    }

    pub(crate) async fn get(&self, token: &str) -> Answer {
        get_with(&self.url, token).await
    }

    /// Sends a token that the service must accept, and returns the response.
    pub(crate) async fn accepts(&self, token: &str, issuer: &str, subject: &str) -> Value {
        let answer = self.get(token).await;
        assert_eq!(answer.status, 200, "{}: {}", header(token), answer.reason);
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((&body["issuer"], &body["subject"]), (&json!(issuer), &json!(subject)));
        body
    }

    /// Sends a token that the service must reject with this status. The reason that the service
    /// gives must contain the text `reason`.
    pub(crate) async fn rejects(&self, token: &str, status: u16, reason: &str) -> Answer {
        let answer = self.get(token).await;
        assert_eq!(answer.status, status, "{}: {}", header(token), answer.reason);
        assert!(answer.reason.contains(reason), "{reason}: {}", answer.reason);
        answer
    }
}

pub(crate) async fn get_with(url: &str, token: &str) -> Answer {
    let start = Instant::now();
    let answer = client().get(url).bearer_auth(token).send().await.unwrap();
    let took = start.elapsed();
    let text = |name| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    Answer {
        status: answer.status().as_u16(),
        reason: text(REASON).unwrap_or_default(),
        retry_after: text("retry-after").map(|seconds| seconds.parse().unwrap()),
        took,
        body: answer.text().await.unwrap(),
    }
}

async fn describe(token: Token) -> Json<Value> {
    Json(json!({
        "issuer": token.issuer(),
        "subject": token.subject(),
        "roles": token.roles().collect::<Vec<_>>(),
        "scopes": token.scopes().collect::<Vec<_>>(),
    }))
}

/// Adds the reason for a rejection to the response, for the assertions of the tests.
async fn show_reason(mut response: Response) -> Response {
    let reason = response.extensions().get::<AuthError>().map(|error| error.reason().into_owned());
    if let Some(reason) = reason {
        let reason = HeaderValue::from_str(&reason).unwrap();
        response.headers_mut().insert(REASON, reason);
    }
    response
}

/// Returns a client that follows no redirects.
pub(crate) fn client() -> Client {
    let redirects = reqwest::redirect::Policy::none();
    Client::builder().no_proxy().redirect(redirects).build().unwrap()
}

/// Returns the header of a token.
pub(crate) fn header(token: &str) -> Value {
    part(token, 0)
}

pub(crate) fn claims(token: &str) -> Value {
    part(token, 1)
}

fn part(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Replaces a part of the token with the encoded `json`. The first part has the number 0.
pub(crate) fn replaced(token: &str, number: usize, json: &Value) -> String {
    let mut parts: Vec<_> = token.split('.').map(str::to_owned).collect();
    parts[number] = BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
    parts.join(".")
}
