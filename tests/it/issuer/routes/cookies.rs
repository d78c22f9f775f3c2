//! Tests of the routes with tokens in cookies.

use std::sync::atomic::Ordering::SeqCst;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Method, Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use sha2::Digest;
use tower::ServiceExt;
use tower_jwt_auth::issuer::Cookies;
use tower_jwt_auth::{AuthError, AuthErrorKind, Claims};

use crate::issuer::kit::{Answer, Employee, Server, json};

pub(super) const REFRESH: &str = "__Secure-refresh_token";
const SESSION: &str = "__Host-session";

pub(super) fn cookies() -> Cookies {
    Cookies::new("/auth")
        .add_access_cookie("cart", "__Host-cart_token")
        .add_access_cookie("payment", "__Host-payment_token")
}

pub(super) fn server() -> Server {
    Server::with(|routes| routes.cookies(cookies()).trust_origin("https://app.example"))
}

pub(super) async fn log_in(server: &Server) -> Answer {
    server.post("/login", json!({ "user": "alice", "password": "right" })).await
}

pub(super) fn value(answer: &Answer, name: &str) -> String {
    let cookies = answer.cookies();
    cookies.iter().find(|cookie| cookie.0 == name).unwrap_or_else(|| panic!("{answer:?}")).1.clone()
}

/// Returns the cookies that a browser sends after this response.
pub(super) fn cookies_of(answer: &Answer) -> String {
    format!("{SESSION}={}; {REFRESH}={}", value(answer, SESSION), value(answer, REFRESH))
}

fn with_cookies(method: Method, path: &str, cookies: &str) -> Request<Body> {
    let mut request = json(method, path, &Value::Null);
    request.headers_mut().insert("cookie", cookies.parse().unwrap());
    request
}

/// Builds a request with two cookies: the refresh token, and the identifier of its session.
pub(super) fn with_cookie(method: Method, path: &str, token: &str) -> Request<Body> {
    let handle = sha2::Sha256::digest(&crate::kit::unb64(token)[..16]);
    let session = crate::kit::b64(&handle[..16]);
    with_cookies(method, path, &format!("{SESSION}={session}; {REFRESH}={token}"))
}

#[tokio::test]
async fn tokens_are_only_in_cookies_that_no_script_can_read() {
    let server = server();
    let answer = log_in(&server).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.json(), json!({ "expires_in": 600, "scope": "cart:read pay" }));
    let strict = "HttpOnly; SameSite=Strict; Secure";
    let attributes: Vec<_> =
        answer.cookies().into_iter().map(|(name, _, rest)| (name, rest)).collect();
    let wanted = [
        ("__Host-cart_token", format!("Path=/; Max-Age=604800; {strict}")),
        ("__Host-payment_token", format!("Path=/; Max-Age=604800; {strict}")),
        (SESSION, format!("Path=/; Max-Age=604800; {strict}")),
        (REFRESH, format!("Path=/auth; Max-Age=604800; {strict}")),
    ];
    assert_eq!(attributes, wanted.map(|(name, rest)| (name.to_owned(), rest)));
    for cookie in answer.head.headers.get_all("set-cookie") {
        assert!(cookie.is_sensitive());
    }

    // Each service accepts the token in its own cookie.
    for (audience, name) in [("cart", "__Host-cart_token"), ("payment", "__Host-payment_token")] {
        let layer = server.service(audience).cookie(name);
        let service = Router::new().route("/", get(|| async { "in" })).layer(layer);
        let cookies = answer
            .cookies()
            .iter()
            .map(|(name, value, _)| format!("{name}={value}"))
            .collect::<Vec<_>>();
        let request = Request::get("/").header("cookie", cookies.join("; "));
        let response = service.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200, "{audience}");
    }
}

#[tokio::test]
async fn the_absolute_end_bounds_the_cookie() {
    let server = server();
    let mut token = value(&log_in(&server).await, REFRESH);
    for day in [6, 12, 18, 24] {
        server.wait(6 * 86_400);
        let answer = server.send(with_cookie(Method::POST, "/refresh", &token)).await;
        token = value(&answer, REFRESH);
        let left = (30 - day).min(7) * 86_400;
        let max_age = format!("Max-Age={left};");
        assert!(answer.cookies()[3].2.contains(&max_age), "{day} {answer:?}");
    }
}

