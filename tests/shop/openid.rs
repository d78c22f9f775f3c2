//! Tests of the login providers that the shop's environment configures. `tests/browser` tests the
//! logins themselves.

use reqwest::{StatusCode, header};

use crate::MASTER;
use crate::process::{Server, client, shop};

/// Returns the shop's page and its `Content-Security-Policy`.
async fn page(auth: &Server) -> (String, String) {
    let answer = client().get(&auth.url).send().await.expect("the auth server answers");
    let policy = answer.headers()[header::CONTENT_SECURITY_POLICY].to_str().expect("text");
    let policy = policy.to_owned();
    (answer.text().await.expect("the page is UTF-8"), policy)
}

#[tokio::test]
async fn without_providers_the_page_has_passwords_only() {
    let auth = Server::start("auth", &[("JWT_SECRET", MASTER)]);
    let (page, policy) = page(&auth).await;
    assert!(!page.contains("elsewhere") && !page.contains('{'), "{page}");
    assert!(policy.contains("form-action 'self'; "), "{policy}");
    for path in ["/auth/login/google", "/auth/account", "/auth/messages"] {
        let answer = client().post(format!("{}{path}", auth.url)).send().await;
        assert_eq!(answer.expect("the auth server answers").status(), StatusCode::NOT_FOUND);
    }
}

#[cfg(feature = "openid-login")]
#[tokio::test]
async fn the_page_has_a_button_for_each_provider_and_forms_may_lead_there() {
    let auth = Server::start(
        "auth",
        &[
            ("JWT_SECRET", MASTER),
            ("SHOP_KAKAO_ID", "key"),
            ("SHOP_KAKAO_SECRET", "secret"),
            ("SHOP_KEYCLOAK_URL", "https://login.shop.example/realms/shop"),
            ("SHOP_KEYCLOAK_ID", "shop"),
            ("SHOP_KEYCLOAK_SECRET", "secret"),
        ],
    );
    let (page, policy) = page(&auth).await;
    for provider in ["Kakao", "Keycloak"] {
        assert!(page.contains(&format!("<button>Log in with {provider}</button>")), "{page}");
    }
    assert!(!page.contains("Google") && !page.contains('{'), "{page}");
    let forms = "form-action 'self' https://kauth.kakao.com https://accounts.kakao.com \
                 https://login.shop.example; ";
    assert!(policy.contains(forms), "{policy}");
    let account = client().get(format!("{}/auth/account", auth.url)).send().await;
    assert_eq!(account.expect("the auth server answers").status(), StatusCode::BAD_REQUEST);
}

#[test]
fn an_incomplete_provider_is_reported_at_the_start() {
    for (variables, sentence) in [
        (&[("SHOP_GOOGLE_ID", "id")][..], "SHOP_GOOGLE_SECRET is missing"),
        (&[("SHOP_KEYCLOAK_URL", "https://login.shop.example")], "SHOP_KEYCLOAK_ID is missing"),
    ] {
        let sentence = if cfg!(feature = "openid-login") {
            sentence
        } else {
            "cargo run --example shop --features openid-login"
        };
        let variables: Vec<_> = [("JWT_SECRET", MASTER)].iter().chain(variables).copied().collect();
        let output = shop(&["auth"], &variables).output().expect("the example `shop` starts");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains(sentence), "{error}");
    }
}
