//! A test site whose users log in at identity providers, and a browser that visits the site.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;
use serde::Deserialize;
use tower::ServiceExt;
use tower_jwt_auth::issuer::{
    Accounts, AccountsError, AuthRoutes, Cookies, Grant, MemoryStore, Session, SessionEvent,
    Sessions, TokenIssuer,
};
use tower_jwt_auth::openid::{
    Identity, LoginDecision, LoginFailure, LoginFailureKind, LoginProvider, OAuthEndpoints,
    OpenIdAccounts, OpenIdLogin,
};
use tower_jwt_auth::{ManualClock, Secret};

use super::idp::Idp;
use crate::kit::{NOW, at, secret};

pub(crate) const PUBLIC_URL: &str = "https://shop.example/auth";

/// The origin of the site's own pages.
pub(crate) const ORIGIN: &str = "https://shop.example";

type Decision = Result<LoginDecision, AccountsError>;
type Decide = dyn Fn(&Identity) -> Decision + Send + Sync;

/// Accounts that accept every password.
pub(crate) struct Users {
    decide: Mutex<Arc<Decide>>,
    seen: Mutex<Vec<Identity>>,
}

#[derive(Deserialize)]
pub(crate) struct Password {
    user: String,
}

/// Returns the grant of a user.
pub(crate) fn grant(user: &str) -> Grant {
    Grant::new(user).scopes(["cart:read", "cart:write"])
}

impl Accounts for Users {
    type Credentials = Password;
    type Claims = ();

    async fn log_in(&self, login: Password, _: &Parts) -> Result<Option<Grant>, AccountsError> {
        Ok(Some(grant(&login.user)))
    }

    async fn renew(&self, session: &Session, _: &Parts) -> Result<Option<Grant>, AccountsError> {
        Ok(Some(grant(session.subject())))
    }
}

impl OpenIdAccounts for Users {
    async fn log_in_with(&self, identity: &Identity, _: &Parts) -> Decision {
        self.seen.lock().unwrap().push(identity.clone());
        let decide = Arc::clone(&self.decide.lock().unwrap());
        decide(identity)
    }
}

pub(crate) type Routes = AuthRoutes<Arc<Users>, Arc<MemoryStore>>;

pub(crate) struct Site {
    router: Router,
    pub(crate) clock: ManualClock,
    pub(crate) sessions: Sessions<Arc<MemoryStore>>,
    pub(crate) login: OpenIdLogin,
    pub(crate) idp: Idp,
    /// A second provider, named `other`.
    pub(crate) other: Idp,
    users: Arc<Users>,
    events: Arc<Mutex<Vec<String>>>,
}

pub(crate) fn cookies() -> Cookies {
    Cookies::new("/auth").add_access_cookie("cart", "__Host-cart_token")
}

impl Site {
    pub(crate) async fn new() -> Self {
        Self::with(cookies(), |login| login, |routes| routes).await
    }

    pub(crate) async fn with(
        cookies: Cookies,
        configure_login: impl FnOnce(OpenIdLogin) -> OpenIdLogin,
        configure: impl FnOnce(Routes) -> Routes,
    ) -> Self {
        let clock = at(NOW);
        let (idp, other) = (Idp::start(clock.clone()).await, Idp::start(clock.clone()).await);
        let events = Arc::<Mutex<Vec<String>>>::default();
        let heard = Arc::clone(&events);
        let sessions = Sessions::new(Arc::new(MemoryStore::new()))
            .with_clock(clock.clone())
            .with_events(move |event| {
                heard.lock().unwrap().push(match event {
                    SessionEvent::Started(session) => format!("started {}", session.subject()),
                    SessionEvent::Ended(session, _) => format!("ended {}", session.subject()),
                    SessionEvent::LoginRefused(login) => format!("refused {}", login.subject()),
                    _ => return,
                });
            });
        let users = users();
        let login = OpenIdLogin::new(login_secret())
            .add_provider(idp.provider("idp"))
            .add_provider(other.provider("other"));
        let login = configure_login(login);
        let routes = AuthRoutes::new(Arc::clone(&users), issuer(&clock), sessions.clone());
        let routes = routes.cookies(cookies).openid_login(login.clone());
        let router = Router::new().nest("/auth", configure(routes).into_router());
        Self { router, clock, sessions, login, idp, other, users, events }
    }

    pub(crate) fn wait(&self, secs: u64) {
        self.clock.advance(Duration::from_secs(secs));
    }

