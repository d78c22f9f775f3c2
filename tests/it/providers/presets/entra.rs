//! Tests of the preset for Microsoft Entra ID, with tokens of versions 1 and 2, and with one or
//! several accepted tenants.

use serde_json::{Value, json};
use tower_jwt_auth::jwt::TokenErrorKind::{MissingClaim, WrongAudience, WrongClaim, WrongIssuer};
use tower_jwt_auth::{Issuer, JwtAuth, KeySet};

use super::{Provider, roles, scopes};
use crate::kit;

const API: &str = "6e74172b-be56-4843-9ff4-e66a39bb12e3";
const TENANT: &str = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490";
const PARTNER: &str = "0f3c1a5e-77f5-4a5d-8f0e-1d2b3c4d5e6f";
const STRANGER: &str = "ffffffff-77f5-4a5d-8f0e-1d2b3c4d5e6f";

fn v2_of(tenant: &str) -> String {
    format!("https://login.microsoftonline.com/{tenant}/v2.0")
}

fn v1_of(tenant: &str) -> String {
    format!("https://sts.windows.net/{tenant}/")
}

fn jwk() -> Value {
    json!({
        "use": "sig", "x5t": "kg2LYs2T0CTjIfj4rt6JIynen38", "x5c": ["MIIC"],
        "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0",
    })
}

pub(super) fn provider() -> Provider {
    Provider {
        preset: || Issuer::entra(TENANT).audience(API),
        header: json!({
            "alg": "RS256", "typ": "JWT", "kid": "kg2LYs2T0CTjIfj4rt6JIynen38",
            "x5t": "kg2LYs2T0CTjIfj4rt6JIynen38",
        }),
        claims: json!({
            "aud": API, "iss": v2_of(TENANT), "nbf": kit::NOW - 10, "aio": "AXQAi",
            "azp": "9f1d3b7e-client", "azpacr": "0", "oid": "690222be", "rh": "0.AAAA",
            "roles": ["Cart.Admin"], "scp": "access_as_user Cart.Read", "sub": "HKZpfaHyWadeOouYlitj",
            "tid": TENANT, "uti": "fqiBqXLPj0eQa82S", "ver": "2.0",
        }),
        jwk: jwk(),
    }
}

fn version_1() -> Provider {
    Provider {
        preset: || Issuer::entra(TENANT).audience("api://cart"),
        claims: json!({
            "aud": "api://cart", "iss": v1_of(TENANT), "nbf": kit::NOW - 10, "acr": "1",
            "amr": ["pwd"], "appid": "9f1d3b7e-client", "appidacr": "0", "ipaddr": "203.0.113.1",
            "scp": "access_as_user", "sub": "l3_roI", "tid": TENANT, "unique_name": "a@shop.example",
            "ver": "1.0",
        }),
        ..provider()
    }
}

fn several() -> Provider {
    Provider { preset: || Issuer::entra_tenants([TENANT, PARTNER]).audience(API), ..provider() }
}

#[test]
fn version_2_tokens_of_the_tenant_are_accepted() {
    let id_token = json!({
        "azp": null, "azpacr": null, "scp": null, "nonce": "n", "name": "Alice",
        "preferred_username": "a@shop.example",
    });
    let token = provider().check(&[
        ("ID token of the app that is also the API", id_token, MissingClaim),
        (
            "token for another API",
            json!({ "aud": "00000003-0000-0000-c000-000000000000" }),
            WrongAudience,
        ),
        ("other tenant in the issuer", json!({ "iss": v2_of(STRANGER) }), WrongIssuer),
        ("other tenant", json!({ "iss": v2_of(STRANGER), "tid": STRANGER }), WrongIssuer),
        ("other tenant in `tid`", json!({ "tid": STRANGER }), WrongClaim),
        ("no tenant", json!({ "tid": null }), WrongClaim),
        ("the literal issuer of `common`", json!({ "iss": v2_of("{tenantid}") }), WrongIssuer),
        (
            "version 2 with the client of version 1",
            json!({ "azp": null, "appid": "x" }),
            MissingClaim,
        ),
    ]);
    assert_eq!(roles(&token), ["Cart.Admin"]);
    assert_eq!(scopes(&token), ["access_as_user", "Cart.Read"]);
    assert_eq!(token.tenant(), Some(TENANT));
}

#[test]
fn version_1_tokens_of_the_tenant_are_accepted() {
    let token = version_1().check(&[
        ("ID token", json!({ "appid": null, "appidacr": null, "scp": null }), MissingClaim),
        ("the client ID as the audience", json!({ "aud": API }), WrongAudience),
        ("other tenant", json!({ "iss": v1_of(STRANGER), "tid": STRANGER }), WrongIssuer),
        ("other tenant in `tid`", json!({ "tid": STRANGER }), WrongClaim),
        (
            "issuer without its slash",
            json!({ "iss": v1_of(TENANT).trim_end_matches('/') }),
            WrongIssuer,
        ),
    ]);
    assert_eq!((roles(&token), scopes(&token)), (vec![], vec!["access_as_user"]));
}

#[test]
fn tokens_of_applications_without_a_user_have_roles_only() {
    let entra = provider();
    let token = entra.token(&json!({ "scp": null, "idtyp": "app", "azpacr": "1" }));
    let claims = entra.auth().verify(&token).unwrap();
    assert_eq!((roles(claims.token()), scopes(claims.token())), (vec!["Cart.Admin"], vec![]));
}

#[test]
fn each_of_several_tenants_is_a_separate_issuer() {
    let entra = several();
    entra.check(&[
        (
            "tenant that is not listed",
            json!({ "iss": v2_of(STRANGER), "tid": STRANGER }),
            WrongIssuer,
        ),
        ("issuer of one listed tenant, `tid` of the other", json!({ "tid": PARTNER }), WrongClaim),
        ("the reverse", json!({ "iss": v2_of(PARTNER) }), WrongClaim),
        ("no `tid`", json!({ "tid": null }), WrongClaim),
    ]);
    let partner = json!({ "iss": v2_of(PARTNER), "tid": PARTNER });
    let claims = entra.auth().verify(&entra.token(&partner)).unwrap();
    assert_eq!(claims.token().tenant(), Some(PARTNER));
    let old = json!({ "iss": v1_of(PARTNER), "tid": PARTNER, "azp": null, "appid": "x" });
    assert_eq!(entra.fault_with(&entra.auth(), &old), None);
}

#[test]
fn separately_trusted_tenants_keep_their_own_keys() {
    let entra = provider();
    let keys = KeySet::from_jwks(&entra.key_set().to_string()).unwrap();
    let partner = tower_jwt_auth::Key::generate(tower_jwt_auth::Algorithm::Rs256).unwrap();
    let auth: JwtAuth = JwtAuth::issuers([
        Issuer::entra(TENANT).audience(API).with_keys(keys),
        Issuer::entra(PARTNER).audience(API).with_keys(partner),
    ])
    .with_clock(kit::at(kit::NOW));
    assert_eq!(entra.fault_with(&auth, &json!({})), None);
    let crossed = json!({ "iss": v2_of(PARTNER), "tid": PARTNER });
    let fault = entra.fault_with(&auth, &crossed);
    assert_eq!(fault, Some(tower_jwt_auth::jwt::TokenErrorKind::UnknownKeyId));
}
