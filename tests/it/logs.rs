//! Everything that is logged at TRACE while the adversarial tokens and requests pass through, read
//! for tokens, secrets and claims.

mod auth_server;
mod cors;
mod forbidden;
mod vectors;

use std::io;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::any;
use base64::Engine;
use http::{Request, header};
use serde_json::json;
use tower::ServiceExt;
use tower_http::trace::{DefaultMakeSpan, DefaultOnRequest, DefaultOnResponse, TraceLayer};
use tower_jwt_auth::{
    AuthError, BadCredentials, Claims, JwtAuth, StandardClaims, Token, TokenSource, has_role,
    has_scope, require,
};
use tracing::Level;

use self::forbidden::Forbidden;
use crate::issuer::kit::Server;
use crate::server::Ask;
use crate::shop;
use crate::tcp::adversarial::{self, cases};

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Logs of this thread, at every level, go here as long as the guard lives.
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::TRACE)
            .with_ansi(false)
            .with_writer(move || log.clone())
            .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn trace() -> TraceLayer<
    tower_http::classify::SharedClassifier<tower_http::classify::ServerErrorsAsFailures>,
    DefaultMakeSpan,
> {
    let make_span = DefaultMakeSpan::new().level(Level::TRACE).include_headers(true);
    TraceLayer::new_for_http().make_span_with(make_span)
}

/// The layer between two that log every header: the one outside sees them before ours can mark
/// them, so there the application has to (`SetSensitiveRequestHeadersLayer` of tower-http).
fn app<T>(auth: JwtAuth<T>) -> Router
where
    T: serde::de::DeserializeOwned + Send + Sync + 'static,
{
    let show = async |claims: Option<Claims<T>>, token: Option<Token>, request: Request<_>| {
        let request: Request<axum::body::Body> = request;
        tracing::trace!(?claims, ?token, headers = ?request.headers(), ?request, "handled");
    };
    let on_response = DefaultOnResponse::new().level(Level::TRACE).include_headers(true);
    let on_request = DefaultOnRequest::new().level(Level::TRACE);
    Router::new()
        .route("/", any(show))
        .route("/role", any(|| async {}).layer(require(has_role("admin"))))
        .route("/scope", any(|| async {}).layer(require(has_scope("pay"))))
        .layer(trace().on_response(on_response.clone()).on_request(on_request.clone()))
        .layer(auth)
        .layer(trace().on_response(on_response).on_request(on_request))
        .layer(axum::middleware::map_request(async |mut request: axum::extract::Request| {
            for name in [header::AUTHORIZATION, header::COOKIE] {
                if let header::Entry::Occupied(mut values) = request.headers_mut().entry(name) {
                    values.iter_mut().for_each(|value| value.set_sensitive(true));
                }
            }
            request
        }))
}

/// Sends the request to every route and returns how the refusals, if any, are printed.
async fn run(app: &Router, ask: &Ask) -> String {
    let mut printed = String::new();
    for path in ["/", "/role", "/scope"] {
        let ask = Ask { path: path.to_owned(), ..ask.clone() };
        let response = app.clone().oneshot(ask.to_request()).await.unwrap();
        if let Some(error) = response.extensions().get::<AuthError>() {
            printed += &print(error);
        }
        printed += &format!("{response:?}");
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        printed += std::str::from_utf8(&body).unwrap();
    }
    printed
}

fn print(error: &AuthError) -> String {
    let mut printed = format!("{error} {error:?} {error:#?} {:?} ", error.token_error());
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        printed += &format!("{cause} {cause:?} ");
        source = cause.source();
    }
    printed
}

