//! Tests of requests that another site causes a browser to send with the cookie.

use axum::Router;
use axum::routing::any;
use http::Method;

use crate::kit::server::{self, Ask, WIRES};
use crate::kit::shop;

const TRUSTED: &str = "https://app.example";
const EVIL: &str = "https://evil.example";

/// A value of `Sec-Fetch-Site`, a value of `Origin`, and `true` if the layer accepts an unsafe
/// method with these two headers. An empty value means that the header is absent. `OWN` stands for
/// the server's origin.
const MATRIX: [(&str, &str, bool); 24] = [
    ("", "", true),
    ("", "OWN", true),
    ("", TRUSTED, true),
    ("", "capacitor://localhost", true),
    ("", "ionic://localhost", false),
    ("", EVIL, false),
    ("", "null", false),
    ("", "https://app.example.evil.example", false),
    ("", "https://app.example:444", false),
    ("", "http://app.example", false),
    ("same-origin", "", true),
    ("same-origin", "OWN", true),
    ("same-origin", EVIL, true),
    ("none", "", true),
    ("same-site", "", false),
    ("same-site", "OWN", false),
    ("same-site", TRUSTED, true),
    ("cross-site", "", false),
    ("cross-site", "OWN", false),
    ("cross-site", EVIL, false),
    ("cross-site", TRUSTED, true),
    ("cross-site", "null", false),
    ("invented-later", EVIL, false),
    ("Same-Origin", EVIL, false),
];

#[tokio::test]
async fn unsafe_methods_with_the_cookie_must_come_from_this_site() {
    let auth = shop::auth().cookie("token").trust_origin([TRUSTED, "capacitor://localhost"]);
    let addr = server::start(Router::new().route("/", any(|| async { "done" })).layer(auth)).await;
    let good = shop::good();
    let own = format!("http://{addr}");
    for wire in WIRES {
        for (site, origin, passes) in MATRIX {
            for method in ["POST", "PUT", "PATCH", "DELETE", "PURGE", "GET", "HEAD", "OPTIONS"] {
                let method: Method = method.parse().unwrap();
                let is_safe = ["GET", "HEAD", "OPTIONS"].contains(&method.as_str());
                let mut ask = Ask::new(method, "/");
                if !site.is_empty() {
                    ask = ask.header("sec-fetch-site", site);
                }
                if !origin.is_empty() {
                    ask = ask.header("origin", origin.replace("OWN", &own));
                }
                let by_cookie = ask.clone().header("cookie", format!("token={good}"));
                let reply = server::send(wire, addr, &by_cookie).await;
                let expected = if passes || is_safe { 200 } else { 403 };
                assert_eq!(reply.status, expected, "{by_cookie:?} {wire:?}");
                if expected == 403 {
                    assert_eq!(reply.code(), "cross-site-request");
                }
                // A browser never adds an `Authorization` header automatically, so a request with
                // this header is accepted from any site.
                if !passes {
                    let reply = server::send(wire, addr, &ask.bearer(&good)).await;
                    assert_eq!(reply.status, 200, "{wire:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_cross_site_request_is_refused_before_its_token_is_looked_at() {
    let auth = shop::auth().cookie("token");
    let addr = server::start(Router::new().route("/", any(|| async { "done" })).layer(auth)).await;
    for wire in WIRES {
        for token in [shop::good(), "a.b.c".to_owned(), "a".repeat(9000)] {
            let ask = Ask::post("/")
                .header("cookie", format!("token={token}"))
                .header("sec-fetch-site", "cross-site");
            assert_eq!(server::send(wire, addr, &ask).await.code(), "cross-site-request");
        }
    }
}

#[tokio::test]
async fn the_same_token_in_header_and_cookie_counts_as_a_header() {
    let auth = shop::auth().cookie("token");
    let addr = server::start(Router::new().route("/", any(|| async { "done" })).layer(auth)).await;
    let good = shop::good();
    let ask = Ask::post("/")
        .bearer(&good)
        .header("cookie", format!("token={good}"))
        .header("sec-fetch-site", "cross-site");
    for wire in WIRES {
        assert_eq!(server::send(wire, addr, &ask).await.status, 200);
    }
}

#[tokio::test]
async fn duplicate_fetch_metadata_is_rejected() {
    let auth = shop::auth().cookie("token").trust_origin(TRUSTED);
    let addr = server::start(Router::new().route("/", any(|| async { "done" })).layer(auth)).await;
    let cookie = format!("token={}", shop::good());
    for wire in WIRES {
        let post = || Ask::post("/").header("cookie", &cookie);
        for ask in [
            post().header("sec-fetch-site", "same-origin").header("sec-fetch-site", "cross-site"),
            post().header("origin", TRUSTED).header("origin", EVIL),
        ] {
            assert_eq!(server::send(wire, addr, &ask).await.status, 403, "{ask:?}");
        }
    }
}
