//! Checks of responses against the tables of `docs/reference/answers.md`.

use std::collections::BTreeMap;
use std::sync::Mutex;

use bytes::Bytes;
use http::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use tower_jwt_auth::{AuthError, AuthErrorKind};

use crate::challenge;

pub const REALM: &str = "fuzz";

/// The format of a refusal.
#[derive(Clone, Copy, PartialEq)]
pub enum Form {
    Problem,
    /// The body that [`custom_body`] returns.
    Custom,
    Grpc,
}

/// Returns a JSON body with the error code and nothing else.
pub fn custom_body(error: &AuthError) -> String {
    format!(r#"{{"error":"{}"}}"#, error.code())
}

/// Checks a refusal, and returns the kind of its error. Returns `None` for a response of the inner
/// service.
pub fn check(response: &Response<Bytes>, form: Form) -> Option<AuthErrorKind> {
    let headers = response.headers();
    let Some(error) = response.extensions().get::<AuthError>() else {
        assert!(response.status() == 200 && !headers.contains_key(WWW_AUTHENTICATE));
        return None;
    };
    let (status, reason, code) = row(error.kind());
    let challenges: Vec<_> = headers.get_all(WWW_AUTHENTICATE).iter().collect();
    match reason {
        None => assert!(challenges.is_empty(), "{code} has a challenge"),
        Some(reason) => {
            assert_eq!(challenges.len(), 1, "{code} has one challenge");
            check_challenge(challenges[0].to_str().expect("ASCII"), reason, code);
        }
    }
    assert_eq!(headers[CACHE_CONTROL], "no-store");
    let known = [
        "cache-control",
        "content-type",
        "grpc-message",
        "grpc-status",
        "vary",
        "www-authenticate",
        "x-content-type-options",
    ];
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert!(headers.keys().all(|name| known.contains(&name.as_str())));
    if form == Form::Grpc {
        assert!(response.status() == 200 && response.body().is_empty());
        let grpc_status = if status == 403 { "7" } else { "16" };
        assert_eq!(headers["grpc-status"], grpc_status);
        assert_eq!(headers["grpc-message"], code);
        return Some(error.kind());
    }
    assert_eq!(response.status(), status);
    if form == Form::Custom {
        assert_eq!(headers[CONTENT_TYPE], "application/json");
        assert_eq!(response.body(), custom_body(error).as_bytes());
        return Some(error.kind());
    }
    assert_eq!(headers[CONTENT_TYPE], "application/problem+json");
    let body: serde_json::Value = serde_json::from_slice(response.body()).expect("JSON");
    let members = body.as_object().expect("an object");
    let explained = usize::from(error.other_scheme().is_some());
    assert_eq!(members.len(), 4 + explained, "type, title, status, code and a detail: {body}");
    assert!(body["type"].as_str().is_some_and(|uri| uri.ends_with(&format!("#{code}"))));
    assert_eq!(body["code"], code);
    assert!(body["title"].as_str().is_some_and(|title| !title.is_empty()));
    assert_eq!(body["status"], status);
    // All rejections with the same code must have identical bodies, whatever was wrong with the
    // token.
    if explained == 0 {
        let mut bodies = BODIES.lock().expect("a panic ends the process");
        assert_eq!(bodies.entry(code).or_insert_with(|| response.body().clone()), response.body());
    }
    Some(error.kind())
}

static BODIES: Mutex<BTreeMap<&str, Bytes>> = Mutex::new(BTreeMap::new());

fn check_challenge(field: &str, reason: &str, code: &str) {
    let parameters = challenge::parse(field);
    let get = |name| parameters.iter().find(|other| other.0 == name).map(|(_, value)| &**value);
    assert_eq!(parameters[0], ("realm".to_owned(), REALM.to_owned()));
    assert_eq!(get("error").unwrap_or_default(), reason, "{code}");
    let description = match code {
        "invalid-token" => Some("The access token is invalid"),
        "token-expired" => Some("The access token expired"),
        _ => None,
    };
    assert_eq!(get("error_description"), description, "{code}");
    // If a fuzz target has a guard, the guard requires exactly this scope.
    assert_eq!(get("scope"), (code == "insufficient-scope").then_some("pay"));
    let expected = 1 + [!reason.is_empty(), description.is_some(), get("scope").is_some()]
        .map(usize::from)
        .iter()
        .sum::<usize>();
    assert_eq!(parameters.len(), expected, "nothing else in {field}");
}

/// Returns what the response to an error of this kind must contain: the status, the `error` of the
/// challenge, and the code. The `error` is an empty string if the challenge has no `error`, and
/// `None` if the response has no challenge. Panics if the response would be a 5xx, since no request
/// should be able to cause a 5xx response.
fn row(kind: AuthErrorKind) -> (u16, Option<&'static str>, &'static str) {
    match kind {
        AuthErrorKind::MissingCredentials => (401, Some(""), "missing-credentials"),
        AuthErrorKind::MalformedRequest => (400, Some("invalid_request"), "malformed-request"),
        AuthErrorKind::AmbiguousCredentials => {
            (400, Some("invalid_request"), "ambiguous-credentials")
        }
        AuthErrorKind::TokenTooLarge => (431, None, "token-too-large"),
        AuthErrorKind::InvalidToken => (401, Some("invalid_token"), "invalid-token"),
        AuthErrorKind::TokenExpired => (401, Some("invalid_token"), "token-expired"),
        AuthErrorKind::InsufficientScope => (403, Some("insufficient_scope"), "insufficient-scope"),
        AuthErrorKind::InsufficientRole => (403, Some("insufficient_scope"), "insufficient-role"),
        AuthErrorKind::CrossSiteRequest => (403, None, "cross-site-request"),
        other => panic!("{other:?} is no answer to a request"),
    }
}