#[tokio::test]
async fn adversarial_tokens_leave_no_trace() {
    let file = adversarial::tokens();
    let mut forbidden = Forbidden::default();
    let secret: Vec<u8> = (0..32).collect();
    assert_eq!(file["secret_hs256_b64"], base64::prelude::BASE64_STANDARD.encode(&secret));
    forbidden.add_secret(&secret);
    for case in cases(&file) {
        forbidden.add_token(case["token"].as_str().unwrap());
    }
    let log = Log::default();
    let mut printed = String::new();
    {
        let _listening = log.listen();
        for case in cases(&file) {
            let auth: JwtAuth<StandardClaims> = adversarial::auth_for_token(&file, case);
            let token = case["token"].as_str().unwrap();
            if let Err(error) = auth.verify(token) {
                printed += &print(&error);
            }
            printed += &run(&app(auth), &Ask::get("/").bearer(token)).await;
        }
    }
    let log = log.text();
    is_a_whole_log(&log, cases(&file).len());
    forbidden.is_not_in(&log);
    forbidden.is_not_in(&printed);
}

#[tokio::test]
async fn adversarial_requests_leave_no_trace() {
    let file = adversarial::requests();
    let mut forbidden = Forbidden::default();
    forbidden.add_secret(&(0..32).collect::<Vec<u8>>());
    let [good, other] = [shop::good(), shop::other()];
    forbidden.add_token(&good);
    forbidden.add_token(&other);
    let log = Log::default();
    let mut printed = String::new();
    {
        let _listening = log.listen();
        for case in cases(&file) {
            let ask = adversarial::ask(case);
            for (_, value) in &ask.headers {
                forbidden.add(value);
            }
            printed += &run(&app(adversarial::auth_for_request(case)), &ask).await;
            let post = Ask { method: http::Method::POST, ..ask.clone() };
            let post = post.header("origin", "https://evil.example");
            printed += &run(&app(adversarial::auth_for_request(case).strip_token()), &post).await;
        }
    }
    let log = log.text();
    is_a_whole_log(&log, cases(&file).len());
    forbidden.is_not_in(&log);
    forbidden.is_not_in(&printed);
}

/// What `app` logs and answers.
async fn logged(app: Router, ask: Ask) -> (String, String) {
    let log = Log::default();
    let _listening = log.listen();
    let answer = run(&app, &ask).await;
    (log.text(), answer)
}

#[tokio::test]
async fn claims_that_do_not_fit_are_named_in_the_log_and_nowhere_in_the_answer() {
    for (company, misfit) in [
        (json!(null), "missing field `company`"),
        (json!({ "name": shop::COMPANY }), "invalid type for `company`: an object"),
        (json!([shop::COMPANY]), "invalid type for `company`: an array"),
    ] {
        let token = shop::token(&json!({ "company": company }));
        let error = shop::auth().verify(&token).unwrap_err();
        assert_eq!(error.misfit().unwrap().to_string(), misfit);
        assert_eq!(error.misfit().unwrap().member(), Some("company"));
        assert!(print(&error).contains(&format!("the claims do not fit their type: {misfit}")));
        assert!(!error.to_string().contains("company"), "clients may be told this: {error}");

        let app = Router::new().route("/", any(|| async {})).layer(shop::auth());
        let response = app.oneshot(shop::request("/", &token)).await.unwrap();
        assert!(!format!("{:?}", response.headers()).contains("company"));
        let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
        assert!(!String::from_utf8_lossy(&body).contains("company"), "{body:?}");

        let (log, _) = logged(app_of_shop(), Ask::get("/").bearer(&token)).await;
        let event = format!("reason=Some(ClaimsMismatch) misfit={misfit}");
        assert!(log.contains(&event), "{event} is not in: {log}");
        let mut forbidden = Forbidden::default();
        forbidden.add_token(&token);
        forbidden.is_not_in(&log);
    }
    let (log, _) = logged(app_of_shop(), Ask::get("/").bearer("not.a.token")).await;
    assert!(log.contains("reason=Some(Malformed)") && !log.contains("misfit"), "{log}");
}

fn app_of_shop() -> Router {
    app(shop::auth())
}

