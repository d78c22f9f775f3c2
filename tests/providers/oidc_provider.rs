//! `oidc-provider`, and the requests of its clients.

use std::collections::BTreeMap;

use reqwest::{RequestBuilder, Response, header};
use serde_json::Value;
use tower_jwt_auth::Issuer;
use tower_jwt_auth::jwks::RemoteKeys;

use crate::process::{Process, free_port};
use crate::service::client;

/// The algorithms of the provider's keys.
pub(crate) const ALGORITHMS: [&str; 6] = ["RS256", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"];

const SECRET: &str = "a-secret-only-for-tests-0123456789abcdef";

pub(crate) struct OidcProvider {
    settings: Vec<(&'static str, String)>,
    process: Option<Process>,
    pub(crate) issuer: String,
}

/// The tokens of a user who logged in.
pub(crate) struct Login {
    pub(crate) access_token: String,
    pub(crate) id_token: String,
}

impl OidcProvider {
    pub(crate) fn start() -> Self {
        Self::with([])
    }

    /// Starts the provider with these additional environment variables.
    pub(crate) fn with(settings: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let mut settings: Vec<_> = settings.into_iter().collect();
        settings.push(("PORT", free_port().to_string()));
        let mut provider = Self { settings, process: None, issuer: String::new() };
        provider.restart();
        provider
    }

    pub(crate) fn stop(&mut self) {
        self.process = None;
    }

    /// Restarts the provider on the same port. It creates new keys unless the setting `KEYS` is
    /// present.
    pub(crate) fn restart(&mut self) {
        self.stop();
        let process = self.process.insert(Process::provider(&["oidc-provider"], &self.settings));
        self.issuer = process.after("ready ");
    }

    /// Returns a source for the provider's keys. The source has not fetched the keys yet.
    pub(crate) fn keys(&self) -> RemoteKeys {
        RemoteKeys::discover(&self.issuer).dangerous_allow_http()
    }

    /// Returns the provider as an issuer of access tokens for the audience `cart`.
    pub(crate) fn trusted(&self) -> Issuer {
        Issuer::discover(&self.issuer).dangerous_allow_http().audience("cart").accept_type("at+jwt")
    }

    /// Returns an access token for the audience `cart`.
    pub(crate) async fn token(&self, algorithm: &str) -> String {
        self.token_for(algorithm, "cart").await
    }

    pub(crate) async fn token_for(&self, algorithm: &str, audience: &str) -> String {
        let resource = format!("https://cart.example/?alg={algorithm}&audience={audience}");
        let answer = self
            .ask(
                "cart-client",
                &[
                    ("grant_type", "client_credentials"),
                    ("scope", "cart:read"),
                    ("resource", &resource),
                ],
            )
            .await;
        member(&answer, "access_token")
    }

    /// Logs in as the user `alice`, as a browser would, and returns the tokens of the client
    /// `cart`.
    pub(crate) async fn log_in(&self) -> Login {
        let resource = "https://cart.example/?alg=ES256&audience=cart";
        let callback = "https://cart.example/callback";
        let query = form(&[
            ("client_id", "cart"),
            ("response_type", "code"),
            ("scope", "openid cart:read"),
            ("redirect_uri", callback),
            ("resource", resource),
        ]);
        let mut cookies = BTreeMap::new();
        let mut url = format!("{}/auth?{query}", self.issuer);
        let mut redirects = 0;
        while !url.starts_with(callback) {
            redirects += 1;
            assert!(redirects < 10, "the provider redirects to {url} again and again");
            let cookie: Vec<_> =
                cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let answer = client().get(&url).header(header::COOKIE, cookie.join("; "));
            let answer = answer.send().await.unwrap();
            cookies.extend(set_cookies(&answer));
            let location = answer.headers()[header::LOCATION].to_str().unwrap();
            url = answer.url().join(location).unwrap().into();
        }
        let code = url.split(['?', '&']).find_map(|pair| pair.strip_prefix("code=")).unwrap();
        let answer = self
            .ask(
                "cart",
                &[
                    ("grant_type", "authorization_code"),
                    ("code", code),
                    ("redirect_uri", callback),
                    ("resource", resource),
                ],
            )
            .await;
        Login {
            access_token: member(&answer, "access_token"),
            id_token: member(&answer, "id_token"),
        }
    }

    async fn ask(&self, client_id: &str, fields: &[(&str, &str)]) -> Value {
        let request = client().post(format!("{}/token", self.issuer));
        json(posted(request, fields).basic_auth(client_id, Some(SECRET))).await
    }

    /// Returns the keys that the provider publishes.
    pub(crate) async fn published(&self) -> Vec<Value> {
        let set = json(client().get(format!("{}/jwks", self.issuer))).await;
        set["keys"].as_array().unwrap().clone()
    }
}

fn set_cookies(answer: &Response) -> Vec<(String, String)> {
    let headers = answer.headers().get_all(header::SET_COOKIE).iter();
    headers
        .map(|value| {
            let pair = value.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            (name.to_owned(), value.to_owned())
        })
        .collect()
}

/// Adds a form to a request.
pub(crate) fn posted(request: RequestBuilder, fields: &[(&str, &str)]) -> RequestBuilder {
    request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form(fields))
}

/// Sends a request, and returns the response's JSON.
pub(crate) async fn json(request: RequestBuilder) -> Value {
    let answer = request.send().await.unwrap();
    let (status, body) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{status}: {body}");
    serde_json::from_str(&body).unwrap()
}

pub(crate) fn member(answer: &Value, name: &str) -> String {
    answer[name].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

fn form(fields: &[(&str, &str)]) -> String {
    let encoded = |text: &str| {
        let encode = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        };
        text.bytes().map(encode).collect::<String>()
    };
    let pairs: Vec<_> =
        fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    pairs.join("&")
}
