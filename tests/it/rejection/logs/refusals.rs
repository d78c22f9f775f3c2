//! Tests of the reasons for refusals. The log contains these reasons, and the responses do not.

use std::time::Instant;

use axum::Router;
use axum::routing::any;
use http::Request;
use serde_json::json;
use tower::ServiceExt;
use tower_jwt_auth::guard::{Access, Denied, Guard};
use tower_jwt_auth::jwt::TokenError;
use tower_jwt_auth::{
    AuthError, BadCredentials, TokenSource, claims_match, has_all_roles, has_all_scopes,
    has_any_role, has_role, has_scope, path_param, require,
};

use super::forbidden::Forbidden;
use super::{Log, app, print, run};
use crate::issuer::kit::Server;
use crate::kit;
use crate::kit::server::Ask;
use crate::kit::shop::{self, Shopper};

/// Returns the log and the response of `app`.
async fn logged(app: Router, ask: Ask) -> (String, String) {
    let log = Log::default();
    let _listening = log.listen();
    let answer = run(&app, &ask).await;
    (log.text(), answer)
}

#[tokio::test]
async fn claims_that_do_not_fit_are_named_in_the_log_and_nowhere_in_the_answer() {
    for (company, problem) in [
        (json!(null), "missing field `company`"),
        (json!({ "name": shop::COMPANY }), "invalid type in `company`: an object"),
        (json!([shop::COMPANY]), "invalid type in `company`: an array"),
    ] {
        let token = shop::token(&json!({ "company": company }));
        let error = shop::auth().verify(&token).unwrap_err();
        let claim = error.token_error().and_then(TokenError::claim_error).unwrap();
        assert_eq!(claim.to_string(), problem);
        assert_eq!(claim.name(), Some("company"));
        assert!(print(&error).contains(&format!("the claims do not fit their type: {problem}")));
        assert!(!error.to_string().contains("company"), "clients may be told this: {error}");

        let app = Router::new().route("/", any(|| async {})).layer(shop::auth());
        let response = app.oneshot(shop::request("/", &token)).await.unwrap();
        assert!(!format!("{:?}", response.headers()).contains("company"));
        let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
        assert!(!String::from_utf8_lossy(&body).contains("company"), "{body:?}");

        let (log, _) = logged(app_of_shop(), Ask::get("/").bearer(&token)).await;
        for part in ["token_error=ClaimsMismatch", problem] {
            assert!(log.contains(part), "{part} is not in: {log}");
        }
        assert!(error.reason().contains(problem), "{}", error.reason());
        let mut forbidden = Forbidden::default();
        forbidden.add_token(&token);
        forbidden.is_not_in(&log);
    }
    let (log, _) = logged(app_of_shop(), Ask::get("/").bearer("not.a.token")).await;
    assert!(log.contains("token_error=Malformed"), "{log}");
}

fn app_of_shop() -> Router {
    app(shop::auth())
}

#[tokio::test]
async fn missing_credentials_are_logged_with_the_sources_that_were_read() {
    for (auth, looked_in) in [
        (shop::auth(), "`Authorization: Bearer`"),
        (
            shop::auth().cookie("__Host-access"),
            "`Authorization: Bearer`, the cookie `__Host-access`",
        ),
        (
            shop::auth().add_source(Never).cookie("access").websocket_protocol("bearer"),
            "`Authorization: Bearer`, the WebSocket protocol `bearer`, the cookie `access`, the \
             source `it::rejection::logs::refusals::Never`",
        ),
    ] {
        let event = format!(
            "code=\"missing-credentials\" reason=the request has no access token; searched: \
             {looked_in}\n"
        );
        let (log, _) = logged(app(auth.clone()), Ask::get("/")).await;
        assert!(log.contains(&event), "{event} is not in: {log}");
        let basic = Ask::get("/").header("authorization", "Basic dGVzdDp0ZXN0");
        let (log, _) = logged(app(auth.clone()), basic).await;
        assert!(log.contains("`Authorization` has the scheme `Basic` and not `Bearer`"), "{log}");
        // If the layer allows anonymous access, the layer accepts the request. The guards of
        // `/role` and `/scope` refuse it. The log then contains the same event as without anonymous
        // access.
        let (log, _) = logged(app(auth.allow_anonymous()), Ask::get("/")).await;
        assert!(log.contains(&event), "{event} is not in: {log}");
    }
}

