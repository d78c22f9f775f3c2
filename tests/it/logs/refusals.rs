//! What the log says of a refusal, and the answer does not.

use axum::Router;
use axum::routing::any;
use http::Request;
use serde_json::json;
use tower::ServiceExt;
use tower_jwt_auth::{BadCredentials, TokenSource};

use super::forbidden::Forbidden;
use super::{Log, app, print, run};
use crate::issuer::kit::Server;
use crate::server::Ask;
use crate::shop;

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
            "Authorization, WebSocket protocol bearer, cookie access, it::logs::refusals::Never",
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
