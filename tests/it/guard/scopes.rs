//! Tests of combined guards on scopes. Each decision equals the value of the Boolean expression
//! that the guards form.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response, StatusCode};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use tower::{Layer, ServiceExt, service_fn};
use tower_jwt_auth::guard::{Access, Denied, require};
use tower_jwt_auth::{Guard, has_all_scopes, has_any_scope, has_role, has_scope};

use crate::bearer::challenge::bearer_params;
use crate::kit;

const SCOPES: [&str; 5] = ["a", "b", "a:b", "A", "ab"];

/// A Boolean expression of guards on scopes.
#[derive(Clone, Debug)]
enum Expression {
    Has(&'static str),
    Any(Vec<&'static str>),
    All(Vec<&'static str>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Not(Box<Self>),
}

impl Expression {
    /// Returns the decision about a token with these scopes.
    fn says(&self, held: &[&str]) -> bool {
        match self {
            Self::Has(scope) => held.contains(scope),
            Self::Any(scopes) => scopes.iter().any(|scope| held.contains(scope)),
            Self::All(scopes) => scopes.iter().all(|scope| held.contains(scope)),
            Self::And(left, right) => left.says(held) && right.says(held),
            Self::Or(left, right) => left.says(held) || right.says(held),
            Self::Not(guard) => !guard.says(held),
        }
    }

    /// Returns the scopes that may help to make the expression true. Scopes under a `not` never
    /// help.
    fn helpful(&self) -> Vec<&'static str> {
        match self {
            Self::Has(scope) => vec![scope],
            Self::Any(scopes) | Self::All(scopes) => scopes.clone(),
            Self::And(left, right) | Self::Or(left, right) => {
                [left.helpful(), right.helpful()].concat()
            }
            Self::Not(_) => Vec::new(),
        }
    }
}

impl Guard for Expression {
    fn check(&self, access: &mut Access<'_>) -> Result<(), Denied> {
        match self.clone() {
            Self::Has(scope) => has_scope(scope).check(access),
            Self::Any(scopes) => has_any_scope(scopes).check(access),
            Self::All(scopes) => has_all_scopes(scopes).check(access),
            Self::And(left, right) => left.and(*right).check(access),
            Self::Or(left, right) => left.or(*right).check(access),
            Self::Not(guard) => guard.not().check(access),
        }
    }

    fn required_scopes(&self) -> Vec<&str> {
        self.helpful()
    }
}

fn scopes() -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(&SCOPES[..], 0..=SCOPES.len())
}

fn expression() -> impl Strategy<Value = Expression> {
    let some = || subsequence(&SCOPES[..], 1..=SCOPES.len());
    let leaf = prop_oneof![
        select(&SCOPES[..]).prop_map(Expression::Has),
        some().prop_map(Expression::Any),
        some().prop_map(Expression::All),
    ];
    leaf.prop_recursive(4, 16, 2, |inner| {
        let two = || (inner.clone().prop_map(Box::new), inner.clone().prop_map(Box::new));
        prop_oneof![
            two().prop_map(|(left, right)| Expression::And(left, right)),
            two().prop_map(|(left, right)| Expression::Or(left, right)),
            inner.clone().prop_map(|guard| Expression::Not(Box::new(guard))),
        ]
    })
}

/// Returns the response of a service behind this guard. The request has a token with this scope
/// claim.
fn ask(guard: impl Guard, claim: &str) -> Response<Bytes> {
    let token = kit::with_payload(format!("{{\"exp\":{},{claim}}}", kit::NOW + 1));
    let ok =
        service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(Bytes::new())) });
    let service = kit::auth().layer(require(guard).layer(ok));
    service.oneshot(kit::bearer(&token)).now_or_never().unwrap().unwrap()
}

