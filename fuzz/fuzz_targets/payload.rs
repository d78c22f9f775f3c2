//! Fuzzes the payload of a token with a valid signature. The verifier must accept a payload if and
//! only if the reference implementation in `rules.rs` accepts it and `serde_json` can parse it. If
//! the verifier accepts a token, `jsonwebtoken` must accept it too, and read the same claims.
#![no_main]

use std::sync::LazyLock;

use serde_json::Value;
use tower_jwt_auth::{AuthErrorKind, JwtAuth};
use tower_jwt_auth_fuzz::json::Node;
use tower_jwt_auth_fuzz::rules::{Decision, RULES};
use tower_jwt_auth_fuzz::{oracle, sign, target};

static AUTH: LazyLock<Vec<JwtAuth<Value>>> =
    LazyLock::new(|| RULES.iter().map(|rules| rules.auth().claims()).collect());

fn run(input: &[u8]) {
    let token = sign(br#"{"alg":"HS256"}"#, input);
    let payload = Node::parse(input);
    let fits = serde_json::from_slice::<Value>(input).is_ok();
    for (rules, auth) in RULES.iter().zip(&*AUTH) {
        let expected =
            payload.as_ref().map_or(Decision::Invalid, |payload| rules.decide(payload).0);
        match auth.verify(&token) {
            Ok(claims) => {
                assert_eq!((expected, fits), (Decision::Accepted, true));
                assert_eq!(oracle::claims(&token, rules).as_ref(), Some(&*claims));
                assert_eq!(claims.token().encoded(), token);
            }
            // An expired token is reported as expired even if its claims do not fit the type.
            Err(error) if error.kind() == AuthErrorKind::TokenExpired => {
                assert_eq!(expected, Decision::Expired);
            }
            Err(error) if error.kind() == AuthErrorKind::TokenTooLarge => {
                assert!(token.len() > 8192);
            }
            Err(_) => {
                assert!(expected == Decision::Invalid || expected == Decision::Accepted && !fits)
            }
        }
    }
}

target!(run);
