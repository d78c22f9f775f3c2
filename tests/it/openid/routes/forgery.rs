//! Tests of attackers who try to log a victim in to the attacker's account, or to use a victim's
//! code.

use axum::Router;
use axum::body::{Body, to_bytes};
use futures_util::FutureExt;
use http::Request;
use proptest::prelude::*;
use tower::ServiceExt;
use tower_jwt_auth::openid::{LoginFailure, LoginFailureKind};

use super::site::{ORIGIN, Site, routes_without_network};

#[tokio::test]
async fn a_page_of_another_site_cannot_begin_a_login() {
    let site = Site::new().await;
    let evil = "https://evil.example";
    for headers in [
        &[("sec-fetch-site", "cross-site"), ("origin", evil)][..],
        &[("sec-fetch-site", "same-site"), ("origin", "https://blog.shop.example")],
        &[("sec-fetch-site", "cross-site"), ("origin", "null")],
        &[("origin", evil)],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site"), ("origin", ORIGIN)],
        &[("origin", ORIGIN), ("origin", evil)],
    ] {
        let mut browser = site.browser();
        let answer = browser.form_as("/auth/login/idp", &[], headers, true).await;
        answer.is_failure(LoginFailureKind::CrossSite, 403, "cross_site_request");
        assert!(browser.jar.is_empty());
    }
}

#[tokio::test]
async fn a_victim_who_is_sent_to_the_callback_of_an_attacker_is_not_logged_in() {
    let site = Site::new().await;
    let mut attacker = site.browser();
    let url = attacker.begin(&[]).await;
    let back = attacker.at_provider(&url).await;
    let mut victim = site.browser();
    let answer = victim.come_back(&back).await;
    answer.is_failure(LoginFailureKind::UnknownLogin, 400, "unknown_login");
    // The attacker's callback is also rejected while the victim has a login of their own in
    // progress.
    victim.begin(&[]).await;
    let answer = victim.come_back(&back).await;
    answer.is_failure(LoginFailureKind::UnknownLogin, 400, "unknown_login");
    assert!(victim.jar.contains_key("__Host-login"), "the victim's own login goes on");
    assert_eq!(site.idp.exchanges(), 0);
    assert!(site.events().is_empty());
}

#[tokio::test]
async fn the_code_of_another_login_does_not_fit() {
    let site = Site::new().await;
    let mut attacker = site.browser();
    let url = attacker.begin(&[]).await;
    attacker.at_provider(&url).await;
    let code = site.idp.code_for(&site.idp.last_request());
    let mut victim = site.browser();
    let url = victim.begin(&[]).await;
    let back = victim.at_provider(&url).await;
    let (path, rest) = back.split_once("code=").unwrap();
    let (_, rest) = rest.split_once('&').unwrap();
    // The callback has the victim's own `state`, but a code that was issued for the attacker's
    // challenge and nonce.
    let answer = victim.come_back(&format!("{path}code={code}&{rest}")).await;
    answer.is_failure(LoginFailureKind::CodeRejected, 400, "code_rejected");
    assert!(site.events().is_empty());
}

