//! Tests that invalid configuration causes a panic at the line with the configuration.

use std::time::Duration;

use tower_jwt_auth::issuer::{Cookies, LoginRequest, Logins, MemoryStore, Sessions, TokenIssuer};

use super::kit::{Fragile, ISSUER, Routes, Server, Users, issuer};
use crate::kit::panics::refused;
use crate::kit::secret;

#[test]
fn invalid_configuration_panics_with_advice() {
    let sessions = || Sessions::new(MemoryStore::new());
    let cookies = || Cookies::new("/auth");
    let sentences = [
        (refused(|| TokenIssuer::new("")), "give the auth server's https URL"),
        (refused(|| issuer().audience("basket", secret())), "with add_audience("),
        (refused(|| issuer().add_audience("cart", secret())), "one key"),
        (refused(|| TokenIssuer::new(ISSUER).audience(["a", "a"], secret())), "one key"),
        (refused(|| issuer().add_audience("", secret())), "has a name"),
        (refused(|| issuer().lifetime(Duration::from_millis(999))), "at least one"),
        (refused(|| sessions().idle_lifetime(Duration::ZERO)), "end every session at once"),
        (refused(|| sessions().absolute_lifetime(Duration::ZERO)), "end every session at once"),
        (refused(|| sessions().grace(Duration::from_secs(61))), "a minute at most"),
        (refused(|| sessions().max_repeats(0)), "grace(Duration::ZERO)"),
        (refused(|| sessions().max_repeats_at_once(0)), "grace(Duration::ZERO)"),
        (refused(|| Cookies::new("auth")), "as in \"/auth\""),
        (refused(|| Cookies::new("/a;b")), "as in \"/auth\""),
        (refused(|| Cookies::new(format!("/{}", "a".repeat(1024)))), "as in \"/auth\""),
        (refused(|| cookies().add_access_cookie("cart", "token")), "begin the name \"token\" with"),
        (
            refused(|| cookies().add_access_cookie("cart", "__Secure-t")),
            "call `dangerous_domain` before",
        ),
        (refused(|| cookies().dangerous_domain("example")), "with a dot inside"),
        (refused(|| cookies().dangerous_domain(".shop.example")), "none in front"),
        (refused(|| cookies().dangerous_domain("127.0.0.1")), "not an IP address"),
        (refused(|| cookies().dangerous_domain("shop.example:8443")), "no port"),
        (
            refused(|| {
                cookies()
                    .add_access_cookie("cart", "__Host-cart_token")
                    .dangerous_domain("shop.example")
            }),
            "begin the name \"__Host-cart_token\" with \"__Secure-\"",
        ),
        (
            refused(|| {
                cookies().dangerous_domain("shop.example").add_access_cookie("a", "__Host-a")
            }),
            "begin the name \"__Host-a\" with \"__Secure-\"",
        ),
        (refused(|| cookies().embedded().dangerous_without_https()), "over https"),
        (refused(|| cookies().dangerous_without_https().embedded()), "over https"),
        (refused(|| cookies().add_access_cookie("cart", "__host-token")), "write the prefix as"),
        (refused(|| cookies().add_access_cookie("cart", "__Host-to ken")), "no cookie name"),
        (refused(|| cookies().refresh_cookie("refresh")), "begin the name \"refresh\" with"),
        (refused(|| cookies().session_cookie("__Secure-s")), "begin the name \"__Secure-s\" with"),
        (refused(|| cookies().add_access_cookie("a", "__Host-session")), "the name of two cookies"),
        (
            refused(|| {
                cookies().add_access_cookie("a", "__Host-a").add_access_cookie("a", "__Host-b")
            }),
            "has a cookie",
        ),
        (
            refused(|| {
                cookies().add_access_cookie("a", "__Host-refresh_token").dangerous_without_https()
            }),
            "the name of two cookies",
        ),
        (
            refused(|| cookies().refresh_cookie("__Secure-__host-x").dangerous_without_https()),
            "write the",
        ),
        (refused(|| sessions().max_per_subject(0)), "let nobody log in"),
        (
            refused(|| Server::with(|routes| routes.cookies(cookies()))),
            "add one for each service with `Cookies::add_access_cookie`",
        ),
        (
            refused(|| {
                Server::with(|routes| routes.cookies(cookies().add_access_cookie("x", "__Host-x")))
            }),
            "has no key for that audience",
        ),
        (refused(|| Server::with(|routes| routes.trust_origin("app"))), "nothing that a browser"),
        (refused(|| Server::with(|routes| routes.trust_origin("*"))), "there are no patterns"),
        (
            refused(|| Server::with(|routes| routes.trust_origin(["https://a"]).trust_origin("x"))),
            "is called a second time",
        ),
        (
            refused(|| LoginRequest::new().audience("a").audience("b")),
            "audience([\"cart\", \"payment\"])",
        ),
        (
            refused(|| LoginRequest::new().scopes([""; 0]).scopes(["a"])),
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
        refused(|| {
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
