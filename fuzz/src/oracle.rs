//! An oracle: `jsonwebtoken` must accept every token that this crate accepts, with the same claims.

use std::sync::LazyLock;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::Value;

use crate::SECRET;
use crate::json::{Node, get};
use crate::rules::Rules;

/// Returns the claims if `jsonwebtoken` accepts the token. That crate reads the system clock and
/// requires `exp` to fit into a `u64`, so [`Rules::decide`] checks the times instead.
pub fn claims(token: &str, rules: &Rules) -> Option<Value> {
    static KEY: LazyLock<DecodingKey> = LazyLock::new(|| DecodingKey::from_secret(SECRET));
    let mut validation = Validation::new(Algorithm::HS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    if let Some(issuer) = rules.issuer {
        validation.set_issuer(&[issuer]);
    }
    if !rules.audience.is_empty() {
        validation.set_audience(rules.audience);
    }
    validation.validate_aud = !rules.any_audience;
    decode::<Value>(token, &KEY, &validation).ok().map(|data| data.claims)
}

/// Returns true if `jsonwebtoken` can parse the header. `jsonwebtoken` requires certain types for
/// members such as `jku`, and parses unknown members as `Value`s. `tower-jwt-auth` ignores members
/// such as `jku`, since a token must not choose its own key.
pub fn reads_header(header: &[(String, Node)]) -> bool {
    let texts = ["jku", "x5u", "x5t", "x5t#S256", "url", "nonce"];
    let is_text = |name| get(header, name).is_none_or(|node| node.text().is_some());
    let is_chain = |node| matches!(node, &Node::Array(_)) && node.texts().is_some();
    texts.into_iter().all(is_text)
        && get(header, "x5c").is_none_or(is_chain)
        && get(header, "jwk").is_none()
        && !header.iter().any(|(_, node)| node.has_unreadable())
}
