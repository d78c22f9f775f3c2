//! Tests of credentials over a real connection: the header fields that the layer reads, the number
//! of credentials that a request may have, and the headers that reach the handler.

pub(crate) mod adversarial;
mod cors;
mod cross_site;
#[cfg(feature = "connections")]
mod websocket;

use axum::Router;
use axum::routing::any;
use http::{HeaderMap, Method, Uri};
use serde_json::json;
use tower_jwt_auth::{Claims, JwtAuth, Token};

use crate::kit::server::{self, Ask, Connection, WIRES, Wire};
use crate::kit::shop::{self, Shopper};

/// A handler that returns the request as it received it.
async fn show(uri: Uri, headers: HeaderMap, claims: Option<Claims<Shopper>>) -> String {
    let values = |name: &str| {
        let values = headers.get_all(name).iter();
        values
            .map(|value| (value.to_str().unwrap().to_owned(), value.is_sensitive()))
            .collect::<Vec<_>>()
    };
    json!({
        "uri": uri.path_and_query().unwrap().as_str(),
        "subject": claims.as_ref().map(|claims| claims.sub.clone()),
        "source": claims.as_ref().map(|claims| format!("{:?}", claims.token().source())),
        "token": claims.as_ref().map(|claims| claims.token().encoded().to_owned()),
        "authorization": values("authorization"),
        "cookie": values("cookie"),
    })
    .to_string()
}

fn app(auth: JwtAuth<Shopper>) -> Router {
    Router::new().route("/", any(show)).layer(auth)
}

