//! The parameters that a provider adds to the URL of the callback (RFC 6749 section 4.1.2).

use crate::openid::routes::failure::{LoginFailure, LoginFailureKind};

/// The maximum length of the query. It is generous, since providers also send parameters that this
/// server does not read.
const MAX_QUERY_BYTES: usize = 8_192;

/// The maximum length of `code`. The next three constants limit `state`, `iss` and `error`. All
/// other parameters are ignored.
const MAX_CODE_BYTES: usize = 4_096;
const MAX_STATE_BYTES: usize = 128;
const MAX_ISSUER_BYTES: usize = 2_048;
const MAX_ERROR_BYTES: usize = 128;

/// The parameters of a callback.
#[derive(Default)]
pub(crate) struct CallbackQuery {
    pub(crate) code: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) error: Option<String>,
}

impl CallbackQuery {
    /// Reads the query. A parameter that occurs twice is an error (RFC 6749 section 3.1), and a
    /// parameter without a value counts as absent.
    pub(crate) fn read(query: Option<&str>) -> Result<Self, LoginFailure> {
        let query = query.unwrap_or_default();
        if query.len() > MAX_QUERY_BYTES {
            return Err(invalid(format!("the query has more than {MAX_QUERY_BYTES} bytes")));
        }
        let mut this = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let (parameter, name, max) = match &*name {
                "code" => (&mut this.code, "code", MAX_CODE_BYTES),
                "state" => (&mut this.state, "state", MAX_STATE_BYTES),
                "iss" => (&mut this.issuer, "iss", MAX_ISSUER_BYTES),
                "error" => (&mut this.error, "error", MAX_ERROR_BYTES),
                _ => continue,
            };
            if parameter.is_some() {
                return Err(invalid(format!("the callback has `{name}` twice")));
            }
            if value.len() > max {
                return Err(invalid(format!("`{name}` has more than {max} bytes")));
            }
            *parameter = Some(value.into_owned());
        }
        for parameter in [&mut this.code, &mut this.state, &mut this.issuer, &mut this.error] {
            parameter.take_if(|value| value.is_empty());
        }
        Ok(this)
    }

    /// Returns the code, or the failure that the provider reports.
    pub(crate) fn into_code(self) -> Result<String, LoginFailure> {
        match (self.code, self.error) {
            (Some(code), None) => Ok(code),
            (None, Some(error)) => Err(reported(&error).reported()),
            (Some(_), Some(_)) => Err(invalid("the callback has both `code` and `error`")),
            (None, None) => Err(invalid("the callback has neither `code` nor `error`")),
        }
    }
}

/// Returns the failure for an error code of RFC 6749 section 4.1.2.1 or OpenID Connect Core section
/// 3.1.2.6. The code comes from the URL, so the reason contains it only if it is a registered code.
fn reported(error: &str) -> LoginFailure {
    const CODES: [(&str, LoginFailureKind); 15] = [
        ("access_denied", LoginFailureKind::Denied),
        ("account_selection_required", LoginFailureKind::Denied),
        ("consent_required", LoginFailureKind::Denied),
        ("interaction_required", LoginFailureKind::Denied),
        ("login_required", LoginFailureKind::Denied),
        ("server_error", LoginFailureKind::ProviderFailed),
        ("temporarily_unavailable", LoginFailureKind::ProviderUnavailable),
        ("invalid_request", LoginFailureKind::Misconfigured),
        ("invalid_scope", LoginFailureKind::Misconfigured),
        ("unauthorized_client", LoginFailureKind::Misconfigured),
        ("unsupported_response_type", LoginFailureKind::Misconfigured),
        ("invalid_request_object", LoginFailureKind::Misconfigured),
        ("request_not_supported", LoginFailureKind::Misconfigured),
        ("request_uri_not_supported", LoginFailureKind::Misconfigured),
        ("registration_not_supported", LoginFailureKind::Misconfigured),
    ];
    match CODES.iter().find(|(code, _)| *code == error) {
        Some((code, kind)) => {
            kind.because(format!("the provider answered with the error `{code}`"))
        }
        None => LoginFailureKind::ProviderFailed
            .because("the provider answered with an error code that is not registered"),
    }
}

