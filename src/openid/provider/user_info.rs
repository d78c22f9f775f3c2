//! The user info of a provider (OpenID Connect Core 1.0 section 5.3).

use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Map, Value};

use crate::jwks::http::{self as client, Fetched};
use crate::jwks::remote_url::RemoteUrl;
use crate::jwt::json_object;
use crate::openid::provider::error::{ProviderError, ProviderErrorKind};
use crate::openid::provider::exchange::within;

const ACCEPT: &str = "application/json";
const SERVER: &str = "the user info endpoint";

/// Pairs of claims. The second claim says whether the first is verified.
const VERIFIED: [(&str, &str); 2] =
    [("email", "email_verified"), ("phone_number", "phone_number_verified")];

/// Fetches the user info.
pub(super) async fn fetch(
    endpoint: &RemoteUrl,
    access_token: &str,
    limit: Duration,
) -> Result<Map<String, Value>, ProviderError> {
    let authorization = HeaderValue::from_str(&format!("Bearer {access_token}"));
    let mut authorization = authorization
        .map_err(|_| ProviderError::unavailable("the access token does not fit into a header"))?;
    authorization.set_sensitive(true);
    let sent = client::get_as(endpoint, ACCEPT, authorization);
    let Fetched { status, headers, body } = within(limit, SERVER, sent).await?;
    if status != StatusCode::OK {
        let status = status.as_u16();
        let advice = "the access token may lack a scope";
        return Err(rejected(&format!("{SERVER} answered with status {status}: {advice}")));
    }
    if is_jwt(&headers) {
        return Err(rejected(
            "the user info is signed or encrypted (`application/jwt`), which is not supported: \
             register this client for plain JSON at the provider",
        ));
    }
    json_object(&body).map_err(|reason| {
        ProviderError::unavailable(format!("the user info cannot be read: {reason}"))
    })
}

fn is_jwt(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let essence = content_type.and_then(|value| value.split(|byte| *byte == b';').next());
    essence.is_some_and(|name| name.trim_ascii().eq_ignore_ascii_case(b"application/jwt"))
}

/// Checks that the user info is about the user of the ID token. Without this check, a stolen access
/// token could add the data of another user to the login (OpenID Connect Core 1.0 section 5.3.2).
pub(super) fn check_subject(
    user_info: &Map<String, Value>,
    subject: &str,
) -> Result<(), ProviderError> {
    if user_info.get("sub").and_then(Value::as_str) == Some(subject) {
        return Ok(());
    }
    Err(rejected("`sub` of the user info is not that of the ID token"))
}

/// Adds the members of the user info to the claims. The claims of the ID token are not replaced,
/// since they are signed. The user info's `email` and `email_verified` are ignored if the ID token
/// has an `email_verified` or a different `email`. The same rule applies to the phone number.
pub(super) fn add_to(claims: &mut Map<String, Value>, mut user_info: Map<String, Value>) {
    for (name, verified) in VERIFIED {
        let is_other = claims.get(name).is_some_and(|value| user_info.get(name) != Some(value));
        if is_other || claims.contains_key(verified) {
            user_info.remove(name);
            user_info.remove(verified);
        }
    }
    for (name, value) in user_info {
        claims.entry(name).or_insert(value);
    }
}

/// Returns the email address if the claims say that it is verified. Some providers write `"true"`
/// instead of `true`.
pub(super) fn verified_email(claims: &Map<String, Value>) -> Option<String> {
    let is_verified = match claims.get("email_verified")? {
        Value::Bool(is_verified) => *is_verified,
        Value::String(text) => text == "true",
        _ => false,
    };
    let email = claims.get("email")?.as_str()?;
    (is_verified && !email.is_empty()).then(|| email.to_owned())
}

pub(super) fn rejected(reason: &str) -> ProviderError {
    ProviderError::new(ProviderErrorKind::UserInfoRejected, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn the_subject_must_be_that_of_the_id_token() {
        assert!(check_subject(&object(json!({ "sub": "alice" })), "alice").is_ok());
        for other in
            [json!({}), json!({ "sub": "bob" }), json!({ "sub": null }), json!({ "sub": 7 })]
        {
            let error = check_subject(&object(other), "alice").unwrap_err();
            assert_eq!(error.kind(), ProviderErrorKind::UserInfoRejected);
        }
    }

    #[test]
    fn the_user_info_replaces_no_claim_of_the_id_token() {
        let mut claims = object(json!({ "sub": "alice", "email": "a@b.example", "name": "A" }));
        let user_info = json!({
            "sub": "alice", "name": "B", "email": "b@b.example", "email_verified": true,
            "phone_number": "+1", "phone_number_verified": true, "locale": "ko",
        });
        add_to(&mut claims, object(user_info));
        let expected = json!({
            "sub": "alice", "email": "a@b.example", "name": "A",
            "phone_number": "+1", "phone_number_verified": true, "locale": "ko",
        });
        assert_eq!(Value::Object(claims.clone()), expected);
        assert_eq!(verified_email(&claims), None);
        let mut claims = object(json!({ "email_verified": false }));
        let user_info = json!({ "email": "b@b.example", "email_verified": true });
        add_to(&mut claims, object(user_info));
        assert_eq!(Value::Object(claims), json!({ "email_verified": false }));
    }

    #[test]
    fn an_address_counts_only_if_it_is_verified() {
        for (claims, expected) in [
            (json!({ "email": "a@b.example", "email_verified": true }), Some("a@b.example")),
            (json!({ "email": "a@b.example", "email_verified": "true" }), Some("a@b.example")),
            (json!({ "email": "a@b.example", "email_verified": false }), None),
            (json!({ "email": "a@b.example", "email_verified": "false" }), None),
            (json!({ "email": "a@b.example", "email_verified": "TRUE" }), None),
            (json!({ "email": "a@b.example", "email_verified": 1 }), None),
            (json!({ "email": "a@b.example", "email_verified": null }), None),
            (json!({ "email": "a@b.example" }), None),
            (json!({ "email": ["a@b.example"], "email_verified": true }), None),
            (json!({ "email": "", "email_verified": true }), None),
            (json!({ "email_verified": true }), None),
        ] {
            assert_eq!(verified_email(&object(claims.clone())).as_deref(), expected, "{claims}");
        }
    }

    #[test]
    fn a_signed_user_info_is_recognized_by_its_type() {
        for (value, expected) in [
            ("application/jwt", true),
            ("Application/JWT; charset=utf-8", true),
            ("application/json", false),
            ("application/jwt-like", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(value));
            assert_eq!(is_jwt(&headers), expected, "{value}");
        }
        assert!(!is_jwt(&HeaderMap::new()));
    }
}