/// Returns the claims with which different issuers express the same scopes.
fn spellings(held: &[&str]) -> [String; 5] {
    let array = serde_json::to_string(held).unwrap();
    let text = held.join(" ");
    [
        format!("\"scope\":\"{text}\""),
        format!("\"scp\":\"{text}\""),
        format!("\"scope\":{array}"),
        format!("\"scp\":{array}"),
        format!("\"scope\":\"  {} \"", held.join("   ")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_guard_decides_what_its_expression_says(guard in expression(), held in scopes()) {
        for claim in spellings(&held) {
            let response = ask(guard.clone(), &claim);
            let expected =
                if guard.says(&held) { StatusCode::OK } else { StatusCode::FORBIDDEN };
            prop_assert_eq!(response.status(), expected, "{:?} with {}", guard, claim);
            if let Some(challenge) = kit::challenge(&response) {
                let params = bearer_params(challenge);
                prop_assert_eq!(&*params["error"], "insufficient_scope");
                let named = params.get("scope").map(String::as_str).unwrap_or_default();
                prop_assert!(named.split_whitespace().all(|scope| SCOPES.contains(&scope)));
            }
        }
    }

    #[test]
    fn all_is_and_and_any_is_or(held in scopes(), wanted in vec(select(&SCOPES[..]), 2)) {
        let claim = &spellings(&held)[0];
        let [left, right] = [wanted[0], wanted[1]];
        let status = |response: Response<Bytes>| response.status();
        let all = status(ask(has_all_scopes([left, right]), claim));
        prop_assert_eq!(all, status(ask(has_scope(left).and(has_scope(right)), claim)));
        prop_assert_eq!(all, status(ask(has_scope(left).not().or(has_scope(right).not()).not(), claim)));
        let any = status(ask(has_any_scope([left, right]), claim));
        prop_assert_eq!(any, status(ask(has_scope(left).or(has_scope(right)), claim)));
        prop_assert_eq!(any, status(ask(has_scope(left).not().and(has_scope(right).not()).not(), claim)));
        let one = status(ask(has_scope(left), claim));
        prop_assert_eq!(one, status(ask(has_scope(left).not().not(), claim)));
    }
}

#[test]
fn a_missing_scope_is_named_with_all_that_are_required() {
    let response = ask(has_scope("a").and(has_all_scopes(["b", "a"])), "\"scope\":\"A ab\"");
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(bearer_params(kit::challenge(&response).unwrap())["scope"], "a b");
    assert_eq!(kit::code(&response), Some("insufficient-scope"));
}

#[test]
fn a_challenge_names_only_scopes_that_would_help() {
    let (held, missing) = (|| has_scope("a"), || has_scope("b"));
    let claim = "\"scope\":\"a\",\"roles\":[\"admin\"]";
    let code = |response: Response<Bytes>| kit::code(&response);
    assert_eq!(code(ask(held().and(missing()), claim)), Some("insufficient-scope"));
    assert_eq!(code(ask(missing().and(held()), claim)), Some("insufficient-scope"));
    assert_eq!(code(ask(missing().and(has_role("admin")), claim)), Some("insufficient-scope"));
    assert_eq!(code(ask(missing().and(has_role("owner")), claim)), Some("insufficient-role"));
    assert_eq!(code(ask(has_role("owner").and(missing()), claim)), Some("insufficient-role"));
    assert_eq!(code(ask(has_role("owner").or(missing()), claim)), Some("insufficient-scope"));
    assert_eq!(code(ask(missing().or(has_role("owner")), claim)), Some("insufficient-scope"));
    assert_eq!(code(ask(held().not(), claim)), Some("insufficient-role"));
}

#[test]
fn a_token_without_a_scope_claim_has_no_scopes() {
    for claim in ["\"x\":1", "\"scope\":\"\"", "\"scope\":[]", "\"scope\":[\"\"]", "\"scp\":\" \""]
    {
        assert_eq!(ask(has_any_scope(SCOPES), claim).status(), StatusCode::FORBIDDEN, "{claim}");
        assert_eq!(ask(has_scope("a").not(), claim).status(), StatusCode::OK, "{claim}");
    }
}
