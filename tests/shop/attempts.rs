//! Tests of the limits on attempts to guess one user's password.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder, Response, StatusCode, header};
use serde_json::json;

use crate::MASTER;
use crate::process::{Server, client};

/// The number of login attempts that an account can make before the limit applies.
const ATTEMPTS: usize = 20;

/// Returns a client. On Linux, the client connects from a loopback address that depends on `place`.
/// On other systems, it connects from the default address.
fn client_at(place: usize) -> Client {
    let last = u8::try_from(place).expect("it is less than 200").saturating_add(2);
    let address = IpAddr::V4(Ipv4Addr::new(127, 0, 0, last));
    let address = cfg!(target_os = "linux").then_some(address);
    Client::builder().no_proxy().local_address(address).build().expect("a client without TLS")
}

async fn log_in(
    auth: &Server,
    client: &Client,
    user: &str,
    password: &str,
    cookie: &str,
) -> Response {
    let body = json!({ "user": user, "password": password, "audience": "cart" });
    let login = client.post(format!("{}/login", auth.url)).json(&body);
    login.header(header::COOKIE, cookie).send().await.expect("the auth server answers")
}

/// Returns the status, the header names and the body, so that tests can compare them. Header values
/// are not included, since some of them, such as the date, always differ.
async fn told(answer: Response) -> (StatusCode, Vec<String>, String) {
    let names = answer.headers().keys().map(ToString::to_string).collect();
    (answer.status(), names, answer.text().await.expect("the answer is UTF-8"))
}

fn seconds(answer: &Response) -> u64 {
    let text = answer.headers()[header::RETRY_AFTER].to_str().expect("Retry-After is text");
    text.parse().expect("Retry-After is a number")
}

