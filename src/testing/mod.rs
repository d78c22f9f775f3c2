//! Tokens for the tests of your service, without an auth server (feature `test-util`).
//!
//! ```toml
//! [dev-dependencies]
//! tower-jwt-auth = { version = "0.1", features = ["test-util"] }
//! tower = { version = "0.5", features = ["util"] }
//! ```
//!
//! [`TestIssuer`] replaces the auth server. Give the secret of the `TestIssuer` to the application,
//! in place of the secret of the auth server. The test can then send requests with tokens:
//!
//! ```
//! # #[cfg(feature = "axum")]
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use tower::ServiceExt;
//! use tower_jwt_auth::issuer::Grant;
//! use tower_jwt_auth::testing::{TestIssuer, with_bearer};
//! use tower_jwt_auth::{Claims, JwtAuth, Secret, has_role, require};
//!
//! // The application:
//! const ISSUER: &str = "https://auth.shop.example";
//!
//! #[derive(serde::Deserialize)]
//! struct Shopper { sub: String, company: String }
//!
//! async fn cart(claims: Claims<Shopper>) -> String {
//!     format!("cart of {} at {}", claims.sub, claims.company)
//! }
//!
//! fn app(secret: Secret) -> Router {
//!     let auth = JwtAuth::new(secret).issuer(ISSUER).audience("cart").claims::<Shopper>();
//!     let users = get(|| async { "users" }).route_layer(require(has_role("admin")));
//!     Router::new().route("/cart", get(cart)).route("/users", users).layer(auth)
//! }
//!
//! // A test:
//! let issuer = TestIssuer::new(ISSUER, "cart");
//! let app = app(issuer.secret());
//! let alice = Grant::new("alice").claims(serde_json::json!({ "company": "acme" }));
//! let get = |path| Request::get(path).body(Body::empty());
//!
//! let request = with_bearer(get("/cart")?, issuer.token(&alice));
//! assert_eq!(app.clone().oneshot(request).await?.status(), 200);
//!
//! // Alice is not an admin:
//! let request = with_bearer(get("/users")?, issuer.token(&alice));
//! assert_eq!(app.clone().oneshot(request).await?.status(), 403);
//!
//! // Invalid tokens are rejected, even those that name her:
//! for (defect, token) in issuer.bad_tokens(&alice) {
//!     let request = with_bearer(get("/cart")?, token);
//!     assert_eq!(app.clone().oneshot(request).await?.status(), 401, "{defect}");
//! }
//!
//! // A handler can be called directly with its claims:
//! assert_eq!(cart(issuer.claims(&alice)).await, "cart of alice at acme");
//! # Ok(()) }
//! # #[cfg(not(feature = "axum"))] fn main() {}
//! ```
//!
//! [`TestIssuer::clock`] returns a clock that your test can move. Layers from
//! [`auth`](TestIssuer::auth) use this clock. Pass the clock to other parts of your application
//! that must use the same time. To issue tokens with another algorithm or key identifier, use
//! [`TokenIssuer`](crate::issuer::TokenIssuer). To sign tokens with the claims of another auth
//! server, use [`Signer`](crate::jwt::Signer).
//!
//! The conformance suites for your own stores and feeds are in
//! [`issuer::conformance`](crate::issuer::conformance) and
//! [`revocation::conformance`](crate::revocation::conformance).

mod request;
mod test_issuer;

pub use self::request::{with_bearer, with_cookie};
pub use self::test_issuer::TestIssuer;
