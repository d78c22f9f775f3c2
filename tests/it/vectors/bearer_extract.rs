//! Tests with `http-fields/bearer_extract.json`: request fields, and the token that they contain.

use std::borrow::Cow;

use http::HeaderMap;
use serde_json::Value;
use tower_jwt_auth::{BadCredentials, JwtAuth, StandardClaims, TokenSource};

use crate::kit::{self, str_of};

const FILE: &str = "http-fields/bearer_extract.json";

/// A source that reads an application's own header. Some test cases come from a project whose
/// tokens are in such a header.
#[derive(Debug)]
struct Field {
    name: &'static str,
    prefix: &'static str,
}

impl TokenSource for Field {
    fn token<'r>(&self, headers: &'r HeaderMap) -> Result<Option<Cow<'r, str>>, BadCredentials> {
        let mut values = headers.get_all(self.name).iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(BadCredentials::Ambiguous);
        }
        let text = value.to_str().map_err(|_| BadCredentials::Malformed)?;
        Ok(text.strip_prefix(self.prefix).map(Cow::Borrowed))
    }

    fn is_ambient(&self) -> bool {
        false
    }
}

fn layer() -> JwtAuth<StandardClaims> {
    kit::auth()
        .add_source(Field { name: "token-header", prefix: "" })
        .add_source(Field { name: "prefix-header", prefix: "AAA" })
}

fn fields(case: &Value) -> Vec<(&str, String)> {
    let fields = case["headers"].as_array().unwrap().iter();
    fields.map(|field| (field[0].as_str().unwrap(), field[1].as_str().unwrap().into())).collect()
}

#[test]
fn the_token_of_a_request_is_found_or_rejected_by_our_rule() {
    let cases = kit::cases(FILE);
    assert_eq!(cases.len(), 8);
    let good = kit::with_header(r#"{"alg":"HS256"}"#);
    for case in &cases {
        let name = str_of(case, "name");
        let response = kit::send(&layer(), kit::request(&fields(case)));
        let ours = &case["ours"];
        if ours["none"] == true {
            assert_eq!(kit::code(&response), Some("missing-credentials"), "{name}");
        } else if let Some(error) = ours["error"].as_str() {
            assert_eq!(response.status(), 400, "{name}");
            let challenge = kit::challenge(&response).unwrap();
            assert!(challenge.contains(&format!("error=\"{error}\"")), "{name}: {challenge}");
        } else {
            // The token in this case is not a valid JWT, so the layer rejects it. With a valid JWT
            // in the same place, the layer accepts the request.
            let token = str_of(ours, "token");
            assert_eq!(kit::code(&response), Some("invalid-token"), "{name}");
            let fields = fields(case);
            let replaced = fields.iter().map(|(name, value)| (*name, value.replace(token, &good)));
            let response = kit::send(&layer(), kit::request(&replaced.collect::<Vec<_>>()));
            assert_eq!(response.body(), good.as_bytes(), "{name}");
        }
    }
}
