//! Tests of logins that fail. Each login returns a status, a message for the user and a reason for
//! the developer, and starts no session.

use std::collections::BTreeMap;

use http::Method;
use serde_json::json;
use tower_jwt_auth::openid::{LoginDecision, LoginFailureKind, LoginProvider};

use super::idp::{Idp, Spoiled};
use super::site::{Answer, Site, cookies};
use crate::kit::{NOW, at};

/// Asserts that `alice` has no session, and that no event reports the start of a session.
async fn is_clean(site: &Site) {
    assert!(site.sessions.of_subject("alice").await.unwrap().is_empty());
    let started = site.events().iter().any(|event| event.starts_with("started"));
    assert!(!started, "{:?}", site.events());
}

async fn spoiled(site: &Site, change: impl FnOnce(&mut Spoiled)) -> Answer {
    site.idp.heal();
    site.idp.spoil(change);
    let mut browser = site.browser();
    let answer = browser.log_in_at_idp(&[]).await;
    assert!(!browser.has_session());
    assert!(!browser.jar.contains_key("__Host-login"), "the attempt is over");
    answer
}

#[tokio::test]
async fn an_error_of_the_provider_has_its_answer() {
    let site = Site::new().await;
    for (error, kind, status, code) in [
        ("access_denied", LoginFailureKind::Denied, 403, "access_denied"),
        ("server_error", LoginFailureKind::ProviderFailed, 502, "provider_failed"),
        (
            "temporarily_unavailable",
            LoginFailureKind::ProviderUnavailable,
            503,
            "provider_unavailable",
        ),
        ("invalid_scope", LoginFailureKind::Misconfigured, 500, "provider_misconfigured"),
        ("<script>", LoginFailureKind::ProviderFailed, 502, "provider_failed"),
    ] {
        let answer = spoiled(&site, |idp| idp.error = Some(error)).await;
        answer.is_failure(kind, status, code);
        assert_eq!(answer.header("retry-after").is_empty(), status != 503);
        assert_eq!(answer.failure().provider(), Some("idp"));
        assert_eq!(answer.failure().return_to(), Some("/"));
    }
    assert_eq!((site.idp.exchanges(), site.seen().len()), (0, 0));
    is_clean(&site).await;
}

#[tokio::test]
async fn a_provider_that_is_down_or_slow_has_its_answer() {
    let site = Site::new().await;
    let down = spoiled(&site, |idp| idp.token_status = Some(500)).await;
    down.is_failure(LoginFailureKind::ProviderUnavailable, 503, "provider_unavailable");
    assert_eq!(down.header("retry-after"), "1");
    let slow = spoiled(&site, |idp| idp.hangs = true).await;
    slow.is_failure(LoginFailureKind::ProviderUnavailable, 503, "provider_unavailable");
    is_clean(&site).await;
}

#[tokio::test]
async fn a_provider_that_is_down_at_the_beginning_has_its_answer() {
    let site = Site::with(
        cookies(),
        |login| {
            let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            login.add_provider(LoginProvider::openid("down", url, "shop").dangerous_allow_http())
        },
        |routes| routes,
    )
    .await;
    let mut browser = site.browser();
    let answer = browser.form("/auth/login/down", &[]).await;
    answer.is_failure(LoginFailureKind::ProviderUnavailable, 503, "provider_unavailable");
    assert_eq!(answer.header("retry-after"), "1");
    assert!(browser.jar.is_empty());
    assert_eq!(browser.log_in_at_idp(&[]).await.status(), 200, "other providers still work");
}

