//! An auth server in this process, with parts that can fail on demand.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::response::IntoResponse;
use axum::{Json, Router, extract};
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::request::Parts;
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower::ServiceExt;
use tower_jwt_auth::issuer::{
    Accounts, AccountsError, AuthRoutes, Grant, LoginError, LoginRequest, Logins, MemoryStore,
    NamedClient, RefreshStore, Session, SessionEvent, SessionId, Sessions, StoreError,
    StoredSession, TokenIssuer,
};
#[cfg(feature = "feeds")]
use tower_jwt_auth::revocation::{
    FeedError, FeedErrorKind, MemoryFeed, Position, Read, Revocation, RevocationFeed, Snapshot,
};
use tower_jwt_auth::{JwtAuth, ManualClock, UnixTime};

use crate::kit::{NOW, at, secret};

pub(crate) const ISSUER: &str = "https://auth.shop.example";

/// Accounts in which every password is `right`.
pub(crate) struct Users {
    state: Arc<State>,
}

/// The settings that a test can change while the routes run.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) accounts_down: AtomicBool,
    pub(crate) accounts_panic: AtomicBool,
    pub(crate) closed: AtomicBool,
    pub(crate) huge: AtomicBool,
    /// If true, serializing the claims panics.
    pub(crate) claims_panic: AtomicBool,
    pub(crate) store_down: AtomicBool,
    /// If true, the store performs each write, but returns an error, as if its response was lost.
    pub(crate) answers_lost: AtomicBool,
    pub(crate) writes: AtomicU64,
    /// The calls to the store in order.
    pub(crate) calls: Mutex<Vec<&'static str>>,
    /// If set, every call of `replace` fails once the number of writes has reached this limit. The
    /// [`WriteFault`] decides whether a failing call writes the row before it fails.
    pub(crate) max_writes: Mutex<Option<(u64, WriteFault)>>,
    /// The only service for which users get tokens. `None` stands for any service.
    pub(crate) audience: Mutex<Option<&'static str>>,
    /// The client name that is put into grants, if any.
    pub(crate) client: Mutex<Option<&'static str>>,
    /// The names of the clients, one entry for each login whose password was checked. `None` stands
    /// for a login that named no client.
    pub(crate) logins: Mutex<Vec<Option<String>>>,
    /// The name, subject and reason of each event except `Ended` and `Repeated`.
    pub(crate) events: Mutex<Vec<(String, String, String)>>,
    /// The lock that renewals wait for.
    gate: Arc<tokio::sync::Mutex<()>>,
    waiting: tokio::sync::Notify,
}

impl State {
    /// Makes renewals wait until the returned guard is dropped.
    pub(crate) fn hold_renewals(&self) -> tokio::sync::OwnedMutexGuard<()> {
        Arc::clone(&self.gate).try_lock_owned().unwrap()
    }

    pub(crate) async fn renewal_waits(&self) {
        self.waiting.notified().await;
    }
}

#[derive(Deserialize)]
pub(crate) struct Password {
    user: String,
    password: String,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum WriteFault {
    Before,
    After,
}

fn write_company<S: serde::Serializer>(company: &str, serializer: S) -> Result<S::Ok, S::Error> {
    assert_ne!(company, PANIC, "a bug of the application's");
    serializer.serialize_str(company)
}

const PANIC: &str = "panic";

#[derive(Serialize, Deserialize, Debug, PartialEq)]
pub(crate) struct Employee {
    #[serde(serialize_with = "write_company")]
    pub(crate) company: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) hobbies: Vec<String>,
}

impl Users {
    pub(crate) fn new(state: Arc<State>) -> Self {
        Self { state }
    }

    pub(crate) fn grant(&self, user: &str) -> Result<Option<Grant<Employee>>, AccountsError> {
        if self.state.accounts_panic.load(Ordering::SeqCst) {
            panic!("a bug of the application's");
        }
        if self.state.accounts_down.load(Ordering::SeqCst) {
            return Err("the directory is down".into());
        }
        if self.state.closed.load(Ordering::SeqCst) {
            return Ok(None);
        }
        let len = if self.state.huge.load(Ordering::SeqCst) { 1000 } else { 0 };
        let is_bug = self.state.claims_panic.load(Ordering::SeqCst);
        let company = if is_bug { PANIC } else { "acme" };
        let claims = Employee { company: company.into(), hobbies: vec!["gardening".into(); len] };
        let grant = Grant::new(user).scopes(["cart:read", "pay"]).roles(["admin"]).claims(claims);
        let grant = match *self.state.client.lock().unwrap() {
            Some(client) => grant.client_id(client),
            None => grant,
        };
        Ok(Some(match *self.state.audience.lock().unwrap() {
            Some(audience) => grant.audience(audience),
            None => grant,
        }))
    }
}

