//! Tests with `oauth2-mock-server`, a server that can add keys while it runs, and that issues
//! tokens with arbitrary header members and claims.

use std::time::Duration;

use serde_json::{Value, json};
use tower_jwt_auth::Issuer;
use tower_jwt_auth::jwks::RemoteKeys;

use crate::oidc_provider;
use crate::process::Process;
use crate::service::{Service, client, header};

pub(crate) struct Mock {
    process: Process,
    pub(crate) issuer: String,
}

impl Mock {
    /// Starts a server with a key for each of these algorithms.
    pub(crate) fn start(algorithms: &[&str]) -> Self {
        let settings = [("ALGORITHMS", algorithms.join(" "))];
        let mut process = Process::provider(&["mock"], &settings);
        let issuer = process.after("ready ");
        Self { process, issuer }
    }

    /// Returns the server as an issuer of access tokens for the audience `cart`.
    pub(crate) fn trusted(&self) -> Issuer {
        let keys = RemoteKeys::jwks(format!("{}/jwks", self.issuer)).dangerous_allow_http();
        Issuer::new(&self.issuer, keys).audience("cart").accept_type("at+jwt")
    }

    /// Adds a key, and returns its identifier.
    fn add_key(&mut self, algorithm: &str) -> String {
        self.process.send(algorithm);
        self.process.after("added ")
    }

    /// Returns an access token. `members` replaces header members that the server would write, and
    /// `claims` replaces claims. The value `null` removes a member or a claim.
    pub(crate) async fn token(&self, members: &Value, claims: &Value) -> String {
        let request = client().post(format!("{}/token", self.issuer));
        let fields = [
            ("grant_type", "client_credentials"),
            ("header", &members.to_string()),
            ("claims", &claims.to_string()),
        ];
        let answer = oidc_provider::json(oidc_provider::posted(request, &fields)).await;
        oidc_provider::member(&answer, "access_token")
    }

    /// Returns an access token whose header has `value` in `member`. The server signs with each of
    /// its keys in turn, so this function requests tokens until one matches.
    async fn token_with(&self, member: &str, value: &str) -> String {
        for _ in 0..100 {
            let token = self.token(&json!({}), &json!({})).await;
            if header(&token)[member] == value {
                return token;
            }
        }
        panic!("no key has the {member} {value}");
    }
}

#[tokio::test]
async fn algorithms_that_oidc_provider_does_not_have_are_accepted() {
    let algorithms = [
        "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
        "Ed25519",
    ];
    let mock = Mock::start(&algorithms);
    let service = Service::start([mock.trusted()]).await;
    for algorithm in algorithms {
        let token = mock.token_with("alg", algorithm).await;
        service.accepts(&token, &mock.issuer, "alice").await;
    }
}

#[tokio::test]
async fn a_key_that_is_added_is_accepted_after_the_cooldown() {
    let mut mock = Mock::start(&["RS256"]);
    let service = Service::start([mock.trusted()]).await;
    let before = mock.token(&json!({}), &json!({})).await;
    service.accepts(&before, &mock.issuer, "alice").await;
    let loaded = tokio::time::Instant::now();

    let added = mock.add_key("ES512");
    let after = mock.token_with("kid", &added).await;
    service.rejects(&after, 401, "key").await;
    tokio::time::sleep_until(loaded + Duration::from_secs(31)).await;
    service.accepts(&after, &mock.issuer, "alice").await;
    service.accepts(&before, &mock.issuer, "alice").await;
}

#[tokio::test]
async fn other_shapes_are_accepted_only_as_configured() {
    let mock = Mock::start(&["RS256"]);
    let service = Service::start([mock.trusted()]).await;
    let keycloak = json!({ "realm_access": { "roles": ["buyer"] }, "typ": "Bearer" });
    let token = mock.token(&json!({}), &keycloak).await;
    let answer = service.accepts(&token, &mock.issuer, "alice").await;
    assert_eq!(answer["roles"], json!([]));

    let with_roles = Service::start([mock.trusted().roles_claim("realm_access.roles")]).await;
    let answer = with_roles.accepts(&token, &mock.issuer, "alice").await;
    assert_eq!(answer["roles"], json!(["buyer"]));

    for (members, claims, reason) in [
        (json!({ "typ": "JWT" }), json!({}), "typ"),
        (json!({ "typ": null }), json!({}), "typ"),
        (json!({ "kid": "other" }), json!({}), "key"),
        (json!({}), json!({ "aud": "mail" }), "aud"),
        (json!({}), json!({ "aud": null }), "aud"),
        (json!({}), json!({ "iss": null }), "iss"),
        (json!({}), json!({ "exp": 1 }), "exp"),
        (json!({}), json!({ "exp": null }), "exp"),
        (json!({}), json!({ "nbf": 32_503_680_000_u64 }), "not valid"),
    ] {
        let token = mock.token(&members, &claims).await;
        service.rejects(&token, 401, reason).await;
    }
}
