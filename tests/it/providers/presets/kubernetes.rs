//! Tests of the preset for service accounts of Kubernetes.

use serde_json::json;
use tower_jwt_auth::Issuer;
use tower_jwt_auth::jwt::TokenErrorKind::{MissingClaim, WrongAudience, WrongClaim, WrongIssuer};

use super::Provider;

const CLUSTER: &str = "https://kubernetes.default.svc.cluster.local";

pub(super) fn provider() -> Provider {
    Provider {
        preset: || {
            Issuer::kubernetes(CLUSTER, "cart").claim_is("sub", "system:serviceaccount:shop:web")
        },
        header: json!({ "alg": "RS256", "kid": "OAjVVaejWFc0Yt9ykr0_8lMMuRNs67OXTWHsN02Pkyw" }),
        claims: json!({
            "aud": ["cart"], "iss": CLUSTER, "nbf": 1699999990,
            "sub": "system:serviceaccount:shop:web", "jti": "j",
            "kubernetes.io": {
                "namespace": "shop", "node": { "name": "n", "uid": "u" },
                "pod": { "name": "p", "uid": "u" }, "serviceaccount": { "name": "web", "uid": "u" },
                "warnafter": 1700000600,
            },
        }),
        jwk: json!({ "alg": "RS256", "use": "sig" }),
    }
}

#[test]
fn bound_tokens_of_the_account_are_accepted() {
    let old = json!({ "iss": "kubernetes/serviceaccount", "exp": null, "aud": null });
    let token = provider().check(&[
        ("token for the API server", json!({ "aud": [CLUSTER] }), WrongAudience),
        ("other account", json!({ "sub": "system:serviceaccount:evil:web" }), WrongClaim),
        ("no account", json!({ "sub": null }), MissingClaim),
        ("old token from a secret", old, WrongIssuer),
        (
            "other cluster",
            json!({ "iss": "https://oidc.eks.eu-central-1.amazonaws.com/id/X" }),
            WrongIssuer,
        ),
    ]);
    assert_eq!(token.tenant(), Some("shop"));
}