/// The log names the required roles and scopes, and how the guard combines them.
#[tokio::test]
async fn a_denial_is_logged_with_the_roles_and_scopes_that_are_required() {
    let handled = || async {};
    let guard = has_any_role(["admin", "support"])
        .and(has_scope("pay").or(claims_match(|claims: &Shopper| claims.sub.is_empty())))
        .and(has_role("guest").not());
    let own = path_param("company", |claims: &Shopper| &claims.company);
    let router = Router::new()
        .route("/role", any(handled).layer(require(has_role("admin"))))
        .route("/all", any(handled).layer(require(has_all_roles(["a", "b"]))))
        .route("/scope", any(handled).layer(require(has_all_scopes(["pay", "cart:write"]))))
        .route("/own/{company}", any(handled).layer(require(own)))
        .route("/custom", any(handled).layer(require(Closed)))
        .route("/combined", any(handled).layer(require(guard)))
        .layer(shop::auth());
    let shopper = std::any::type_name::<Shopper>();
    for (path, required) in [
        ("/role", "it requires the role `admin`"),
        ("/all", "it requires all of the roles `a`, `b`"),
        ("/scope", "the guard requires all of the scopes `pay`, `cart:write`"),
        ("/own/globex", "it requires that the path parameter `company` is the token's own"),
        ("/custom", "it requires the guard `it::rejection::logs::refusals::Closed`"),
        (
            "/combined",
            &format!(
                "one of the roles `admin`, `support`, and (the scope `pay`, or a match of \
                 `claims_match` on `{shopper}`), and not the role `guest`"
            ),
        ),
    ] {
        let log = Log::default();
        let response = {
            let _listening = log.listen();
            router.clone().oneshot(shop::request(path, &shop::good())).await.unwrap()
        };
        let error = response.extensions().get::<AuthError>().unwrap().clone();
        assert!(error.reason().contains(required), "{required} is not in: {}", error.reason());
        assert!(log.text().contains(required), "{required} is not in: {}", log.text());
        let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
        let told = format!("{error} {}", String::from_utf8_lossy(&body));
        assert!(!told.contains("admin") && !told.contains("Shopper"), "{told}");
    }
}

struct Closed;

impl Guard for Closed {
    fn check(&self, _: &mut Access<'_>) -> Result<(), Denied> {
        Err(Denied::new())
    }
}

/// At the default log level, client requests cause no log lines, and a server fault causes a few
/// log lines per minute.
#[tokio::test]
async fn no_client_can_fill_a_log_at_the_default_level() {
    let stale = kit::revocations(shop::clock());
    let wrong_type = async |_: tower_jwt_auth::Claims| ();
    let router = Router::new()
        .route("/", any(|| async {}))
        .route("/role", any(|| async {}).layer(require(has_role("admin"))))
        .route("/wrong-type", any(wrong_type))
        .layer(shop::auth().cookie("token"))
        .route("/stale", any(|| async {}).layer(shop::auth().with_revocation(stale)));
    let good = shop::good();
    let asks = [
        Ask::get("/"),
        Ask::get("/").bearer("a.b.c"),
        Ask::get("/").header("authorization", "Basic dGVzdA=="),
        Ask::get("/").header("authorization", "Bearer"),
        Ask::get("/").bearer(&good).bearer("a.b.c"),
        Ask::get("/").bearer(&"a".repeat(9000)),
        Ask::get("/role").bearer(&good),
        Ask::post("/").header("cookie", format!("token={good}")).header("origin", "https://x.y"),
        Ask::get("/stale").bearer(&good),
        Ask::get("/wrong-type").bearer(&good),
    ];
    let log = Log::default();
    let start = Instant::now();
    {
        let _listening = log.listen();
        for ask in asks.iter().cycle().take(1_000) {
            router.clone().oneshot(ask.to_request()).await.unwrap();
        }
    }
    let log = log.text();
    let count = |level: &str, code: &str| {
        let is_event = |line: &&str| line.contains("request refused") && line.contains(code);
        log.lines().filter(is_event).filter(|line| line.contains(level)).count()
    };
    assert_eq!(count("", ""), 1_000);
    // For each cause, at most ten events a minute are logged above DEBUG. The test may run for
    // several minutes, so more than ten events are allowed.
    let minutes = 2 + start.elapsed().as_secs() as usize / 60;
    let a_few = 10..=10 * minutes;
    assert!(a_few.contains(&count(" WARN ", "revocation-unavailable")), "{log}");
    assert!(a_few.contains(&count("ERROR ", "misconfigured")));
    assert_eq!(
        count(" WARN ", "") + count("ERROR ", "") + count(" INFO ", ""),
        count(" WARN ", "revocation-unavailable") + count("ERROR ", "misconfigured")
    );
    assert!(log.contains("no revocation data has been read yet"));
}

/// A client learns only the class of a rejection. The operator of the server needs the reason.
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
        ("/login", json!({ "password": "secret" }), "invalid_request", "missing field `user`"),
        ("/login", with("scope", "secret"), "invalid_scope", "`scope` has one"),
        ("/login", with("audience", "secret"), "invalid_target", "`audience` has one that"),
        ("/login", with("audience", ""), "invalid_target", "audience"),
        ("/refresh", json!({}), "invalid_request", "`refresh_token` is missing"),
        (
            "/refresh",
            json!({ "refresh_token": "secret" }),
            "invalid_grant",
            "the refresh token is unknown",
        ),
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
