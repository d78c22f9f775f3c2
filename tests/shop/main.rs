//! Tests of the `shop` example with real processes, real ports and real curl.

#![allow(clippy::expect_used, clippy::indexing_slicing)]

mod attempts;
mod endings;
mod openid;
mod process;
mod public_keys;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::{RequestBuilder, StatusCode, header};
use serde_json::{Value, json};

use crate::process::{Server, client, shop};

/// The master secret and the cart's secret come from the test vector in `docs/reference/derive.md`.
/// The cart's secret is in base64.
pub(crate) const MASTER: &str = "an example master secret, 32+ bytes";
const CART: &str =
    "ssoKJykTWaMWQHYM/DmCvMjsJOwVW8RwFv6A6i97xI3p1Yzli2WwEYEt1c0N+Dlc8Utk5F9fkTT+j8OeSACzjg==";

async fn status(request: RequestBuilder) -> StatusCode {
    request.send().await.expect("the server answers").status()
}

async fn assert_challenged(request: RequestBuilder, challenge: &str) {
    let answer = request.send().await.expect("the server answers");
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(answer.headers()[header::WWW_AUTHENTICATE], challenge);
}

fn refusals(token: &str) -> Vec<String> {
    let parts: Vec<&str> = token.split('.').collect();
    let unsigned = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    let forged = BASE64_URL_SAFE_NO_PAD.encode(r#"{"sub":"alice","exp":32503680000}"#);
    vec![
        "nonsense".to_owned(),
        format!("{token}x"),
        format!("{}.{forged}.{}", parts[0], parts[2]),
        format!("{unsigned}.{}.", parts[1]),
    ]
}

#[tokio::test]
async fn services_continue_without_the_auth_server() {
    let auth = Server::start("auth", &[("JWT_SECRET", MASTER)]);
    // As in production, the cart server does not have the master secret.
    let cart = Server::start("cart", &[("CART_SECRET", CART)]);
    let payment = Server::start("payment", &[("JWT_SECRET", MASTER)]);
    services_work_with_and_without(auth, &cart, &payment).await;
}

/// Sends requests to the services: some that they must accept, and some that they must refuse. Then
/// stops the auth server and sends the same requests again.
async fn services_work_with_and_without(auth: Server, cart: &Server, payment: &Server) {
    let for_cart = auth.token("alice", "wonderland", "cart").await;
    let for_payment = auth.token("alice", "wonderland", "payment").await;
    let bob_for_payment = auth.token("bob", "builder", "payment").await;
    let bob_for_cart = auth.token("bob", "builder", "cart").await;
    let item = json!({ "item": "tea" });
    let amount = json!({ "cents": 1999 });

    let everything_works = async || {
        assert_eq!(status(cart.post("/cart", &for_cart, &item)).await, 201);
        assert_eq!(status(cart.get("/cart", &for_cart)).await, 200);
        let cookie = format!("__Host-cart_token={for_cart}");
        let with_cookie = client().get(format!("{}/cart", cart.url)).header("Cookie", cookie);
        assert_eq!(status(with_cookie).await, 200);
        assert_eq!(status(payment.post("/payments", &for_payment, &amount)).await, 200);

        assert_eq!(status(payment.post("/payments", &bob_for_payment, &amount)).await, 403);
        assert_eq!(status(cart.get("/companies/acme/users", &for_cart)).await, 200);
        assert_eq!(status(cart.get("/companies/globex/users", &for_cart)).await, 403);
        assert_eq!(status(cart.get("/companies/acme/users", &bob_for_cart)).await, 403);

        let invalid = |realm: &str| {
            format!(
                "Bearer realm=\"{realm}\", error=\"invalid_token\", \
                 error_description=\"The access token is invalid\""
            )
        };
        assert_challenged(client().get(format!("{}/cart", cart.url)), r#"Bearer realm="cart""#)
            .await;
        assert_challenged(cart.get("/cart", &for_payment), &invalid("cart")).await;
        let across = payment.post("/payments", &for_cart, &amount);
        assert_challenged(across, &invalid("payment")).await;
        for bad in refusals(&for_cart) {
            assert_challenged(cart.get("/cart", &bad), &invalid("cart")).await;
        }
        for bad in refusals(&for_payment) {
            let request = payment.post("/payments", &bad, &amount);
            assert_challenged(request, &invalid("payment")).await;
        }
    };

    everything_works().await;
    let gone = format!("{}/login", auth.url);
    drop(auth);
    assert!(client().post(gone).send().await.is_err(), "the auth server is still there");
    everything_works().await;
}

#[tokio::test]
async fn only_the_right_password_gets_a_token() {
    let auth = Server::start("auth", &[("JWT_SECRET", MASTER)]);
    for (user, password, audience, error) in [
        ("alice", "builder", "cart", "invalid_grant"),
        ("carol", "wonderland", "cart", "invalid_grant"),
        ("alice", "wonderland", "warehouse", "invalid_target"),
    ] {
        let answer = auth.login(user, password, audience).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        let body: Value = answer.json().await.expect("the answer is JSON");
        assert_eq!(body["error"], error);
    }
}

#[tokio::test]
async fn an_emptied_cart_costs_nothing() {
    let auth = Server::start("auth", &[("JWT_SECRET", MASTER)]);
    let cart = Server::start("cart", &[("CART_SECRET", CART)]);
    let token = auth.token("alice", "wonderland", "cart").await;
    let cents = async || {
        let answer = cart.get("/cart", &token).send().await.expect("the server answers");
        answer.json::<Value>().await.expect("the answer is JSON")["cents"].clone()
    };
    assert_eq!(cents().await, 0);
    for item in ["tea", "milk"] {
        assert_eq!(status(cart.post("/cart", &token, &json!({ "item": item }))).await, 201);
    }
    assert_eq!(cents().await, 998);
    let emptied = client().delete(format!("{}/cart", cart.url)).bearer_auth(&token);
    assert_eq!(status(emptied).await, 204);
    assert_eq!(cents().await, 0);
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_the_files_of_users_and_sessions() {
    use std::os::unix::fs::PermissionsExt;
    let auth = Server::start("auth", &[("JWT_SECRET", MASTER)]);
    auth.token("alice", "wonderland", "cart").await;
    let files = std::fs::read_dir(&auth.process.folder).expect("there is a folder");
    let modes = files.map(|file| {
        let file = file.expect("the folder can be read");
        let mode = file.metadata().expect("the file has a mode").permissions().mode() & 0o777;
        (file.file_name(), mode)
    });
    let modes: Vec<_> = modes.collect();
    assert!(modes.iter().any(|(name, _)| name == "shop.sqlite"), "{modes:?}");
    assert!(modes.iter().all(|(_, mode)| *mode == 0o600), "{modes:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_live_cart_does_not_delay_the_end_of_the_server() {
    let auth = Server::start("auth", &[("JWT_SECRET", MASTER)]);
    let mut cart = Server::start("cart", &[("CART_SECRET", CART)]);
    let token = auth.token("alice", "wonderland", "cart").await;
    let live = cart.get("/cart/live", &token).send().await.expect("the server answers");
    assert_eq!(live.status(), 200);
    assert!(cart.process.interrupt().success());
}

#[test]
fn a_server_alone_asks_for_its_secret() {
    for (service, sentence) in [
        ("auth", "environment variable JWT_SECRET is not set"),
        ("cart", "set CART_SECRET"),
        ("payment", "set PAYMENT_SECRET"),
        ("warehouse", "there is no server \"warehouse\""),
    ] {
        let output = shop(&[service], &[]).output().expect("the example `shop` starts");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{error}");
        assert!(error.contains(sentence), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn the_printed_lines_work_when_pasted() {
    paste_the_printed_lines(&[]);
}

/// On Windows, `bash` may run in a separate Linux system, which cannot reach these servers.
#[cfg(unix)]
fn paste_the_printed_lines(settings: &[(&str, &str)]) {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let mut shop = process::Process::start(&[], settings);
    let mut lines = shop.line();
    while !lines.ends_with("Ctrl-C ends the servers.\n") {
        lines.push_str(&shop.line());
    }

    let curl = Command::new("curl").arg("--version").output();
    curl.expect("this test pastes lines for curl, which is not installed");
    let mut bash = Command::new("bash")
        .env("no_proxy", "*")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test pastes into bash, which is not installed");
    let mut stdin = bash.stdin.take().expect("stdin is piped");
    stdin.write_all(lines.as_bytes()).expect("bash reads");
    drop(stdin);
    let output = bash.wait_with_output().expect("bash ends");
    let answers = String::from_utf8(output.stdout).expect("the answers are UTF-8");

    let statuses = |prefix: &str, text: &str| -> Vec<u16> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(prefix));
        lines.filter_map(|line| line.get(..3)?.parse().ok()).collect()
    };
    let promised = statuses("# ", &lines);
    assert_eq!(promised, [201, 200, 200, 403, 200, 403, 403, 200, 403, 401, 401, 401]);
    assert_eq!(statuses("HTTP/1.1 ", &answers), promised, "{lines}\n{answers}");
    assert!(answers.contains(r#"{"cents":499,"company":"acme","expires_in":"#), "{answers}");
    assert!(answers.contains(r#","items":["tea"],"user":"alice"}"#), "{answers}");
}
