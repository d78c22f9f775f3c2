//! Tests of logins that do not use the route `/login`. For these logins, the application
//! authenticates the user itself.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;

use axum::body::Body;
use axum::response::Response;
use http::header::{LOCATION, SET_COOKIE};
use http::{Method, Request};
use serde_json::{Value, json};
use tower::ServiceExt;
use tower::util::MapResponseLayer;
use tower_jwt_auth::issuer::{Cookies, Session};

use super::cookies::{cookies, cookies_of, value};
use crate::issuer::kit::{Answer, Routes, Server, State, json as json_request};

const OWN: &str = "/own";

fn body(more: &Value) -> Value {
    // Only `/login` reads the password. The login at `/own` ignores it.
    let mut body = json!({ "user": "alice", "password": "right" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn request(path: &str, more: &Value, headers: &[(&'static str, &str)]) -> Request<Body> {
    let mut request = json_request(Method::POST, path, &body(more));
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    request
}

/// Returns the response as text, with the length of each token instead of the token.
fn shape(answer: &Answer) -> String {
    let mut body = String::from_utf8(answer.body.clone()).unwrap();
    if let Ok(Value::Object(members)) = serde_json::from_str(&body) {
        for name in ["access_token", "refresh_token"] {
            if let Some(token) = members.get(name).and_then(Value::as_str) {
                body = body.replace(token, &token.len().to_string());
            }
        }
    }
    let mut text = format!("{} {:?}\n", answer.head.status, answer.head.version);
    for (name, value) in &answer.head.headers {
        let value = value.to_str().unwrap();
        if name == SET_COOKIE {
            let (cookie, attributes) = value.split_once("; ").unwrap();
            let (cookie, value) = cookie.split_once('=').unwrap();
            text += &format!("{name}: {cookie}={}; {attributes}\n", value.len());
        } else {
            text += &format!("{name}: {value}\n");
        }
    }
    text + &body
}

fn events(server: &Server) -> Vec<(String, String, String)> {
    std::mem::take(&mut server.state.events.lock().unwrap())
}

fn in_bodies(routes: Routes) -> Routes {
    routes.trust_origin("https://app.example")
}

fn in_cookies(routes: Routes) -> Routes {
    in_bodies(routes).cookies(cookies())
}

const MODES: [fn(Routes) -> Routes; 2] = [in_bodies, in_cookies];

#[tokio::test]
async fn the_response_is_that_of_login_byte_for_byte() {
    for mode in MODES {
        let server = Server::with_own_login(mode);
        for more in [
            json!({ "audience": ["cart"] }),
            json!({ "audience": ["payment"], "scope": "pay" }),
            json!({ "audience": ["payment", "cart", "payment", ""], "scope": " pay  cart:read " }),
            json!({ "audience": ["cart"], "client_id": "web" }),
            json!({ "audience": ["cart"], "client_id": "" }),
        ] {
            let headers = [("user-agent", "Browser/7"), ("sec-fetch-site", "same-origin")];
            let login = server.send(request("/login", &more, &headers)).await;
            let login_events = events(&server);
            let own = server.send(request(OWN, &more, &headers)).await;
            assert_eq!(login.status(), 200, "{login:?}");
            assert_eq!(shape(&own), shape(&login), "{more}");
            assert_eq!(events(&server), login_events);
            assert_eq!(login_events.len(), 1);

            let session = |answer: &Answer| {
                let session = answer.head.extensions.get::<Session>().unwrap().clone();
                let scopes: Vec<_> = session.scopes().map(str::to_owned).collect();
                let audience: Vec<_> = session.audience().map(str::to_owned).collect();
                let client = session.client_id().map(str::to_owned);
                (scopes, audience, client, session.label().map(str::to_owned), session.ends_at())
            };
            assert_eq!(session(&own), session(&login));
            assert_eq!(session(&own).3.as_deref(), Some("Browser/7"));
        }
    }
}

#[tokio::test]
async fn a_session_is_renewed_and_ended_like_that_of_a_login() {
    let server = Server::with_own_login(in_bodies);
    let answer = server.post(OWN, body(&json!({ "audience": ["cart"], "scope": "pay" }))).await;
    let renewed = server.refresh(&answer.tokens().refresh).await;
    assert_eq!(renewed.json()["scope"], "pay");
    let logout = json!({ "refresh_token": renewed.tokens().refresh });
    assert_eq!(server.post("/logout", logout).await.status(), 204);
    server.refresh(&renewed.tokens().refresh).await.is_error(400, "invalid_grant");
}

/// Changes a setting of the test server.
type Set = fn(&State);

#[tokio::test]
async fn a_refusal_is_that_of_login_and_is_always_reported() {
    let nothing: Set = |_| {};
    let long = "c".repeat(257);
    let cases: [(Set, Value, &str); 13] = [
        (nothing, json!({ "audience": ["basket"] }), "invalid_target"),
        (nothing, json!({ "audience": ["cart"], "scope": "a\"b" }), "invalid_scope"),
        (nothing, json!({ "audience": ["cart"], "scope": "admin" }), "invalid_scope"),
        (nothing, json!({ "audience": ["cart"], "client_id": "caf\u{e9}" }), "invalid_request"),
        (nothing, json!({ "audience": ["cart"], "client_id": long }), "invalid_request"),
        (
            |state| *state.client.lock().unwrap() = Some("app"),
            json!({ "audience": ["cart"], "client_id": "web" }),
            "invalid_client",
        ),
        (
            |state| *state.audience.lock().unwrap() = Some("payment"),
            json!({ "audience": ["cart"] }),
            "invalid_target",
        ),
        (
            |state| *state.audience.lock().unwrap() = Some("payment"),
            json!({ "audience": ["payment", "cart"] }),
            "invalid_target",
        ),
        (|state| state.huge.store(true, SeqCst), json!({ "audience": ["cart"] }), "server_error"),
        (
            |state| state.claims_panic.store(true, SeqCst),
            json!({ "audience": ["cart"] }),
            "server_error",
        ),
        (
            |state| state.store_down.store(true, SeqCst),
            json!({ "audience": ["cart"] }),
            "temporarily_unavailable",
        ),
        (
            |state| state.answers_lost.store(true, SeqCst),
            json!({ "audience": ["cart"] }),
            "temporarily_unavailable",
        ),
        (nothing, json!({ "audience": ["cart"], "scope": "pay admin" }), "invalid_scope"),
    ];
    for mode in MODES {
        for (set, more, code) in &cases {
            let server = Server::with_own_login(mode);
            set(&server.state);
            let login = server.send(request("/login", more, &[])).await;
            let login_events = events(&server);
            let own = server.send(request(OWN, more, &[])).await;
            assert_eq!(own.json()["error"], *code, "{more}");
            assert_eq!(shape(&own), shape(&login), "{more}");
            let own_events = events(&server);
            let [(name, subject, reason)] = own_events.as_slice() else { panic!("{own_events:?}") };
            assert_eq!((name.as_str(), subject.as_str()), ("refused", "alice"));
            assert!(!reason.is_empty());
            // A refused login is reported only for a user who has been authenticated. `/login`
            // checks the syntax before the password, so it reports no event for a syntax error. At
            // `/own` the user has already been authenticated, so a syntax error is reported.
            assert!(login_events.is_empty() || login_events == own_events, "{login_events:?}");
        }
    }
}

#[tokio::test]
async fn a_request_of_another_site_is_refused_as_at_login() {
    for mode in MODES {
        let server = Server::with_own_login(mode);
        for (site, origin) in [
            ("cross-site", "https://evil.example"),
            ("cross-site", "null"),
            ("cross-site", "https://app.example"),
            ("same-site", "https://sibling.shop.example"),
            ("same-origin", "https://auth.shop.example"),
            ("none", "https://auth.shop.example"),
            ("", "https://evil.example"),
            ("", "https://auth.shop.example"),
        ] {
            let headers =
                [("sec-fetch-site", site), ("origin", origin), ("host", "auth.shop.example")];
            let more = json!({ "audience": ["cart"] });
            let login = server.send(request("/login", &more, &headers)).await;
            events(&server);
            let own = server.send(request(OWN, &more, &headers)).await;
            assert_eq!(shape(&own), shape(&login), "{site} {origin}");
            let names: Vec<_> = events(&server).into_iter().map(|(name, ..)| name).collect();
            assert_eq!(names, [if own.status() == 200 { "started" } else { "refused" }]);

            // A link or an image on another site can send a GET request. The server must check this
            // request like the POST request above, and return the same status.
            let mut get = request(OWN, &more, &headers);
            *get.method_mut() = Method::GET;
            assert_eq!(server.send(get).await.status(), own.status(), "{site} {origin}");

            // The application calls `dangerous_from_another_site` for this login, so the server
            // accepts the request even if another site sends it.
            let more = json!({ "audience": ["cart"], "from_another_site": true });
            let own = server.send(request(OWN, &more, &headers)).await;
            assert_eq!(own.status(), 200, "{site} {origin}");
        }
    }
}

#[tokio::test]
async fn the_session_that_the_browser_had_ends() {
    let server = Server::with_own_login(in_cookies);
    let before = cookies_of(&server.send(request("/login", &json!({}), &[])).await);
    let own = server.send(request(OWN, &json!({}), &[("cookie", &before)])).await;
    let own = cookies_of(&own);
    let refresh = async |cookies: &str| {
        let mut request = json_request(Method::POST, "/refresh", &Value::Null);
        request.headers_mut().insert("cookie", cookies.parse().unwrap());
        server.send(request).await
    };
    refresh(&before).await.is_error(400, "invalid_grant");
    assert_eq!(refresh(&own).await.status(), 200);
    // A login at `/login` also ends a session that began at `/own`.
    server.send(request("/login", &json!({}), &[("cookie", &own)])).await;
    refresh(&own).await.is_error(400, "invalid_grant");
}

#[tokio::test]
async fn a_redirect_sets_the_cookies_of_the_response_and_stays_on_this_site() {
    let server = Server::with_own_login(in_cookies);
    let own = server.post(OWN, body(&json!({}))).await;
    let set = |answer: &Answer| {
        let cookies = answer.cookies().into_iter();
        cookies.map(|(name, value, rest)| (name, value.len(), rest)).collect::<Vec<_>>()
    };
    for (asked, path) in [
        ("/", "/"),
        ("/cart?item=7#x", "/cart?item=7#x"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/a\r\nset-cookie: x=y", "/"),
        ("cart", "/"),
        ("", "/"),
    ] {
        let answer = server.post(OWN, body(&json!({ "redirect": asked }))).await;
        assert_eq!((answer.status(), answer.body.len()), (303, 0), "{asked:?}");
        assert_eq!(answer.head.headers[LOCATION], path, "{asked:?}");
        assert_eq!(set(&answer), set(&own));
        assert_eq!(answer.head.extensions.get::<Session>().unwrap().subject(), "alice");
        for cookie in answer.head.headers.get_all(SET_COOKIE) {
            assert!(cookie.is_sensitive());
        }
        assert_ne!(value(&answer, "__Host-session"), value(&own, "__Host-session"));
    }
}

/// A browser sends no `SameSite=Strict` cookies if another site started the navigation, even after
/// a redirect within this site. The login therefore responds with a page, and the page opens the
/// target.
#[tokio::test]
async fn a_login_from_another_site_ends_with_a_page_if_the_cookies_are_strict() {
    let more = json!({ "redirect": "/cart?a=1&b=\"<>'", "from_another_site": true });
    let headers = [("sec-fetch-site", "cross-site"), ("origin", "https://sso.example")];
    let server = Server::with_own_login(in_cookies);
    let answer = server.send(request(OWN, &more, &headers)).await;
    assert_eq!((answer.status(), answer.cookies().len()), (200, 4));
    let headers_of = &answer.head.headers;
    assert_eq!(headers_of["content-type"], "text/html; charset=utf-8");
    assert_eq!(headers_of["content-security-policy"], "default-src 'none'; frame-ancestors 'none'");
    assert_eq!(headers_of["referrer-policy"], "no-referrer");
    let page = String::from_utf8(answer.body).unwrap();
    let path = "/cart?a=1&amp;b=&quot;&lt;&gt;'";
    assert!(page.contains(&format!("content=\"0;url={path}\"")), "{page}");
    assert!(page.contains(&format!("href=\"{path}\"")) && !page.contains("<script"), "{page}");

    for cookies in [cookies().lax(), cookies().embedded()] {
        let server = Server::with_own_login(|routes| routes.cookies(cookies));
        let answer = server.send(request(OWN, &more, &headers)).await;
        assert_eq!((answer.status(), answer.cookies().len()), (303, 4));
    }
}

#[tokio::test]
async fn a_redirect_cannot_carry_tokens_in_bodies() {
    let server = Server::with_own_login(in_bodies);
    let more = json!({ "audience": ["cart"], "redirect": "/cart" });
    let answer = server.post(OWN, body(&more)).await;
    answer.is_error(500, "server_error");
    assert!(!answer.head.headers.contains_key(LOCATION));
}

/// Returns a layer that counts the responses of the routes behind it.
fn counting(
    count: &Arc<AtomicU32>,
) -> MapResponseLayer<impl Fn(Response) -> Response + Clone + use<>> {
    let count = Arc::clone(count);
    MapResponseLayer::new(move |response: Response| {
        count.fetch_add(1, SeqCst);
        response
    })
}

#[tokio::test]
async fn the_layers_of_logins_are_in_front_of_login_alone() {
    let (first, second) = (Arc::<AtomicU32>::default(), Arc::<AtomicU32>::default());
    let server = Server::with_own_login(|routes| {
        let cookies = Cookies::new("/auth").add_access_cookie("cart", "__Host-cart_token");
        routes.add_login_layer(counting(&first)).cookies(cookies).add_login_layer(counting(&second))
    });
    let login = server.send(request("/login", &json!({}), &[])).await;
    let mut refresh = json_request(Method::POST, "/refresh", &Value::Null);
    refresh.headers_mut().insert("cookie", cookies_of(&login).parse().unwrap());
    assert_eq!(server.send(refresh).await.status(), 200);
    assert_eq!(server.send(request(OWN, &json!({}), &[])).await.status(), 200);
    let unknown = Request::post("/other").body(Body::empty()).unwrap();
    assert_eq!(server.router.clone().oneshot(unknown).await.unwrap().status(), 404);
    assert_eq!((first.load(SeqCst), second.load(SeqCst)), (1, 1));
}