#[tokio::test]
async fn an_id_token_of_another_login_is_rejected() {
    let site = Site::new().await;
    let other = site.other.issuer.clone();
    let claims: [(&str, serde_json::Value); 6] = [
        ("aud", json!("another client")),
        ("nonce", json!("another nonce")),
        ("nonce", json!(null)),
        ("iss", json!(other)),
        ("exp", json!(1_600_000_000)),
        ("sub", json!(null)),
    ];
    for (name, value) in claims {
        let answer = spoiled(&site, |idp| {
            idp.claims = BTreeMap::from([(name, value)]);
        });
        let answer = answer.await;
        let reason = answer.is_failure(LoginFailureKind::InvalidIdentity, 502, "invalid_identity");
        assert!(!reason.contains("another"), "{name}: {reason}");
    }
    let answer = spoiled(&site, |idp| idp.unknown_key = true).await;
    answer.is_failure(LoginFailureKind::InvalidIdentity, 502, "invalid_identity");
    assert!(site.seen().is_empty());
    is_clean(&site).await;
}

#[tokio::test]
async fn a_response_of_another_issuer_is_rejected_before_the_code_is_sent_anywhere() {
    let site = Site::new().await;
    let other = site.other.issuer.clone();
    let answer = spoiled(&site, |idp| idp.response_issuer = Some(other)).await;
    answer.is_failure(LoginFailureKind::WrongProvider, 400, "wrong_provider");
    // The metadata says that the provider always sends `iss`, so a callback without `iss` is not
    // from this provider.
    let mut browser = site.browser();
    site.idp.heal();
    let url = browser.begin(&[]).await;
    let back = browser.at_provider(&url).await;
    let (without, _) = back.split_once("&iss=").unwrap();
    let answer = browser.come_back(without).await;
    answer.is_failure(LoginFailureKind::WrongProvider, 400, "wrong_provider");
    assert_eq!((site.idp.exchanges(), site.other.exchanges()), (0, 0));
    is_clean(&site).await;
}

#[tokio::test]
async fn a_callback_of_one_provider_does_not_finish_the_login_of_another() {
    let site = Site::new().await;
    let mut browser = site.browser();
    let url = browser.begin(&[]).await;
    let back = browser.at_provider(&url).await.replace("/login/idp/", "/login/other/");
    let answer = browser.come_back(&back).await;
    let reason = answer.is_failure(LoginFailureKind::WrongProvider, 400, "wrong_provider");
    assert!(reason.contains("another provider"), "{reason}");
    assert!(!browser.jar.contains_key("__Host-login"), "the attempt is over");
    assert_eq!((site.idp.exchanges(), site.other.exchanges()), (0, 0));
    is_clean(&site).await;
}

#[tokio::test]
async fn a_callback_without_the_state_of_this_browser_is_rejected() {
    let site = Site::new().await;
    let mut browser = site.browser();
    browser.begin(&[]).await;
    let cookie = browser.jar["__Host-login"].clone();
    for query in ["", "?code=a", "?code=a&state=", "?code=a&state=foreign", "?error=access_denied"]
    {
        let answer = browser.come_back(&format!("/auth/login/idp/callback{query}")).await;
        answer.is_failure(LoginFailureKind::UnknownLogin, 400, "unknown_login");
    }
    assert_eq!(browser.jar["__Host-login"], cookie, "a forged callback ends no login");
    assert_eq!(site.idp.exchanges(), 0);
    is_clean(&site).await;
}

#[tokio::test]
async fn a_callback_after_ten_minutes_is_rejected() {
    let site = Site::new().await;
    let mut browser = site.browser();
    let url = browser.begin(&[]).await;
    site.wait(600);
    let back = browser.at_provider(&url).await;
    let answer = browser.come_back(&back).await;
    answer.is_failure(LoginFailureKind::Expired, 400, "login_expired");
    assert_eq!(site.idp.exchanges(), 0);
    is_clean(&site).await;
}

#[tokio::test]
async fn a_code_works_once() {
    let site = Site::new().await;
    let mut browser = site.browser();
    let url = browser.begin(&[]).await;
    let back = browser.at_provider(&url).await;
    // The cloned browser still has the cookie of the login attempt, so this server sends the code
    // to the provider a second time. Only the provider can detect that the code was already used.
    let mut copy = browser.clone();
    assert_eq!(browser.come_back(&back).await.status(), 200);
    let again = browser.come_back(&back).await;
    again.is_failure(LoginFailureKind::UnknownLogin, 400, "unknown_login");
    let copied = copy.come_back(&back).await;
    copied.is_failure(LoginFailureKind::CodeRejected, 400, "code_rejected");
    assert_eq!(site.idp.exchanges(), 2);
    assert_eq!(site.events(), ["started alice"]);
}