    /// Sets the function that returns the decision for each later login.
    pub(crate) fn decide(&self, decide: impl Fn(&Identity) -> Decision + Send + Sync + 'static) {
        *self.users.decide.lock().unwrap() = Arc::new(decide);
    }

    /// Returns the identities with which `log_in_with` was called.
    pub(crate) fn seen(&self) -> Vec<Identity> {
        self.users.seen.lock().unwrap().clone()
    }

    pub(crate) fn events(&self) -> Vec<String> {
        self.events.lock().unwrap().clone()
    }

    /// Returns the only session of a user. Panics if the user has no session or several.
    pub(crate) async fn session_of(&self, user: &str) -> Session {
        let mut sessions = self.sessions.of_subject(user).await.unwrap();
        assert_eq!(sessions.len(), 1, "{sessions:?}");
        sessions.remove(0)
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser { site: self, jar: BTreeMap::new() }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (head, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        let body = String::from_utf8(body).unwrap();
        assert_eq!(head.headers["cache-control"], "no-store", "{head:?}");
        Answer { head, body }
    }
}

/// Returns accounts that log everybody in as `alice`.
pub(crate) fn users() -> Arc<Users> {
    let decide: Arc<Decide> = Arc::new(|_| Ok(grant("alice").into()));
    Arc::new(Users { decide: Mutex::new(decide), seen: Mutex::default() })
}

fn issuer(clock: &ManualClock) -> TokenIssuer {
    TokenIssuer::derived(PUBLIC_URL, &secret(), ["cart", "payment"]).with_clock(clock.clone())
}

pub(crate) fn login_secret() -> Secret {
    Secret::new(b"a secret for the cookies of logins, 1234567890").unwrap()
}

/// Returns routes with a plain OAuth 2.0 provider. The provider's URLs are configured, so a login
/// can begin without a request to the provider.
pub(crate) fn routes_without_network() -> Router {
    let endpoints = OAuthEndpoints::new(
        "https://login.example/authorize",
        "https://login.example/token",
        "https://login.example/me",
    );
    let provider =
        LoginProvider::oauth("plain", endpoints, "shop", |id: String| Some(id)).client_secret("s");
    let issuer = TokenIssuer::derived(PUBLIC_URL, &secret(), ["cart"]);
    let routes = AuthRoutes::new(users(), issuer, Sessions::new(MemoryStore::new()))
        .cookies(cookies())
        .openid_login(OpenIdLogin::new(login_secret()).add_provider(provider));
    routes.into_router()
}

/// Returns a configuration with a secret other than [`login_secret`].
pub(crate) fn other_login() -> OpenIdLogin {
    OpenIdLogin::new(Secret::new(b"another secret for the cookies, 9876543210!").unwrap())
}

/// A response of the site.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: http::response::Parts,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.head.status.as_u16()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.head.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn location(&self) -> &str {
        assert_eq!(self.status(), 303, "{self:?}");
        self.header(LOCATION.as_str())
    }

    /// Returns the names of the cookies that the response sets to a non-empty value.
    pub(crate) fn set_cookies(&self) -> Vec<String> {
        let cookies = self.head.headers.get_all(SET_COOKIE).iter();
        let pairs = cookies.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap());
        let set = pairs.filter_map(|pair| pair.split_once('='));
        set.filter(|(_, value)| !value.is_empty()).map(|(name, _)| name.to_owned()).collect()
    }

    pub(crate) fn failure(&self) -> &LoginFailure {
        let failure = self.head.extensions.get::<LoginFailure>();
        failure.unwrap_or_else(|| panic!("the answer is no failure: {self:?}"))
    }

    /// Asserts that the login failed, that the user sees a page with a message, and that the
    /// response sets no session cookie.
    #[track_caller]
    pub(crate) fn is_failure(&self, kind: LoginFailureKind, status: u16, code: &str) -> String {
        let failure = self.failure();
        let found = (failure.kind(), self.status(), failure.code());
        assert_eq!(found, (kind, status, code), "{}", failure.reason());
        assert_eq!(failure.status().as_u16(), status);
        assert!(!failure.sentence().is_empty() && !failure.reason().is_empty());
        assert_ne!(failure.sentence(), failure.reason());
        assert!(self.body.contains(code), "{}", self.body);
        assert!(!self.body.contains("<script"), "{}", self.body);
        assert_eq!(self.header("content-type"), "text/html; charset=utf-8");
        self.has_page_headers();
        let set = self.set_cookies();
        assert!(set.iter().all(|name| name == "__Host-login"), "{set:?}");
        failure.reason().to_owned()
    }

    /// Asserts that a page has the security headers.
    #[track_caller]
    pub(crate) fn has_page_headers(&self) {
        let policy = self.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(self.header("x-content-type-options"), "nosniff");
        assert_eq!(self.header("referrer-policy"), "no-referrer");
    }
}