fn invalid(reason: impl Into<std::borrow::Cow<'static, str>>) -> LoginFailure {
    LoginFailureKind::InvalidRequest.because(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(query: &str) -> Result<String, (LoginFailureKind, String)> {
        let read = CallbackQuery::read(Some(query)).and_then(CallbackQuery::into_code);
        read.map_err(|failure| (failure.kind(), failure.reason().to_owned()))
    }

    #[test]
    fn parameters_are_decoded_and_others_are_ignored() {
        let query = "code=a%2Fb+c&state=s&iss=https%3A%2F%2Fa.example&authuser=0&authuser=1&scope=";
        let read = CallbackQuery::read(Some(query)).unwrap();
        assert_eq!(read.state.as_deref(), Some("s"));
        assert_eq!(read.issuer.as_deref(), Some("https://a.example"));
        assert_eq!(read.into_code().unwrap(), "a/b c");
    }

    #[test]
    fn a_callback_has_either_a_code_or_an_error() {
        for query in ["", "state=s", "code=", "code=a&error=access_denied"] {
            assert_eq!(code(query).unwrap_err().0, LoginFailureKind::InvalidRequest, "{query}");
        }
        assert_eq!(code("code=a&error=").unwrap(), "a");
    }

    #[test]
    fn duplicate_and_long_parameters_are_rejected() {
        for name in ["code", "state", "iss", "error"] {
            for query in [format!("{name}=a&{name}=a"), format!("{name}=&{name}=a")] {
                let (kind, reason) = code(&query).unwrap_err();
                assert_eq!(kind, LoginFailureKind::InvalidRequest);
                assert!(reason.contains(&format!("`{name}` twice")), "{reason}");
            }
            let (kind, reason) = code(&format!("{name}={}", "a".repeat(4_097))).unwrap_err();
            assert_eq!(kind, LoginFailureKind::InvalidRequest);
            assert!(reason.contains("more than"), "{reason}");
        }
        let (kind, _) = code(&format!("code=a&x={}", "a".repeat(8_192))).unwrap_err();
        assert_eq!(kind, LoginFailureKind::InvalidRequest);
    }

    #[test]
    fn parameters_of_the_maximum_length_are_read() {
        for (name, max) in [
            ("code", MAX_CODE_BYTES),
            ("state", MAX_STATE_BYTES),
            ("iss", MAX_ISSUER_BYTES),
            ("error", MAX_ERROR_BYTES),
        ] {
            let query = |len| format!("{name}={}", "a".repeat(len));
            assert!(CallbackQuery::read(Some(&query(max))).is_ok(), "{name}");
            assert!(CallbackQuery::read(Some(&query(max + 1))).is_err(), "{name}");
        }
        let query = |len| format!("x={}", "a".repeat(len - 2));
        assert!(CallbackQuery::read(Some(&query(MAX_QUERY_BYTES))).is_ok());
        assert!(CallbackQuery::read(Some(&query(MAX_QUERY_BYTES + 1))).is_err());
    }

    #[test]
    fn an_error_of_the_provider_is_named_only_if_it_is_registered() {
        for (error, kind) in [
            ("access_denied", LoginFailureKind::Denied),
            ("login_required", LoginFailureKind::Denied),
            ("server_error", LoginFailureKind::ProviderFailed),
            ("temporarily_unavailable", LoginFailureKind::ProviderUnavailable),
            ("invalid_scope", LoginFailureKind::Misconfigured),
            ("%3Cscript%3E", LoginFailureKind::ProviderFailed),
        ] {
            let (found, reason) = code(&format!("error={error}")).unwrap_err();
            assert_eq!(found, kind, "{error}");
            assert_eq!(reason.contains(error), !error.contains('%'), "{reason}");
            assert!(!reason.contains("script"), "{reason}");
        }
    }
}
