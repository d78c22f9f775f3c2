//! Tests of linking a second account to a user who is logged in.

use tower_jwt_auth::openid::{LoginDecision, LoginFailureKind};

use super::site::{Site, cookies, grant};

const LINK: [(&str, &str); 1] = [("link", "true")];

/// Returns a site with two kinds of login. A login that links an account gets a session of the user
/// who asked for the link. Any other login gets a session of the user `new user`.
async fn site() -> Site {
    let site = Site::new().await;
    site.decide(|identity| {
        let user = identity.link_to().map_or("new user", |session| session.subject());
        Ok(grant(user).into())
    });
    site
}

#[tokio::test]
async fn the_application_sees_the_session_to_link_to() {
    for cookies in [cookies(), cookies().lax()] {
        let site = Site::with(cookies, |login| login, |routes| routes).await;
        site.decide(|identity| Ok(grant(identity.link_to().unwrap().subject()).into()));
        let mut browser = site.browser();
        browser.log_in("bob").await;
        let before = site.session_of("bob").await;
        site.wait(300);
        let url = browser.begin(&LINK).await;
        // The session must be at most 5 minutes old when the link begins. It may be older when the
        // browser comes back from the provider.
        site.wait(500);
        let back = browser.at_provider(&url).await;
        let answer = browser.come_back(&back).await;
        assert!([200, 303].contains(&answer.status()), "{answer:?}");
        assert_eq!(site.seen()[0].link_to().unwrap().id(), before.id());
        let after = site.session_of("bob").await;
        assert_ne!(after.id(), before.id(), "the login replaces the session");
        assert_eq!(after.external_login().unwrap().subject(), "user-1");
    }
}

#[tokio::test]
async fn a_link_needs_a_session_whose_login_is_recent() {
    let site = site().await;
    let mut stranger = site.browser();
    let answer = stranger.form("/auth/login/idp", &LINK).await;
    answer.is_failure(LoginFailureKind::FreshLoginRequired, 403, "fresh_login_required");

    let mut browser = site.browser();
    browser.log_in("bob").await;
    site.wait(200);
    assert_eq!(browser.form("/auth/refresh", &[]).await.status(), 200);
    site.wait(101);
    let answer = browser.form("/auth/login/idp", &LINK).await;
    let reason =
        answer.is_failure(LoginFailureKind::FreshLoginRequired, 403, "fresh_login_required");
    assert!(reason.contains("5 minutes"), "{reason}");
    assert!(answer.set_cookies().is_empty());
    assert_eq!(site.session_of("bob").await.subject(), "bob", "the session goes on");
}

#[tokio::test]
async fn a_link_ends_with_the_session_that_began_it() {
    for ending in ["logout", "logout-everywhere", "login"] {
        let site = site().await;
        let mut browser = site.browser();
        browser.log_in("bob").await;
        let url = browser.begin(&LINK).await;
        let back = browser.at_provider(&url).await;
        match ending {
            "login" => browser.log_in("carol").await,
            path => assert_eq!(browser.form(&format!("/auth/{path}"), &[]).await.status(), 204),
        }
        let answer = browser.come_back(&back).await;
        answer.is_failure(LoginFailureKind::FreshLoginRequired, 403, "fresh_login_required");
        assert!(site.seen().is_empty(), "{ending}");
        assert!(site.sessions.of_subject("bob").await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_link_is_for_the_session_that_the_browser_still_has() {
    let site = Site::with(cookies().lax(), |login| login, |routes| routes).await;
    let mut browser = site.browser();
    browser.log_in("bob").await;
    let url = browser.begin(&LINK).await;
    let back = browser.at_provider(&url).await;
    // The browser now has another session of the same user. The first session is still live.
    let mut other = site.browser();
    other.log_in("bob").await;
    for name in ["__Host-session", "__Secure-refresh_token"] {
        browser.jar.insert(name.to_owned(), other.jar[name].clone());
    }
    let answer = browser.come_back(&back).await;
    answer.is_failure(LoginFailureKind::FreshLoginRequired, 403, "fresh_login_required");
    assert!(site.seen().is_empty());
}

#[tokio::test]
async fn a_link_for_another_user_is_an_error_of_the_application() {
    let site = Site::new().await;
    site.decide(|_| Ok(grant("carol").into()));
    let mut browser = site.browser();
    browser.log_in("bob").await;
    let answer = browser.log_in_at_idp(&LINK).await;
    let reason = answer.is_failure(LoginFailureKind::ServerError, 500, "server_error");
    assert!(reason.contains("another subject"), "{reason}");
    assert_eq!(site.events(), ["started bob"]);
}

#[tokio::test]
async fn a_refused_link_leaves_the_session() {
    let site = Site::new().await;
    site.decide(|_| Ok(LoginDecision::refuse("This account belongs to another user.")));
    let mut browser = site.browser();
    browser.log_in("bob").await;
    let answer = browser.log_in_at_idp(&LINK).await;
    answer.is_failure(LoginFailureKind::Refused, 403, "login_refused");
    assert!(answer.body.contains("This account belongs to another user."));
    assert_eq!(browser.form("/auth/refresh", &[]).await.status(), 200);
}
