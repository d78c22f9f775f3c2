//! A token endpoint's response (RFC 6749 sections 5.1 and 5.2).

use std::time::Duration;

use http::StatusCode;
use serde_json::{Map, Value};

use crate::jwt::json_object;
use crate::openid::provider::error::{ProviderError, ProviderErrorKind};

/// A successful response of the token endpoint.
pub(super) struct TokenEndpointResponse {
    pub(super) access_token: String,
    pub(super) refresh_token: Option<String>,
    pub(super) id_token: Option<String>,
    pub(super) expires_in: Option<Duration>,
    /// The granted scopes. `None` means that all requested scopes were granted.
    pub(super) scopes: Option<Vec<String>>,
}

/// The error codes of RFC 6749 sections 4.1.2.1 and 5.2. An error message contains no other code,
/// since a faulty provider could send a value from the request, such as the client secret, in place
/// of a code.
const KNOWN_CODES: [&str; 10] = [
    "access_denied",
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "server_error",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_grant_type",
    "unsupported_response_type",
];

impl TokenEndpointResponse {
    /// Reads a response with the status 200 or 4xx. Some providers report errors with the status
    /// 200.
    pub(super) fn read(status: StatusCode, json: &[u8]) -> Result<Self, ProviderError> {
        let answer = json_object(json);
        if let Ok(answer) = &answer
            && let Some(error) = present(answer, "error")
        {
            return Err(refused(error.as_str().unwrap_or_default()));
        }
        if status != StatusCode::OK {
            let status = status.as_u16();
            return Err(ProviderError::unavailable(format!(
                "the token endpoint answered with status {status} and without an error code"
            )));
        }
        Self::read_success(&answer.map_err(unreadable)?).map_err(unreadable)
    }

    fn read_success(answer: &Map<String, Value>) -> Result<Self, &'static str> {
        let access_token = text(answer, "access_token", "`access_token` is not a string")?;
        let access_token = access_token.filter(|token| !token.is_empty());
        let token_type = text(answer, "token_type", "`token_type` is not a string")?;
        let token_type = token_type.ok_or("`token_type` is missing")?;
        if !token_type.eq_ignore_ascii_case("bearer") {
            return Err("`token_type` is not \"Bearer\": no other type is supported");
        }
        Ok(Self {
            access_token: access_token.ok_or("`access_token` is missing")?,
            refresh_token: text(answer, "refresh_token", "`refresh_token` is not a string")?,
            id_token: text(answer, "id_token", "`id_token` is not a string")?,
            expires_in: present(answer, "expires_in").map(lifetime).transpose()?,
            scopes: text(answer, "scope", "`scope` is not a string")?.map(|scope| list(&scope)),
        })
    }
}

/// Splits a list of scopes. RFC 6749 section 3.3 separates them by spaces, and some providers by
/// commas. A scope that contains a comma would also be split, but no provider documents such a
/// scope.
fn list(scopes: &str) -> Vec<String> {
    let scopes = scopes.split([' ', ',']).filter(|scope| !scope.is_empty());
    scopes.map(str::to_owned).collect()
}

/// Returns the member `name`, or `None` if the member is missing or `null`.
fn present<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !value.is_null())
}

fn text(
    object: &Map<String, Value>,
    name: &str,
    otherwise: &'static str,
) -> Result<Option<String>, &'static str> {
    match present(object, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(otherwise),
    }
}

/// Reads a number of seconds. Some providers write the number as a string.
fn lifetime(value: &Value) -> Result<Duration, &'static str> {
    let secs = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    };
    secs.map(Duration::from_secs).ok_or("`expires_in` is not a whole number of seconds")
}

