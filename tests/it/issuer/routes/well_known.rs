//! Tests of the public documents: the key set and the metadata.

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use tower_jwt_auth::issuer::TokenIssuer;

use super::cookies::cookies;
use crate::issuer::kit::{ISSUER, Server, issuer};
use crate::kit::{panics, secret};

const KEYS: &str = "/.well-known/jwks.json";
const METADATA: &str = "/.well-known/oauth-authorization-server";

type Document = (StatusCode, HeaderMap, String);

async fn send(router: &Router, request: Request<Body>) -> Document {
    let answer = router.clone().oneshot(request).await.unwrap();
    let (head, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    (head.status, head.headers, String::from_utf8(body).unwrap())
}

async fn fetch(router: &Router, method: Method, path: &str) -> Document {
    send(router, Request::builder().method(method).uri(path).body(Body::empty()).unwrap()).await
}

async fn metadata(server: &Server) -> Option<Value> {
    let (status, _, body) = fetch(&server.router, Method::GET, METADATA).await;
    (status == 200).then(|| serde_json::from_str(&body).unwrap())
}

#[tokio::test]
async fn the_public_documents_may_be_cached_and_read_by_everyone() {
    for server in [Server::new(), Server::with(|routes| routes.cookies(cookies()))] {
        for (path, media_type) in
            [(KEYS, "application/jwk-set+json"), (METADATA, "application/json")]
        {
            let (status, headers, body) = fetch(&server.router, Method::GET, path).await;
            assert_eq!(status, 200, "{path}");
            assert!(serde_json::from_str::<Value>(&body).unwrap().is_object(), "{body}");
            let mut sorted: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
            sorted.sort_unstable();
            let expected =
                ["access-control-allow-origin", "cache-control", "content-length", "content-type"];
            assert_eq!(sorted, expected);
            assert_eq!(headers["content-type"], media_type);
            assert_eq!(headers["cache-control"], "public, max-age=3600");
            assert_eq!(headers["access-control-allow-origin"], "*");
            assert_eq!(headers["content-length"], body.len().to_string().as_str());

            let (status, of_head, nothing) = fetch(&server.router, Method::HEAD, path).await;
            assert_eq!((status, of_head, nothing.as_str()), (StatusCode::OK, headers, ""));
        }
    }
}

#[tokio::test]
async fn the_public_documents_answer_reading_methods_only() {
    let server = Server::new();
    for path in [KEYS, METADATA] {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let (status, headers, _) = fetch(&server.router, method.clone(), path).await;
            assert_eq!(status, 405, "{method} {path}");
            assert_eq!(headers["allow"], "GET,HEAD");
        }
    }
}

/// The public documents do not depend on cookies, so requests for them need no cross-site check.
#[tokio::test]
async fn pages_of_other_sites_may_read_the_public_documents() {
    let server = Server::with(|routes| routes.cookies(cookies()));
    for path in [KEYS, METADATA] {
        let request = Request::get(path)
            .header("cookie", "__Host-session=a; __Secure-refresh_token=b")
            .header("origin", "https://evil.example")
            .header("sec-fetch-site", "cross-site");
        let (status, headers, _) = send(&server.router, request.body(Body::empty()).unwrap()).await;
        assert_eq!(status, 200, "{path}");
        assert!(!headers.contains_key("set-cookie") && !headers.contains_key("vary"));
    }
}

