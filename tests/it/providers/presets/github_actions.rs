//! Tests of the preset for GitHub Actions.

use serde_json::json;
use tower_jwt_auth::Issuer;
use tower_jwt_auth::jwt::TokenErrorKind::{WrongAudience, WrongClaim};

use super::Provider;

pub(super) fn provider() -> Provider {
    Provider {
        preset: || {
            Issuer::github_actions("https://deploy.shop.example")
                .claim_is("repository_id", "74")
                .claim_is("ref", "refs/heads/main")
        },
        header: json!({
            "alg": "RS256", "typ": "JWT", "kid": "38826b17", "x5t": "eBZ_cn3sXYAd0ch4THBKHIgOwOE",
        }),
        claims: json!({
            "jti": "a", "sub": "repo:shop/cart:ref:refs/heads/main",
            "aud": "https://deploy.shop.example", "ref": "refs/heads/main", "sha": "0",
            "repository": "shop/cart", "repository_owner": "shop", "repository_owner_id": "65",
            "repository_id": "74", "repository_visibility": "private", "run_id": "1",
            "run_number": "10", "run_attempt": "2", "actor": "alice", "workflow": "deploy",
            "event_name": "push", "ref_type": "branch", "environment": "prod",
            "job_workflow_ref": "shop/x/.github/workflows/y.yml@refs/heads/main",
            "iss": "https://token.actions.githubusercontent.com", "nbf": 1699999690,
        }),
        jwk: json!({ "alg": "RS256", "use": "sig", "x5c": ["MIIC"], "x5t": "eBZ" }),
    }
}

#[test]
fn tokens_of_the_repository_are_accepted() {
    let stranger = json!({
        "repository": "evil/cart", "repository_id": "666", "repository_owner_id": "6",
        "sub": "repo:evil/cart:ref:refs/heads/main",
    });
    let token = provider().check(&[
        ("any repository in the world", stranger, WrongClaim),
        (
            "a new repository with the name of a deleted one",
            json!({ "repository_id": "75" }),
            WrongClaim,
        ),
        ("identifier as a number", json!({ "repository_id": 74 }), WrongClaim),
        ("other branch", json!({ "ref": "refs/heads/x" }), WrongClaim),
        ("pull request", json!({ "ref": "refs/pull/1/merge" }), WrongClaim),
        ("other audience", json!({ "aud": "https://github.com/shop" }), WrongAudience),
    ]);
    assert_eq!(token.subject(), Some("repo:shop/cart:ref:refs/heads/main"));
}
