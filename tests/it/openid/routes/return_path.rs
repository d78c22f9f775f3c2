//! Tests of the page to which a login returns.

use axum::Router;
use axum::body::Body;
use futures_util::FutureExt;
use http::Request;
use proptest::prelude::*;
use tower::ServiceExt;
use tower_jwt_auth::openid::LoginFailureKind;

use super::site::{Site, cookies, routes_without_network};

#[tokio::test]
async fn a_login_returns_to_a_page_of_this_site_only() {
    let site = Site::with(cookies().lax(), |login| login, |routes| routes).await;
    let mut browser = site.browser();
    for path in ["/", "/cart", "/cart?next=https%3A%2F%2Fa.example&x=//#end", "/a//b", "/@a:b"] {
        let answer = browser.log_in_at_idp(&[("return_to", path)]).await;
        assert_eq!(answer.location(), path);
    }
    let long = format!("/{}", "a".repeat(512));
    for path in [
        "cart",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/cart\\x",
        "/\t/evil.example",
        "/\n/evil.example",
        "/a\r\nset-cookie: a=b",
        "/%5cevil.example",
        "/%5C/evil.example",
        "/%2fevil.example",
        "/%09/evil.example",
        "/.//evil.example",
        "/a/..//evil.example",
        "/%2E%2e//evil.example",
        "/caf\u{e9}",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        " /cart",
        "?x",
        "#x",
        &long,
    ] {
        let answer = site.browser().form("/auth/login/idp", &[("return_to", path)]).await;
        let reason = answer.is_failure(LoginFailureKind::InvalidRequest, 400, "invalid_request");
        assert!(reason.contains("`return_to`"), "{path}: {reason}");
        assert!(answer.set_cookies().is_empty());
    }
}

#[tokio::test]
async fn no_character_of_a_return_path_is_markup() {
    let site = Site::new().await;
    let path = "/a?x=\"><script>alert(1)</script>&y='";
    let answer = site.browser().log_in_at_idp(&[("return_to", path)]).await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    assert!(!answer.body.contains("<script"), "{}", answer.body);
    assert!(answer.body.contains("x=&quot;&gt;&lt;script&gt;"), "{}", answer.body);
}

/// Begins a login, and returns the status and `Location`.
fn begun(router: &Router, uri: &str, return_to: &str) -> (u16, String) {
    let mut form = form_urlencoded::Serializer::new(String::new());
    let body = form.append_pair("return_to", return_to).finish();
    let request = Request::post(uri).header("content-type", "application/x-www-form-urlencoded");
    let request = request.body(Body::from(body)).unwrap();
    let answer = router.clone().oneshot(request).now_or_never().expect("no network").unwrap();
    let location = answer.headers().get("location").map(|url| url.to_str().unwrap().to_owned());
    (answer.status().as_u16(), location.unwrap_or_default())
}

proptest! {
    /// The expected results come from the URL parser of browsers, which the crate `url` implements.
    #[test]
    fn a_browser_resolves_an_accepted_path_to_this_site(
        path in "[/\\\\%]{0,3}([a-c.:@?#& \t\n%/\\\\]|%2f|%5C|%09|https:|javascript:){0,8}"
    ) {
        thread_local!(static ROUTER: Router = routes_without_network());
        let (status, _) = ROUTER.with(|router| begun(router, "/login/plain", &path));
        if path.is_empty() {
            prop_assert_eq!(status, 303);
        } else if status == 303 {
            for page in ["https://shop.example/", "https://shop.example/auth/login/a/callback?x=y"] {
                let page = url::Url::parse(page).unwrap();
                let target = page.join(&path).unwrap();
                prop_assert_eq!(target.origin(), page.origin(), "{}", path);
                // The path remains safe even if a proxy decodes it before the browser reads it.
                let decoded = path.replace("%2f", "/").replace("%5C", "\\").replace("%09", "\t");
                prop_assert_eq!(page.join(&decoded).unwrap().origin(), page.origin(), "{}", path);
            }
        } else {
            prop_assert_eq!(status, 400);
        }
    }
}

#[test]
fn routes_can_be_nested_below_a_parameter() {
    let router = Router::new().nest("/{tenant}/auth", routes_without_network());
    let (status, location) = begun(&router, "/acme/auth/login/plain", "/cart");
    assert_eq!(status, 303);
    let uri = "redirect_uri=https%3A%2F%2Fshop.example%2Fauth%2Flogin%2Fplain%2Fcallback";
    assert!(location.contains(uri), "{location}");
}