#[tokio::test]
async fn an_unknown_provider_is_not_found() {
    let site = Site::new().await;
    let mut browser = site.browser();
    for name in ["unknown", "IDP", "idp%2f", "%ff", "idp%00", "<script>"] {
        let path = format!("/auth/login/{}", name.replace('<', "%3C").replace('>', "%3E"));
        for answer in [
            browser.form(&path, &[]).await,
            browser.come_back(&format!("{path}/callback?code=a&state=b")).await,
        ] {
            answer.is_failure(LoginFailureKind::UnknownProvider, 404, "unknown_provider");
            assert_eq!(answer.failure().provider(), None);
        }
    }
}

#[tokio::test]
async fn duplicate_and_long_parameters_are_rejected() {
    let site = Site::new().await;
    let mut browser = site.browser();
    let url = browser.begin(&[]).await;
    let back = browser.at_provider(&url).await;
    for query in [
        format!("{back}&code=b"),
        format!("{back}&state=b"),
        format!("{back}&iss=b"),
        format!("{back}&error=access_denied"),
        format!("{back}&x={}", "a".repeat(9_000)),
        back.replace("code=", &format!("code={}", "a".repeat(5_000))),
    ] {
        let answer = browser.come_back(&query).await;
        answer.is_failure(LoginFailureKind::InvalidRequest, 400, "invalid_request");
    }
    let long = "a".repeat(600);
    let twice = [("return_to", "/a"), ("return_to", "/b")];
    for form in [&twice[..], &[("link", "yes")], &[("scope", &long)]] {
        let answer = site.browser().form("/auth/login/idp", form).await;
        answer.is_failure(LoginFailureKind::InvalidRequest, 400, "invalid_request");
        assert!(answer.set_cookies().is_empty());
    }
    let huge = "a".repeat(20_000);
    let answer = site.browser().form("/auth/login/idp", &[("x", &huge)]).await;
    answer.is_failure(LoginFailureKind::InvalidRequest, 400, "invalid_request");
    assert_eq!(site.idp.exchanges(), 0);
    is_clean(&site).await;
}

#[tokio::test]
async fn only_a_get_request_finishes_a_login() {
    let site = Site::new().await;
    let mut browser = site.browser();
    let url = browser.begin(&[]).await;
    let back = browser.at_provider(&url).await;
    for method in [Method::HEAD, Method::POST, Method::PUT, Method::OPTIONS, Method::DELETE] {
        let is_head = method == Method::HEAD;
        let answer = browser.request(method, &back, &[], String::new(), false).await;
        assert_eq!((answer.status(), answer.header("allow")), (405, "GET"));
        assert_eq!(answer.failure().code(), "method_not_allowed");
        assert_eq!(answer.body.is_empty(), is_head);
    }
    for method in [Method::GET, Method::HEAD] {
        let answer = browser.request(method, "/auth/login/idp", &[], String::new(), false).await;
        assert_eq!((answer.status(), answer.header("allow")), (405, "POST"));
    }
    assert_eq!(site.idp.exchanges(), 0);
    assert_eq!(browser.come_back(&back).await.status(), 200, "the login still works");
}

#[tokio::test]
async fn the_application_refuses_with_its_own_sentence() {
    let site = Site::new().await;
    site.decide(|_| Ok(LoginDecision::refuse("Only <b>members</b> & \"guests\" may log in.")));
    let answer = site.browser().log_in_at_idp(&[]).await;
    answer.is_failure(LoginFailureKind::Refused, 403, "login_refused");
    let escaped = "Only &lt;b&gt;members&lt;/b&gt; &amp; &quot;guests&quot; may log in.";
    assert!(answer.body.contains(escaped), "{}", answer.body);
    assert_eq!(answer.failure().sentence(), "Only <b>members</b> & \"guests\" may log in.");
    is_clean(&site).await;
}

