//! The default body: a problem detail (RFC 9457) with nothing of the token in it.

use bytes::Bytes;

use crate::rejection::error::{AuthError, AuthErrorKind};

/// One line per refusal, so that every client of a class reads the same bytes.
macro_rules! problem {
    ($code:literal, $title:literal, $status:literal) => {
        concat!(
            "{\"type\":\"https://docs.rs/tower-jwt-auth/problems/",
            $code,
            "\",\"title\":\"",
            $title,
            "\",\"status\":",
            $status,
            "}"
        )
    };
}

pub(crate) fn body(error: &AuthError) -> Bytes {
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
    match error.sentence() {
        None => Bytes::from_static(problem.as_bytes()),
        Some(sentence) => with_detail(problem, sentence),
    }
}

fn with_detail(problem: &str, detail: &str) -> Bytes {
    let open = problem.trim_end_matches('}');
    // A JSON string of a `str`: this cannot fail, and a problem without detail is still one.
    let detail = serde_json::to_string(detail).unwrap_or_else(|_| "\"\"".to_owned());
    Bytes::from(format!("{open},\"detail\":{detail}}}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_body_agrees_with_its_error() {
        for kind in [
            AuthErrorKind::MissingCredentials,
            AuthErrorKind::MalformedRequest,
            AuthErrorKind::AmbiguousCredentials,
            AuthErrorKind::TokenTooLarge,
            AuthErrorKind::InvalidToken,
            AuthErrorKind::TokenExpired,
            AuthErrorKind::InsufficientScope,
            AuthErrorKind::InsufficientRole,
            AuthErrorKind::CrossSiteRequest,
            AuthErrorKind::RevocationUnavailable,
            AuthErrorKind::Misconfigured,
            AuthErrorKind::InternalError,
        ] {
            let error = AuthError::new(kind);
            let body: serde_json::Value = serde_json::from_slice(&body(&error)).unwrap();
            assert_eq!(body["status"], error.status().as_u16());
            assert_eq!(body["type"].as_str().unwrap().rsplit('/').next(), Some(error.code()));
            assert!(body["title"].is_string() && body.get("detail").is_none());
        }
    }

    #[test]
    fn a_misconfiguration_is_explained() {
        let error = AuthError::misconfigured("say \"this\"");
        let body: serde_json::Value = serde_json::from_slice(&body(&error)).unwrap();
        assert_eq!(body["detail"], "say \"this\"");
    }
}
