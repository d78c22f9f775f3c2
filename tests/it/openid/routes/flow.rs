//! Tests of logins that succeed.

use serde::Deserialize;
use tower_jwt_auth::issuer::Cookies;
use tower_jwt_auth::openid::LoginFailureKind;

use super::site::{Site, cookies, grant};
use crate::kit::NOW;

#[tokio::test]
async fn strict_cookies_come_with_a_page_that_goes_on_by_itself() {
    let site = Site::new().await;
    let mut browser = site.browser();
    let answer = browser.log_in_at_idp(&[("return_to", "/cart?item=7&x=1")]).await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    let refresh = "<meta http-equiv=\"refresh\" content=\"0;url=/cart?item=7&amp;x=1\">";
    assert!(answer.body.contains(refresh), "{}", answer.body);
    answer.has_page_headers();
    let mut set = answer.set_cookies();
    set.sort();
    assert_eq!(set, ["__Host-cart_token", "__Host-session", "__Secure-refresh_token"]);
    assert!(!browser.jar.contains_key("__Host-login"), "the attempt is over");
    let renewed = browser.form("/auth/refresh", &[]).await;
    assert_eq!(renewed.status(), 200, "{renewed:?}");
    assert_eq!(site.events(), ["started alice"]);
}

#[tokio::test]
async fn lax_cookies_come_with_a_redirect() {
    let lax = cookies().lax();
    let site = Site::with(lax, |login| login, |routes| routes).await;
    let mut browser = site.browser();
    let answer = browser.log_in_at_idp(&[("return_to", "/cart")]).await;
    assert_eq!(answer.location(), "/cart");
    assert!(browser.has_session());
    let answer = site.browser().log_in_at_idp(&[]).await;
    assert_eq!(answer.location(), "/");
}

#[tokio::test]
async fn the_redirect_to_the_provider_has_a_verifiable_challenge_and_the_configured_uri() {
    let site = Site::new().await;
    let mut browser = site.browser();
    let url = browser.begin(&[]).await;
    browser.at_provider(&url).await;
    let request = site.idp.last_request();
    assert_eq!(request["redirect_uri"], "https://shop.example/auth/login/idp/callback");
    assert_eq!(request["scope"], "openid profile email");
    assert_eq!(request["code_challenge_method"], "S256");
    assert_eq!(request["client_id"], "shop");
    let random = ["state", "nonce", "code_challenge"].map(|name| request[name].clone());
    assert!(random.iter().all(|value| value.len() == 43));
    let again = browser.begin(&[]).await;
    assert!(random.iter().all(|value| !again.contains(value.as_str())));
    let (cookie, ..) = &browser.jar["__Host-login"];
    assert!(random.iter().all(|value| !cookie.contains(value.as_str())));
}

#[tokio::test]
async fn the_application_sees_the_verified_user() {
    #[derive(Deserialize, PartialEq, Debug)]
    struct Profile {
        name: String,
    }

    let site = Site::new().await;
    site.idp.spoil(|idp| idp.scope = Some("openid email"));
    site.browser().log_in_at_idp(&[]).await;
    let identity = site.seen().remove(0);
    assert_eq!(identity.provider(), "idp");
    assert_eq!(identity.issuer(), site.idp.issuer);
    assert_eq!(identity.subject(), "user-1");
    assert_eq!(identity.claims(), Some(Profile { name: "Alice".to_owned() }));
    assert_eq!(identity.verified_email(), Some("alice@example.com"));
    assert_eq!(identity.granted_scopes().collect::<Vec<_>>(), ["openid", "email"]);
    assert!(identity.link_to().is_none());
    let text = format!("{identity:?}");
    assert!(!text.contains("Alice") && !text.contains("user-1"), "{text}");

    let session = site.session_of("alice").await;
    let login = session.external_login().unwrap();
    assert_eq!(
        (login.provider(), login.issuer(), login.subject()),
        ("idp", site.idp.issuer.as_str(), "user-1")
    );
    assert!(login.has_scope("email") && !login.has_scope("profile"));
    assert!(!login.keeps_tokens());
}

#[tokio::test]
async fn an_address_that_the_provider_has_not_verified_does_not_count() {
    let site = Site::new().await;
    site.idp.spoil(|idp| {
        idp.claims.insert("email_verified", false.into());
    });
    site.browser().log_in_at_idp(&[]).await;
    assert_eq!(site.seen()[0].verified_email(), None);
}

