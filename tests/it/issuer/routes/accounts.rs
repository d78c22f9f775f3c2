//! Tests of the requests that `Accounts` receives, and of the results that it can return.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Extension;
use axum::response::Response;
use http::request::Parts;
use http::{Method, Request};
use serde_json::{Value, json};
use tower::ServiceExt;
use tower::util::MapResponseLayer;
use tower_jwt_auth::issuer::{
    Accounts, AccountsError, AuthRoutes, Cookies, Grant, MemoryStore, NewSession, Session, Sessions,
};

use crate::issuer::kit::{Answer, Server, issuer, json as json_request};
use crate::kit::{NOW, at};

/// Users of several tenants. The `Host` header of the login request determines the tenant.
#[derive(Default)]
struct Tenants {
    seen: Mutex<Vec<String>>,
    wait: Mutex<Option<Duration>>,
}

#[derive(Clone, Copy, Debug)]
struct Peer(u8);

impl Tenants {
    fn look_at(&self, request: &Parts) -> Result<(), AccountsError> {
        let peer = request.extensions.get::<Peer>().map(|peer| peer.0);
        let host = request.headers["host"].to_str()?;
        let seen = format!("{} {} {host} {peer:?}", request.method, request.uri);
        self.seen.lock().unwrap().push(seen);
        match *self.wait.lock().unwrap() {
            Some(wait) => Err(AccountsError::too_many_attempts(wait)),
            None => Ok(()),
        }
    }
}

impl Accounts for Tenants {
    type Credentials = Value;
    type Claims = ();

    async fn log_in(&self, login: Value, request: &Parts) -> Result<Option<Grant>, AccountsError> {
        self.look_at(request)?;
        if request.headers.get("x-one-time-code").is_none_or(|code| code != "123456") {
            return Ok(None);
        }
        let tenant = request.headers["host"].to_str()?;
        let grant = Grant::new(login["user"].as_str().unwrap_or_default()).tenant(tenant);
        let grant = grant.session_data(&json!({ "tenant": tenant }))?;
        Ok(Some(match login["device"].as_str() {
            Some(device) => grant.session_label(device),
            None => grant,
        }))
    }

    async fn renew(
        &self,
        session: &Session,
        request: &Parts,
    ) -> Result<Option<Grant>, AccountsError> {
        self.look_at(request)?;
        assert!(!format!("{request:?}").contains("refresh_token="), "{request:?}");
        let Some(data) = session.data::<Value>() else { return Ok(None) };
        Ok(data["tenant"].as_str().map(|tenant| Grant::new(session.subject()).tenant(tenant)))
    }
}

struct Scene {
    server: Server,
    tenants: Arc<Tenants>,
}

fn scene(configure: impl FnOnce(Routes) -> Routes) -> Scene {
    let (tenants, clock) = (Arc::<Tenants>::default(), at(NOW));
    let sessions = Sessions::new(MemoryStore::new()).with_clock(clock.clone());
    let routes =
        AuthRoutes::new(Arc::clone(&tenants), issuer().with_clock(clock.clone()), sessions);
    let router = configure(routes).into_router().layer(Extension(Peer(7)));
    Scene { server: Server { router, state: Arc::default(), clock }, tenants }
}

type Routes = AuthRoutes<Arc<Tenants>, MemoryStore>;

fn post(path: &str, host: &str, body: &Value) -> Request<axum::body::Body> {
    let mut request = json_request(Method::POST, path, body);
    request.headers_mut().insert("host", host.parse().unwrap());
    request.headers_mut().insert("x-one-time-code", "123456".parse().unwrap());
    request
}

fn login(more: &Value) -> Value {
    let mut login = json!({ "user": "alice", "audience": "cart" });
    login.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    login
}

fn tenant(answer: &Answer) -> Value {
    let access = answer.tokens().access;
    let payload = crate::kit::unb64(access.split('.').nth(1).unwrap());
    serde_json::from_slice::<Value>(&payload).unwrap()["tenant"].clone()
}

#[tokio::test]
async fn logins_and_renewals_get_headers_and_extensions() {
    let Scene { server, tenants } = scene(|routes| routes);
    let mut without_code = post("/login", "acme.example", &login(&json!({})));
    without_code.headers_mut().remove("x-one-time-code");
    server.send(without_code).await.is_error(400, "invalid_grant");
    let answer = server.send(post("/login", "acme.example", &login(&json!({})))).await;
    assert_eq!(tenant(&answer), "acme.example");

    // The session keeps the tenant of the host to which the login was sent, even if a renewal uses
    // another host.
    let refresh = json!({ "refresh_token": answer.tokens().refresh, "audience": "cart" });
    let renewed = server.send(post("/refresh", "globex.example", &refresh)).await;
    assert_eq!(tenant(&renewed), "acme.example");
    let seen = tenants.seen.lock().unwrap().clone();
    let log_in = "POST /login acme.example Some(7)";
    assert_eq!(seen, [log_in, log_in, "POST /refresh globex.example Some(7)"]);
}

