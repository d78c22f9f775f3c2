//! Tests that incomplete presets are rejected when the layer is built.

use tower_jwt_auth::{Issuer, JwtAuth};

use crate::kit::panics;

#[track_caller]
fn refused(preset: impl FnOnce() -> Issuer, parts: &[&str]) {
    let sentence = panics::refused(|| drop(JwtAuth::from(preset())));
    for part in parts {
        assert!(sentence.contains(part), "{part:?} is not in: {sentence}");
    }
}

#[test]
fn a_preset_without_an_audience_or_a_client_is_refused() {
    for preset in [
        || Issuer::keycloak("https://kc.example/realms/shop"),
        || Issuer::auth0("shop.eu.auth0.com"),
        || Issuer::entra("8eaef023-2b34-4da1-9baa-8bc8c9d6a490"),
        || Issuer::entra_tenants(["8eaef023-2b34-4da1-9baa-8bc8c9d6a490"]),
        || Issuer::okta("https://shop.okta.com/oauth2/default"),
    ] {
        refused(preset, &["audience", "claim_is"]);
        let _ = JwtAuth::from(preset().audience("cart"));
    }
}

#[test]
fn github_actions_without_a_repository_is_refused() {
    refused(|| Issuer::github_actions("cart"), &["repository_id", "claim_is"]);
    refused(
        || Issuer::github_actions("cart").claim_is("environment", "prod"),
        &["repository_id", "repository_owner_id"],
    );
    refused(
        || Issuer::github_actions("cart").claim_is("sub", "job_workflow_ref:a/b@main"),
        &["repository_id"],
    );
    refused(|| Issuer::github_actions("cart").dangerous_any_audience(), &["repository_id"]);
    let _ = JwtAuth::from(Issuer::github_actions("cart").claim_is("repository_owner_id", "65"));
}

#[test]
fn parts_that_would_change_a_url_are_refused() {
    refused(|| Issuer::auth0("shop.example/x"), &["Issuer::auth0", "shop.example/x"]);
    refused(|| Issuer::auth0(""), &["Issuer::auth0", "the domain of a tenant"]);
    refused(|| Issuer::cognito("eu.evil.example/", "p", "c"), &["Issuer::cognito", "a region"]);
    refused(|| Issuer::cognito("eu", "p?x", "c"), &["Issuer::cognito", "a user pool"]);
    refused(|| Issuer::cognito_updated("eu/", "p", "c"), &["Issuer::cognito_updated", "a region"]);
    refused(|| Issuer::firebase("a/../b"), &["Issuer::firebase"]);
    refused(|| Issuer::supabase("x@y"), &["Issuer::supabase"]);
    refused(|| Issuer::workos("client/x"), &["Issuer::workos"]);
    refused(|| Issuer::clerk("https://clerk.example", "https://a"), &["Issuer::clerk"]);
    refused(|| Issuer::zitadel("https://z.example", ""), &["Issuer::zitadel"]);
    for tenant in ["common", "organizations", "shop.onmicrosoft.com", "{tenantid}"] {
        refused(|| Issuer::entra(tenant), &["Issuer::entra", "the identifier of a tenant"]);
    }
    let upper = "8EAEF023-2b34-4da1-9baa-8bc8c9d6a490";
    refused(|| Issuer::entra(upper), &["lower case"]);
    let none: [&str; 0] = [];
    refused(|| Issuer::entra_tenants(none), &["at least one tenant"]);
}

#[test]
fn a_second_setting_after_that_of_the_preset_is_refused() {
    let twice = || Issuer::google("a").audience("b").audience("c");
    refused(twice, &["audience(..) was called before"]);
    // The preset `workos` reads roles from two claims. The first call of `roles_claim` replaces
    // both claims, and the second call panics.
    let twice = || Issuer::workos("client_1").roles_claim("a").roles_claim("b");
    refused(twice, &["roles_claim(\"b\")", "use add_roles_claim(..)"]);
    let added =
        || Issuer::okta("https://x.okta.com/oauth2/x").add_roles_claim("a").roles_claim("b");
    refused(added, &["roles_claim(\"b\")", "use add_roles_claim(..)"]);
    let added =
        || Issuer::okta("https://x.okta.com/oauth2/x").add_scope_claim("a").scope_claim("b");
    refused(added, &["scope_claim(\"b\")", "use add_scope_claim(..)"]);
    let _ = JwtAuth::from(Issuer::google("a").audience("b"));
    let _ = JwtAuth::from(Issuer::supabase("x").roles_claim("user_role").tenant_claim("company"));
    let _ = JwtAuth::from(Issuer::cognito("eu", "eu_p", "a").claim_is("client_id", ["a", "b"]));
}