#[tokio::test]
async fn a_lost_race_deletes_no_cookie() {
    let server = server();
    let stolen = value(&log_in(&server).await, REFRESH);
    let renewed = server.send(with_cookie(Method::POST, "/refresh", &stolen)).await;
    let renewed = value(&renewed, REFRESH);
    let tab = server.send(with_cookie(Method::POST, "/refresh", &stolen)).await;
    assert_eq!(value(&tab, REFRESH), renewed);
    server.wait(60);
    for token in [&stolen, &renewed] {
        // `is_error` asserts that no cookie is set.
        let answer = server.send(with_cookie(Method::POST, "/refresh", token)).await;
        answer.is_error(400, "invalid_grant");
    }
    for cookies in [format!("{REFRESH}=nonsense"), format!("{REFRESH}={renewed}")] {
        let answer = server.send(with_cookies(Method::POST, "/refresh", &cookies)).await;
        answer.is_error(400, "invalid_grant");
    }
    let none = json(Method::POST, "/refresh", &Value::Null);
    server.send(none).await.is_error(400, "invalid_grant");
}

#[tokio::test]
async fn logging_out_deletes_the_cookies_that_logging_in_set() {
    let server = server();
    let login = log_in(&server).await;
    let token = value(&login, REFRESH);
    let answer = server.send(with_cookie(Method::POST, "/logout", &token)).await;
    assert_eq!(answer.status(), 204);
    let strip = |(name, value, rest): (String, String, String)| {
        let (path, rest) = rest.split_once("; Max-Age=").unwrap();
        let (age, rest) = rest.split_once("; ").unwrap();
        ((name, path.to_owned(), rest.to_owned()), (value.is_empty(), age == "0"))
    };
    let (set, _): (Vec<_>, Vec<_>) = login.cookies().into_iter().map(strip).unzip();
    let (deleted, emptied): (Vec<_>, Vec<_>) = answer.cookies().into_iter().map(strip).unzip();
    assert_eq!(set, deleted);
    assert_eq!(emptied, vec![(true, true); 4]);
}

/// If the store is down, a logout deletes only the cookies with access tokens. The browser keeps
/// the cookies with refresh tokens, so that a later logout can end the session.
#[tokio::test]
async fn a_logout_while_the_store_is_down_deletes_the_access_tokens_and_can_be_retried() {
    for path in ["/logout", "/logout-everywhere"] {
        let server = server();
        let cookies = cookies_of(&log_in(&server).await);
        server.state.store_down.store(true, SeqCst);
        for _ in 0..2 {
            let answer = server.send(with_cookies(Method::POST, path, &cookies)).await;
            assert_eq!(answer.status(), 503);
            assert_eq!(answer.json()["error"], "temporarily_unavailable");
            assert_eq!(answer.head.headers["retry-after"], "1");
            let deleted: Vec<_> = answer.cookies().into_iter().map(|(name, ..)| name).collect();
            assert_eq!(deleted, ["__Host-cart_token", "__Host-payment_token"], "{path}");
            assert!(answer.cookies().iter().all(|(_, value, rest)| {
                value.is_empty() && rest.contains("Path=/; Max-Age=0;")
            }));
        }
        server.state.store_down.store(false, SeqCst);
        let answer = server.send(with_cookies(Method::POST, path, &cookies)).await;
        assert_eq!((answer.status(), answer.cookies().len()), (204, 4), "{path}");
        let refresh = server.send(with_cookies(Method::POST, "/refresh", &cookies)).await;
        refresh.is_error(400, "invalid_grant");
    }
}

/// A browser's cookies. A cookie is dropped when it expires.
#[derive(Default)]
struct Jar {
    cookies: Vec<(String, String, u64)>,
}

impl Jar {
    fn take(&mut self, answer: &Answer, now: u64) {
        for (name, value, rest) in answer.cookies() {
            let age = rest.split("; ").find_map(|part| part.strip_prefix("Max-Age=")).unwrap();
            self.cookies.retain(|(other, ..)| *other != name);
            self.cookies.push((name, value, now + age.parse::<u64>().unwrap()));
        }
    }

