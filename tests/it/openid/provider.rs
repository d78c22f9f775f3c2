//! Tests of the configuration of a provider.

use std::time::Duration;

use serde_json::Value;
use tower_jwt_auth::Algorithm;
use tower_jwt_auth::openid::{LoginProvider, OAuthEndpoints, OpenIdLogin};

use crate::kit;
use crate::kit::panics::refused;

fn openid() -> LoginProvider {
    LoginProvider::openid("company", "https://login.example/realms/shop", "shop")
}

fn endpoints() -> OAuthEndpoints {
    OAuthEndpoints::new("https://a.example/auth", "https://a.example/token", "https://a.example/me")
}

fn plain() -> LoginProvider {
    plain_as("plain", "shop")
}

fn plain_as(name: &str, client_id: &str) -> LoginProvider {
    LoginProvider::oauth(name, endpoints(), client_id, |_: Value| None)
}

#[track_caller]
fn is_refused<T>(configure: impl FnOnce() -> T, part: &str) {
    let sentence = refused(configure);
    assert!(sentence.starts_with("tower-jwt-auth: ") && sentence.contains(part), "{sentence}");
}

#[test]
fn a_name_is_a_part_of_a_path() {
    for name in ["a", "my-company-2", &"x".repeat(32)] {
        let _ = LoginProvider::openid(name, "https://login.example", "shop");
    }
    for name in ["", "Company", "a/b", "..", "a b", "a?b", "ä", &"x".repeat(33)] {
        is_refused(
            || LoginProvider::openid(name, "https://login.example", "shop"),
            "is a part of URLs",
        );
    }
}

#[test]
fn issuers_and_endpoints_are_https_urls() {
    for (issuer, part) in [
        ("http://login.example", "its scheme is not https"),
        ("login.example", "not an absolute URL"),
        ("https://me:hunter2@login.example", "user name or a password"),
        ("https://login.example/#a", "fragment"),
        ("https://login.example/?tenant=a", "has a query"),
    ] {
        let sentence = refused(|| LoginProvider::openid("a", issuer, "shop"));
        assert!(sentence.contains(part) && !sentence.contains("hunter2"), "{sentence}");
        is_refused(|| LoginProvider::keycloak("a", issuer, "shop"), part);
    }
    for place in 0..3 {
        let mut urls = ["https://a.example/x"; 3];
        urls[place] = "http://a.example/x";
        is_refused(|| OAuthEndpoints::new(urls[0], urls[1], urls[2]), "its scheme is not https");
    }
}

#[test]
fn a_client_has_an_id_and_no_empty_secret() {
    is_refused(|| LoginProvider::google(""), "client id");
    is_refused(|| LoginProvider::naver(""), "client id");
    is_refused(|| openid().client_secret(""), "secret is empty");
}

#[test]
fn a_list_is_given_once() {
    is_refused(|| openid().scopes(["a"]).scopes(["b"]), "called twice");
    let rs256 = || [Algorithm::Rs256];
    is_refused(|| openid().algorithms(rs256()).algorithms(rs256()), "called twice");
    for scope in ["", "a b", "a\"b", "ä"] {
        is_refused(|| openid().scopes([scope]), "is not one scope");
    }
    is_refused(|| openid().algorithms([]), "at least one");
    is_refused(|| openid().algorithms([Algorithm::Hs256]), "shared secret");
}

#[test]
fn parameters_that_a_login_sets_itself_are_refused() {
    let _ = openid().add_parameter("prompt", "select_account").add_parameter("hd", "shop.example");
    for name in [
        "",
        "client_id",
        "client_secret",
        "code_challenge",
        "code_challenge_method",
        "max_age",
        "nonce",
        "redirect_uri",
        "request",
        "request_uri",
        "response_mode",
        "response_type",
        "scope",
        "state",
    ] {
        is_refused(|| openid().add_parameter(name, "x"), "cannot be set");
    }
    is_refused(|| openid().add_parameter("hd", "a").add_parameter("hd", "b"), "was given before");
    for prompt in ["none", "login none"] {
        is_refused(|| openid().add_parameter("prompt", prompt), "never shows its login page");
    }
}

#[test]
fn times_have_limits() {
    is_refused(|| openid().timeout(Duration::ZERO), "would end every request");
    is_refused(|| openid().leeway(Duration::from_secs(61)), "60 s is the most");
    let _ = openid().leeway(Duration::from_secs(60)).timeout(Duration::from_millis(1));
}

#[test]
fn settings_of_one_protocol_are_refused_for_the_other() {
    is_refused(|| plain().user_info(), "always fetched");
    is_refused(|| plain().trust_verified_email(), "with_verified_email");
    is_refused(|| plain().algorithms([Algorithm::Rs256]), "signs nothing");
    is_refused(|| openid().with_verified_email(|_: Value| None), "trust_verified_email");
}

#[test]
fn two_clients_of_a_plain_provider_may_number_their_users_differently() {
    let login = || OpenIdLogin::new(kit::secret()).add_provider(plain());
    let _ = login().add_provider(plain_as("again", "shop"));
    is_refused(|| login().add_provider(plain_as("other", "another-client")), "one issuer");
}

#[test]
fn debug_output_has_no_secret() {
    for provider in [openid(), plain()] {
        let text = format!("{:?}", provider.client_secret("hunter2"));
        assert!(text.contains("shop") && !text.contains("hunter2"), "{text}");
    }
}
