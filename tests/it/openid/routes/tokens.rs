//! Tests of the provider's tokens.

use tower_jwt_auth::issuer::RefreshStore;
use tower_jwt_auth::openid::LoginFailureKind;

use super::idp::{ACCESS_TOKEN, REFRESH_TOKEN};
use super::site::{Site, cookies, login_secret, other_login};

async fn keeping() -> Site {
    Site::with(cookies(), |login| login.keep_tokens(["idp"]), |routes| routes).await
}

#[tokio::test]
async fn tokens_are_dropped_unless_they_are_asked_for() {
    let site = Site::new().await;
    site.browser().log_in_at_idp(&[]).await;
    let session = site.session_of("alice").await;
    assert!(!session.external_login().unwrap().keeps_tokens());
    assert!(site.login.provider_tokens(&session).is_none());
}

#[tokio::test]
async fn kept_tokens_open_with_the_secret_only() {
    let site = keeping().await;
    site.browser().log_in_at_idp(&[]).await;
    let session = site.session_of("alice").await;
    let tokens = site.login.provider_tokens(&session).unwrap();
    assert_eq!(tokens.access_token(), ACCESS_TOKEN);
    assert_eq!(tokens.refresh_token(), Some(REFRESH_TOKEN));
    assert!(other_login().provider_tokens(&session).is_none());
    let rotated = other_login().add_previous_secret(login_secret());
    assert_eq!(rotated.provider_tokens(&session).unwrap().access_token(), ACCESS_TOKEN);
    let text = format!("{tokens:?} {session:?} {:?} {:?}", session.external_login(), site.login);
    for token in [ACCESS_TOKEN, REFRESH_TOKEN] {
        assert!(!text.contains(token), "{text}");
    }
}

#[tokio::test]
async fn the_tokens_of_other_providers_are_dropped() {
    let site = keeping().await;
    let mut browser = site.browser();
    let url = browser.begin_at("other", &[]).await;
    let back = browser.at_provider(&url).await;
    browser.come_back(&back).await;
    let session = site.session_of("alice").await;
    assert!(!session.external_login().unwrap().keeps_tokens());
}

#[tokio::test]
async fn no_token_of_the_provider_is_in_an_answer_or_in_a_row() {
    let site = keeping().await;
    let mut browser = site.browser();
    let url = browser.begin(&[]).await;
    let back = browser.at_provider(&url).await;
    let mut answers = vec![browser.come_back(&back).await];
    answers.push(browser.form("/auth/refresh", &[]).await);
    answers.push(
        browser.request(http::Method::GET, "/auth/sessions", &[], String::new(), false).await,
    );
    for answer in answers {
        assert_eq!(answer.status(), 200);
        let text = format!("{answer:?}");
        assert!(!text.contains(ACCESS_TOKEN) && !text.contains(REFRESH_TOKEN), "{text}");
    }
    let rows = site.sessions.store().of_subject("alice").await.unwrap();
    assert_eq!(rows.len(), 1);
    for row in rows {
        assert!(row.state.contains("\"tokens\":\"v1."), "{}", row.state);
        for token in [ACCESS_TOKEN, REFRESH_TOKEN, "eyJ"] {
            assert!(!row.state.contains(token), "{}", row.state);
        }
    }
}

#[tokio::test]
async fn the_tokens_end_with_the_session() {
    let site = keeping().await;
    let mut browser = site.browser();
    browser.log_in_at_idp(&[]).await;
    let session = site.session_of("alice").await;
    assert_eq!(browser.form("/auth/logout", &[]).await.status(), 204);
    let row = site.sessions.store().load(session.id()).await.unwrap().unwrap();
    assert!(row.ended && row.state.contains("\"subject\":\"user-1\""), "{}", row.state);
    assert!(!row.state.contains("tokens"), "{}", row.state);
}

#[tokio::test]
async fn tokens_that_do_not_fit_refuse_the_login_before_the_application_decides() {
    let site = keeping().await;
    site.idp.spoil(|idp| idp.token_len = Some(6_000));
    let answer = site.browser().log_in_at_idp(&[]).await;
    let reason = answer.is_failure(LoginFailureKind::TokensTooLarge, 500, "tokens_too_large");
    assert!(reason.contains("6144") && reason.contains("keep_tokens"), "{reason}");
    assert!(site.seen().is_empty() && site.events().is_empty());
    // If the tokens of a provider are not stored, their size has no effect.
    site.other.spoil(|idp| idp.token_len = Some(6_000));
    let mut browser = site.browser();
    let url = browser.begin_at("other", &[]).await;
    let back = browser.at_provider(&url).await;
    assert_eq!(browser.come_back(&back).await.status(), 200);
}

#[tokio::test]
async fn kept_tokens_do_not_open_in_the_row_of_another_account() {
    let site = keeping().await;
    site.browser().log_in_at_idp(&[]).await;
    for (own, other) in [
        ("\"subject\":\"user-1\"", "\"subject\":\"user-2\"".to_owned()),
        (site.idp.issuer.as_str(), site.other.issuer.clone()),
        ("\"provider\":\"idp\"", "\"provider\":\"other\"".to_owned()),
    ] {
        let original = site.sessions.store().of_subject("alice").await.unwrap().remove(0);
        let mut row = original.clone();
        row.version += 1;
        row.state = row.state.replace(own, &other);
        assert_ne!(row.state, original.state);
        assert!(site.sessions.store().replace(&row).await.unwrap());
        let session = site.session_of("alice").await;
        assert!(session.external_login().unwrap().keeps_tokens());
        assert!(site.login.provider_tokens(&session).is_none(), "{other}");
        row.version += 1;
        row.state = original.state;
        assert!(site.sessions.store().replace(&row).await.unwrap());
    }
    assert!(site.login.provider_tokens(&site.session_of("alice").await).is_some());
}
