//! Tests that the log of an auth server contains no password, token or cookie.

use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use http::header::{COOKIE, SET_COOKIE};
use http::{Method, Request};
use serde_json::{Value, json};
use tower_http::trace::{DefaultOnRequest, DefaultOnResponse};
use tower_jwt_auth::issuer::{AuthRoutes, Cookies, MemoryStore, SessionEvent, Sessions};
use tracing::Level;

use super::forbidden::Forbidden;
use super::{Log, trace};
use crate::issuer::kit::{self, Answer, Fragile, Server, State, Users};
use crate::kit::{NOW, at};

const WRONG_PASSWORD: &str = "the-wrong-password-of-somebody";

/// Returns a server that appends each session event to `printed`. A layer outside the routes logs
/// the headers of all requests and responses.
fn server(cookies: Option<Cookies>, printed: &Arc<Mutex<String>>) -> Server {
    let state = Arc::<State>::default();
    let clock = at(NOW);
    let store = Fragile { inner: MemoryStore::new(), state: Arc::clone(&state) };
    let events = Arc::clone(printed);
    let sessions = Sessions::new(store).with_clock(clock.clone()).with_events(move |event| {
        if let SessionEvent::LoginRefused(_) = event {
            *events.lock().unwrap() += &format!("{event:?} ");
            return;
        }
        let (SessionEvent::Started(session)
        | SessionEvent::Renewed(session)
        | SessionEvent::Repeated(session)
        | SessionEvent::Ended(session, _)) = event
        else {
            panic!("an event that this test does not know: {event:?}");
        };
        // The id of a session may be logged, since it grants no access.
        *events.lock().unwrap() += &format!("{event:?} ").replace(session.id().as_str(), "");
    });
    let users = Users::new(Arc::clone(&state));
    let routes = AuthRoutes::new(users, kit::issuer().with_clock(clock.clone()), sessions);
    let routes = match cookies {
        Some(cookies) => routes.cookies(cookies),
        None => routes,
    };
    let on_response = DefaultOnResponse::new().level(Level::TRACE).include_headers(true);
    let on_request = DefaultOnRequest::new().level(Level::TRACE);
    let router =
        routes.into_router().layer(trace().on_response(on_response).on_request(on_request));
    Server { router, state, clock }
}

fn note_tokens(answer: &Answer, forbidden: &mut Forbidden) {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    for name in ["access_token", "refresh_token"] {
        if let Some(token) = body[name].as_str() {
            forbidden.add_credential(token);
        }
    }
    if answer.head.headers.contains_key(SET_COOKIE) {
        answer.cookies().iter().for_each(|(_, value, _)| forbidden.add_credential(value));
    }
}

async fn go_wrong(server: &Server, forbidden: &mut Forbidden, ask: impl AsyncFn(&str) -> Answer) {
    for failing in
        [&server.state.accounts_down, &server.state.accounts_panic, &server.state.store_down]
    {
        failing.store(true, SeqCst);
        for path in ["/login", "/refresh", "/sessions", "/logout", "/logout-everywhere"] {
            note_tokens(&ask(path).await, forbidden);
        }
        failing.store(false, SeqCst);
    }
}

#[tokio::test]
async fn an_auth_server_logs_no_password_and_no_token() {
    let mut forbidden = Forbidden::default();
    forbidden.add_secret(&crate::kit::key_bytes());
    forbidden.add(WRONG_PASSWORD.as_bytes());
    let (log, printed) = (Log::default(), Arc::<Mutex<String>>::default());
    {
        let _listening = log.listen();
        let server = server(None, &printed);
        let wrong = json!({ "user": "alice", "password": WRONG_PASSWORD, "audience": "cart" });
        assert_eq!(server.post("/login", wrong).await.status(), 400);
        let misspelt = json!({ "usr": "alice", "password": WRONG_PASSWORD });
        assert_eq!(server.post("/login", misspelt).await.status(), 400);
        let login = server.log_in("alice").await;
        forbidden.add_credential(&login.access);
        forbidden.add_credential(&login.refresh);
        let body = json!({ "refresh_token": login.refresh, "user": "alice", "password": "right" });
        go_wrong(&server, &mut forbidden, async |path| server.post(path, body.clone()).await).await;
        let next = server.log_in("alice").await;
        let renewed = server.refresh(&next.refresh).await;
        note_tokens(&renewed, &mut forbidden);
        note_tokens(&server.refresh(&next.refresh).await, &mut forbidden);
        server.wait(60);
        server.refresh(&next.refresh).await.is_error(400, "invalid_grant");
        server.refresh(&login.access).await.is_error(400, "invalid_grant");
        forbidden.add_credential(&next.access);
        forbidden.add_credential(&next.refresh);
        assert_eq!(server.post("/revoke", json!({ "token": login.refresh })).await.status(), 200);
    }
    is_a_whole_log(&log.text(), &printed.lock().unwrap());
    forbidden.is_not_in(&log.text());
    forbidden.is_not_in(&printed.lock().unwrap());
}