#[tokio::test]
async fn the_same_subject_at_another_provider_is_another_account() {
    let site = Site::new().await;
    site.decide(|identity| {
        Ok(grant(&format!("{} of {}", identity.subject(), identity.provider())).into())
    });
    for provider in ["idp", "other"] {
        let mut browser = site.browser();
        let url = browser.begin_at(provider, &[]).await;
        let back = browser.at_provider(&url).await;
        assert_eq!(browser.come_back(&back).await.status(), 200);
    }
    let issuers: Vec<_> = site.seen().iter().map(|seen| seen.issuer().to_owned()).collect();
    assert_eq!(issuers, [site.idp.issuer.clone(), site.other.issuer.clone()]);
    assert_eq!(site.events(), ["started user-1 of idp", "started user-1 of other"]);
}

#[tokio::test]
async fn a_session_remembers_the_account_after_a_renewal() {
    let site = Site::new().await;
    let mut browser = site.browser();
    browser.log_in_at_idp(&[]).await;
    site.wait(600);
    assert_eq!(browser.form("/auth/refresh", &[]).await.status(), 200);
    let session = site.session_of("alice").await;
    assert_eq!(session.external_login().unwrap().subject(), "user-1");
    browser.log_in("alice").await;
    assert!(site.session_of("alice").await.external_login().is_none());
}

#[tokio::test]
async fn the_pages_wish_narrows_the_login() {
    let two = cookies().add_access_cookie("payment", "__Host-payment_token");
    let site = Site::with(two, |login| login, |routes| routes).await;
    let mut browser = site.browser();
    let form = [("audience", "payment"), ("scope", "cart:read")];
    let answer = browser.log_in_at_idp(&form).await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    assert!(!answer.set_cookies().contains(&"__Host-cart_token".to_owned()));
    let session = site.session_of("alice").await;
    assert_eq!(session.scopes().collect::<Vec<_>>(), ["cart:read"]);
    assert_eq!(session.audience().collect::<Vec<_>>(), ["payment"]);
}

#[tokio::test]
async fn a_wish_beyond_the_grant_is_refused_as_at_login() {
    let site = Site::new().await;
    for (form, code, begins) in [
        ([("scope", "admin")], "invalid_scope", true),
        ([("audience", "unknown")], "invalid_target", false),
        ([("scope", "a\"b")], "invalid_scope", false),
    ] {
        let mut browser = site.browser();
        let answer = if begins {
            browser.log_in_at_idp(&form).await
        } else {
            browser.form("/auth/login/idp", &form).await
        };
        answer.is_failure(LoginFailureKind::AccessNotGranted, 400, code);
        assert!(!browser.has_session());
    }
    assert_eq!(site.events(), ["refused alice"]);
}

/// The wish is stored in the cookie of the login. Each name counts as its length plus three bytes.
#[tokio::test]
async fn a_wish_has_a_maximum_size() {
    let site = Site::new().await;
    for (len, is_accepted) in [(512 - 3, true), (512 - 2, false)] {
        let mut browser = site.browser();
        let answer = browser.form("/auth/login/idp", &[("scope", &"a".repeat(len))]).await;
        if is_accepted {
            assert_eq!(answer.status(), 303, "{answer:?}");
        } else {
            answer.is_failure(LoginFailureKind::InvalidRequest, 400, "invalid_request");
        }
    }
}

#[tokio::test]
async fn a_login_replaces_the_session_that_the_browser_had() {
    for cookies in [cookies(), cookies().lax()] {
        let site = Site::with(cookies, |login| login, |routes| routes).await;
        let mut browser = site.browser();
        browser.log_in("bob").await;
        let before = site.session_of("bob").await;
        browser.log_in_at_idp(&[]).await;
        assert_eq!(site.events(), ["started bob", "started alice", "ended bob"]);
        assert!(site.sessions.of_subject("bob").await.unwrap().is_empty());
        assert_ne!(site.session_of("alice").await.id(), before.id());
    }
}