#[tokio::test]
async fn an_issuer_with_secrets_only_publishes_an_empty_key_set() {
    let server = Server::new();
    assert_eq!(issuer().jwks(), r#"{"keys":[]}"#);
    assert_eq!(fetch(&server.router, Method::GET, KEYS).await.2, r#"{"keys":[]}"#);
}

#[tokio::test]
async fn metadata_names_what_exists_and_nothing_else() {
    let server = Server::new();
    let expected = json!({
        "issuer": ISSUER,
        "jwks_uri": format!("{ISSUER}/.well-known/jwks.json"),
        "token_endpoint": format!("{ISSUER}/refresh"),
        "token_endpoint_auth_methods_supported": ["none"],
        "grant_types_supported": ["refresh_token"],
        "response_types_supported": [],
        "revocation_endpoint": format!("{ISSUER}/revoke"),
        "revocation_endpoint_auth_methods_supported": ["none"],
    });
    assert_eq!(metadata(&server).await, Some(expected.clone()));

    // If the routes keep refresh tokens in cookies, the metadata does not list `/refresh` as a
    // token endpoint.
    let pages = Server::with(|routes| routes.cookies(cookies()));
    let mut without = expected.clone();
    without["grant_types_supported"] = json!([]);
    without.as_object_mut().unwrap().retain(|name, _| !name.starts_with("token_endpoint"));
    assert_eq!(metadata(&pages).await, Some(without));

    // Each endpoint in the metadata responds.
    let tokens = server.log_in("alice").await;
    let path = |member: &str| expected[member].as_str().unwrap().strip_prefix(ISSUER).unwrap();
    let refresh =
        format!("grant_type=refresh_token&refresh_token={}&audience=cart", tokens.refresh);
    let form = |path: &str, body: String| {
        let form = "application/x-www-form-urlencoded";
        Request::post(path).header("content-type", form).body(Body::from(body)).unwrap()
    };
    let renewed = server.send(form(path("token_endpoint"), refresh)).await.tokens();
    let revoke = format!("token={}&token_type_hint=refresh_token", renewed.refresh);
    assert_eq!(server.send(form(path("revocation_endpoint"), revoke)).await.status(), 200);
    assert_eq!(fetch(&server.router, Method::GET, path("jwks_uri")).await.0, 200);
}

#[tokio::test]
async fn metadata_depends_on_the_configuration_and_never_on_the_request() {
    let server = Server::new();
    let own = fetch(&server.router, Method::GET, METADATA).await.2;
    let request = Request::get(format!("https://evil.example{METADATA}"))
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example")
        .header("forwarded", "host=evil.example;proto=http");
    let other = send(&server.router, request.body(Body::empty()).unwrap()).await.2;
    assert_eq!(own, other);

    let nested = Router::<()>::new().nest("/auth", server.router.clone());
    let other = fetch(&nested, Method::GET, &format!("/auth{METADATA}")).await.2;
    assert_eq!(own, other);
}

#[tokio::test]
async fn endpoints_are_below_the_public_url_of_the_routes() {
    let server = Server::with(|routes| routes.public_url("https://shop.example/auth/"));
    let metadata = metadata(&server).await.unwrap();
    assert_eq!(metadata["issuer"], ISSUER);
    for (member, url) in [
        ("jwks_uri", "https://shop.example/auth/.well-known/jwks.json"),
        ("token_endpoint", "https://shop.example/auth/refresh"),
        ("revocation_endpoint", "https://shop.example/auth/revoke"),
    ] {
        assert_eq!(metadata[member], url);
    }
    // A slash at the end of the issuer's name belongs to the name.
    let issuer = TokenIssuer::new("https://shop.example/").audience("cart", secret());
    let metadata = self::metadata(&Server::with_issuer(issuer)).await.unwrap();
    assert_eq!(metadata["issuer"], "https://shop.example/");
    assert_eq!(metadata["token_endpoint"], "https://shop.example/refresh");
}

/// RFC 8414 section 2 requires that the `issuer` in the metadata is a URL.
#[tokio::test]
async fn an_issuer_whose_name_is_not_a_url_has_keys_but_no_metadata() {
    for name in ["shop", "https://shop.example?tenant=a", "urn:shop"] {
        let named = || TokenIssuer::new(name).audience("cart", secret());
        let server = Server::with_issuer(named());
        assert_eq!(metadata(&server).await, None, "{name}");
        assert_eq!(fetch(&server.router, Method::GET, KEYS).await.0, 200);
        let public = |routes: crate::issuer::kit::Routes| routes.public_url("https://shop.example");
        let server = Server::with_parts(named(), |sessions| sessions, public);
        assert_eq!(metadata(&server).await, None, "{name}");
    }
}

#[test]
fn a_public_url_that_is_not_a_url_is_refused() {
    for url in ["", "/auth", "shop.example", "https://shop.example/?a", "https://a:b@shop.example"]
    {
        let sentence = panics::refused(|| Server::with(|routes| routes.public_url(url)).router);
        assert!(sentence.contains("give the URL under which clients reach"), "{sentence}");
    }
}
