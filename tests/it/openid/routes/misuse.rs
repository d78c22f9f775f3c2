//! Tests of configurations that cannot work.

use std::sync::Arc;

use tower_jwt_auth::issuer::{AuthRoutes, Cookies, MemoryStore, Sessions, TokenIssuer};
use tower_jwt_auth::openid::{LoginProvider, OAuthEndpoints, OpenIdLogin};

use super::site::{Users, cookies, login_secret, users};
use crate::kit::panics::refused;
use crate::kit::secret;

fn login() -> OpenIdLogin {
    OpenIdLogin::new(login_secret()).add_provider(provider("company"))
}

fn provider(name: &str) -> LoginProvider {
    LoginProvider::openid(name, "https://login.example", "shop")
}

fn routes(issuer: &str) -> AuthRoutes<Arc<Users>, MemoryStore> {
    let issuer = TokenIssuer::derived(issuer, &secret(), ["cart"]);
    AuthRoutes::new(users(), issuer, Sessions::new(MemoryStore::new()))
}

#[track_caller]
fn is_refused<T>(configure: impl FnOnce() -> T, needles: &[&str]) {
    let sentence = refused(configure);
    for needle in needles {
        assert!(sentence.contains(needle), "{sentence}");
    }
}

const URL: &str = "https://shop.example/auth";

#[test]
fn logins_need_a_provider_and_each_its_own_name() {
    let none = || routes(URL).cookies(cookies()).openid_login(OpenIdLogin::new(login_secret()));
    is_refused(none, &["no provider", "add_provider"]);
    is_refused(|| login().add_provider(provider("company")), &["\"company\"", "another name"]);
    is_refused(
        || routes(URL).cookies(cookies()).openid_login(login().keep_tokens(["google"])),
        &["keep_tokens(\"google\")"],
    );
    is_refused(|| login().keep_tokens("a").keep_tokens("b"), &["second time", "one call"]);
}

#[test]
fn users_of_two_providers_with_one_issuer_cannot_be_taken_for_each_other() {
    let plain = |name: &str, host: &str, tenant: &str| {
        let url = |path: &str| format!("https://{host}/{tenant}/{path}");
        let endpoints = OAuthEndpoints::new(url("authorize"), url("token"), url("me"));
        LoginProvider::oauth(name, endpoints, "shop", |id: String| Some(id))
    };
    let with = |provider| login().add_provider(provider).add_provider(plain("b", "a.example", "b"));
    let sentence = ["\"b\"", "https://a.example", "one issuer"];
    is_refused(|| with(plain("a", "a.example", "a")), &sentence);
    is_refused(|| with(LoginProvider::openid("a", "https://a.example", "shop")), &sentence);
    let _ = with(plain("a", "b.example", "b"));
    // The same client can be configured twice at one provider, for instance with different scopes.
    let _ = with(plain("a", "a.example", "b"));
    let _ = login().add_provider(provider("company-with-more-scopes"));
}

#[test]
fn logins_need_cookies_and_a_public_url() {
    is_refused(|| routes(URL).openid_login(login()), &["tokens in cookies", "cookies(..)"]);
    is_refused(
        || routes("shop").cookies(cookies()).openid_login(login()),
        &["public_url", "is not a URL"],
    );
    is_refused(
        || routes(URL).cookies(cookies().embedded()).openid_login(login()),
        &["Cookies::embedded"],
    );
    is_refused(
        || routes(URL).cookies(cookies()).openid_login(login()).cookies(cookies()),
        &["after"],
    );
}

#[test]
fn the_routes_are_reached_over_https_except_on_this_machine() {
    for url in [
        "http://shop.example/auth",
        "http://localhost.shop.example",
        "http://127.0.0.1.shop.example",
        "http://10.0.0.1:8080/auth",
        "http://[2001:db8::1]/auth",
        "HTTP://shop.example/auth",
    ] {
        is_refused(|| routes(url).cookies(cookies()).openid_login(login()), &["https", url]);
    }
    for url in [
        "http://localhost:4000/auth",
        "http://shop.localhost/auth",
        "http://127.0.0.1",
        "http://[::1]:4000",
        "http://[::1]/auth",
        "HTTP://LOCALHOST:4000/auth",
        URL,
    ] {
        let _ = routes(url).cookies(cookies()).openid_login(login());
    }
}

#[test]
fn the_cookie_of_a_login_has_a_prefix_and_a_name_of_its_own() {
    is_refused(|| login().login_cookie("login"), &["__Host-"]);
    is_refused(|| login().login_cookie("__Host-a b"), &["cookie name"]);
    let taken = || {
        let login = login().login_cookie("__Host-cart_token");
        routes(URL).cookies(cookies()).openid_login(login)
    };
    is_refused(taken, &["\"__Host-cart_token\"", "login_cookie"]);
    let development = || {
        let cookies = Cookies::new("/auth").add_access_cookie("cart", "__Host-login");
        routes(URL).cookies(cookies.dangerous_without_https()).openid_login(login())
    };
    is_refused(development, &["\"login\""]);
    let _ = routes(URL).cookies(cookies()).openid_login(login().login_cookie("__Host-attempts"));
}

#[test]
fn a_provider_over_plain_http_is_refused() {
    let build = |provider| {
        let login = OpenIdLogin::new(login_secret()).add_provider(provider);
        routes(URL).cookies(cookies()).openid_login(login)
    };
    let openid = || LoginProvider::openid("local", "http://127.0.0.1:4000", "shop");
    is_refused(|| build(openid()), &["dangerous_allow_http"]);
    let _ = build(openid().dangerous_allow_http());
    let (http, https) = ("http://127.0.0.1:4000/a", "https://login.example/a");
    for urls in [[http, https, https], [https, http, https], [https, https, http]] {
        let plain = || {
            let endpoints = OAuthEndpoints::new(urls[0], urls[1], urls[2]);
            LoginProvider::oauth("local", endpoints, "shop", |id: String| Some(id))
        };
        is_refused(|| build(plain()), &["dangerous_allow_http"]);
        let _ = build(plain().dangerous_allow_http());
    }
}