impl Accounts for Users {
    type Credentials = Password;
    type Claims = Employee;

    async fn log_in(
        &self,
        login: Password,
        request: &Parts,
    ) -> Result<Option<Grant<Employee>>, AccountsError> {
        let client = request.extensions.get::<NamedClient>();
        self.state.logins.lock().unwrap().push(client.map(|client| client.as_str().to_owned()));
        if login.password != "right" {
            return Ok(None);
        }
        self.grant(&login.user)
    }

    async fn renew(
        &self,
        session: &Session,
        _: &Parts,
    ) -> Result<Option<Grant<Employee>>, AccountsError> {
        self.state.waiting.notify_one();
        drop(self.state.gate.lock().await);
        self.grant(session.subject())
    }
}

/// An in-memory store that can fail on demand, and that records its calls.
pub(crate) struct Fragile {
    pub(crate) inner: MemoryStore,
    pub(crate) state: Arc<State>,
}

impl Fragile {
    fn reach(&self, call: &'static str) -> Result<(), StoreError> {
        self.state.calls.lock().unwrap().push(call);
        let is_down = self.state.store_down.load(Ordering::SeqCst);
        if is_down { Err(StoreError::timed_out()) } else { Ok(()) }
    }

    fn answer<T>(&self, answer: T) -> Result<T, StoreError> {
        self.state.writes.fetch_add(1, Ordering::SeqCst);
        let is_lost = self.state.answers_lost.load(Ordering::SeqCst);
        if is_lost { Err(StoreError::new("connection reset")) } else { Ok(answer) }
    }
}

impl RefreshStore for Fragile {
    async fn insert(&self, session: &StoredSession) -> Result<(), StoreError> {
        self.reach("insert")?;
        self.inner.insert(session).await.and_then(|()| self.answer(()))
    }

    async fn load(&self, id: &SessionId) -> Result<Option<StoredSession>, StoreError> {
        self.reach("load")?;
        self.inner.load(id).await
    }

    async fn replace(&self, session: &StoredSession) -> Result<bool, StoreError> {
        self.reach("replace")?;
        let max = *self.state.max_writes.lock().unwrap();
        let fault = max.filter(|(max, _)| self.state.writes.load(Ordering::SeqCst) >= *max);
        if let Some((_, WriteFault::Before)) = fault {
            return Err(StoreError::timed_out());
        }
        let replaced = self.inner.replace(session).await.and_then(|done| self.answer(done))?;
        fault.map_or(Ok(replaced), |_| Err(StoreError::timed_out()))
    }

    async fn of_subject(&self, subject: &str) -> Result<Vec<StoredSession>, StoreError> {
        self.reach("of_subject")?;
        self.inner.of_subject(subject).await
    }

    async fn prune(&self, now: UnixTime, at_most: usize) -> Result<u64, StoreError> {
        self.reach("prune")?;
        self.inner.prune(now, at_most).await
    }
}

/// An in-memory feed that can fail on demand, and that records its messages.
#[cfg(feature = "feeds")]
#[derive(Clone)]
pub(crate) struct FaultyFeed {
    pub(crate) inner: MemoryFeed,
    pub(crate) is_down: Arc<AtomicBool>,
    pub(crate) hangs: Arc<AtomicBool>,
    /// The number of messages that can be appended before the feed fails.
    pub(crate) left: Arc<AtomicU64>,
    messages: Arc<Mutex<Vec<String>>>,
}

#[cfg(feature = "feeds")]
impl FaultyFeed {
    pub(crate) fn new(clock: ManualClock) -> Self {
        let inner = MemoryFeed::new().with_clock(clock);
        let left = Arc::new(AtomicU64::new(u64::MAX));
        let (is_down, hangs, messages) = <_>::default();
        Self { inner, is_down, hangs, left, messages }
    }

