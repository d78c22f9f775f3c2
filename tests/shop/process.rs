//! The processes of the shop, and requests to them.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use reqwest::{Client, RequestBuilder, Response, StatusCode, header};
use serde_json::{Value, json};

const PORTS: [&str; 3] = ["AUTH_PORT", "CART_PORT", "PAYMENT_PORT"];
/// The variables that are removed from the environment of the shop.
const SETTINGS: [&str; 12] = [
    "JWT_SECRET",
    "CART_SECRET",
    "PAYMENT_SECRET",
    "REVOCATIONS",
    "SHOP_ALG",
    "SHOP_KEY",
    "AUTH_URL",
    "SHOP_GOOGLE_ID",
    "SHOP_KAKAO_ID",
    "SHOP_NAVER_ID",
    "SHOP_KEYCLOAK_URL",
    "SHOP_OPENID_URL",
];

/// A running shop, or one of its servers. It is killed when dropped.
pub(crate) struct Process {
    child: Child,
    output: BufReader<ChildStdout>,
    /// The folder with the users and sessions of this process.
    pub(crate) folder: PathBuf,
}

impl Process {
    pub(crate) fn start(arguments: &[&str], secrets: &[(&str, &str)]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("shop-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("there is room for a folder");
        let mut child = shop(arguments, secrets)
            .env("SHOP_DB", folder.join("shop.sqlite"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example `shop` does not start");
        let output = BufReader::new(child.stdout.take().expect("stdout is piped"));
        Self { child, output, folder }
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the example `shop` prints UTF-8");
        assert!(!line.is_empty(), "the example `shop` ended before it was asked to");
        line
    }

    /// Ends the process with SIGINT, as Ctrl-C does.
    #[cfg(unix)]
    pub(crate) fn interrupt(&mut self) -> std::process::ExitStatus {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status();
        assert!(sent.expect("there is a `kill`").success());
        for _ in 0..1_200 {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                return status;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        unreachable!("the example `shop` does not end");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // If the process has ended by itself, there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A separate process that runs one of the three servers, and the address of the server.
pub(crate) struct Server {
    /// The server process, which is killed when this value is dropped.
    pub(crate) process: Process,
    pub(crate) url: String,
}

impl Server {
    pub(crate) fn start(name: &str, secrets: &[(&str, &str)]) -> Self {
        let mut process = Process::start(&[name], secrets);
        let line = process.line();
        let url = line.trim().strip_prefix("listening on ").expect("the first line is the address");
        connect(url);
        Self { url: url.to_owned(), process }
    }

    pub(crate) fn get(&self, path: &str, token: &str) -> RequestBuilder {
        client().get(format!("{}{path}", self.url)).bearer_auth(token)
    }

    pub(crate) fn post(&self, path: &str, token: &str, body: &Value) -> RequestBuilder {
        client().post(format!("{}{path}", self.url)).bearer_auth(token).json(body)
    }

    pub(crate) async fn login(&self, user: &str, password: &str, audience: &str) -> Response {
        let body = json!({ "user": user, "password": password, "audience": audience });
        let login = client().post(format!("{}/login", self.url)).json(&body);
        login.send().await.expect("the auth server answers")
    }

    pub(crate) async fn token(&self, user: &str, password: &str, audience: &str) -> String {
        let answer = self.login(user, password, audience).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
        let body: Value = answer.json().await.expect("the answer is JSON");
        assert_eq!(body["token_type"], "Bearer");
        assert!(body["expires_in"].as_u64().is_some_and(|seconds| seconds > 0), "{body}");
        body["access_token"].as_str().expect("there is a token").to_owned()
    }
}

/// Returns the path of the example. Cargo puts the folder of the examples next to the folder of
/// this test.
fn example() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let profile = test.parent().and_then(|deps| deps.parent()).expect("target/<profile>/deps");
    let shop =
        profile.join("examples").join("shop").with_extension(std::env::consts::EXE_EXTENSION);
    assert!(
        shop.exists(),
        "{} is not there: `cargo test` builds it, `cargo test --test shop` does not; \
         build it with `cargo build --example shop`",
        shop.display()
    );
    shop
}

/// Returns the command that starts the shop. The operating system chooses the ports, so that
/// concurrent tests use different ports.
pub(crate) fn shop(arguments: &[&str], secrets: &[(&str, &str)]) -> Command {
    let mut command = Command::new(example());
    command.args(arguments).envs(PORTS.map(|port| (port, "0")));
    for name in SETTINGS {
        command.env_remove(name);
    }
    command.envs(secrets.iter().copied());
    command
}

fn connect(url: &str) {
    let address = url.strip_prefix("http://").expect("a plain address");
    TcpStream::connect(address).expect("the server listens when it says so");
}

pub(crate) fn client() -> Client {
    Client::builder().no_proxy().build().expect("a client without TLS needs nothing")
}