/// A browser with its cookies. It sends `SameSite=Strict` cookies only with requests that a page of
/// the site makes.
#[derive(Clone)]
pub(crate) struct Browser<'s> {
    site: &'s Site,
    /// The value and the path of each cookie, by name. The `bool` is true if the cookie is
    /// `SameSite=Strict`.
    pub(crate) jar: BTreeMap<String, (String, String, bool)>,
}

impl Browser<'_> {
    fn cookies(&self, path: &str, from_other_site: bool) -> String {
        let sent = self.jar.iter().filter(|(_, (_, at, is_strict))| {
            path.starts_with(at.as_str()) && !(*is_strict && from_other_site)
        });
        sent.map(|(name, (value, _, _))| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    fn keep(&mut self, headers: &HeaderMap) {
        for cookie in headers.get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (pair, attributes) = cookie.split_once("; ").unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0;") {
                self.jar.remove(name);
                continue;
            }
            let attribute = |name: &str| {
                attributes.split("; ").find_map(|attribute| attribute.strip_prefix(name))
            };
            let path = attribute("Path=").unwrap().to_owned();
            let is_strict = attribute("SameSite=").unwrap() == "Strict";
            self.jar.insert(name.to_owned(), (value.to_owned(), path, is_strict));
        }
    }

    /// Sends a request and stores the cookies of the response.
    pub(crate) async fn request(
        &mut self,
        method: Method,
        uri: &str,
        headers: &[(&str, &str)],
        body: String,
        from_other_site: bool,
    ) -> Answer {
        let path = uri.split('?').next().unwrap();
        let mut request = Request::builder().method(method).uri(uri);
        let cookies = self.cookies(path, from_other_site);
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies);
        }
        request = request.header("host", "shop.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.site.send(request.body(Body::from(body)).unwrap()).await;
        self.keep(&answer.head.headers);
        answer
    }

    /// Sends a form from a page of the site.
    pub(crate) async fn form(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let own = [("sec-fetch-site", "same-origin"), ("origin", ORIGIN)];
        self.form_as(path, form, &own, false).await
    }

    pub(crate) async fn form_as(
        &mut self,
        path: &str,
        form: &[(&str, &str)],
        headers: &[(&str, &str)],
        from_other_site: bool,
    ) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let content = [(CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded")];
        let headers = [headers, &content].concat();
        self.request(Method::POST, path, &headers, body, from_other_site).await
    }

    /// Logs in with a password.
    pub(crate) async fn log_in(&mut self, user: &str) {
        let answer = self.form("/auth/login", &[("user", user)]).await;
        assert_eq!(answer.status(), 200, "{answer:?}");
    }

    /// Begins a login at the provider `idp`, and returns the URL of the provider's page.
    pub(crate) async fn begin(&mut self, form: &[(&str, &str)]) -> String {
        self.begin_at("idp", form).await
    }

    pub(crate) async fn begin_at(&mut self, provider: &str, form: &[(&str, &str)]) -> String {
        let answer = self.form(&format!("/auth/login/{provider}"), form).await;
        answer.location().to_owned()
    }

    /// Follows a URL of a provider. Returns the path and the query of the URL to which the provider
    /// sends the browser back.
    pub(crate) async fn at_provider(&self, url: &str) -> String {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let answer = client.build().unwrap().get(url).send().await.unwrap();
        let back = answer.headers()[LOCATION].to_str().unwrap().to_owned();
        back.strip_prefix(ORIGIN).unwrap_or_else(|| panic!("{back}")).to_owned()
    }

    /// Sends the callback request as a navigation from another site.
    pub(crate) async fn come_back(&mut self, uri: &str) -> Answer {
        let headers = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
        self.request(Method::GET, uri, &headers, String::new(), true).await
    }

    /// Logs in at the provider `idp`.
    pub(crate) async fn log_in_at_idp(&mut self, form: &[(&str, &str)]) -> Answer {
        let url = self.begin(form).await;
        let back = self.at_provider(&url).await;
        self.come_back(&back).await
    }

    pub(crate) fn has_session(&self) -> bool {
        self.jar.contains_key("__Host-session")
    }
}
