//! Strict and fast JWT authentication for [tower] and [axum].
//!
//! One server issues tokens. All other servers stay stateless. They verify each request's token on
//! their own, with the issuer's public key or with a secret that they share with the issuer. They
//! put **typed claims** into the request, and control access by role, scope and tenant. If the auth
//! server is down, the other servers still work.
//!
//! ```
//! # #[cfg(feature = "axum")] {
//! use axum::{Router, routing::get};
//! use tower_jwt_auth::{Claims, JwtAuth, Secret, has_role, require};
//!
//! #[derive(serde::Deserialize)]
//! struct Shopper { sub: String, company: String }
//!
//! async fn cart(claims: Claims<Shopper>) -> String {
//!     format!("the cart of {} at {}", claims.sub, claims.company)
//! }
//!
//! # let secret = Secret::generate().unwrap();
//! let auth = JwtAuth::new(secret) // in production: Secret::from_env("JWT_SECRET")?
//!     .issuer("https://auth.shop.example")
//!     .audience("cart")
//!     .claims::<Shopper>();
//!
//! let app: Router = Router::new()
//!     .route("/cart", get(cart))
//!     .route("/users", get(|| async { "users" }).route_layer(require(has_role("admin"))))
//!     .layer(auth); // covers the routes above it, and the fallback; not routes added below
//! # }
//! ```
//!
//! # Guides
//!
//! | to | read |
//! |---|---|
//! | build a protected service from scratch, and then its auth server | the [tutorials](guide::tutorial) |
//! | solve one task, such as CORS or [a 401](guide::how_to::debug_a_401) | the [how-to guides](guide::how_to) |
//! | look up an option, an answer, a route or an event | the [reference](guide::reference) |
//! | understand the design, its guarantees and its limits | the [explanation](guide::explanation) |
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `axum` (default) | extractors, `path_param`; with `issuer`, the routes |
//! | `jsonwebtoken` (default) | conversions of that crate's keys, JWKs and algorithms into [`Key`] and [`Algorithm`] |
//! | `issuer` | the auth server: `TokenIssuer`, `Sessions` with `MemoryStore`, `AuthRoutes` |
//! | `sqlite`, `postgres`, `redis` | `issuer`, and durable session stores; `postgres` and `redis` also add revocation feeds |
//! | `feeds` | `RevocationFeed`, `MemoryFeed`, and the task that follows a feed |
//! | `connections` | `Claims::ended`, `Claims::until_ended` |
//! | `asymmetric` | public keys: RS, PS, ES, EdDSA and ML-DSA |
//! | `jwks` | the tokens of identity providers: [`Issuer`] presets, discovery, and fetched key sets |
//! | `openid-login` | login with an account at another provider: `openid::LoginProvider` |
//! | `tracing` | [one event per refusal](guide::reference::events), never a token, a secret or a claim value |
//! | `test-util` | `testing`, tokens for your tests; conformance suites for your own stores and feeds |
//!
//! # Accepted and refused requests
//!
//! A request passes if it has exactly one token (the same token twice counts as one), and if that
//! token is valid. A valid token is signed with a configured key and has not expired. It has the
//! configured `iss` and `aud`, and every claim that the claims type needs. A token without `iss` is
//! rejected if an issuer is configured. A token without `aud` is rejected if an audience is
//! configured. A token with an `aud` is also rejected while no audience is configured (RFC 7519
//! section 4.1.3). [Verification](guide::reference::verification) lists every rule in its order.
//!
//! | condition | status |
//! |---|---|
//! | no token, or an invalid or expired one | 401, with a challenge |
//! | a malformed `Authorization` header, or several different credentials | 400 |
//! | the token lacks a scope or a role, or another site used the cookie | 403 |
//! | the token is too long | 431 |
//! | revocation data is stale | 503 |
//! | a guard or an extractor without its layer | 500 |
//!
//! By default, the body of a refusal is `application/problem+json` with a `code`, and contains
//! nothing from the token. [Answers](guide::reference::answers) lists all refusals, and
//! [`problems`] has one section for each code. The client does not learn which check a token
//! failed, but you can: the [`AuthError`] in the response's extensions contains the whole
//! [`reason`](AuthError::reason).
//!
//! [`JwtAuth::allow_anonymous`] makes the layer accept requests without a token. Even without this
//! setting, the layer accepts a request without a token if it looks like a CORS preflight
//! (`OPTIONS` with `Origin` and `Access-Control-Request-Method`). Anyone can send such a request,
//! so an `OPTIONS` handler must have no side effects, unless it is protected by a guard or by an
//! extractor other than an `Option`.
//!
//! # Where layers go
//!
//! In axum, the layer that is added last runs first. Add the CORS layer after the `auth` layer, so
//! that refusals get CORS headers too. Otherwise scripts on other sites cannot read refusals:
//!
//! ```text
//! router.layer(auth).layer(cors)         // CORS sees the request first
//! ```
//!
//! The CORS layer must name `authorization` among the allowed headers, since `*` does not include
//! `authorization`. The CORS layer must also expose `WWW-Authenticate`. If the CORS layer was added
//! before the `auth` layer by mistake, preflights cause a warning in the log (feature `tracing`).
//!
//! `Router::layer` covers the fallback too, so a client without a token gets 401 for an unknown
//! path. With `Router::route_layer`, such a client gets 404. To add a guard to a single handler,
//! write `get(handler).route_layer(require(..))`. For `any(handler)`, which has no route layer in
//! axum, write `any(handler).layer(require(..))`. A guard refuses every request without a token,
//! including CORS preflights. Therefore add the CORS layer after all guards.
//!
//! The `auth` layer marks the token as sensitive. A layer in front of the `auth` layer gets the
//! token before it is marked. If such a layer logs headers, put `SetSensitiveRequestHeadersLayer`
//! of tower-http in front of that layer.
//!
//! # Testing your service
//!
//! With the `test-util` feature in `[dev-dependencies]`, `testing` replaces the auth server in
//! tests:
//!
//! ```
//! # #[cfg(all(feature = "axum", feature = "test-util"))]
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use axum::{Router, body::Body, http::Request, routing::get};
//! # use tower::ServiceExt;
//! # use tower_jwt_auth::{has_role, require};
//! use tower_jwt_auth::{issuer::Grant, testing::{TestIssuer, with_bearer}};
//!
//! let issuer = TestIssuer::new("https://auth.shop.example", "cart");
//! # let users = get(|| async { "users" }).route_layer(require(has_role("admin")));
//! # let my_app = |_| Router::new().route("/users", users).layer(issuer.auth());
//! let app = my_app(issuer.secret());
//!
//! let token = issuer.token(&Grant::new("alice").roles(["admin"]));
//! let request = with_bearer(Request::get("/users").body(Body::empty())?, token);
//! assert_eq!(app.oneshot(request).await?.status(), 200);
//! # Ok(()) }
//! # #[cfg(not(all(feature = "axum", feature = "test-util")))] fn main() {}
//! ```
//!
//! # Unclear compiler errors
//!
//! If `Handler` is not implemented for a function that takes `Claims<T>`, either the `axum` feature
//! of this crate is off, or an argument that reads the body is not the last one.
//! `#[axum::debug_handler]` shows which is the case.
//!
//! # Without axum
//!
//! With `default-features = false`, the layer, the guards and [`jwt`] remain. The layer and the
//! guards work with any tower service whose response body implements `From<Bytes>`. The claims are
//! in the request's extensions. For tonic, turn tonic's `Routes` into an axum router, or map the
//! body with `MapResponseBodyLayer` of tower-http.
//!
//! In plain tower, `poll_ready` may reserve capacity of the inner service. If the layer then
//! refuses the request, it does not call the inner service. The capacity therefore stays reserved
//! until the service is dropped or called again, as tower's contract says.
//!
//! [tower]: https://docs.rs/tower
//! [axum]: https://docs.rs/axum