#[tokio::test]
async fn an_auth_server_logs_no_cookie() {
    let mut forbidden = Forbidden::default();
    let (log, printed) = (Log::default(), Arc::<Mutex<String>>::default());
    {
        let _listening = log.listen();
        let server =
            server(Some(Cookies::new("/").add_access_cookie("cart", "__Host-cart")), &printed);
        let login = server.post("/login", json!({ "user": "alice", "password": "right" })).await;
        assert_eq!(login.status(), 200);
        note_tokens(&login, &mut forbidden);
        let cookies = login.cookies();
        let pairs: Vec<_> =
            cookies.iter().map(|(name, value, _)| format!("{name}={value}")).collect();
        let with_cookies = async |path: &str| {
            let body = json!({ "user": "alice", "password": "right" });
            let mut request: Request<Body> = kit::json(Method::POST, path, &body);
            // Mark the header as sensitive. An application must do the same if a layer around the
            // routes logs headers.
            let mut value: http::HeaderValue = pairs.join("; ").parse().unwrap();
            value.set_sensitive(true);
            request.headers_mut().insert(COOKIE, value);
            server.send(request).await
        };
        note_tokens(&with_cookies("/refresh").await, &mut forbidden);
        go_wrong(&server, &mut forbidden, with_cookies).await;
        server.wait(60);
        with_cookies("/refresh").await.is_error(400, "invalid_grant");
        note_tokens(&with_cookies("/logout").await, &mut forbidden);
    }
    is_a_whole_log(&log.text(), &printed.lock().unwrap());
    forbidden.is_not_in(&log.text());
    forbidden.is_not_in(&printed.lock().unwrap());
}

/// The client learns that the account has too many claims. The log tells the operator the names and
/// the sizes of the claims.
#[tokio::test]
async fn a_token_that_is_too_large_is_logged_with_its_sizes_and_without_its_values() {
    let (log, printed) = (Log::default(), Arc::<Mutex<String>>::default());
    {
        let _listening = log.listen();
        let server =
            server(Some(Cookies::new("/").add_access_cookie("cart", "__Host-cart")), &printed);
        server.state.huge.store(true, SeqCst);
        let login = json!({ "user": "alice", "password": "right" });
        server.post("/login", login).await.is_error(500, "server_error");
    }
    for text in [&log.text(), &*printed.lock().unwrap()] {
        assert!(
            text.contains(" bytes, and the limit is 4096. The largest claims are `hobbies`"),
            "{text}"
        );
        assert!(!text.contains("gardening") && !text.contains("alice"), "{text}");
    }
    assert!(log.text().contains("ERROR"), "{}", log.text());
}

/// The application's own routes are not behind the middleware that logs the errors of `/login`.
/// Failed logins on these routes must still be logged exactly once, with the same event as at
/// `/login`.
#[tokio::test]
async fn a_failed_login_by_other_means_is_logged_once_as_a_failed_login_is() {
    for (failure, line) in [("huge", "request failed"), ("scope", "request refused")] {
        let mut lines = Vec::new();
        for path in ["/login", "/own"] {
            let log = Log::default();
            {
                let _listening = log.listen();
                let server = Server::with_own_login(|routes| {
                    routes.cookies(Cookies::new("/").add_access_cookie("cart", "__Host-cart"))
                });
                server.state.huge.store(failure == "huge", SeqCst);
                let scope = if failure == "scope" { "admin" } else { "pay" };
                let body = json!({ "user": "alice", "password": "right", "scope": scope });
                assert!(server.post(path, body).await.status() >= 400);
            }
            let text = log.text();
            let logged: Vec<_> = text.lines().filter(|text| text.contains(line)).collect();
            assert_eq!(logged.len(), 1, "{text}");
            let event = logged[0].split_once(line).unwrap().1.to_owned();
            assert!(!text.contains("alice") && !text.contains("gardening"), "{text}");
            lines.push(event);
        }
        assert_eq!(lines[0], lines[1]);
    }
}

/// While the store is down, any client can cause an error with each request. These errors must not
/// flood the log.
#[tokio::test]
async fn an_outage_adds_a_few_lines_a_minute_to_a_log_at_the_default_level() {
    let log = Log::default();
    {
        let _listening = log.listen();
        let server = Server::new();
        let login = server.log_in("alice").await;
        server.state.store_down.store(true, SeqCst);
        for _ in 0..100 {
            server.refresh(&login.refresh).await.is_error(503, "temporarily_unavailable");
        }
    }
    let log = log.text();
    let events: Vec<_> = log.lines().filter(|line| line.contains("request failed")).collect();
    let count = |level: &str| events.iter().filter(|event| event.contains(level)).count();
    assert_eq!(events.len(), 100, "{log}");
    // Ten events a minute are logged at ERROR. If a new minute begins during the test, there are up
    // to twenty.
    assert!((10..=20).contains(&count("ERROR ")), "{log}");
    assert_eq!(count("ERROR ") + count("DEBUG "), 100, "{log}");
    for event in events {
        assert!(event.contains("temporarily_unavailable"), "{event}");
        assert!(event.contains("the session store did not answer in time"), "{event}");
    }
}

/// Checks that the log is complete, since an empty log would pass every other check.
fn is_a_whole_log(log: &str, events: &str) {
    assert!(log.matches("finished processing request").count() > 10, "{log}");
    assert!(log.contains("cache-control"), "the headers of answers");
    for event in ["Started(", "Renewed(", "Ended("] {
        assert!(events.contains(event), "{event}");
    }
}