    pub(crate) fn messages(&self) -> Vec<String> {
        self.messages.lock().unwrap().clone()
    }
}

#[cfg(feature = "feeds")]
impl RevocationFeed for FaultyFeed {
    async fn create(&self) -> Result<bool, FeedError> {
        self.inner.create().await
    }

    async fn append(&self, revocation: &Revocation) -> Result<(), FeedError> {
        if self.is_down.load(Ordering::SeqCst) {
            return Err(FeedErrorKind::Unavailable.into());
        }
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let take = |left: u64| left.checked_sub(1);
        if self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_err() {
            return Err(FeedErrorKind::Unavailable.into());
        }
        // If the same revocation is published twice at different times, both messages must be
        // equal. To test this, pass a different time of publication for each message.
        let count = self.messages().len() as i64;
        let message = revocation.to_message(UnixTime::from_secs(count))?;
        self.messages.lock().unwrap().push(message);
        self.inner.append(revocation).await
    }

    async fn snapshot(&self, part: Option<String>) -> Result<Snapshot, FeedError> {
        self.inner.snapshot(part).await
    }

    async fn read(&self, after: &Position) -> Result<Read, FeedError> {
        self.inner.read(after).await
    }

    async fn changed(&self) {
        self.inner.changed().await;
    }
}

pub(crate) type Routes = AuthRoutes<Users, Fragile>;

pub(crate) struct Server {
    pub(crate) router: Router,
    pub(crate) state: Arc<State>,
    pub(crate) clock: ManualClock,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self::with(|routes| routes)
    }

    pub(crate) fn with(configure: impl FnOnce(Routes) -> Routes) -> Self {
        Self::with_parts(issuer(), |sessions| sessions, configure)
    }

    #[track_caller]
    pub(crate) fn with_issuer(issuer: TokenIssuer) -> Self {
        Self::with_parts(issuer, |sessions| sessions, |routes| routes)
    }

    #[track_caller]
    pub(crate) fn with_parts(
        issuer: TokenIssuer,
        sessions: impl FnOnce(Sessions<Fragile>) -> Sessions<Fragile>,
        routes: impl FnOnce(Routes) -> Routes,
    ) -> Self {
        let state = Arc::<State>::default();
        let clock = at(NOW);
        let store = Fragile { inner: MemoryStore::new(), state: Arc::clone(&state) };
        let events = Arc::clone(&state);
        let own = Sessions::new(store).with_clock(clock.clone()).with_events(move |event| {
            let event = match event {
                SessionEvent::Started(session) => ("started", session.subject(), ""),
                SessionEvent::Renewed(session) => ("renewed", session.subject(), ""),
                SessionEvent::LoginRefused(login) => ("refused", login.subject(), login.reason()),
                _ => return,
            };
            let (what, subject, reason) = event;
            let event = (what.to_owned(), subject.to_owned(), reason.to_owned());
            events.events.lock().unwrap().push(event);
        });
        let users = Users::new(Arc::clone(&state));
        let own = AuthRoutes::new(users, issuer.with_clock(clock.clone()), sessions(own));
        Self { router: routes(own).into_router(), state, clock }
    }

    /// Returns a server with a second login at `/own`, where the application authenticates the user
    /// itself.
    pub(crate) fn with_own_login(configure: impl FnOnce(Routes) -> Routes) -> Self {
        let mut logins = None;
        let mut server = Self::with(|routes| {
            let routes = configure(routes);
            logins = Some(routes.logins());
            routes
        });
        let own = OwnLogin { logins: logins.unwrap(), state: Arc::clone(&server.state) };
        let route = axum::routing::any(own_login).with_state(own);
        server.router = server.router.route("/own", route);
        server
    }

    pub(crate) fn wait(&self, secs: u64) {
        self.clock.advance(Duration::from_secs(secs));
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        Answer::of(self.router.clone().oneshot(request).await.unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(json(Method::POST, path, &body)).await
    }

    /// Logs in and returns the tokens in the response.
    pub(crate) async fn log_in(&self, user: &str) -> Tokens {
        let login = serde_json::json!({ "user": user, "password": "right", "audience": "cart" });
        self.post("/login", login).await.tokens()
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        let body = serde_json::json!({ "refresh_token": token, "audience": "cart" });
        self.post("/refresh", body).await
    }

    /// Returns the layer that verifies access tokens in a service. The layer uses the auth server's
    /// clock.
    pub(crate) fn service(&self, audience: &str) -> JwtAuth<Employee> {
        let secret = secret().derive(ISSUER, audience);
        let auth = JwtAuth::new(secret).issuer(ISSUER).audience(audience).accept_type("at+jwt");
        auth.with_clock(self.clock.clone()).claims()
    }
}