#[tokio::test]
async fn guesses_are_limited_without_locking_the_user_out() {
    let hour = [("JWT_SECRET", MASTER), ("GUESS_SECS", "3600")];
    let mut heard = Vec::new();
    for user in ["alice", "carol who does not exist"] {
        let auth = Server::start("auth", &hour);
        let start = Instant::now();
        let mut guesses = Vec::new();
        for place in 0..=ATTEMPTS {
            let answer = log_in(&auth, &client_at(place), user, "guess", "").await;
            if answer.status() == StatusCode::TOO_MANY_REQUESTS {
                let earliest = 3_600 - start.elapsed().as_secs().saturating_add(1);
                assert!((earliest..=3_600).contains(&seconds(&answer)), "{answer:?}");
            }
            guesses.push(told(answer).await);
        }
        assert_eq!(guesses[ATTEMPTS - 1].0, StatusCode::BAD_REQUEST);
        assert_eq!(guesses[ATTEMPTS].0, StatusCode::TOO_MANY_REQUESTS);
        assert!(guesses[ATTEMPTS].2.contains(r#""error":"too_many_attempts""#), "{guesses:?}");
        assert_eq!(log_in(&auth, &client(), "bob", "builder", "").await.status(), StatusCode::OK);
        heard.push(guesses);
    }
    assert_eq!(heard[0], heard[1], "the answers tell who exists");
}

/// Logs in as the shop's page does, with tokens in cookies.
fn on_the_page(auth: &Server, user: &str, password: &str) -> RequestBuilder {
    let body = json!({ "user": user, "password": password });
    client().post(format!("{}/auth/login", auth.url)).json(&body)
}

fn device_cookie(answer: &Response) -> Option<&str> {
    let cookies = answer.headers().get_all(header::SET_COOKIE).into_iter();
    let mut cookies = cookies.map(|cookie| cookie.to_str().expect("a cookie is text"));
    cookies.find(|cookie| cookie.starts_with("__Host-device="))
}

/// Returns the cookie of a browser in which `user` has logged in.
async fn device(auth: &Server, user: &str, password: &str) -> String {
    let answer = on_the_page(auth, user, password).send().await.expect("the auth server answers");
    let cookie = device_cookie(&answer).expect("the login sets a device cookie");
    assert!(cookie.ends_with("; HttpOnly; SameSite=Strict; Secure"), "{cookie}");
    cookie.split(';').next().expect("there is a pair").to_owned()
}

#[tokio::test]
async fn another_site_cannot_overwrite_the_cookie_of_a_device() {
    let auth = Server::start("auth", &[("JWT_SECRET", MASTER)]);
    // This request comes from a form on another site. Because of `SameSite`, the browser sends the
    // request without the shop's cookies.
    let form = |path: &str| {
        let login = client().post(format!("{}{path}", auth.url));
        login
            .header(header::ORIGIN, "https://evil.example")
            .header("Sec-Fetch-Site", "cross-site")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body("user=bob&password=builder&audience=cart")
    };
    for path in ["/login", "/auth/login"] {
        let answer = form(path).send().await.expect("the auth server answers");
        assert_eq!(device_cookie(&answer), None, "{path}: {answer:?}");
    }
    let refused = form("/auth/login").send().await.expect("the auth server answers");
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    // A successful login that returns tokens in the body does not set the device cookie.
    let answer = log_in(&auth, &client(), "bob", "builder", "").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(device_cookie(&answer), None);
}

#[tokio::test]
async fn a_browser_that_was_logged_in_before_gets_in_during_an_attack() {
    let auth = Server::start("auth", &[("JWT_SECRET", MASTER), ("GUESS_SECS", "3600")]);
    let (alices, bobs) =
        (device(&auth, "alice", "wonderland").await, device(&auth, "bob", "builder").await);
    let wrong = on_the_page(&auth, "alice", "guess").header(header::COOKIE, &alices);
    let wrong = wrong.send().await.expect("the auth server answers");
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
    assert_eq!(device_cookie(&wrong), None);
    for place in 0..ATTEMPTS {
        log_in(&auth, &client_at(place), "alice", "guess", "").await;
    }

    let refused = StatusCode::TOO_MANY_REQUESTS;
    for cookie in ["", &bobs, &format!("{alices}x"), "__Host-device=nonsense"] {
        let answer = log_in(&auth, &client(), "alice", "wonderland", cookie).await;
        assert_eq!(answer.status(), refused, "{cookie}");
    }
    let among_others = format!("theme=dark; {bobs}; {alices}");
    let answer = log_in(&auth, &client(), "alice", "wonderland", &among_others).await;
    assert_eq!(answer.status(), StatusCode::OK);

    // The server limits the number of password guesses even for requests with Alice's cookie, since
    // an attacker may have stolen the cookie.
    let mut statuses = Vec::new();
    for place in 0..ATTEMPTS {
        let answer = log_in(&auth, &client_at(place), "alice", "guess", &alices).await;
        statuses.push(answer.status());
    }
    assert_eq!(statuses.last(), Some(&refused), "{statuses:?}");
}

#[tokio::test]
async fn an_account_is_open_again_when_the_attack_is_over() {
    let auth = Server::start("auth", &[("JWT_SECRET", MASTER), ("GUESS_SECS", "1")]);
    let start = Instant::now();
    let wait = 'attack: loop {
        // Thirty guesses at the same time use up attempts faster than new attempts become
        // available.
        let clients: Vec<_> = (0..30).map(client_at).collect();
        let guesses = clients.iter().map(|client| log_in(&auth, client, "alice", "guess", ""));
        for answer in futures_util::future::join_all(guesses).await {
            if answer.status() == StatusCode::TOO_MANY_REQUESTS {
                break 'attack seconds(&answer);
            }
        }
        assert!(start.elapsed() < Duration::from_secs(60), "nobody was refused");
    };
    tokio::time::sleep(Duration::from_secs(wait)).await;
    let answer = log_in(&auth, &client(), "alice", "wonderland", "").await;
    assert_eq!(answer.status(), StatusCode::OK);
}
