//! Tests with tokens in the forms that real issuers document, signed with HS256. Each token is
//! verified with several sets of options, and the verdict depends on the options.

use serde_json::Value;
use tower_jwt_auth::jwt::ClaimPath;
use tower_jwt_auth::{Algorithm, JwtAuth};

use crate::kit::{self, str_of};

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(texts) => texts.iter().map(|t| t.as_str().unwrap().to_owned()).collect(),
        other => panic!("{other} is neither a string nor an array"),
    }
}

/// Returns the claim path that `value` contains: a string with dots, or an array of names.
fn path(value: &Value) -> ClaimPath {
    value.as_str().map_or_else(|| strings(value).into(), ClaimPath::from)
}

fn auth(case: &Value, kid: Option<&str>) -> JwtAuth {
    let key = kit::key(Algorithm::Hs256);
    let key = kid.map_or(Ok(key.clone()), |kid| key.with_id(kid)).unwrap();
    let mut auth = JwtAuth::new(key).with_clock(kit::at(kit::NOW));
    let options = case["options"].as_object().unwrap();
    for (name, value) in options {
        auth = match name.as_str() {
            "issuer" => auth.issuer(strings(value)),
            "audience" => auth.audience(strings(value)),
            "accept_type" => auth.accept_type(strings(value)),
            "require_claim" => auth.require_claim(strings(value)),
            "any_audience" => auth.dangerous_any_audience(),
            "missing_expiry" => auth.dangerous_allow_missing_expiry(),
            "numeric_subject" => auth.accept_numeric_subject(),
            "tenant_claim" => auth.tenant_claim(path(value)),
            "scope_claim" => auth.scope_claim(path(value)),
            "roles_claim" if options.contains_key("object_keys") => {
                auth.roles_claim(path(value).object_keys())
            }
            "roles_claim" => match options.get("object_member") {
                Some(member) => {
                    auth.roles_claim(path(value).object_member(member.as_str().unwrap()))
                }
                None => auth.roles_claim(path(value)),
            },
            // `add_roles_claim` is called after this loop, since a later call of `roles_claim`
            // would replace the claims that `add_roles_claim` has added. The options `object_keys`
            // and `object_member` are read together with `roles_claim`.
            "add_roles_claim" | "object_keys" | "object_member" => auth,
            other => panic!("{other} is not an option"),
        };
    }
    match options.get("add_roles_claim") {
        Some(value) => auth.add_roles_claim(path(value)),
        None => auth,
    }
}

fn holds<'t>(found: impl Iterator<Item = &'t str>, expected: &Value, what: &str) {
    if !expected.is_null() {
        let found: Vec<&str> = found.collect();
        assert_eq!(found, strings(expected), "{what}");
    }
}

#[test]
fn tokens_of_real_issuers_get_their_verdicts() {
    let issuers = kit::cases("issuers/tokens.json");
    assert!(issuers.len() >= 20);
    for issuer in &issuers {
        let token = kit::sign(issuer["header"].to_string(), issuer["claims"].to_string());
        for case in issuer["cases"].as_array().unwrap() {
            let what = format!("{} with {}", issuer["name"], case["options"]);
            let auth = auth(case, issuer["header"]["kid"].as_str());
            let verdict = str_of(case, "verdict");
            let claims = match auth.verify(&token) {
                Ok(claims) => claims,
                Err(error) => {
                    let kind = error.token_error().map(|error| format!("{:?}", error.kind()));
                    assert_eq!(kind.as_deref(), Some(verdict), "{what}: {error:?}");
                    continue;
                }
            };
            assert_eq!(verdict, "accepted", "{what}");
            let facts = claims.token();
            holds(facts.roles(), &case["roles"], &what);
            holds(facts.scopes(), &case["scopes"], &what);
            if let Some(expected) = case.get("tenant") {
                assert_eq!(facts.tenant(), expected.as_str(), "{what}");
            }
            if let Some(expected) = case.get("subject") {
                assert_eq!(facts.subject(), expected.as_str(), "{what}");
            }
            // The application's own type gets the claims unchanged.
            let value = auth.claims::<Value>().verify(&token).unwrap();
            assert_eq!(*value, issuer["claims"], "{what}");
        }
    }
}