#[derive(Clone)]
struct OwnLogin {
    logins: Logins<Users, Fragile>,
    state: Arc<State>,
}

/// The body of a login at `/own`, which accepts any user without a password.
#[derive(Deserialize)]
pub(crate) struct OwnBody {
    user: String,
    #[serde(default)]
    audience: Vec<String>,
    scope: Option<String>,
    client_id: Option<String>,
    #[serde(default)]
    from_another_site: bool,
    redirect: Option<String>,
}

async fn own_login(
    extract::State(own): extract::State<OwnLogin>,
    head: Parts,
    Json(body): Json<OwnBody>,
) -> Result<axum::response::Response, LoginError> {
    let grant = Users::new(own.state).grant(&body.user).unwrap().unwrap();
    let mut wish = LoginRequest::new();
    if !body.audience.is_empty() {
        wish = wish.audience(body.audience);
    }
    if let Some(scope) = body.scope {
        wish = wish.scopes(scope.split(' '));
    }
    if let Some(client) = body.client_id {
        wish = wish.client_id(client);
    }
    if body.from_another_site {
        wish = wish.dangerous_from_another_site();
    }
    let started = own.logins.start(grant, &head, wish).await?;
    assert_eq!(started.session().subject(), body.user);
    assert!(!format!("{started:?}").contains(&body.user));
    Ok(match body.redirect {
        Some(path) => started.redirect(path),
        None => started.into_response(),
    })
}

pub(crate) fn issuer() -> TokenIssuer {
    TokenIssuer::derived(ISSUER, &secret(), ["cart", "payment"])
}

pub(crate) fn json(method: Method, path: &str, body: &Value) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header(CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .unwrap()
}

/// A response with its whole body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: http::response::Parts,
    pub(crate) body: Vec<u8>,
}

pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Answer {
    async fn of(response: Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        assert_eq!(head.headers["cache-control"], "no-store", "{head:?}");
        Self { head, body: body.collect().await.unwrap().to_bytes().to_vec() }
    }

    pub(crate) fn status(&self) -> u16 {
        self.head.status.as_u16()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    #[track_caller]
    pub(crate) fn tokens(&self) -> Tokens {
        assert_eq!(self.status(), 200, "{self:?}");
        let json = self.json();
        let text = |name: &str| json[name].as_str().unwrap().to_owned();
        Tokens { access: text("access_token"), refresh: text("refresh_token") }
    }

    /// Asserts that this is an error response of RFC 6749, and that its description contains only
    /// characters that section 5.2 allows.
    #[track_caller]
    pub(crate) fn is_error(&self, status: u16, code: &str) {
        let body = self.json();
        assert_eq!((self.status(), body["error"].as_str()), (status, Some(code)), "{body}");
        let description = self.description();
        let is_allowed = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
        assert!(!description.is_empty() && description.chars().all(is_allowed), "{description}");
        assert_eq!(self.head.headers["content-type"], "application/json");
        assert!(!self.head.headers.contains_key(SET_COOKIE));
    }

    pub(crate) fn description(&self) -> String {
        self.json()["error_description"].as_str().unwrap_or_default().to_owned()
    }

    /// Returns the name, value and attributes of each cookie that is set.
    pub(crate) fn cookies(&self) -> Vec<(String, String, String)> {
        let cookies = self.head.headers.get_all(SET_COOKIE).iter();
        let split = cookies.map(|cookie| {
            let cookie = cookie.to_str().unwrap();
            let (pair, attributes) = cookie.split_once("; ").unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            (name.to_owned(), value.to_owned(), attributes.to_owned())
        });
        split.collect()
    }
}
