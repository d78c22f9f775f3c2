//! The challenges in `WWW-Authenticate` (RFC 9110 section 11.6.1, RFC 6750 section 3).

use http::HeaderValue;

use crate::misuse;

/// The kind of a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// The request has no credentials, so the challenge has no error code (RFC 6750 section 3.1).
    Bare,
    /// `invalid_request`.
    InvalidRequest,
    /// `invalid_token`, for any reason except expiry.
    InvalidToken,
    /// `invalid_token`, for an expired token. The client can get a new token.
    Expired,
    /// `insufficient_scope`.
    InsufficientScope,
}

/// The challenges of one realm, formatted in advance as header values.
#[derive(Clone, Debug)]
pub(crate) struct Challenges {
    bare: HeaderValue,
    invalid_request: HeaderValue,
    invalid_token: HeaderValue,
    expired: HeaderValue,
    insufficient_scope: HeaderValue,
}

impl Challenges {
    #[track_caller]
    pub(crate) fn new(realm: &str) -> Self {
        // With `unwrap_or_else`, the panic would report the line of a closure, not the line of the
        // caller.
        match Self::try_new(realm).filter(|_| is_quotable(realm)) {
            Some(challenges) => challenges,
            None => misuse::refuse(format_args!(
                "realm({realm:?}): take printable ASCII without \" and \\, which needs no escapes",
            )),
        }
    }

    /// Returns the challenge as a header value. Adds `scopes` only to the challenge
    /// `insufficient_scope`.
    pub(crate) fn render(&self, challenge: Challenge, scopes: &str) -> HeaderValue {
        match challenge {
            Challenge::Bare => self.bare.clone(),
            Challenge::InvalidRequest => self.invalid_request.clone(),
            Challenge::InvalidToken => self.invalid_token.clone(),
            Challenge::Expired => self.expired.clone(),
            Challenge::InsufficientScope => self.with_scopes(scopes),
        }
    }

    fn with_scopes(&self, scopes: &str) -> HeaderValue {
        let plain = &self.insufficient_scope;
        if scopes.is_empty() || !scopes.split(' ').all(is_scope_token) {
            return plain.clone();
        }
        let mut text = plain.as_bytes().to_vec();
        text.extend_from_slice(b", scope=\"");
        text.extend_from_slice(scopes.as_bytes());
        text.push(b'"');
        HeaderValue::from_bytes(&text).unwrap_or_else(|_| plain.clone())
    }

    fn try_new(realm: &str) -> Option<Self> {
        let value =
            |rest: &str| HeaderValue::try_from(format!("Bearer realm=\"{realm}\"{rest}")).ok();
        Some(Self {
            bare: value("")?,
            invalid_request: value(", error=\"invalid_request\"")?,
            invalid_token: value(
                ", error=\"invalid_token\", error_description=\"The access token is invalid\"",
            )?,
            expired: value(
                ", error=\"invalid_token\", error_description=\"The access token expired\"",
            )?,
            insufficient_scope: value(", error=\"insufficient_scope\"")?,
        })
    }
}

/// Returns true if `text` has only characters of RFC 6750 section 3: `%x20-21 / %x23-5B / %x5D-7E`.
fn is_quotable(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, 0x20..=0x7E) && byte != b'"' && byte != b'\\')
}

/// Returns true if `scope` is one valid scope: it has at least one character, and only the
/// characters `%x21 / %x23-5B / %x5D-7E` (RFC 6750 section 3).
pub(crate) fn is_scope_token(scope: &str) -> bool {
    !scope.is_empty() && is_quotable(scope) && !scope.contains(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_those_of_the_table() {
        let challenges = Challenges::new("shop");
        let render = |challenge, scopes| challenges.render(challenge, scopes);
        assert_eq!(render(Challenge::Bare, ""), r#"Bearer realm="shop""#);
        assert_eq!(
            render(Challenge::InsufficientScope, "pay cart:write"),
            r#"Bearer realm="shop", error="insufficient_scope", scope="pay cart:write""#,
        );
        assert_eq!(
            render(Challenge::InsufficientScope, "a\"b"),
            r#"Bearer realm="shop", error="insufficient_scope""#,
        );
    }

    #[test]
    fn a_realm_that_would_need_escapes_is_refused_when_it_is_configured() {
        for realm in ["a\"b", "a\\b", "a\r\nb", "é", "\u{7f}"] {
            assert!(std::panic::catch_unwind(|| Challenges::new(realm)).is_err(), "{realm:?}");
        }
    }
}
