//! Fuzzes the JOSE header of a token with a valid signature. The verifier must accept a header if
//! and only if `is_allowed` returns true. The oracle, `jsonwebtoken`, cannot parse every header.
//! If it can parse a header that the verifier accepts, it must accept the token too.
#![no_main]

use std::sync::LazyLock;

use tower_jwt_auth::JwtAuth;
use tower_jwt_auth_fuzz::json::{Node, claim, get};
use tower_jwt_auth_fuzz::rules::RULES;
use tower_jwt_auth_fuzz::{KEY_ID, NOW, oracle, sign, target};

static AUTH: LazyLock<JwtAuth> = LazyLock::new(|| RULES[0].auth());
static PAYLOAD: LazyLock<String> =
    LazyLock::new(|| format!(r#"{{"iss":"https://i.example","aud":"cart","exp":{}}}"#, NOW + 60));

fn run(input: &[u8]) {
    let token = sign(input, PAYLOAD.as_bytes());
    let header = Node::parse(input);
    let header = header.as_ref().and_then(Node::strict_members);
    let accepted = AUTH.verify(&token).is_ok();
    let expected = input.len() <= 1024 && header.is_some_and(is_allowed);
    assert_eq!(accepted, expected, "{}", String::from_utf8_lossy(input));
    // In the second call, the header may come from the cache.
    assert_eq!(AUTH.verify(&token).is_ok(), expected);
    if accepted && header.is_some_and(oracle::reads_header) {
        assert!(oracle::claims(&token, &RULES[0]).is_some(), "the oracle refuses");
    }
}

fn is_allowed(header: &[(String, Node)]) -> bool {
    let never = ["crit", "b64", "zip", "enc"];
    let text_in = |name, allowed: &[&str]| match claim(header, name) {
        None => true,
        Some(node) => node.text().is_some_and(|text| {
            let text = text.to_ascii_lowercase();
            allowed.contains(&text.strip_prefix("application/").unwrap_or(&text))
        }),
    };
    never.iter().all(|name| get(header, name).is_none())
        && get(header, "alg").and_then(Node::text) == Some("HS256")
        && claim(header, "kid").is_none_or(|kid| kid.text() == Some(KEY_ID))
        && text_in("typ", &["jwt", "at+jwt"])
        && text_in("cty", &["jwt"])
}

target!(run);