#[tokio::test]
async fn a_login_by_form_gets_the_head_of_the_request_too() {
    let Scene { server, .. } = scene(|routes| routes);
    let mut form = post("/login", "acme.example", &Value::Null);
    let kind = "application/x-www-form-urlencoded".parse().unwrap();
    form.headers_mut().insert("content-type", kind);
    *form.body_mut() = "user=alice&audience=cart".into();
    assert_eq!(tenant(&server.send(form).await), "acme.example");
}

#[tokio::test]
async fn the_label_of_a_session_is_from_the_grant_or_else_the_user_agent() {
    let Scene { server, .. } = scene(|routes| routes);
    let mut token = String::new();
    for (device, agent) in [(json!("Alice's phone"), "a"), (json!(null), "Browser")] {
        let mut request = post("/login", "acme.example", &login(&json!({ "device": device })));
        request.headers_mut().insert("user-agent", agent.parse().unwrap());
        token = server.send(request).await.tokens().refresh;
        server.wait(1);
    }
    let list = server.post("/sessions", json!({ "refresh_token": token })).await.json();
    let labels: Vec<_> =
        list["sessions"].as_array().unwrap().iter().map(|session| &session["label"]).collect();
    assert_eq!(labels, ["Browser", "Alice's phone"]);
}

#[tokio::test]
async fn cookies_are_marked_as_sensitive_before_the_application_sees_them() {
    let cookies = Cookies::new("/auth").add_access_cookie("cart", "__Host-cart_token");
    let Scene { server, tenants } = scene(|routes| routes.cookies(cookies));
    let answer = server.send(post("/login", "acme.example", &json!({ "user": "alice" }))).await;
    assert_eq!(answer.status(), 200);
    let pairs: Vec<_> =
        answer.cookies().iter().map(|(name, value, _)| format!("{name}={value}")).collect();
    let mut refresh = post("/refresh", "acme.example", &Value::Null);
    refresh.headers_mut().insert("cookie", pairs.join("; ").parse().unwrap());
    // `renew` asserts that the `Debug` output of the request shows no token.
    assert_eq!(server.send(refresh).await.status(), 200);
    assert_eq!(tenants.seen.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn too_many_attempts_are_429_and_leave_the_clients_token_as_it_was() {
    let Scene { server, tenants } = scene(|routes| routes);
    let answer = server.send(post("/login", "acme.example", &login(&json!({})))).await;
    let refresh = json!({ "refresh_token": answer.tokens().refresh, "audience": "cart" });
    for (wait, told) in [(Duration::from_millis(1500), "2"), (Duration::from_secs(60), "60")] {
        *tenants.wait.lock().unwrap() = Some(wait);
        for request in [
            post("/login", "acme.example", &login(&json!({}))),
            post("/refresh", "acme.example", &refresh),
        ] {
            let answer = server.send(request).await;
            answer.is_error(429, "too_many_attempts");
            assert_eq!(answer.head.headers["retry-after"], told);
        }
    }
    *tenants.wait.lock().unwrap() = None;
    server.wait(60);
    server.send(post("/refresh", "acme.example", &refresh)).await.tokens();
}

#[tokio::test]
async fn layers_find_the_session_in_the_extensions_of_the_answer() {
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let Scene { server, .. } = scene(|routes| {
        let seen = Arc::clone(&seen);
        routes.add_login_layer(MapResponseLayer::new(move |response: Response| {
            let session = response.extensions().get::<Session>();
            seen.lock().unwrap().extend(session.map(|session| session.subject().to_owned()));
            response
        }))
    });
    let mut wrong = post("/login", "acme.example", &login(&json!({})));
    wrong.headers_mut().remove("x-one-time-code");
    server.send(wrong).await.is_error(400, "invalid_grant");
    let right = post("/login", "acme.example", &login(&json!({})));
    let tokens = server.send(right).await.tokens();
    assert_eq!(*seen.lock().unwrap(), ["alice"]);

    let refresh = json!({ "refresh_token": tokens.refresh, "audience": "cart" });
    let refresh = post("/refresh", "acme.example", &refresh);
    let response = server.router.clone().oneshot(refresh).await.unwrap();
    assert_eq!(response.extensions().get::<Session>().unwrap().subject(), "alice");
}

#[tokio::test]
async fn an_application_can_start_a_session_from_a_grant() {
    let grant = Grant::new("alice").scopes(["cart:read"]).client_id("web").roles(["admin"]);
    let grant = grant.session_label("x".repeat(300)).session_data(&7).unwrap();
    let sessions = Sessions::new(MemoryStore::new());
    let (_, session) = sessions.start(NewSession::from(&grant)).await.unwrap();
    assert_eq!((session.subject(), session.client_id()), ("alice", Some("web")));
    assert_eq!(session.scopes().collect::<Vec<_>>(), ["cart:read"]);
    assert_eq!(session.label().map(str::len), Some(256));
    assert_eq!(session.data::<u8>(), Some(7));
}
