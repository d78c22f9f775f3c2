//! The limits on the size of a token.

use serde_json::{Map, Value};

use crate::issuer::error::{IssueError, IssueErrorKind};

/// The maximum length of a cookie's name and value together. A browser silently drops a longer
/// cookie (RFC 6265bis section 5.6).
pub(crate) const MAX_COOKIE_BYTES: usize = 4096;

/// The minimum room for claims in a cookie. The claims that the issuer writes take about 300 bytes.
/// The rest is for the scopes, the roles and the application's claims.
#[cfg(feature = "axum")]
pub(crate) const MIN_CLAIM_BYTES: usize = 1024;

/// Returns the maximum size of the claims, as JSON, in a token of at most `limit` bytes. `overhead`
/// is the size of the token without its claims.
#[cfg(feature = "axum")]
pub(crate) fn room(limit: usize, overhead: usize) -> usize {
    // Base64 encodes three bytes as four characters.
    limit.saturating_sub(overhead).saturating_mul(3) / 4
}

/// The maximum number of claims that an error message lists.
const NAMED: usize = 3;

/// Returns an error with the names and sizes of the largest claims if `len` is above `limit`.
pub(crate) fn check(
    what: &str,
    len: usize,
    limit: usize,
    claims: &Map<String, Value>,
) -> Result<(), IssueError> {
    if len <= limit {
        return Ok(());
    }
    let largest = largest(claims);
    let message = format!(
        "{what} has {len} bytes, and the limit is {limit}. The largest claims are {largest}. Keep \
         large data out of tokens, and look it up by `sub`"
    );
    Err(IssueError::new(IssueErrorKind::TooLarge, message))
}

fn largest(claims: &Map<String, Value>) -> String {
    let mut weighed: Vec<_> =
        claims.iter().map(|(name, value)| (value.to_string().len(), name.as_str())).collect();
    weighed.sort_by(|a, b| b.cmp(a));
    let named = weighed.iter().take(NAMED).map(|(len, name)| format!("`{name}` ({len} bytes)"));
    named.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_claims_are_named_and_their_values_are_not() {
        let claims = serde_json::json!({
            "sub": "alice", "permissions": vec!["x"; 500], "name": "a secret name", "roles": ["admin"],
        });
        let claims = claims.as_object().unwrap();
        assert!(check("the token", 4096, 4096, claims).is_ok());
        let error = check("the token", 4097, 4096, claims).unwrap_err();
        assert_eq!(error.kind(), IssueErrorKind::TooLarge);
        let text = error.to_string();
        assert!(text.contains("`permissions` (2001 bytes), `name` (15 bytes), `roles`"), "{text}");
        assert!(!text.contains("secret name"));
    }
}
