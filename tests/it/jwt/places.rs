//! Tests of the claim paths for roles, scopes and the tenant.

use serde_json::{Value, json};
use tower_jwt_auth::JwtAuth;
use tower_jwt_auth::jwt::{ClaimPath, TokenError, TokenErrorKind};

use crate::kit;

fn token(claims: &Value) -> String {
    let mut claims = claims.clone();
    claims["exp"] = json!(kit::NOW + 60);
    kit::with_payload(claims.to_string())
}

fn roles(auth: &JwtAuth, claims: &Value) -> Vec<String> {
    let claims = auth.verify(&token(claims)).unwrap();
    claims.token().roles().map(str::to_owned).collect()
}

fn scopes(auth: &JwtAuth, claims: &Value) -> Vec<String> {
    let claims = auth.verify(&token(claims)).unwrap();
    claims.token().scopes().map(str::to_owned).collect()
}

fn odd_shapes() -> [Value; 11] {
    [
        json!(7),
        json!(1.5),
        json!(true),
        json!({}),
        json!({ "admin": true }),
        json!([1, 2]),
        json!(["admin", 1]),
        json!(["admin", null]),
        json!([["admin"]]),
        json!([{ "authority": "ROLE_USER" }]),
        json!([{ "value": 1 }]),
    ]
}

#[test]
fn an_unconfigured_claim_of_another_shape_grants_nothing() {
    for shape in odd_shapes() {
        for name in ["roles", "scope", "scp"] {
            let claims = json!({ name: shape });
            assert_eq!(roles(&kit::auth(), &claims), [""; 0], "{name}: {shape}");
            if shape != json!([{ "value": 1 }]) || name == "roles" {
                assert_eq!(scopes(&kit::auth(), &claims), [""; 0], "{name}: {shape}");
            }
            let value = kit::auth().claims::<Value>().verify(&token(&claims)).unwrap();
            assert_eq!(value[name], shape, "the type of the claims reads it");
        }
    }
    let mixed = json!({ "roles": 7, "scope": "a b", "scp": { "x": 1 } });
    assert_eq!(scopes(&kit::auth(), &mixed), ["a", "b"]);
}

/// The layer reads the claims `roles`, `scope` and `scp`. The names `rules`, `scape` and `sxp` have
/// the same lengths, first letters and last letters. The layer must not read the claims with these
/// names.
#[test]
fn a_claim_whose_name_resembles_roles_or_scope_grants_nothing() {
    let claims = json!({ "rules": ["admin"], "scape": "pay", "sxp": "pay" });
    assert_eq!(roles(&kit::auth(), &claims), [""; 0]);
    assert_eq!(scopes(&kit::auth(), &claims), [""; 0]);
    let with_places = json!({ "roles": ["user"], "rules": ["admin"], "scope": "a", "scape": "b" });
    assert_eq!(roles(&kit::auth(), &with_places), ["user"]);
    assert_eq!(scopes(&kit::auth(), &with_places), ["a"]);
}

#[test]
fn a_roles_claim_that_is_also_read_by_default_is_read_once() {
    let auth = kit::auth().add_roles_claim("roles");
    assert_eq!(roles(&auth, &json!({ "roles": ["admin"] })), ["admin"]);
}

#[test]
fn a_configured_claim_of_another_shape_is_malformed_and_named() {
    let auths = [
        ("roles", kit::auth().roles_claim("roles")),
        ("scope", kit::auth().scope_claim("scope")),
        ("perm", kit::auth().add_scope_claim("perm")),
        ("perm", kit::auth().add_roles_claim("perm")),
    ];
    for (name, auth) in auths {
        for shape in odd_shapes() {
            let error = auth.verify(&token(&json!({ name: shape }))).unwrap_err();
            let error = error.token_error().unwrap();
            assert_eq!(error.kind(), TokenErrorKind::Malformed, "{name}: {shape}");
            assert_eq!(error.claim_error().unwrap().name(), Some(name), "{name}: {shape}");
        }
    }
    let tenant = kit::auth().tenant_claim("org.id");
    for org in [json!(1), json!("acme"), json!({ "id": 1 }), json!({ "id": ["a"] })] {
        let error = tenant.verify(&token(&json!({ "org": org }))).unwrap_err();
        let claim = error.token_error().and_then(TokenError::claim_error);
        assert_eq!(claim.unwrap().name(), Some("org.id"), "{org}");
    }
}