#[tokio::test]
async fn a_page_can_ask_for_a_fresh_login_at_the_provider() {
    let site = Site::new().await;
    let fresh = [("fresh", "true")];
    // This provider does not say when the user logged in.
    let answer = site.browser().log_in_at_idp(&fresh).await;
    answer.is_failure(LoginFailureKind::InvalidIdentity, 502, "invalid_identity");
    let request = site.idp.last_request();
    assert_eq!((request["prompt"].as_str(), request["max_age"].as_str()), ("login", "0"));
    for (auth_time, status) in [(NOW - 60, 502), (NOW, 200)] {
        site.idp.spoil(|idp| {
            idp.claims.insert("auth_time", auth_time.into());
        });
        assert_eq!(site.browser().log_in_at_idp(&fresh).await.status(), status);
    }
    site.browser().log_in_at_idp(&[]).await;
    assert_eq!(site.seen().iter().map(|seen| seen.is_fresh()).collect::<Vec<_>>(), [true, false]);
}

#[tokio::test]
async fn two_tabs_both_succeed() {
    let site = Site::new().await;
    let mut browser = site.browser();
    let first = browser.begin(&[("return_to", "/first")]).await;
    let second = browser.begin_at("other", &[("return_to", "/second")]).await;
    for (url, path) in [(second, "/second"), (first, "/first")] {
        let back = browser.at_provider(&url).await;
        let answer = browser.come_back(&back).await;
        assert_eq!(answer.status(), 200, "{answer:?}");
        assert!(answer.body.contains(&format!("url={path}\"")), "{}", answer.body);
    }
    assert!(!browser.jar.contains_key("__Host-login"));
}

#[tokio::test]
async fn many_begun_logins_grow_nothing() {
    let site = Site::new().await;
    let mut browser = site.browser();
    let path = format!("/{}", "a".repeat(511));
    let mut urls = Vec::new();
    for _ in 0..200 {
        urls.push(browser.begin(&[("return_to", &path)]).await);
        let (value, ..) = &browser.jar["__Host-login"];
        assert!("__Host-login=".len() + value.len() <= 3_800, "{}", value.len());
    }
    assert!(site.sessions.of_subject("alice").await.unwrap().is_empty());
    let oldest = browser.at_provider(&urls[0]).await;
    browser.come_back(&oldest).await.is_failure(
        LoginFailureKind::UnknownLogin,
        400,
        "unknown_login",
    );
    let latest = browser.at_provider(urls.last().unwrap()).await;
    assert_eq!(browser.come_back(&latest).await.status(), 200);
}

#[tokio::test]
async fn the_session_keeps_the_time_of_the_callback() {
    let site = Site::new().await;
    let mut browser = site.browser();
    let url = browser.begin(&[]).await;
    site.wait(599);
    let back = browser.at_provider(&url).await;
    assert_eq!(browser.come_back(&back).await.status(), 200);
    assert_eq!(site.session_of("alice").await.started_at().as_secs(), NOW + 599);
}

#[tokio::test]
async fn a_previous_secret_finishes_the_logins_that_it_began() {
    let old = Site::new().await;
    let mut browser = old.browser();
    browser.begin(&[]).await;
    // The callback has an unknown `state`, so the login always fails. The reported reason shows
    // whether the server could open the cookie. A server that has the old secret opens the cookie,
    // and reports that the `state` is wrong. A server without the old secret reports that the
    // cookie was sealed with another secret.
    let state = "state=unknown";
    for (is_known, reason) in [(true, "`state`"), (false, "another secret")] {
        let new = Site::with(
            cookies(),
            |_| {
                let login = super::site::other_login();
                let login = login.add_provider(old.idp.provider("idp"));
                if is_known {
                    login.add_previous_secret(super::site::login_secret())
                } else {
                    login
                }
            },
            |routes| routes,
        );
        let new = new.await;
        let mut moved = new.browser();
        moved.jar = browser.jar.clone();
        let answer = moved.come_back(&format!("/auth/login/idp/callback?{state}&code=a")).await;
        let found = answer.is_failure(LoginFailureKind::UnknownLogin, 400, "unknown_login");
        assert!(found.contains(reason), "{found}");
    }
}

#[tokio::test]
async fn a_cookie_for_development_has_no_prefix() {
    let cookies = Cookies::new("/auth")
        .add_access_cookie("cart", "__Host-cart_token")
        .dangerous_without_https();
    let site = Site::with(cookies, |login| login, |routes| routes).await;
    let mut browser = site.browser();
    browser.begin(&[]).await;
    assert!(browser.jar.contains_key("login"));
    assert!(!browser.jar.contains_key("__Host-login"));
    assert_eq!(browser.log_in_at_idp(&[]).await.status(), 200);
}
