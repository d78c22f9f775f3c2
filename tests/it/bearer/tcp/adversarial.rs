//! Tests with the tokens and requests of `tests/data/adversarial`, over real connections.

use std::time::Duration;

use axum::Router;
use axum::routing::any;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use tower_jwt_auth::{JwtAuth, Key, Secret, StandardClaims};

use crate::kit::server::{self, Ask, Connection, Reply, WIRES};
use crate::kit::shop;

/// Valid tokens with asymmetric signatures. The layer has only a secret, so it rejects them.
const ASYMMETRIC: [&str; 3] = ["rs256-ok", "es256-ok", "eddsa-ok"];
const REALM: &str = "R";

pub(crate) fn tokens() -> Value {
    serde_json::from_str(include_str!("../../../data/adversarial/tokens.json")).unwrap()
}

pub(crate) fn requests() -> Value {
    serde_json::from_str(include_str!("../../../data/adversarial/requests.json")).unwrap()
}

pub(crate) fn cases(file: &Value) -> &[Value] {
    file["cases"].as_array().unwrap()
}

pub(crate) fn secret_of(file: &Value) -> Secret {
    Secret::from_base64(file["secret_hs256_b64"].as_str().unwrap()).unwrap()
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// Returns the layer for a case.
pub(crate) fn auth_for_token(file: &Value, case: &Value) -> JwtAuth<StandardClaims> {
    let config = &case["config"];
    let mut key = Key::hs256(secret_of(file));
    if let Some(id) = config["kid"].as_str() {
        key = key.with_id(id).unwrap();
    }
    let mut auth = JwtAuth::new(key)
        .realm(REALM)
        .issuer(file["iss"].as_str().unwrap())
        .audience(file["aud"].as_str().unwrap())
        .require_claim("sub")
        .leeway(Duration::from_secs(config["leeway"].as_u64().unwrap_or(0)))
        .with_clock(shop::clock());
    if config["typ"].is_array() {
        auth = auth.accept_type(strings(&config["typ"]));
    }
    if let Some(bytes) = config["max_token_len"].as_u64() {
        auth = auth.max_token_bytes(bytes.try_into().unwrap());
    }
    auth
}

pub(crate) fn auth_for_request(case: &Value) -> JwtAuth<shop::Shopper> {
    let mut auth = shop::auth().realm(REALM);
    if case["config"]["sources"].is_array() {
        for source in strings(&case["config"]["sources"]) {
            match source.split_once(':') {
                None => assert_eq!(source, "header"),
                Some((kind, name)) => {
                    assert_eq!(kind, "cookie");
                    auth = auth.cookie(name);
                }
            }
        }
    }
    auth
}

pub(crate) fn ask(case: &Value) -> Ask {
    let mut ask = Ask::get("/");
    for header in case["headers"].as_array().unwrap() {
        let value = match &header[1] {
            Value::String(text) => fill(text).into_bytes(),
            bytes => BASE64_STANDARD.decode(bytes["b64"].as_str().unwrap()).unwrap(),
        };
        ask = ask.header(header[0].as_str().unwrap(), value);
    }
    ask
}

fn fill(text: &str) -> String {
    text.replace("{GOOD_PCT}", &shop::good().replace('.', "%2E"))
        .replace("{GOOD}", &shop::good())
        .replace("{OTHER}", &shop::other())
        .replace("{REALM}", REALM)
}

fn app() -> Router {
    Router::new().route("/", any(|| async { "accepted" }))
}

#[tokio::test]
async fn adversarial_tokens_over_tcp() {
    let file = tokens();
    assert_eq!(file["now"], shop::NOW);
    assert_eq!(cases(&file).len(), 77);
    for case in cases(&file) {
        let id = case["id"].as_str().unwrap();
        let token = case["token"].as_str().unwrap();
        let auth = auth_for_token(&file, case);
        let accept = case["accept"] == true && !ASYMMETRIC.contains(&id);
        assert_eq!(auth.verify(token).is_ok(), accept, "{id}: {}", case["why"]);
        let addr = server::start(app().layer(auth)).await;
        for wire in WIRES {
            let mut connection = Connection::open(wire, addr).await;
            let reply = connection.send(&Ask::get("/").bearer(token)).await;
            if accept {
                assert_eq!((reply.status.as_u16(), reply.text()), (200, "accepted"), "{id}");
                continue;
            }
            match case["expect_error"].as_str() {
                Some("token_too_large") => {
                    assert_eq!((reply.status.as_u16(), reply.challenge()), (431, None), "{id}");
                }
                Some("invalid_token") | None => {
                    assert_eq!(reply.status, 401, "{id}");
                    let challenge = reply.challenge().unwrap();
                    assert!(
                        challenge.starts_with("Bearer realm=\"R\", error=\"invalid_token\""),
                        "{id}: {challenge}"
                    );
                }
                other => panic!("{id}: {other:?}"),
            }
            assert_eq!(reply.all("cache-control"), ["no-store"]);
            // The connection must remain usable.
            assert_eq!(connection.send(&Ask::get("/")).await.code(), "missing-credentials");
        }
    }
}

#[tokio::test]
async fn adversarial_requests_over_tcp() {
    let file = requests();
    assert_eq!(cases(&file).len(), 15);
    for case in cases(&file) {
        let addr = server::start(app().layer(auth_for_request(case))).await;
        for wire in WIRES {
            let reply = server::send(wire, addr, &ask(case)).await;
            check(case, &reply);
        }
    }
}

fn check(case: &Value, reply: &Reply) {
    let (id, expect) = (&case["id"], &case["expect"]);
    if expect["outcome"] == "accept" {
        assert_eq!((reply.status.as_u16(), reply.text()), (200, "accepted"), "{id}");
        return;
    }
    let status = Value::from(reply.status.as_u16());
    match &expect["status"] {
        Value::Array(any) => assert!(any.contains(&status), "{id}: {status}"),
        one => assert_eq!(*one, status, "{id}"),
    }
    if let Some(code) = expect["code"].as_str() {
        assert_eq!(reply.code(), code, "{id}");
    }
    let challenge = reply.challenge().unwrap();
    if let Some(expected) = expect["challenge"].as_str() {
        assert_eq!(challenge, fill(expected), "{id}");
    }
    if let Some(prefix) = expect["challenge_prefix"].as_str() {
        assert!(challenge.starts_with(&fill(prefix)), "{id}: {challenge}");
    }
}