#[test]
fn roles_of_several_places_are_joined() {
    let claims = json!({
        "roles": ["top"],
        "realm_access": { "roles": ["realm"], "x": 1 },
        "resource_access": {
            "my.client": { "roles": ["client"] }, "account": { "roles": ["account"] },
        },
    });
    let client = ["resource_access", "my.client", "roles"];
    let auth = kit::auth().roles_claim("realm_access.roles").add_roles_claim(client);
    assert_eq!(roles(&auth, &claims), ["realm", "client"]);
    let auth = auth.add_roles_claim("resource_access.account.roles");
    assert_eq!(roles(&auth, &claims), ["realm", "client", "account"]);
    assert_eq!(roles(&kit::auth().add_roles_claim(client), &claims), ["client", "top"]);
    // One claim can contain both the roles and the tenant.
    let auth = kit::auth().roles_claim("org.roles").tenant_claim("org.id");
    let claims = json!({ "org": { "id": "acme", "roles": ["admin"] } });
    assert_eq!(roles(&auth, &claims), ["admin"]);
    let verified = auth.verify(&token(&claims)).unwrap();
    assert_eq!(verified.token().tenant(), Some("acme"));
}

#[test]
fn names_with_dots_are_an_array_or_a_url() {
    let claims = json!({
        "https://shop.example/roles": ["a"], "cognito:groups": ["b"], "x.y": ["c"],
        "x": { "y": ["d"] },
    });
    for (auth, expected) in [
        (kit::auth().roles_claim("https://shop.example/roles"), "a"),
        (kit::auth().roles_claim("cognito:groups"), "b"),
        (kit::auth().roles_claim(["x.y"]), "c"),
        (kit::auth().roles_claim("x.y"), "d"),
        (kit::auth().roles_claim(vec!["x".to_owned(), "y".to_owned()]), "d"),
        (kit::auth().roles_claim(&["x", "y"][..]), "d"),
    ] {
        assert_eq!(roles(&auth, &claims), [expected]);
    }
}

#[test]
fn keys_of_an_object_are_roles_if_that_is_configured() {
    const NAME: &str = "urn:zitadel:iam:org:project:roles";
    let auth = kit::auth().roles_claim(ClaimPath::from(NAME).object_keys());
    let claims = json!({
        NAME: { "admin": { "123": "acme.example" }, "r\u{e9}dacteur": true, "n": 1, "e": [],
            "off": false, "none": null },
    });
    let mut found = roles(&auth, &claims);
    found.sort();
    assert_eq!(found, ["admin", "e", "n", "r\u{e9}dacteur"]);
    assert_eq!(roles(&auth, &json!({ NAME: {} })), [""; 0]);
    assert_eq!(roles(&auth, &json!({ NAME: ["a"] })), ["a"], "an array is still accepted");
    let strict = kit::auth().roles_claim(NAME);
    assert_eq!(kit::fault(&strict, &token(&claims)), Some(TokenErrorKind::Malformed));
}

#[test]
fn objects_in_an_array_are_read_by_the_named_member() {
    let path = ClaimPath::from("authorities").object_member("authority");
    let auth = kit::auth().roles_claim(path);
    let claims = json!({ "authorities": [{ "authority": "ROLE_USER" }, "ROLE_X"] });
    assert_eq!(roles(&auth, &claims), ["ROLE_USER", "ROLE_X"]);
    let scim = json!({ "authorities": [{ "value": "ROLE_USER" }] });
    assert_eq!(kit::fault(&auth, &token(&scim)), Some(TokenErrorKind::Malformed));
}

#[test]
fn scopes_are_read_from_the_configured_place() {
    let claims = json!({
        "scope": "openid", "scp": ["a"], "permissions": ["read:x", "write:x"],
        "https://hasura.io/jwt/claims": { "x-hasura-allowed": "q m" },
    });
    assert_eq!(scopes(&kit::auth(), &claims), ["openid", "a"]);
    assert_eq!(scopes(&kit::auth().scope_claim("scp"), &claims), ["a"]);
    let permissions = kit::auth().scope_claim("permissions");
    assert_eq!(scopes(&permissions, &claims), ["read:x", "write:x"]);
    let mut joined = scopes(&kit::auth().add_scope_claim("permissions"), &claims);
    joined.sort();
    assert_eq!(joined, ["a", "openid", "read:x", "write:x"]);
    let nested = kit::auth().scope_claim(["https://hasura.io/jwt/claims", "x-hasura-allowed"]);
    assert_eq!(scopes(&nested, &claims), ["q", "m"]);
}

#[test]
fn a_path_with_a_missing_member_grants_nothing() {
    let auth = kit::auth().roles_claim("a.b.c").tenant_claim("t.u");
    for claims in [
        json!({}),
        json!({ "a": null, "t": null }),
        json!({ "a": {}, "t": {} }),
        json!({ "a": { "b": null }, "t": { "u": null } }),
        json!({ "a": { "b": { "c": null, "d": "x" } }, "c": "x" }),
    ] {
        assert_eq!(roles(&auth, &claims), [""; 0], "{claims}");
    }
}