#[tokio::test]
async fn accounts_that_fail_or_panic_have_their_answers() {
    let site = Site::new().await;
    site.decide(|_| Err("the directory is down: secret-host".into()));
    let answer = site.browser().log_in_at_idp(&[]).await;
    answer.is_failure(LoginFailureKind::Unavailable, 503, "temporarily_unavailable");
    assert_eq!(answer.header("retry-after"), "1");
    assert!(!answer.body.contains("secret-host"));

    let minute = std::time::Duration::from_secs(60);
    site.decide(move |_| Err(tower_jwt_auth::issuer::AccountsError::too_many_attempts(minute)));
    let answer = site.browser().log_in_at_idp(&[]).await;
    answer.is_failure(LoginFailureKind::TooManyAttempts, 429, "too_many_attempts");
    assert_eq!(answer.header("retry-after"), "60");
    let sentence = "Too many attempts. Please try again later.";
    assert!(answer.body.contains(sentence), "{}", answer.body);

    site.decide(|_| panic!("a bug of the application's"));
    let mut browser = site.browser();
    let answer = browser.log_in_at_idp(&[]).await;
    answer.is_failure(LoginFailureKind::ServerError, 500, "server_error");
    assert!(!browser.jar.contains_key("__Host-login"), "the attempt is over");
    is_clean(&site).await;
}

#[tokio::test]
async fn a_page_of_the_application_replaces_the_built_in_page() {
    use axum::response::IntoResponse;

    let site = Site::with(
        cookies(),
        |login| {
            login.with_error_page(|failure| match failure.kind() {
                LoginFailureKind::Denied => {
                    ([("referrer-policy", "same-origin")], failure.code()).into_response()
                }
                _ => panic!("a bug of the application's"),
            })
        },
        |routes| routes,
    )
    .await;
    let answer = spoiled(&site, |idp| idp.error = Some("access_denied")).await;
    assert_eq!((answer.status(), answer.body.as_str()), (200, "access_denied"));
    assert_eq!(answer.header("referrer-policy"), "same-origin");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let answer = spoiled(&site, |idp| idp.error = Some("server_error")).await;
    answer.is_failure(LoginFailureKind::ProviderFailed, 502, "provider_failed");
}

#[tokio::test]
async fn the_layer_of_logins_is_in_front_of_both_routes() {
    use axum::response::{IntoResponse, Response};

    let refuse = || async { axum::http::StatusCode::IM_A_TEAPOT };
    let layer = axum::middleware::from_fn(
        move |_: axum::extract::Request, _: axum::middleware::Next| async move {
            let answer: Response = refuse().await.into_response();
            answer
        },
    );
    let site = Site::with(cookies(), |login| login, |routes| routes.add_login_layer(layer)).await;
    let mut browser = site.browser();
    assert_eq!(browser.form("/auth/login/idp", &[]).await.status(), 418);
    assert_eq!(browser.come_back("/auth/login/idp/callback?code=a").await.status(), 418);
    assert_eq!(browser.form("/auth/logout", &[]).await.status(), 204);
}

#[tokio::test]
async fn a_panic_of_a_function_that_reads_the_user_info_has_its_answer() {
    let plain = Idp::start(at(NOW)).await;
    let provider = plain.plain_provider("plain", |_| panic!("a bug of the application's"));
    let site = Site::with(cookies(), |login| login.add_provider(provider), |routes| routes).await;
    let mut browser = site.browser();
    let url = browser.begin_at("plain", &[]).await;
    let back = browser.at_provider(&url).await;
    let answer = browser.come_back(&back).await;
    let reason = answer.is_failure(LoginFailureKind::ServerError, 500, "server_error");
    assert!(reason.contains("panicked"), "{reason}");
    assert!(!browser.jar.contains_key("__Host-login"), "the attempt is over");
}