#[tokio::test]
async fn missing_credentials_are_logged_with_the_places_that_were_looked_into() {
    for (auth, looked_in) in [
        (shop::auth(), "Authorization"),
        (shop::auth().cookie("__Host-access"), "Authorization, cookie __Host-access"),
        (
            shop::auth().add_source(Never).cookie("access").websocket_protocol("bearer"),
            "Authorization, WebSocket protocol bearer, cookie access, it::logs::Never",
        ),
    ] {
        let event = format!("code=\"missing-credentials\" looked_in=\"{looked_in}\"");
        let (log, _) = logged(app(auth.clone()), Ask::get("/")).await;
        assert!(log.contains(&event), "{event} is not in: {log}");
        // A guard behind a layer that lets everyone through knows it too.
        let (log, _) = logged(app(auth.allow_anonymous()), Ask::get("/")).await;
        assert!(log.contains(&event), "{event} is not in: {log}");
    }
}

/// A client is told the class of a refusal; whoever runs the server needs more.
#[tokio::test]
async fn the_auth_server_logs_why_it_refuses() {
    let server = Server::new();
    let right = json!({ "user": "alice", "password": "right", "audience": "cart" });
    let with = |name: &str, value: &str| {
        let mut login = right.clone();
        login[name] = value.into();
        login
    };
    for (path, body, code, reason) in [
        ("/login", with("password", "secret"), "invalid_grant", "the credentials are wrong"),
        ("/login", json!({ "password": "secret" }), "invalid_request", "a member that is missing"),
        ("/login", with("scope", "secret"), "invalid_scope", "a scope is asked for that"),
        ("/login", with("audience", "secret"), "invalid_target", "has no key for the audience"),
        ("/login", with("audience", ""), "invalid_target", "name an audience, in the grant or at"),
        ("/refresh", json!({}), "invalid_request", "no `refresh_token`"),
        ("/refresh", json!({ "refresh_token": "secret" }), "invalid_grant", "Unknown"),
    ] {
        let log = Log::default();
        {
            let _listening = log.listen();
            server.post(path, body).await.is_error(400, code);
        }
        let log = log.text();
        let event = log.lines().find(|line| line.contains("request refused")).unwrap();
        assert!(event.contains(reason), "{reason} is not in: {event}");
        assert!(!log.contains("secret"), "{log}");
    }
    let log = Log::default();
    {
        let _listening = log.listen();
        let login = Request::post("/login").body(right.to_string().into()).unwrap();
        server.send(login).await.is_error(400, "invalid_request");
    }
    assert!(log.text().contains("the content type is neither"), "{}", log.text());
}

#[derive(Debug)]
struct Never;

impl TokenSource for Never {
    fn token<'r>(
        &self,
        _: &'r http::HeaderMap,
    ) -> Result<Option<std::borrow::Cow<'r, str>>, BadCredentials> {
        Ok(None)
    }
}

/// A log that is empty would pass, and prove nothing.
fn is_a_whole_log(log: &str, cases: usize) {
    let count = |text: &str| log.matches(text).count();
    assert!(count("request refused") > cases, "our events");
    assert!(count("tower_jwt_auth::rejection") > cases, "by our target");
    assert!(count("finished processing request") > cases, "TraceLayer's events");
    assert!(count("\"authorization\": Sensitive") > 0, "TraceLayer's headers");
    assert!(count("www-authenticate") > cases, "and those of responses");
    assert!(count("handled") > 0, "the handler's events");
    assert!(count("TRACE") > cases, "down to the lowest level");
}

#[tokio::test]
async fn the_scan_finds_what_is_logged() {
    let log = Log::default();
    {
        let _listening = log.listen();
        tracing::trace!(token = &shop::good()[40..60], "leaked");
    }
    let mut forbidden = Forbidden::default();
    forbidden.add_token(&shop::good());
    let text = log.text();
    assert!(std::panic::catch_unwind(move || forbidden.is_not_in(&text)).is_err());
}
