//! Tests of the log of failed logins.

use tower_jwt_auth::openid::LoginFailureKind;

use super::idp::{ACCESS_TOKEN, REFRESH_TOKEN};
use super::site::{Site, cookies};
use crate::rejection::logs::Log;

fn lines<'l>(text: &'l str, level: &str, message: &str) -> Vec<&'l str> {
    let own = text.lines().filter(|line| line.contains("tower_jwt_auth"));
    own.filter(|line| line.contains(level) && line.contains(message)).collect()
}

#[tokio::test]
async fn a_client_is_logged_at_debug_and_a_provider_at_error_ten_times_a_minute() {
    let site = Site::new().await;
    let log = Log::default();
    let guard = log.listen();
    let mut browser = site.browser();
    for _ in 0..20 {
        let answer = browser.come_back("/auth/login/idp/callback?code=a&state=b").await;
        answer.is_failure(LoginFailureKind::UnknownLogin, 400, "unknown_login");
    }
    site.idp.spoil(|idp| idp.token_status = Some(500));
    for _ in 0..30 {
        let answer = site.browser().log_in_at_idp(&[]).await;
        answer.is_failure(LoginFailureKind::ProviderUnavailable, 503, "provider_unavailable");
    }
    drop(guard);
    let text = log.text();
    assert_eq!(lines(&text, "DEBUG", "login refused").len(), 20, "{text}");
    let errors = lines(&text, "ERROR", "login failed");
    // The limit counts errors in each minute of the system's clock, and the test may run across two
    // minutes.
    assert!((10..=20).contains(&errors.len()), "{text}");
    assert_eq!(errors.len() + lines(&text, "DEBUG", "login failed").len(), 30);
    assert!(errors[0].contains("code=\"provider_unavailable\"") && errors[0].contains("idp"));
}

#[tokio::test]
async fn a_client_that_invents_errors_of_a_provider_suppresses_no_others() {
    let site = Site::new().await;
    let log = Log::default();
    let guard = log.listen();
    site.idp.spoil(|idp| idp.error = Some("invalid_scope"));
    for _ in 0..40 {
        let answer = site.browser().log_in_at_idp(&[]).await;
        answer.is_failure(LoginFailureKind::Misconfigured, 500, "provider_misconfigured");
    }
    site.idp.heal();
    site.idp.spoil(|idp| idp.token_status = Some(500));
    site.browser().log_in_at_idp(&[]).await;
    drop(guard);
    let text = log.text();
    let errors = lines(&text, "ERROR", "login failed");
    let of_provider = errors.iter().filter(|line| line.contains("provider_unavailable")).count();
    assert_eq!(of_provider, 1, "{text}");
    assert!((10..=20).contains(&(errors.len() - of_provider)), "{text}");
}

/// `Logins::start` logs its own failures, and the callback must not log them again.
#[tokio::test]
async fn a_login_that_cannot_start_is_logged_once() {
    let site = Site::new().await;
    let log = Log::default();
    let guard = log.listen();
    let answer = site.browser().log_in_at_idp(&[("scope", "admin")]).await;
    answer.is_failure(LoginFailureKind::AccessNotGranted, 400, "invalid_scope");
    drop(guard);
    let text = log.text();
    assert_eq!(lines(&text, "", "invalid_scope").len(), 1, "{text}");
}

#[tokio::test]
async fn the_log_contains_no_code_token_secret_or_claim() {
    let site = Site::with(cookies(), |login| login.keep_tokens("idp"), |routes| routes).await;
    let log = Log::default();
    let guard = log.listen();
    let mut browser = site.browser();
    let url = browser.begin(&[]).await;
    let back = browser.at_provider(&url).await;
    let request = site.idp.last_request();
    let (cookie, ..) = browser.jar["__Host-login"].clone();
    assert_eq!(browser.come_back(&back).await.status(), 200);
    site.decide(|_| panic!("a bug of the application's"));
    site.browser().log_in_at_idp(&[]).await;
    site.decide(|_| Err("the directory is down".into()));
    site.browser().log_in_at_idp(&[]).await;
    for name in ["nonce", "aud", "sub"] {
        site.idp.heal();
        site.idp.spoil(|idp| {
            idp.claims.insert(name, "hunter2".into());
        });
        site.browser().log_in_at_idp(&[]).await;
    }
    site.browser().come_back("/auth/login/idp/callback?code=hunter2&state=hunter2").await;
    drop(guard);
    // Check only the lines of this crate, since the client and the server of the tests write whole
    // requests to the log.
    let text = log.text();
    let own = lines(&text, "", "");
    assert!(own.len() >= 6, "{text}");
    let secrets = [
        request["state"].as_str(),
        &request["nonce"],
        &cookie,
        ACCESS_TOKEN,
        REFRESH_TOKEN,
        "code-",
        "hunter2",
        "user-1",
        "alice@example.com",
        "the secret of the shop",
    ];
    for line in own {
        let found = secrets.iter().find(|secret| line.contains(**secret));
        assert!(found.is_none(), "{found:?}: {line}");
    }
}
