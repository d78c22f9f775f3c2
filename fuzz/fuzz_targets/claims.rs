//! Fuzzes claims that are almost valid. Their order, their spelling and the types of their values
//! vary. The input selects a configuration. For each of three claim types, the decision and the
//! extracted values must equal those of the reference implementation.
#![no_main]

use std::sync::LazyLock;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower_jwt_auth::{AuthErrorKind, JwtAuth, StandardClaims};
use tower_jwt_auth_fuzz::claims::Claims;
use tower_jwt_auth_fuzz::json::{Node, get};
use tower_jwt_auth_fuzz::rules::{Decision, Noted, RULES};
use tower_jwt_auth_fuzz::{sign, target};

/// A typical application type, with registered, optional and private claims.
#[derive(Clone, Deserialize)]
struct Shopper {
    sub: String,
    exp: u64,
    aud: Option<Audience>,
    company: Option<String>,
    #[serde(default)]
    level: u8,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

type Auths = (JwtAuth<Value>, JwtAuth<StandardClaims>, JwtAuth<Shopper>);

static AUTH: LazyLock<Vec<Auths>> = LazyLock::new(|| {
    let auths = |auth: JwtAuth| (auth.clone().claims(), auth.clone(), auth.claims());
    RULES.iter().map(|rules| auths(rules.auth())).collect()
});

fn run(input: &[u8]) {
    let Some(claims) = Claims::of(input) else { return };
    let payload = claims.render();
    let token = sign(br#"{"alg":"HS256","kid":"k1"}"#, payload.as_bytes());
    if token.len() > 8192 {
        return;
    }
    let node = Node::parse(payload.as_bytes());
    let index = usize::from(claims.rules) % RULES.len();
    let (rules, (value, standard, shopper)) = (&RULES[index], &AUTH[index]);
    let (decision, noted) = node
        .as_ref()
        .map_or_else(|| (Decision::Invalid, Noted::default()), |node| rules.decide(node));
    let members = node.as_ref().and_then(Node::members).unwrap_or_default();
    let expected = serde_json::from_str::<Value>(&payload).ok();
    let claims = check(value, (&payload, &token), decision, expected.is_some(), &noted);
    assert!(claims.is_none() || claims == expected);
    let fits = serde_json::from_str::<StandardClaims>(&payload).is_ok();
    if let Some(claims) = check(standard, (&payload, &token), decision, fits, &noted) {
        assert_eq!(claims.aud, noted.audience);
        assert_eq!(claims.sub, get(members, "sub").and_then(subject));
        assert_eq!(claims.sid.as_deref(), get(members, "sid").and_then(Node::text));
    }
    let fits = fits_shopper(members);
    if let Some(claims) = check(shopper, (&payload, &token), decision, fits, &noted) {
        assert_eq!(Some(&*claims.sub), get(members, "sub").and_then(Node::text));
        assert_eq!(claims.company.as_deref(), get(members, "company").and_then(Node::text));
        assert_eq!(Some(claims.exp), integer(get(members, "exp")));
        assert_eq!(Some(claims.level.into()), integer(get(members, "level")).or(Some(0)));
        let audience = claims.aud.as_ref().map_or_else(Vec::new, |audience| match audience {
            Audience::One(name) => vec![name.clone()],
            Audience::Several(names) => names.clone(),
        });
        assert_eq!(audience, noted.audience);
    }
}

/// Checks that the verdict and the extracted values equal those of the reference implementation.
fn check<T: Clone + DeserializeOwned + Send + Sync + 'static>(
    auth: &JwtAuth<T>,
    (payload, token): (&str, &str),
    decision: Decision,
    fits: bool,
    noted: &Noted,
) -> Option<T> {
    match auth.verify(token) {
        Ok(claims) => {
            assert_eq!((decision, fits), (Decision::Accepted, true), "{payload}");
            let facts = claims.token();
            assert!(facts.scopes().eq(&noted.scopes), "scopes");
            assert!(facts.roles().eq(&noted.roles), "roles");
            assert!(facts.audience().eq(&noted.audience), "audience");
            assert_eq!(facts.tenant(), noted.tenant.as_deref(), "tenant");
            assert_eq!((facts.encoded(), facts.key_id()), (token, Some("k1")));
            Some(T::clone(&claims))
        }
        // An expired token is reported as expired even if its claims do not fit the type.
        Err(error) if error.kind() == AuthErrorKind::TokenExpired => {
            assert_eq!(decision, Decision::Expired, "{payload}");
            None
        }
        Err(error) => {
            assert_eq!(error.kind(), AuthErrorKind::InvalidToken);
            let mismatch = decision == Decision::Accepted && !fits;
            assert!(decision == Decision::Invalid || mismatch, "{decision:?}: {payload}");
            None
        }
    }
}

fn integer(node: Option<&Node>) -> Option<u64> {
    match node {
        Some(Node::Number(number)) => number.parse().ok(),
        _ => None,
    }
}

fn is_optional_text(members: &[(String, Node)], name: &str) -> bool {
    matches!(get(members, name), None | Some(Node::Null | Node::Text(_)))
}

/// Returns the subject as text. If `sub` is a number, returns its decimal text.
fn subject(node: &Node) -> Option<String> {
    match node {
        Node::Number(number) => Some(number.clone()),
        node => node.text().map(str::to_owned),
    }
}

fn fits_shopper(members: &[(String, Node)]) -> bool {
    let level = get(members, "level");
    get(members, "sub").is_some_and(|sub| sub.text().is_some())
        && integer(get(members, "exp")).is_some()
        && is_optional_text(members, "company")
        && (level.is_none() || integer(level).is_some_and(|level| level <= 255))
}

target!(run);
