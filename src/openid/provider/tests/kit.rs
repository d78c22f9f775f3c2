//! A test provider that listens on a loopback address.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{spawn_blocking, yield_now};

use crate::clock::{ManualClock, UnixTime};
use crate::jwt::{Algorithm, Key, Signer};
use crate::openid::provider::authorization::AuthorizationRequest;
use crate::openid::provider::client::ProviderClient;
use crate::openid::provider::error::{ProviderError, ProviderErrorKind};
use crate::openid::provider::login::{ProviderLogin, Redemption};
use crate::openid::provider::login_provider::LoginProvider;

pub(super) const NOW: i64 = 1_700_000_000;
/// The time at which the logins of the tests began.
pub(super) const STARTED: i64 = NOW - 30;
pub(super) const CLIENT: &str = "shop";
pub(super) const SECRET: &str = "the-client-secret-hunter2";
pub(super) const NONCE: &str = "the-nonce-hunter2";

pub(super) const DISCOVERY: &str = "/.well-known/openid-configuration";

pub(super) const REDEMPTION: Redemption<'static> = Redemption {
    code: "the-code-hunter2",
    redirect_uri: "https://shop.example/login/test/callback",
    code_verifier: "the-verifier-hunter2",
    nonce: NONCE,
    state: "the-state-hunter2",
    started_at: UnixTime::from_secs(STARTED),
    needs_fresh_login: false,
};

pub(super) const REQUEST: AuthorizationRequest<'static> = AuthorizationRequest {
    redirect_uri: "https://shop.example/login/test/callback",
    state: "the-state",
    nonce: NONCE,
    code_challenge: "the-challenge",
    needs_fresh_login: false,
};

/// A request that the provider received.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    /// The values of the header fields, by name. The names are in lower case.
    headers: HashMap<String, String>,
    pub(super) body: String,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Returns the names and values of the form's fields.
    pub(super) fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }
}

/// A response of the provider.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// A complete response.
    Response { status: &'static str, headers: String, body: Vec<u8> },
    /// An incomplete response. After these bytes, the provider sends nothing more but keeps the
    /// connection open.
    Stall(Vec<u8>),
    /// A response whose body never ends.
    Endless,
}

impl Reply {
    pub(super) fn json(body: &Value) -> Self {
        Self::with("200 OK", "content-type: application/json\r\n", body.to_string())
    }

    pub(super) fn status(status: &'static str, body: &Value) -> Self {
        Self::with(status, "", body.to_string())
    }

    pub(super) fn with(status: &'static str, headers: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::Response { status, headers: headers.to_owned(), body: body.into() }
    }
}

/// Responses that make a login fail, whichever endpoint sends them.
pub(super) fn unusable() -> Vec<Reply> {
    let with = |status, headers: &str, body: &str| Reply::with(status, headers, body);
    vec![
        with("200 OK", "content-type: text/html\r\n", "<html>Log in</html>"),
        with("200 OK", "", ""),
        with("200 OK", "", "[]"),
        with("200 OK", "", &" ".repeat(257 << 10)),
        with("200 OK", "content-encoding: gzip\r\n", "{}"),
        with("302 Found", "location: /elsewhere\r\n", ""),
        with("307 Temporary Redirect", "location: /elsewhere\r\n", ""),
        with("204 No Content", "", ""),
        with("500 Internal Server Error", "", "{}"),
        with("503 Service Unavailable", "", "<html>"),
        Reply::Endless,
    ]
}

type Answer = Box<dyn Fn(&Request) -> Reply + Send>;

/// A provider whose responses the test chooses.
pub(super) struct TestProvider {
    addr: SocketAddr,
    shared: Arc<Shared>,
    pub(super) key: Key,
    pub(super) clock: ManualClock,
    _time: Frozen,
}

#[derive(Default)]
struct Shared {
    answers: Mutex<HashMap<String, Answer>>,
    requests: Mutex<Vec<Request>>,
}