#[tokio::test]
async fn a_token_in_the_query_string_or_the_body_is_never_read() {
    let addr = server::start(app(shop::auth().cookie("access_token"))).await;
    let good = shop::good();
    for wire in WIRES {
        let query = format!("/?access_token={good}&token={good}&jwt={good}");
        let form = format!("access_token={good}");
        let form =
            Ask::post("/").header("content-type", "application/x-www-form-urlencoded").body(&form);
        for ask in [Ask::get(&query), form] {
            let reply = server::send(wire, addr, &ask).await;
            assert_eq!(reply.status, 401);
            assert_eq!(reply.challenge(), Some(r#"Bearer realm="shop""#));
            assert_eq!(reply.code(), "missing-credentials");
        }
        // A token in the query does not affect the token in the header.
        let ask = Ask::get(&format!("/?access_token={}", shop::other())).bearer(&good);
        let reply = server::send(wire, addr, &ask).await;
        assert_eq!(reply.json()["subject"], shop::SUBJECT);
    }
}

#[tokio::test]
async fn two_authorization_fields_that_differ_are_refused_in_every_order_and_spelling() {
    let addr = server::start(app(shop::auth())).await;
    let [good, other] = [shop::good(), shop::other()].map(|token| shop::bearer(&token));
    for wire in WIRES {
        for (first, second) in [
            (good.as_str(), other.as_str()),
            (&good, "Basic dGVzdDp0ZXN0"),
            ("Basic dGVzdDp0ZXN0", &good),
            (&good, "Bearer a.b.c"),
            ("Bearer a.b.c", &good),
            (&good, "Bearer"),
        ] {
            let ask = Ask::get("/").header("authorization", first).header("authorization", second);
            let reply = server::send(wire, addr, &ask).await;
            assert_eq!((reply.status.as_u16(), &*reply.code()), (400, "ambiguous-credentials"));
        }
        let spelled = Ask::get("/").header("Authorization", &good).header("AUTHORIZATION", &other);
        let reply = server::send(wire, addr, &spelled).await;
        assert_eq!(reply.status, 400, "{wire:?}");
    }
}

/// hyper limits the header list of an HTTP/2 request to 16 KiB. No setting of this crate changes
/// this limit. The guide mentions the limit.
#[tokio::test]
async fn over_http2_a_header_list_beyond_16_kib_never_reaches_the_layer() {
    let addr = server::start(app(shop::auth().max_token_bytes(1 << 20))).await;
    let token = shop::token(&json!({ "padding": "x".repeat(15_000) }));
    assert!(token.len() > 16 << 10);
    let [http1, http2] = [WIRES[0], WIRES[1]];
    let ask = Ask::get("/").bearer(&token);
    assert_eq!(server::send(http1, addr, &ask).await.status, 200);
    let reply = server::send(http2, addr, &ask).await;
    assert_eq!((reply.status.as_u16(), reply.body.len()), (431, 0));
}

#[tokio::test]
async fn bytes_that_a_server_might_fold_or_split_are_refused() {
    let addr = server::start(app(shop::auth())).await;
    let good = shop::good();
    let ask = |field: &str| format!("GET / HTTP/1.1\r\nhost: shop.example\r\n{field}\r\n\r\n");
    for (field, status) in [
        (format!("authorization: Bearer {good}"), 200),
        (format!("authorization:Bearer   {good}  "), 200),
        (format!("authorization: Bearer\t{good}"), 400),
        (format!("authorization: Bearer {good}\t"), 200),
        (format!("authorization: Bearer\r\n {good}"), 400),
        (format!("authorization : Bearer {good}"), 400),
        (format!("authorization: Bearer {good}\0"), 400),
        (format!("authorization: Bearer {}\0{}", &good[..20], &good[20..]), 400),
        (format!("x: y\rauthorization: Bearer {good}"), 400),
        (format!("authorization: Bearer {}%2E", good.replace('.', "%2E")), 400),
        (format!("x-authorization: Bearer {good}"), 401),
        (format!("proxy-authorization: Bearer {good}"), 401),
    ] {
        let reply = server::send_bytes(addr, ask(&field).as_bytes()).await;
        assert_eq!(reply.status, status, "{field:?}");
    }
}

#[tokio::test]
async fn cookie_crumbs_are_one_cookie_header() {
    let addr = server::start(app(shop::auth().cookie("__Host-token"))).await;
    let [good, other] = [shop::good(), shop::other()].map(|token| format!("__Host-token={token}"));
    for wire in WIRES {
        for (crumbs, status) in [
            (vec!["theme=dark", "lang=en", &good], 200),
            (vec![&*good, "theme=dark"], 200),
            (vec!["theme=dark", &good, &good], 200),
            (vec![&*good, "theme=dark", &other], 400),
            (vec![&*good, "__HOST-token=x"], 400),
            (vec!["theme=dark", "lang=en"], 401),
        ] {
            let ask = crumbs.iter().fold(Ask::get("/"), |ask, crumb| ask.header("cookie", crumb));
            let reply = server::send(wire, addr, &ask).await;
            assert_eq!(reply.status, status, "{crumbs:?} over {wire:?}");
        }
    }
}

#[tokio::test]
async fn responses_for_a_cookie_are_kept_out_of_shared_caches() {
    let app = Router::new()
        .route("/", any(show))
        .route(
            "/cached",
            any(|| async { ([("cache-control", "max-age=60"), ("vary", "accept")], "") }),
        )
        .layer(shop::auth().cookie("token"));
    let addr = server::start(app).await;
    let cookie = format!("token={}", shop::good());
    for wire in WIRES {
        let reply = server::send(wire, addr, &Ask::get("/").header("cookie", &cookie)).await;
        assert_eq!(reply.json()["source"], "Cookie");
        assert_eq!(reply.all("cache-control"), ["private"]);
        assert_eq!(reply.all("vary"), ["Cookie"]);
        let ask = Ask::get("/cached").header("cookie", &cookie);
        let reply = server::send(wire, addr, &ask).await;
        assert_eq!(reply.all("cache-control"), ["max-age=60"], "what the handler says counts");
        assert_eq!(reply.all("vary"), ["accept", "Cookie"]);
        // Shared caches do not store responses to requests with `Authorization` (RFC 9111 section
        // 3.5), so such a response needs no further headers.
        let reply = server::send(wire, addr, &Ask::get("/").bearer(&shop::good())).await;
        assert!(reply.all("cache-control").is_empty() && reply.all("vary").is_empty());
    }
}

#[tokio::test]
async fn anonymous_responses_are_not_served_from_a_cache_to_a_cookie_holder() {
    let addr = server::start(app(shop::auth().cookie("token").allow_anonymous())).await;
    for wire in WIRES {
        let reply = server::send(wire, addr, &Ask::get("/")).await;
        assert_eq!((reply.status, reply.all("vary")), (http::StatusCode::OK, vec!["Cookie"]));
        assert!(reply.all("cache-control").is_empty());
    }
}

#[tokio::test]
async fn a_token_that_is_kept_is_marked_sensitive() {
    let addr = server::start(app(shop::auth().cookie("token"))).await;
    let good = shop::good();
    for wire in WIRES {
        let ask = Ask::get("/").bearer(&good).header("cookie", format!("token={good}; theme=dark"));
        let reply = server::send(wire, addr, &ask).await.json();
        assert_eq!(reply["authorization"], json!([[shop::bearer(&good), true]]));
        assert_eq!(reply["cookie"], json!([[format!("token={good}; theme=dark"), true]]));
    }
}

#[tokio::test]
async fn credentials_of_an_anonymous_request_are_marked_sensitive() {
    for auth in [shop::auth(), shop::auth().cookie("token")] {
        let addr = server::start(app(auth.allow_anonymous())).await;
        for wire in WIRES {
            let ask = Ask::get("/").header("authorization", "Basic dGVzdDp0ZXN0");
            let reply = server::send(wire, addr, &ask).await.json();
            assert_eq!(reply["subject"], json!(null));
            assert_eq!(reply["authorization"], json!([["Basic dGVzdDp0ZXN0", true]]));
        }
    }
}

#[tokio::test]
async fn stripping_removes_the_token_and_nothing_else() {
    let addr = server::start(app(shop::auth().cookie("token").strip_token())).await;
    let good = shop::good();
    for wire in WIRES {
        let cookies = format!("theme=dark; token={good}; lang=en");
        let ask = Ask::get("/").bearer(&good).header("cookie", &cookies);
        let reply = server::send(wire, addr, &ask).await.json();
        assert_eq!(reply["authorization"], json!([]));
        assert_eq!(reply["cookie"], json!([["theme=dark; lang=en", true]]));
        assert_eq!(reply["token"], good, "the handler still has it");
        let alone = Ask::get("/").header("cookie", format!("token={good}"));
        let reply = server::send(wire, addr, &alone).await.json();
        assert_eq!((&reply["cookie"], &reply["source"]), (&json!([]), &json!("Cookie")));
    }
}

#[tokio::test]
async fn stripping_leaves_another_schemes_credentials() {
    let auth = shop::auth().cookie("token").strip_token();
    let addr = server::start(app(auth)).await;
    let ask = Ask::get("/")
        .header("authorization", "Basic dGVzdDp0ZXN0")
        .header("cookie", format!("token={}", shop::good()));
    for wire in WIRES {
        let reply = server::send(wire, addr, &ask).await.json();
        assert_eq!(reply["authorization"][0][0], "Basic dGVzdDp0ZXN0");
    }
}

#[tokio::test]
async fn stripping_removes_the_token_under_another_scheme() {
    let addr = server::start(app(shop::auth().cookie("token").strip_token())).await;
    let good = shop::good();
    let ask = Ask::get("/")
        .header("authorization", format!("Token {good}"))
        .header("cookie", format!("token={good}"));
    for wire in WIRES {
        let reply = server::send(wire, addr, &ask).await.json();
        assert_eq!((&reply["authorization"], &reply["cookie"]), (&json!([]), &json!([])));
    }
}

#[tokio::test]
async fn a_token_over_the_limit_is_431_and_at_the_limit_is_read() {
    let good = shop::good();
    let addr = server::start(app(shop::auth().max_token_bytes(good.len()))).await;
    for wire in WIRES {
        let mut connection = Connection::open(wire, addr).await;
        let reply = connection.send(&Ask::get("/").bearer(&good)).await;
        assert_eq!(reply.status, 200);
        for token in [format!("{good}A"), "a".repeat(12_000)] {
            let reply = connection.send(&Ask::get("/").bearer(&token)).await;
            assert_eq!((reply.status.as_u16(), &*reply.code()), (431, "token-too-large"));
            assert_eq!(reply.challenge(), None);
        }
    }
}

#[tokio::test]
async fn only_a_true_preflight_passes_without_a_token() {
    let app = Router::new().route("/", any(|| async { "answered" })).layer(shop::auth());
    let addr = server::start(app).await;
    let options = || Ask::new(Method::OPTIONS, "/");
    let origin = |ask: Ask| ask.header("origin", "https://app.example");
    let method = |ask: Ask| ask.header("access-control-request-method", "POST");
    for wire in WIRES {
        for (ask, status) in [
            (method(origin(options())), 200),
            (options(), 401),
            (origin(options()), 401),
            (method(options()), 401),
            (method(origin(Ask::get("/"))), 401),
            (method(origin(Ask::post("/"))), 401),
            (method(origin(options())).bearer("a.b.c"), 401),
            (options().bearer(&shop::good()), 200),
        ] {
            assert_eq!(server::send(wire, addr, &ask).await.status, status, "{ask:?} {wire:?}");
        }
    }
}

#[tokio::test]
async fn requests_of_different_users_can_share_a_connection() {
    let app = Router::new()
        .route("/", any(|token: Token| async move { token.subject().unwrap().to_owned() }));
    let addr = server::start(app.layer(shop::auth())).await;
    for wire in [Wire::Http1, Wire::Http2] {
        let mut connection = Connection::open(wire, addr).await;
        for _ in 0..3 {
            for token in [shop::good(), shop::other()] {
                let reply = connection.send(&Ask::get("/").bearer(&token)).await;
                assert_eq!(reply.text() == shop::SUBJECT, token == shop::good());
            }
            assert_eq!(connection.send(&Ask::get("/")).await.status, 401);
        }
    }
}
