//! Tests that tokens leave no trace in the log. The tests use the tokens of the vector files. They
//! also use tokens in which a text of JSONTestSuite is the payload, the value of a claim, or the
//! value of a header member.

use serde_json::Value;
use tower_jwt_auth::JwtAuth;

use super::forbidden::Forbidden;
use super::{Log, app, is_a_whole_log, print, run};
use crate::kit;
use crate::kit::server::Ask;

const FILES: [&str; 8] = [
    "wycheproof/json_web_signature_test.json",
    "google-jwt_verify_lib/jwt_parse.json",
    "google-jwt_verify_lib/verify.json",
    "rfc/jws_rfc_examples.json",
    "cookbook/jws/4_1.rsa_v15_signature.json",
    "cookbook/jws/4_2.rsa-pss_signature.json",
    "cookbook/jws/4_3.ecdsa_signature.json",
    "cookbook/jws/4_4.hmac-sha2_integrity_protection.json",
];

/// Collects every string that looks like a token, anywhere in the file.
fn tokens(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let is_token = text.len() > 40
                && text.matches('.').count() >= 2
                && text.bytes().all(|byte| byte.is_ascii_graphic());
            found.extend(is_token.then(|| text.clone()));
        }
        Value::Array(values) => values.iter().for_each(|value| tokens(value, found)),
        Value::Object(members) => members.values().for_each(|value| tokens(value, found)),
        _ => {}
    }
}

async fn leave_no_trace(auth: JwtAuth<Value>, tokens: &[String]) {
    let mut forbidden = Forbidden::default();
    forbidden.add_secret(&kit::key_bytes());
    tokens.iter().for_each(|token| forbidden.add_token(token));
    let log = Log::default();
    let mut printed = String::new();
    let app = app(auth.clone());
    {
        let _listening = log.listen();
        for token in tokens {
            if let Err(error) = auth.verify(token) {
                printed += &print(&error);
            }
            printed += &run(&app, &Ask::get("/").bearer(token)).await;
        }
    }
    let log = log.text();
    is_a_whole_log(&log, tokens.len());
    forbidden.is_not_in(&log);
    forbidden.is_not_in(&printed);
}

#[tokio::test]
async fn the_tokens_of_all_vectors_leave_no_trace() {
    let mut found = Vec::new();
    for file in FILES {
        let before = found.len();
        tokens(&kit::json(file), &mut found);
        assert!(found.len() > before, "{file} has no token");
    }
    found.push(kit::with_payload(r#"{"exp":1700000060,"sub":"somebody-who-is-let-in"}"#));
    assert!(found.len() > 150, "{}", found.len());
    leave_no_trace(kit::auth().claims(), &found).await;
}

#[tokio::test]
async fn json_of_any_kind_leaves_no_trace() {
    let mut found = Vec::new();
    for case in kit::cases("jsontestsuite/all.json") {
        // The two largest texts do not fit into a token.
        let Some(text) = case["b64"].as_str() else { continue };
        let text = kit::from_base64(text);
        let within =
            |before: &str, after: &str| [before.as_bytes(), &text, after.as_bytes()].concat();
        found.push(kit::with_payload(&text));
        found.push(kit::with_payload(within(r#"{"exp":1700000060,"x":"#, "}")));
        found.push(kit::with_header(within(r#"{"alg":"HS256","x":"#, "}")));
    }
    assert!(found.len() > 600, "{}", found.len());
    leave_no_trace(kit::auth().claims(), &found).await;
}