impl TestProvider {
    /// Starts a provider. Its responses are a discovery document, a key set, and the tokens for an
    /// ordinary login.
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let state = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&state)));
            }
        });
        let key = pair("current");
        let clock = ManualClock::new(UnixTime::from_secs(NOW));
        let provider = Self { addr, shared, key, clock, _time: Frozen::new() };
        provider.answer(DISCOVERY, Reply::json(&provider.document()));
        provider.answer("/keys", Reply::json(&set(&[&provider.key])));
        provider.answer_with_claims(&provider.claims());
        provider
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    pub(super) fn issuer(&self) -> String {
        self.url("")
    }

    pub(super) fn document(&self) -> Value {
        json!({
            "issuer": self.issuer(),
            "authorization_endpoint": self.url("/authorize"),
            "token_endpoint": self.url("/token"),
            "userinfo_endpoint": self.url("/me"),
            "jwks_uri": self.url("/keys"),
        })
    }

    /// Returns the claims of a valid ID token.
    pub(super) fn claims(&self) -> Value {
        json!({
            "iss": self.issuer(), "aud": CLIENT, "sub": "alice", "nonce": NONCE,
            "iat": NOW, "exp": NOW + 600,
        })
    }

    /// Returns the claims of a valid ID token, but with `value` for the claim `name`.
    pub(super) fn claims_with(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        claims[name] = value;
        claims
    }

    pub(super) fn claims_without(&self, name: &str) -> Value {
        let mut claims = self.claims();
        claims.as_object_mut().unwrap().remove(name);
        claims
    }

    pub(super) fn answer(&self, path: &str, reply: Reply) {
        self.answer_by(path, move |_| reply.clone());
    }

    pub(super) fn answer_by(
        &self,
        path: &str,
        answer: impl Fn(&Request) -> Reply + Send + 'static,
    ) {
        self.shared.answers.lock().unwrap().insert(path.to_owned(), Box::new(answer));
    }

    /// Makes the provider respond to token requests with an ID token that contains these claims.
    pub(super) fn answer_with_claims(&self, claims: &Value) {
        self.answer_with_token(&Signer::new(self.key.clone()).sign(claims).unwrap());
    }

    /// Makes the provider respond to token requests with this ID token.
    pub(super) fn answer_with_token(&self, id_token: &str) {
        let answer = json!({
            "access_token": "the-access-token-hunter2", "token_type": "Bearer",
            "expires_in": 300, "id_token": id_token,
        });
        self.answer("/token", Reply::json(&answer));
    }

    /// Returns the requests to this path.
    pub(super) fn requests(&self, path: &str) -> Vec<Request> {
        let requests = self.shared.requests.lock().unwrap();
        requests.iter().filter(|request| request.path == path).cloned().collect()
    }

    /// Returns a configuration for this provider that has the client secret and allows plain
    /// `http`.
    pub(super) fn config(&self) -> LoginProvider {
        LoginProvider::openid("test", self.issuer(), CLIENT)
            .client_secret(SECRET)
            .dangerous_allow_http()
    }

    pub(super) fn client_of(&self, config: LoginProvider) -> ProviderClient {
        config.into_client(Arc::new(self.clock.clone()))
    }

    pub(super) fn client(&self) -> ProviderClient {
        self.client_of(self.config())
    }
}

/// Redeems the code in [`REDEMPTION`]. If that fails, checks that the error contains no secret.
pub(super) async fn redeem(client: &ProviderClient) -> Result<ProviderLogin, ProviderError> {
    redeem_as(client, REDEMPTION).await
}

pub(super) async fn redeem_as(
    client: &ProviderClient,
    redemption: Redemption<'_>,
) -> Result<ProviderLogin, ProviderError> {
    let login = client.redeem(redemption).await;
    if let Err(error) = &login {
        let text = format!("{error} {error:?}");
        assert!(!text.contains("hunter2"), "{text}");
    }
    login
}

/// Tries to redeem the code in [`REDEMPTION`], and panics if the attempt succeeds. Returns the kind
/// and the reason of the error.
pub(super) async fn refusal(client: &ProviderClient) -> (ProviderErrorKind, String) {
    let error = redeem(client).await.unwrap_err();
    (error.kind(), error.reason().to_owned())
}

pub(super) fn pair(id: &str) -> Key {
    Key::generate(Algorithm::EdDsa).unwrap().with_id(id).unwrap()
}

/// Returns a key set with the public keys of these key pairs.
pub(super) fn set(keys: &[&Key]) -> Value {
    let jwk = |key: &&Key| serde_json::from_str::<Value>(&key.to_jwk().unwrap()).unwrap();
    json!({ "keys": keys.iter().map(jwk).collect::<Vec<_>>() })
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let Some(request) = read(&mut stream).await else { return };
    let reply = {
        let answers = shared.answers.lock().unwrap();
        let reply = answers.get(&request.path).map(|answer| answer(&request));
        reply.unwrap_or_else(|| Reply::with("404 Not Found", "", ""))
    };
    shared.requests.lock().unwrap().push(request);
    let head = |status: &str, headers: &str, length: usize| {
        let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n");
        head.into_bytes()
    };
    match reply {
        Reply::Response { status, headers, body } => {
            let bytes = [head(status, &headers, body.len()), body].concat();
            let _ = stream.write_all(&bytes).await;
        }
        Reply::Stall(bytes) => {
            let _ = stream.write_all(&bytes).await;
            // Wait until the client gives up and closes the connection.
            let _ = stream.read_u8().await;
        }
        Reply::Endless => {
            let mut written = stream.write_all(&head("200 OK", "", usize::MAX >> 1)).await;
            while written.is_ok() {
                written = stream.write_all(&[b' '; 4_096]).await;
            }
        }
    }
    let _ = stream.shutdown().await;
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers: HashMap<_, _> =
        headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Request { method, path, headers, body: String::from_utf8(body).unwrap() })
}

/// Stops tokio's time until this value is dropped.
///
/// Paused time advances by itself whenever all tasks wait, even if they wait for a socket. It does
/// not advance while a blocking task runs, so this guard keeps a blocking task running.
struct Frozen {
    _end: mpsc::Sender<()>,
}

impl Frozen {
    fn new() -> Self {
        tokio::time::pause();
        let (end, ended) = mpsc::channel::<()>();
        spawn_blocking(move || ended.recv());
        Self { _end: end }
    }
}

/// Moves the paused clock forward by `time` plus one millisecond, since timers are rounded up.
pub(super) async fn pass(time: Duration) {
    tokio::time::advance(time + Duration::from_millis(1)).await;
}

/// Waits in real time until the condition is true. Panics after five minutes.
pub(super) async fn until(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(300), "the condition is never true");
        yield_now().await;
        thread::sleep(Duration::from_micros(100));
    }
}