#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

mod auth;
mod bearer;
mod clock;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod databases;
#[cfg(feature = "axum")]
mod extract;
#[cfg(feature = "test-util")]
mod failure;
pub mod guard;
pub mod guide;
#[cfg(feature = "issuer")]
pub mod issuer;
#[cfg(feature = "jwks")]
pub mod jwks;
pub mod jwt;
mod misuse;
#[cfg(feature = "openid-login")]
pub mod openid;
mod providers;
mod random;
mod rejection;
mod request;
pub mod revocation;
#[cfg(feature = "test-util")]
pub mod testing;
mod type_name;

pub use auth::{JwtAuth, JwtAuthFuture, JwtAuthService, TokenCache, TokenCacheStats};
pub use bearer::{BadCredentials, OtherScheme, Source, TokenSource};
pub use clock::{Clock, ManualClock, SystemClock, SystemTimeRangeError, UnixTime};
#[cfg(feature = "redis")]
pub use databases::redis::RedisConnection;
#[cfg(feature = "axum")]
pub use extract::{Allowed, AuthRejection, PathParam, Policy, path_param};
#[doc(inline)]
pub use guard::{
    Guard, claims_match, has_all_roles, has_all_scopes, has_any_role, has_any_scope, has_role,
    has_scope, require,
};
#[doc(inline)]
pub use jwt::{Algorithm, Key, KeyError, KeySet, KeyStore, OneOrMany, Secret, StandardClaims};
pub use providers::issuer::Issuer;
pub use providers::issuer_keys::IssuerKeys;
pub use rejection::{AuthError, AuthErrorKind, RejectionBody, ResponseFuture};
pub use request::claims::Claims;
#[cfg(feature = "connections")]
pub use request::ended::{Ended, UntilEnded};
pub use request::token::Token;
#[doc(inline)]
pub use revocation::Revocations;

#[doc = include_str!("../docs/reference/problems.md")]
pub mod problems {}

/// Makes the code in the README a documentation test.
#[cfg(all(
    doctest,
    feature = "axum",
    feature = "openid-login",
    feature = "sqlite",
    feature = "redis",
    feature = "test-util"
))]
#[doc = include_str!("../README.md")]
struct Readme;