#[tokio::test]
async fn a_changed_cookie_or_a_cookie_of_another_secret_begins_nothing() {
    let site = Site::new().await;
    let mut browser = site.browser();
    let url = browser.begin(&[]).await;
    let back = browser.at_provider(&url).await;
    let (value, path, strict) = browser.jar["__Host-login"].clone();
    let flipped = |place: usize| {
        let mut bytes = value.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    for place in [0, 3, 20, value.len() / 2, value.len() - 2] {
        let mut changed = browser.clone();
        changed.jar.insert("__Host-login".to_owned(), (flipped(place), path.clone(), strict));
        let answer = changed.come_back(&back).await;
        let reason = answer.is_failure(LoginFailureKind::UnknownLogin, 400, "unknown_login");
        assert!(reason.contains("was changed"), "{reason}");
    }
    let mut without = site.browser();
    let answer = without.come_back(&back).await;
    let reason = answer.is_failure(LoginFailureKind::UnknownLogin, 400, "unknown_login");
    assert!(reason.contains("sent no cookie"), "{reason}");
    assert_eq!(browser.come_back(&back).await.status(), 200);
}

#[tokio::test]
async fn a_failure_says_nothing_of_the_request() {
    let site = Site::new().await;
    let mut browser = site.browser();
    browser.begin(&[]).await;
    let secret = "hunter2-secret";
    for path in [
        format!("/auth/login/idp/callback?code={secret}&state={secret}&iss={secret}"),
        format!("/auth/login/idp/callback?error={secret}&state={secret}"),
        format!("/auth/login/{secret}/callback"),
    ] {
        let answer = browser.come_back(&path).await;
        let failure = answer.failure();
        let texts = [format!("{failure:?}"), failure.to_string(), answer.body.clone()];
        assert!(texts.iter().all(|text| !text.contains(secret)), "{texts:?}");
    }
}

#[tokio::test]
async fn an_old_token_at_the_beginning_of_a_login_counts_as_stolen() {
    let site = Site::new().await;
    let mut victim = site.browser();
    victim.log_in("bob").await;
    let mut thief = victim.clone();
    assert_eq!(victim.form("/auth/refresh", &[]).await.status(), 200);
    site.wait(60);
    thief.begin(&[]).await;
    // The thief's request to begin a login contains the used token, so the server must end the
    // session at once. If the server ended the session only after the login, the end would look
    // like a logout.
    assert_eq!(site.events(), ["started bob", "ended bob"]);
}

#[tokio::test]
async fn a_login_replaces_no_session_whose_token_the_browser_does_not_have() {
    let site = Site::new().await;
    let mut victim = site.browser();
    victim.log_in("bob").await;
    let mut attacker = site.browser();
    let (token, path, strict) = victim.jar["__Secure-refresh_token"].clone();
    // The attacker can know the session's identifier, since every access token contains it.
    attacker.jar.insert("__Host-session".to_owned(), victim.jar["__Host-session"].clone());
    let (begin, end) = token.split_at(20);
    let other = if begin.starts_with('A') { "B" } else { "A" };
    let forged = format!("{other}{}{end}", &begin[1..]);
    attacker.jar.insert("__Secure-refresh_token".to_owned(), (forged, path, strict));
    assert_eq!(attacker.log_in_at_idp(&[]).await.status(), 200);
    assert_eq!(site.session_of("bob").await.subject(), "bob");
}

proptest! {
    /// An attacker forges the callback. The attacker knows neither the `state` of the browser's
    /// login nor the server's secret.
    #[test]
    fn no_forged_callback_logs_anybody_in(
        query in "((code|state|iss|error|x|%63ode)(=[a-z<%&+\"'\\u{e9}0-9.]{0,8})?&?){0,6}",
        cookie in "(v1\\.)?[A-Za-z0-9_-]{0,200}",
        begun in any::<bool>(),
    ) {
        thread_local!(static ROUTER: (Router, String) = {
            let router = routes_without_network();
            let form = "application/x-www-form-urlencoded";
            let request = Request::post("/login/plain").header("content-type", form);
            let request = request.body(Body::empty()).unwrap();
            let answer = router.clone().oneshot(request).now_or_never().unwrap().unwrap();
            let cookie = answer.headers()["set-cookie"].to_str().unwrap();
            (router, cookie.split(';').next().unwrap().to_owned())
        });
        let (router, own) = ROUTER.with(Clone::clone);
        let cookie = if begun { own } else { format!("__Host-login={cookie}") };
        let query = query.replace('"', "%22").replace('<', "%3C").replace('\u{e9}', "%C3%A9");
        let request = Request::get(format!("/login/plain/callback?{query}"));
        let request = request.header("cookie", cookie).body(Body::empty()).unwrap();
        let answer = router.oneshot(request).now_or_never().expect("no network").unwrap();
        let failure = answer.extensions().get::<LoginFailure>().unwrap();
        let kinds = [LoginFailureKind::UnknownLogin, LoginFailureKind::InvalidRequest];
        prop_assert!(kinds.contains(&failure.kind()), "{:?}", failure);
        prop_assert!(!answer.headers().contains_key("set-cookie"));
        let sentence = failure.sentence().to_owned();
        let body = to_bytes(answer.into_body(), 8_192).now_or_never().unwrap().unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        prop_assert!(body.contains(&sentence.replace('\'', "&#39;")), "{}", body);
    }
}
