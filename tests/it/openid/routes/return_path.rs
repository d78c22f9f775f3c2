//! The page to which a login returns.

use tower_jwt_auth::openid::LoginFailureKind;

use super::site::{Site, cookies};

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