    fn at(&self, now: u64) -> String {
        let kept = self.cookies.iter().filter(|(.., until)| now < *until);
        kept.map(|(name, value, _)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }
}

#[tokio::test]
async fn an_expired_cookie_is_not_an_anonymous_request() {
    let server = server();
    let mut jar = Jar::default();
    jar.take(&log_in(&server).await, 0);
    let layer = server.service("cart").cookie("__Host-cart_token").allow_anonymous();
    let who =
        |claims: Option<Claims<Employee>>| async move { claims.map_or("anonymous", |_| "alice") };
    let service = Router::new().route("/", get(who)).layer(layer);
    let ask = async |jar: &Jar, now: u64| {
        let request = Request::get("/").header("cookie", jar.at(now)).body(Body::empty()).unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        let kind = response.extensions().get::<AuthError>().map(AuthError::kind);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (kind, String::from_utf8(body.to_vec()).unwrap())
    };
    assert_eq!(ask(&jar, 0).await, (None, "alice".to_owned()));
    server.wait(700);
    assert_eq!(ask(&jar, 700).await.0, Some(AuthErrorKind::TokenExpired), "the page can renew");
    let mut refresh = json(Method::POST, "/refresh", &Value::Null);
    refresh.headers_mut().insert("cookie", jar.at(700).parse().unwrap());
    jar.take(&server.send(refresh).await, 700);
    assert_eq!(ask(&jar, 700).await, (None, "alice".to_owned()));
    // The cookies expire with the session.
    server.wait(604_800);
    assert_eq!(ask(&jar, 700 + 604_800).await, (None, "anonymous".to_owned()));
}

#[tokio::test]
async fn another_site_can_do_nothing() {
    let server = server();
    let token = value(&log_in(&server).await, REFRESH);
    let foreign = [
        vec![("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site"), ("origin", "https://sibling.example")],
        vec![("origin", "https://evil.example")],
        vec![("origin", "null")],
    ];
    for headers in &foreign {
        for (method, path) in [
            (Method::POST, "/login"),
            (Method::POST, "/refresh"),
            (Method::POST, "/logout"),
            (Method::POST, "/logout-everywhere"),
            (Method::DELETE, "/sessions/x"),
            // The server must refuse this GET request too. Otherwise, if the refresh token in the
            // cookie was already exchanged, the request would count as a repeat of the session's
            // last renewal. If too many renewals in a row have a repeat, the session ends.
            (Method::GET, "/sessions"),
        ] {
            let mut request = with_cookie(method, path, &token);
            for (name, value) in headers {
                request.headers_mut().insert(*name, value.parse().unwrap());
            }
            let answer = server.send(request).await;
            assert_eq!(answer.status(), 403, "{path} {headers:?}");
            assert_eq!(answer.head.headers["content-type"], "application/problem+json");
            assert!(answer.cookies().is_empty());
        }
    }
    let mut trusted = with_cookie(Method::POST, "/refresh", &token);
    trusted.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
    trusted.headers_mut().insert("origin", "https://app.example".parse().unwrap());
    assert_eq!(server.send(trusted).await.status(), 200);
}

/// A sibling domain can set cookies for the whole domain, except those with the prefix `__Host-`.
#[tokio::test]
async fn a_cookie_of_a_sibling_domain_neither_logs_in_nor_locks_out() {
    let server = server();
    let mallory = value(&log_in(&server).await, REFRESH);
    let tossed = format!("{REFRESH}={mallory}");
    let answer = server.send(with_cookies(Method::POST, "/refresh", &tossed)).await;
    answer.is_error(400, "invalid_grant");

    let mut mine = cookies_of(&log_in(&server).await);
    for foreign in [
        tossed.clone(),
        format!("{REFRESH}=nonsense"),
        format!("__secure-refresh_token={mallory}"),
        format!("__host-session=nonsense; {tossed}"),
    ] {
        for both in [format!("{foreign}; {mine}"), format!("{mine}; {foreign}")] {
            let answer = server.send(with_cookies(Method::POST, "/refresh", &both)).await;
            assert_eq!(answer.status(), 200, "{foreign}");
            mine = cookies_of(&answer);
        }
    }
    let both = format!("{tossed}; {mine}");
    let answer = server.send(with_cookies(Method::POST, "/logout", &both)).await;
    assert_eq!(answer.status(), 204);
    let refused = server.send(with_cookies(Method::POST, "/refresh", &mine)).await;
    refused.is_error(400, "invalid_grant");
    let hers = server.send(with_cookie(Method::POST, "/refresh", &mallory)).await;
    assert_eq!(hers.status(), 200, "which was not the victim's to end");
}

/// The routes compute a hash for each refresh-token cookie that they check. An attacker can send
/// thousands of such cookies, so the routes check only a few.
#[tokio::test]
async fn only_a_few_of_very_many_cookies_are_read() {
    let server = server();
    let mine = cookies_of(&log_in(&server).await);
    let others = |count: usize| {
        let nth = |n: usize| format!("{REFRESH}={}{n:04}; {SESSION}=x{n:04}; ", "A".repeat(60));
        (0..count).map(nth).collect::<String>()
    };
    let many = format!("{}{mine}", others(4_000));
    let answer = server.send(with_cookies(Method::POST, "/refresh", &many)).await;
    answer.is_error(400, "invalid_grant");
    let some = format!("{}{mine}", others(8));
    assert_eq!(server.send(with_cookies(Method::POST, "/refresh", &some)).await.status(), 200);
}

#[tokio::test]
async fn a_login_with_cookies_can_be_for_one_of_the_services() {
    let server = server();
    let login = json!({ "user": "alice", "password": "right", "audience": "cart" });
    let mut answer = server.post("/login", login.clone()).await;
    for _ in 0..2 {
        assert!(!value(&answer, "__Host-cart_token").is_empty());
        assert_eq!(value(&answer, "__Host-payment_token"), "");
        let cookies = cookies_of(&answer);
        answer = server.send(with_cookies(Method::POST, "/refresh", &cookies)).await;
    }
    let mut unknown = login;
    unknown["audience"] = json!("mail");
    server.post("/login", unknown).await.is_error(400, "invalid_target");
}

#[tokio::test]
async fn with_a_domain_only_the_access_tokens_go_to_all_its_hosts() {
    let server = Server::with(|routes| {
        let cookies = Cookies::new("/auth").dangerous_domain("shop.example");
        routes.cookies(cookies.add_access_cookie("cart", "__Secure-cart_token"))
    });
    let login = log_in(&server).await;
    let domains: Vec<_> = login
        .cookies()
        .into_iter()
        .map(|(name, _, rest)| (name, rest.contains("; Domain=shop.example;")))
        .collect();
    let expected = [("__Secure-cart_token", true), (SESSION, false), (REFRESH, false)]
        .map(|(name, is_wide)| (name.to_owned(), is_wide));
    assert_eq!(domains, expected);
    let access = value(&login, "__Secure-cart_token");
    let layer = server.service("cart").cookie("__Secure-cart_token");
    let service = Router::new().route("/", get(|| async { "in" })).layer(layer);
    let request = Request::get("/").header("cookie", format!("__Secure-cart_token={access}"));
    let response = service.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    let logout = with_cookies(Method::POST, "/logout", &cookies_of(&login));
    let deleted = server.send(logout).await.cookies();
    let rest = "Path=/; Max-Age=0; HttpOnly; Domain=shop.example; SameSite=Strict; Secure";
    assert_eq!(deleted[0], ("__Secure-cart_token".into(), String::new(), rest.into()));
}

/// The tests in `tests/browser` set the cookies of `cookies/set_ups.json` in a real browser. This
/// test checks that the routes set the same cookies.
#[tokio::test]
async fn each_set_up_sets_the_cookies_of_the_browser_test() {
    let new = || Cookies::new("/auth");
    let (strict, wide) = ("__Host-cart_token", "__Secure-cart_token");
    let set_ups = [
        ("one host", new().add_access_cookie("cart", strict)),
        ("a domain", new().dangerous_domain("shop.localhost").add_access_cookie("cart", wide)),
        ("embedded", new().embedded().add_access_cookie("cart", strict)),
    ];
    let tried = crate::kit::json("cookies/set_ups.json");
    assert_eq!(tried.as_object().unwrap().len(), set_ups.len());
    for (name, cookies) in set_ups {
        let server = Server::with(|routes| routes.cookies(cookies));
        let login = log_in(&server).await;
        let set = login.cookies().into_iter().map(|(name, value, rest)| {
            assert!(!value.is_empty());
            Value::from(format!("{name}=VALUE; {rest}"))
        });
        assert_eq!(Value::from(set.collect::<Vec<_>>()), tried[name], "{name}");
    }
}

#[tokio::test]
async fn cookies_of_embedded_pages_are_partitioned_and_checked_for_their_site() {
    let server = Server::with(|routes| {
        let cookies =
            Cookies::new("/auth").embedded().add_access_cookie("cart", "__Host-cart_token");
        routes.cookies(cookies).trust_origin("https://partner.example")
    });
    let login = log_in(&server).await;
    for (name, _, rest) in login.cookies() {
        assert!(rest.ends_with("; HttpOnly; SameSite=None; Partitioned; Secure"), "{name} {rest}");
    }
    let mut cookies = cookies_of(&login);
    for (site, origin, status) in [
        ("same-origin", "https://shop.example", 200),
        ("cross-site", "https://partner.example", 200),
        ("cross-site", "https://evil.example", 403),
    ] {
        let mut request = with_cookies(Method::POST, "/refresh", &cookies);
        request.headers_mut().insert("sec-fetch-site", site.parse().unwrap());
        request.headers_mut().insert("origin", origin.parse().unwrap());
        let answer = server.send(request).await;
        assert_eq!(answer.status(), status, "{origin}");
        if status == 200 {
            cookies = cookies_of(&answer);
        }
    }
}

#[tokio::test]
async fn services_that_are_not_granted_get_no_cookie() {
    let server = server();
    *server.state.audience.lock().unwrap() = Some("cart");
    let answer = log_in(&server).await;
    assert!(!value(&answer, "__Host-cart_token").is_empty());
    assert_eq!(value(&answer, "__Host-payment_token"), "", "and lose the one they had");
    *server.state.audience.lock().unwrap() = Some("mail");
    log_in(&server).await.is_error(400, "invalid_target");
}

#[tokio::test]
async fn a_tab_that_renews_during_a_logout_is_logged_out() {
    let server = server();
    let cookies = cookies_of(&log_in(&server).await);
    server.send(with_cookies(Method::POST, "/refresh", &cookies)).await;
    // The second tab renews within the grace period. Its request is held back while the user's
    // roles are read.
    let gate = server.state.hold_renewals();
    let tab = server.send(with_cookies(Method::POST, "/refresh", &cookies));
    let logout = async {
        server.state.renewal_waits().await;
        let answer = server.send(with_cookies(Method::POST, "/logout-everywhere", &cookies)).await;
        assert_eq!(answer.status(), 204);
        drop(gate);
    };
    let (tab, ()) = tokio::join!(tab, logout);
    tab.is_error(400, "invalid_grant");
}

#[tokio::test]
async fn a_token_in_the_body_is_not_read() {
    let server = server();
    let token = value(&log_in(&server).await, REFRESH);
    server.refresh(&token).await.is_error(400, "invalid_grant");
}

#[tokio::test]
async fn logging_in_again_ends_the_session_that_the_browser_had() {
    let server = server();
    let old = value(&log_in(&server).await, REFRESH);
    let mut login = with_cookie(Method::POST, "/login", &old);
    *login.body_mut() = Body::from(json!({ "user": "bob", "password": "right" }).to_string());
    let new = value(&server.send(login).await, REFRESH);
    let refused = server.send(with_cookie(Method::POST, "/refresh", &old)).await;
    refused.is_error(400, "invalid_grant");
    let list = server.send(with_cookie(Method::GET, "/sessions", &new)).await.json();
    assert_eq!(list["sessions"].as_array().unwrap().len(), 1);
}

/// The server responds with 500 only after it has accepted the password, so the response reveals
/// that the password is right. The server therefore reports an event, so that the application can
/// notify the user.
#[tokio::test]
async fn a_login_whose_claims_panic_is_reported_as_an_event() {
    let server = server();
    server.state.claims_panic.store(true, SeqCst);
    log_in(&server).await.is_error(500, "server_error");
    assert_eq!(server.state.writes.load(SeqCst), 0, "a session was stored");
    let event = ["refused", "alice", "code of the application panicked"].map(str::to_owned);
    let [what, subject, reason] = event;
    assert_eq!(*server.state.events.lock().unwrap(), [(what, subject, reason)]);
    server.state.claims_panic.store(false, SeqCst);
    assert_eq!(log_in(&server).await.status(), 200);
}

#[tokio::test]
async fn a_login_whose_claims_do_not_fit_leaves_no_session_and_says_what_is_wrong() {
    let server = server();
    server.state.huge.store(true, SeqCst);
    let answer = log_in(&server).await;
    answer.is_error(500, "server_error");
    assert!(answer.description().contains("more claims than an access token holds"));
    assert_eq!(server.state.writes.load(SeqCst), 0, "a session was stored");
    let events = server.state.events.lock().unwrap().clone();
    let [(what, subject, reason)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((what.as_str(), subject.as_str()), ("refused", "alice"));
    assert!(reason.contains("The largest claims are `hobbies` ("), "{reason}");
    assert!(!reason.contains("gardening"), "{reason}");

    server.state.huge.store(false, SeqCst);
    let cookies = cookies_of(&log_in(&server).await);
    server.state.huge.store(true, SeqCst);
    let answer = server.send(with_cookies(Method::POST, "/refresh", &cookies)).await;
    answer.is_error(500, "server_error");
    server.state.huge.store(false, SeqCst);
    server.wait(60);
    let answer = server.send(with_cookies(Method::POST, "/refresh", &cookies)).await;
    assert_eq!(answer.status(), 200, "the token is as good as before");
}
