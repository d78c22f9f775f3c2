//! Tests of the preset for WorkOS AuthKit.

use serde_json::json;
use tower_jwt_auth::Issuer;
use tower_jwt_auth::jwt::TokenErrorKind::{MissingClaim, UnexpectedAudience, WrongIssuer};

use super::{Provider, roles, scopes};

pub(super) fn provider() -> Provider {
    Provider {
        preset: || Issuer::workos("client_1"),
        header: json!({ "alg": "RS256", "kid": "sso_oidc_key_pair_1" }),
        claims: json!({
            "iss": "https://api.workos.com/user_management/client_1", "sub": "user_1",
            "sid": "session_1", "jti": "01", "org_id": "org_1", "role": "member",
            "roles": ["member", "billing"], "permissions": ["posts:read"],
            "entitlements": ["audit-logs"], "feature_flags": [],
        }),
        jwk: json!({ "alg": "RS256", "use": "sig", "x5c": ["MIIC"], "x5t#S256": "a" }),
    }
}

#[test]
fn session_tokens_of_the_client_are_accepted() {
    let other = "https://api.workos.com/user_management/client_2";
    let token = provider().check(&[
        ("other client", json!({ "iss": other }), WrongIssuer),
        ("issuer without the client", json!({ "iss": "https://api.workos.com" }), WrongIssuer),
        ("token of a machine", json!({ "sid": null }), MissingClaim),
        ("token for an MCP server", json!({ "aud": "https://mcp.example" }), UnexpectedAudience),
    ]);
    assert_eq!((token.subject(), token.tenant()), (Some("user_1"), Some("org_1")));
    assert_eq!(scopes(&token), ["posts:read"]);
    assert_eq!(roles(&token), ["member", "member", "billing"]);
}

#[test]
fn the_issuer_without_the_client_can_be_added() {
    let workos = Provider {
        preset: || Issuer::workos("client_1").add_alias("https://api.workos.com"),
        ..provider()
    };
    workos.check(&[]);
    assert_eq!(
        workos.fault_with(&workos.auth(), &json!({ "iss": "https://api.workos.com" })),
        None
    );
}
