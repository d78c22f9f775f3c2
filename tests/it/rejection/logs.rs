//! Tests of the log at TRACE. The layer handles the adversarial tokens and requests, and the log
//! must contain no token, secret or claim.

mod auth_server;
mod cors;
mod forbidden;
mod refusals;
#[cfg(feature = "redis")]
mod revocation;
mod vectors;

use std::io;
use std::sync::{Arc, LazyLock, Mutex};

use axum::Router;
use axum::routing::any;
use base64::Engine;
use http::{Request, header};
use tower::ServiceExt;
use tower_http::trace::{DefaultMakeSpan, DefaultOnRequest, DefaultOnResponse, TraceLayer};
use tower_jwt_auth::{
    AuthError, Claims, JwtAuth, StandardClaims, Token, has_role, has_scope, require,
};
use tracing::subscriber::NoSubscriber;
use tracing::{Dispatch, Level};

use self::forbidden::Forbidden;
use crate::bearer::tcp::adversarial::{self, cases};
use crate::kit::server::Ask;
use crate::kit::shop;

/// The text of the log.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Captures the logs of this thread, at every level, until the guard is dropped.
    pub(crate) fn listen(&self) -> tracing::subscriber::DefaultGuard {
        // While only one dispatcher exists, the first thread that logs an event decides whether
        // `tracing` enables the event in all threads. A thread of another test has no dispatcher,
        // so it would disable the event for this thread, too. If two dispatchers exist, `tracing`
        // asks both of them instead.
        static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::new()));
        LazyLock::force(&SECOND);
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::TRACE)
            .with_ansi(false)
            .with_writer(move || log.clone())
            .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    pub(crate) fn text(&self) -> String {
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

/// Returns an application in which `auth` is between two layers that log every header. The outer
/// layer logs the headers before `auth` can mark them as sensitive. Another layer therefore marks
/// the headers before the outer layer runs. In a real application,
/// `SetSensitiveRequestHeadersLayer` of tower-http does this.
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

/// Sends the request to every route. Returns all errors and responses as printed text.
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
    forbidden.allow(file["iss"].as_str().unwrap());
    forbidden.allow("at+jwt");
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

/// Checks that the log is complete, since an empty log would pass every other check.
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
