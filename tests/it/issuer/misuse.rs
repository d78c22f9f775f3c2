//! Tests that invalid configuration causes a panic at the line with the configuration.

use std::time::Duration;

use tower_jwt_auth::issuer::{Cookies, LoginRequest, Logins, MemoryStore, Sessions, TokenIssuer};

use super::kit::{Fragile, ISSUER, Routes, Server, Users, issuer};
use crate::kit::{panics, secret};

/// Runs `configure`, which must panic, and returns the panic message. Fails if the panic was not
/// reported in this file.
fn sentence<T>(configure: impl FnOnce() -> T) -> String {
    let (sentence, file) = panics::refused(configure);
    assert_eq!(file, file!(), "{sentence}");
    sentence
}

#[test]
fn invalid_configuration_panics_with_advice() {
    let sessions = || Sessions::new(MemoryStore::new());
    let cookies = || Cookies::new("/auth");
    let sentences = [
        (sentence(|| TokenIssuer::new("")), "give the auth server's https URL"),
        (sentence(|| issuer().audience("basket", secret())), "with add_audience("),
        (sentence(|| issuer().add_audience("cart", secret())), "one key"),
        (sentence(|| TokenIssuer::new(ISSUER).audience(["a", "a"], secret())), "one key"),
        (sentence(|| issuer().add_audience("", secret())), "has a name"),
        (sentence(|| issuer().lifetime(Duration::from_millis(999))), "at least one"),
        (sentence(|| sessions().idle_lifetime(Duration::ZERO)), "end every session at once"),
        (sentence(|| sessions().absolute_lifetime(Duration::ZERO)), "end every session at once"),
        (sentence(|| sessions().grace(Duration::from_secs(61))), "a minute at most"),
        (sentence(|| sessions().max_repeats(0)), "grace(Duration::ZERO)"),
        (sentence(|| sessions().max_repeats_at_once(0)), "grace(Duration::ZERO)"),
        (sentence(|| Cookies::new("auth")), "as in \"/auth\""),
        (sentence(|| Cookies::new("/a;b")), "as in \"/auth\""),
        (sentence(|| Cookies::new(format!("/{}", "a".repeat(1024)))), "as in \"/auth\""),
        (
            sentence(|| cookies().add_access_cookie("cart", "token")),
            "begin the name \"token\" with",
        ),
        (
            sentence(|| cookies().add_access_cookie("cart", "__Secure-t")),
            "call `dangerous_domain` before",
        ),
        (sentence(|| cookies().dangerous_domain("example")), "with a dot inside"),
        (sentence(|| cookies().dangerous_domain(".shop.example")), "none in front"),
        (sentence(|| cookies().dangerous_domain("127.0.0.1")), "not an IP address"),
        (sentence(|| cookies().dangerous_domain("shop.example:8443")), "no port"),
        (
            sentence(|| {
                cookies()
                    .add_access_cookie("cart", "__Host-cart_token")
                    .dangerous_domain("shop.example")
            }),
            "begin the name \"__Host-cart_token\" with \"__Secure-\"",
        ),
        (
            sentence(|| {
                cookies().dangerous_domain("shop.example").add_access_cookie("a", "__Host-a")
            }),
            "begin the name \"__Host-a\" with \"__Secure-\"",
        ),
        (sentence(|| cookies().embedded().dangerous_without_https()), "over https"),
        (sentence(|| cookies().dangerous_without_https().embedded()), "over https"),
        (sentence(|| cookies().add_access_cookie("cart", "__host-token")), "write the prefix as"),
        (sentence(|| cookies().add_access_cookie("cart", "__Host-to ken")), "no cookie name"),
        (sentence(|| cookies().refresh_cookie("refresh")), "begin the name \"refresh\" with"),
        (sentence(|| cookies().session_cookie("__Secure-s")), "begin the name \"__Secure-s\" with"),
        (
            sentence(|| cookies().add_access_cookie("a", "__Host-session")),
            "the name of two cookies",
        ),
        (
            sentence(|| {
                cookies().add_access_cookie("a", "__Host-a").add_access_cookie("a", "__Host-b")
            }),
            "has a cookie",
        ),
        (
            sentence(|| {
                cookies().add_access_cookie("a", "__Host-refresh_token").dangerous_without_https()
            }),
            "the name of two cookies",
        ),
        (
            sentence(|| cookies().refresh_cookie("__Secure-__host-x").dangerous_without_https()),
            "write the",
        ),
        (sentence(|| sessions().max_per_subject(0)), "let nobody log in"),
        (
            sentence(|| Server::with(|routes| routes.cookies(cookies()))),
            "add one for each service with `Cookies::add_access_cookie`",
        ),
        (
            sentence(|| {
                Server::with(|routes| routes.cookies(cookies().add_access_cookie("x", "__Host-x")))
            }),
            "has no key for that audience",
        ),
        (sentence(|| Server::with(|routes| routes.trust_origin("app"))), "nothing that a browser"),
        (sentence(|| Server::with(|routes| routes.trust_origin("*"))), "there are no patterns"),
        (
            sentence(|| {
                Server::with(|routes| routes.trust_origin(["https://a"]).trust_origin("x"))
            }),
            "is called a second time",
        ),
        (
            sentence(|| LoginRequest::new().audience("a").audience("b")),
            "audience([\"cart\", \"payment\"])",
        ),
        (
            sentence(|| LoginRequest::new().scopes([""; 0]).scopes(["a"])),
            "scopes([\"cart:read\", \"cart:write\"])",
        ),
    ];
    for (sentence, advice) in sentences {
        assert!(sentence.starts_with("tower-jwt-auth: "), "{sentence}");
        assert!(sentence.contains(advice), "{sentence}");
    }
}

/// A `Logins` has the settings that the routes had when `logins` was called. A later call of
/// `cookies` or `trust_origin` therefore panics. Without the panic, the call would change only the
/// routes: the `Logins` would set no cookies, or would reject an origin that the routes trust.
#[test]
fn routes_cannot_be_configured_after_their_logins_were_handed_out() {
    fn late(configure: impl FnOnce(Routes) -> Routes) -> String {
        let mut logins: Option<Logins<Users, Fragile>> = None;
        sentence(|| {
            Server::with(|routes| {
                logins = Some(routes.logins());
                configure(routes)
            })
        })
    }
    let cookies = Cookies::new("/auth").add_access_cookie("cart", "__Host-cart_token");
    for (method, sentence) in [
        ("cookies", late(|routes| routes.cookies(cookies))),
        ("trust_origin", late(|routes| routes.trust_origin("https://app.example"))),
        ("public_url", late(|routes| routes.public_url("https://shop.example/auth"))),
    ] {
        let start = format!("tower-jwt-auth: AuthRoutes::{method} is called after `logins` or");
        assert!(sentence.starts_with(&start), "{sentence}");
        assert!(sentence.contains("call it first"), "{sentence}");
    }
}