fn refused(code: &str) -> ProviderError {
    let (kind, reason) = match code {
        "invalid_grant" => (
            ProviderErrorKind::CodeRefused,
            "the code is expired, used, or not for this redirect URI or verifier",
        ),
        "invalid_client" => (
            ProviderErrorKind::Misconfigured,
            "the client id, the secret, or the method of sending it is wrong",
        ),
        "invalid_scope" | "unauthorized_client" | "unsupported_grant_type" => (
            ProviderErrorKind::Misconfigured,
            "the provider does not allow this client to log users in with a code",
        ),
        "server_error" | "temporarily_unavailable" => {
            (ProviderErrorKind::Unavailable, "the provider cannot answer now")
        }
        // If an authorization code was used before, Naver responds with `invalid_request`, and
        // GitHub with an error that is not in the RFC.
        _ => (ProviderErrorKind::CodeRefused, "the provider rejected the code or the request"),
    };
    let shown = if KNOWN_CODES.contains(&code) { code } else { "another error code" };
    ProviderError::new(kind, format!("the token endpoint answered with {shown}: {reason}"))
}

fn unreadable(reason: &str) -> ProviderError {
    ProviderError::unavailable(format!("the answer of the token endpoint cannot be used: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn success() -> Value {
        json!({ "access_token": "a", "token_type": "Bearer" })
    }

    fn with(name: &str, value: Value) -> Value {
        let mut answer = success();
        answer[name] = value;
        answer
    }

    fn read(answer: &Value) -> Result<TokenEndpointResponse, ProviderError> {
        TokenEndpointResponse::read(StatusCode::OK, answer.to_string().as_bytes())
    }

    fn kind(result: Result<TokenEndpointResponse, ProviderError>) -> Option<ProviderErrorKind> {
        result.err().map(|error| error.kind())
    }

    #[test]
    fn the_type_of_a_token_is_bearer_in_any_case() {
        for typ in ["Bearer", "bearer", "BEARER"] {
            assert!(read(&with("token_type", typ.into())).is_ok(), "{typ}");
        }
        for typ in
            [json!("DPoP"), json!("mac"), json!(""), Value::Null, json!(1), json!(["Bearer"])]
        {
            let kind = kind(read(&with("token_type", typ.clone())));
            assert_eq!(kind, Some(ProviderErrorKind::Unavailable), "{typ}");
        }
    }

    #[test]
    fn the_lifetime_is_a_number_or_a_numeric_string() {
        for (value, secs) in [
            (json!(3_600), Some(3_600)),
            (json!("3600"), Some(3_600)),
            (json!(0), Some(0)),
            (Value::Null, None),
        ] {
            let answer = read(&with("expires_in", value.clone())).unwrap();
            assert_eq!(answer.expires_in.map(|time| time.as_secs()), secs, "{value}");
        }
        for value in [
            json!("1 h"),
            json!("-5"),
            json!("+5"),
            json!(-5),
            json!(""),
            json!("99999999999999999999"),
            json!([1]),
        ] {
            assert!(read(&with("expires_in", value.clone())).is_err(), "{value}");
        }
    }

    #[test]
    fn granted_scopes_are_separated_by_spaces_or_commas() {
        for (scope, expected) in [
            ("openid email", &["openid", "email"][..]),
            ("read:user,repo", &["read:user", "repo"]),
            (" openid  email ", &["openid", "email"]),
            ("", &[]),
        ] {
            assert_eq!(read(&with("scope", scope.into())).unwrap().scopes.unwrap(), expected);
        }
        assert!(read(&success()).unwrap().scopes.is_none());
        assert!(read(&with("scope", Value::Null)).unwrap().scopes.is_none());
        assert!(read(&with("scope", json!(["openid"]))).is_err());
    }

    #[test]
    fn an_answer_without_a_usable_access_token_is_rejected() {
        for token in [Value::Null, json!(""), json!(1), json!({})] {
            assert!(read(&with("access_token", token.clone())).is_err(), "{token}");
        }
        for name in ["id_token", "refresh_token"] {
            assert!(read(&with(name, Value::Null)).is_ok());
            assert!(read(&with(name, json!(7))).is_err());
        }
        for json in [
            "",
            "<html>",
            "[]",
            "null",
            "access_token=a&token_type=bearer",
            r#"{"access_token":"a","token_type":"Bearer"} {}"#,
            r#"{"access_token":"a","access_token":"b","token_type":"Bearer"}"#,
            r#"{"access_token":"a","token_type":"Bearer","x":{"y":1,"y":2}}"#,
            "\u{feff}{\"access_token\":\"a\",\"token_type\":\"Bearer\"}",
        ] {
            let kind = kind(TokenEndpointResponse::read(StatusCode::OK, json.as_bytes()));
            assert_eq!(kind, Some(ProviderErrorKind::Unavailable), "{json}");
        }
        assert!(
            TokenEndpointResponse::read(StatusCode::OK, b"{\"access_token\":\"\xff\"}").is_err()
        );
    }

    #[test]
    fn an_error_counts_with_every_status() {
        for status in [StatusCode::OK, StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED] {
            for (code, expected) in [
                ("invalid_grant", ProviderErrorKind::CodeRefused),
                ("invalid_client", ProviderErrorKind::Misconfigured),
                ("unauthorized_client", ProviderErrorKind::Misconfigured),
                ("invalid_request", ProviderErrorKind::CodeRefused),
                ("temporarily_unavailable", ProviderErrorKind::Unavailable),
                ("something", ProviderErrorKind::CodeRefused),
            ] {
                // A response with an `error` member is an error, even if it also contains a token.
                let json = with("error", code.into()).to_string();
                let kind = kind(TokenEndpointResponse::read(status, json.as_bytes()));
                assert_eq!(kind, Some(expected), "{status} {code}");
            }
        }
        for status in [StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND] {
            let kind = kind(TokenEndpointResponse::read(status, success().to_string().as_bytes()));
            assert_eq!(kind, Some(ProviderErrorKind::Unavailable), "{status}");
        }
    }

    #[test]
    fn no_text_of_the_answer_is_in_a_reason() {
        for answer in [
            json!({ "error": "hunter2", "error_description": "hunter2" }),
            json!({ "access_token": "hunter2", "token_type": "hunter2" }),
            json!({ "access_token": "hunter2", "token_type": "Bearer", "expires_in": "hunter2" }),
            json!({ "access_token": "hunter2", "token_type": "Bearer", "scope": ["hunter2"] }),
        ] {
            let error = read(&answer).map(|_| ()).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_read_without_a_panic(
            status in 400_u16..500,
            bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let _ = TokenEndpointResponse::read(StatusCode::OK, &bytes);
            let status = StatusCode::from_u16(status).unwrap();
            prop_assert!(TokenEndpointResponse::read(status, &bytes).is_err());
        }

        #[test]
        fn an_accepted_answer_has_a_bearer_token_and_no_error(
            token in "[ -~]{0,6}",
            token_type in "bearer|Bearer|DPoP|mac|",
            error in prop::option::of("[a-z_]{0,8}"),
            expires in "\"?[0-9.e-]{1,6}\"?",
            space in "[ \n]{0,3}",
        ) {
            let token = json!(token);
            let error = error.map(|error| format!(r#","error":"{error}""#)).unwrap_or_default();
            let json = format!(
                r#"{space}{{"access_token":{token},"token_type":"{token_type}","expires_in":{expires}{error}}}{space}"#
            );
            if let Ok(answer) = TokenEndpointResponse::read(StatusCode::OK, json.as_bytes()) {
                prop_assert!(error.is_empty());
                prop_assert!(token_type.eq_ignore_ascii_case("bearer"));
                prop_assert_eq!(&json!(answer.access_token), &token);
                let secs: u64 = expires.trim_matches('"').parse().unwrap();
                prop_assert_eq!(answer.expires_in, Some(Duration::from_secs(secs)));
            }
        }
    }
}
