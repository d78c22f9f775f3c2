//! The default body: a problem detail (RFC 9457) that contains nothing from the token.

use std::borrow::Cow;

use bytes::Bytes;

use crate::bearer::OtherScheme;
use crate::rejection::error::{AuthError, AuthErrorKind};

/// Builds the constant body for a code. Apart from `detail`, all refusals with the same code have
/// the same bytes.
///
/// `type` links to the latest documentation and not to the documentation of this version. Clients
/// compare `type` (RFC 9457 section 3.1.1), so it must not change when the server is upgraded.
macro_rules! problem {
    ($code:literal, $title:literal, $status:literal) => {
        concat!(
            "{\"type\":\"https://docs.rs/tower-jwt-auth/latest/tower_jwt_auth/problems/index.html#",
            $code,
            "\",\"title\":\"",
            $title,
            "\",\"status\":",
            $status,
            ",\"code\":\"",
            $code,
            "\"}"
        )
    };
}

/// Returns the body. The sentence about a misconfiguration names types and routes of the
/// application, so the body contains it only if `is_debug_build` is true (CWE-209).
pub(crate) fn body(error: &AuthError, is_debug_build: bool) -> Bytes {
    let problem = match error.kind() {
        AuthErrorKind::MissingCredentials => {
            problem!("missing-credentials", "An access token is required", 401)
        }
        AuthErrorKind::MalformedRequest => {
            problem!("malformed-request", "The Authorization header is malformed", 400)
        }
        AuthErrorKind::AmbiguousCredentials => {
            problem!("ambiguous-credentials", "The request has several credentials", 400)
        }
        AuthErrorKind::TokenTooLarge => {
            problem!("token-too-large", "The access token is too large", 431)
        }
        AuthErrorKind::InvalidToken => {
            problem!("invalid-token", "The access token is invalid", 401)
        }
        AuthErrorKind::TokenExpired => {
            problem!("token-expired", "The access token expired", 401)
        }
        AuthErrorKind::InsufficientScope => {
            problem!("insufficient-scope", "The access token lacks a scope", 403)
        }
        AuthErrorKind::InsufficientRole => {
            problem!("insufficient-role", "The access token does not allow this", 403)
        }
        AuthErrorKind::CrossSiteRequest => {
            problem!("cross-site-request", "Another site made this request", 403)
        }
        AuthErrorKind::KeysUnavailable => {
            problem!("keys-unavailable", "The access token cannot be checked now", 503)
        }
        AuthErrorKind::RevocationUnavailable => {
            problem!("revocation-unavailable", "The access token cannot be checked now", 503)
        }
        AuthErrorKind::Misconfigured => {
            problem!("misconfigured", "The server is misconfigured", 500)
        }
        AuthErrorKind::InternalError => {
            problem!("internal-error", "The server failed", 500)
        }
    };
    match detail(error, is_debug_build) {
        None => Bytes::from_static(problem.as_bytes()),
        Some(detail) => with_detail(problem, &detail),
    }
}

fn detail(error: &AuthError, is_debug_build: bool) -> Option<Cow<'_, str>> {
    if error.kind() == AuthErrorKind::Misconfigured {
        return is_debug_build.then(|| error.reason());
    }
    Some(match error.other_scheme()? {
        OtherScheme::Known(scheme) => {
            format!("The Authorization header has the scheme {scheme}; write Bearer instead").into()
        }
        OtherScheme::Unknown => {
            "The Authorization header has another scheme; write Bearer instead".into()
        }
        OtherScheme::Missing => {
            "The Authorization header has no scheme; write Bearer and a space before the token"
                .into()
        }
    })
}

fn with_detail(problem: &str, detail: &str) -> Bytes {
    let open = problem.trim_end_matches('}');
    // Serializing a `str` cannot fail.
    let detail = serde_json::to_string(detail).unwrap_or_else(|_| "\"\"".to_owned());
    Bytes::from(format!("{open},\"detail\":{detail}}}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    const KINDS: [AuthErrorKind; 13] = [
        AuthErrorKind::MissingCredentials,
        AuthErrorKind::MalformedRequest,
        AuthErrorKind::AmbiguousCredentials,
        AuthErrorKind::TokenTooLarge,
        AuthErrorKind::InvalidToken,
        AuthErrorKind::TokenExpired,
        AuthErrorKind::InsufficientScope,
        AuthErrorKind::InsufficientRole,
        AuthErrorKind::CrossSiteRequest,
        AuthErrorKind::KeysUnavailable,
        AuthErrorKind::RevocationUnavailable,
        AuthErrorKind::Misconfigured,
        AuthErrorKind::InternalError,
    ];

    fn read(error: &AuthError, is_debug_build: bool) -> Value {
        serde_json::from_slice(&body(error, is_debug_build)).unwrap()
    }

    #[test]
    fn every_body_agrees_with_its_error_and_its_page() {
        let page = include_str!("../../docs/reference/problems.md");
        let headings: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(headings.len(), KINDS.len());
        for kind in KINDS {
            let error = AuthError::new(kind);
            let body = read(&error, false);
            assert_eq!(body["status"], error.status().as_u16());
            assert_eq!(body["code"], error.code());
            let uri = body["type"].as_str().unwrap();
            let (page, anchor) = uri.split_once('#').unwrap();
            assert!(page.ends_with("/latest/tower_jwt_auth/problems/index.html"), "{page}");
            assert_eq!(anchor, error.code());
            // Rustdoc derives a heading's anchor from the heading's text.
            assert!(headings.contains(&anchor), "{anchor} has no heading");
            assert!(body["title"].is_string() && body.get("detail").is_none());
        }
    }

    #[test]
    fn a_misconfiguration_is_explained_in_debug_builds_only() {
        let sentence = "the handler asks for \"`Claims<shop::Shopper>`\"";
        let error = AuthError::because(AuthErrorKind::Misconfigured, sentence);
        assert_eq!(read(&error, true)["detail"], sentence);
        assert_eq!(read(&error, false).get("detail"), None);
        assert!(!String::from_utf8_lossy(&body(&error, false)).contains("Shopper"));
        assert_eq!(error.reason(), sentence, "in any build");
    }

    #[test]
    fn a_wrong_or_missing_scheme_is_named_in_the_detail() {
        let detail = |other| {
            let error = AuthError::missing_credentials(&std::sync::Arc::default(), other);
            read(&error, false).get("detail").map(|detail| detail.as_str().unwrap().to_owned())
        };
        assert_eq!(detail(None), None);
        assert!(detail(Some(OtherScheme::Known("Token"))).unwrap().contains("scheme Token"));
        assert!(detail(Some(OtherScheme::Unknown)).unwrap().contains("another scheme"));
        assert!(detail(Some(OtherScheme::Missing)).unwrap().contains("no scheme"));
    }
}
