//! Strict and fast JWT authentication for [tower] and [axum].
//!
//! One server issues tokens. Every other server stays stateless: it verifies the token of a
//! request by itself, with a key that it shares with the issuer, puts **typed claims** into the
//! request, and decides by role, scope and tenant. If the auth server is down, the others go on.
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
//! The other half, the auth server that issues tokens and renews them, is in `issuer` (feature
//! `issuer`): `AuthRoutes` are its routes, `TokenIssuer` and `Sessions` what they are made of. Tokens
//! are revoked before they expire by [`revocation`].
//!
//! | feature | adds |
//! |---|---|
//! | `axum` (default) | extractors, `path_param`; with `issuer`, the routes |
//! | `issuer` | `TokenIssuer`, `Sessions` with `MemoryStore` |
//! | `sqlite`, `postgres`, `redis` | durable stores for sessions, each with `issuer`; feeds of revocations |
//! | `feeds` | `RevocationFeed`, `MemoryFeed`, and what follows a feed |
//! | `connections` | `Claims::ended`, `Claims::until_ended` |
//! | `tracing` | one event per refusal, never a token, a secret or a claim value |
//! | `test-util` | `testing`, tokens for your tests; conformance suites for stores and feeds of your own |
//!
//! # What passes
//!
//! A request passes with exactly one token that: is three canonical base64url parts of at most 8
//! KiB; has a header that is one JSON object without duplicate members, with `alg` and `kid` of a
//! configured key and none of `crit`, `b64`, `zip`, `enc`; carries that key's signature; and has
//! claims that are one JSON object without duplicate names, with `exp` still to come, `nbf` and
//! `iat` not in the future, the configured `iss` and `aud`, and whatever `T` needs. What looks like a
//! CORS preflight (`OPTIONS` with `Origin` and `Access-Control-Request-Method`) passes without one, so
//! `OPTIONS` should do nothing where no guard or extractor (other than an `Option`) stands before it.
//! With [`JwtAuth::allow_anonymous`], any request without a token passes.
//!
//! Whatever is configured is required: an `iss` that is absent or of another type is a wrong one.
//! A token with an `aud` is refused while no audience is configured (RFC 7519 section 4.1.3).
//!
//! # What is refused, and how
//!
//! The body is `application/problem+json`; the code is the last part of its `type`. Nothing of the
//! token is in the answer. The [`AuthError`] is in the response's extensions, for logs: it says what
//! the client is not told, down to which member of `T` a token does not fit.
//!
//! | condition | status | `WWW-Authenticate: Bearer realm="..."` and | code |
//! |---|---|---|---|
//! | no credentials, or of another scheme | 401 | | `missing-credentials` |
//! | `Authorization` is malformed | 400 | `error="invalid_request"` | `malformed-request` |
//! | several credentials that differ | 400 | `error="invalid_request"` | `ambiguous-credentials` |
//! | longer than the limit | 431 | none at all | `token-too-large` |
//! | anything wrong with the token | 401 | `error="invalid_token"`, a description | `invalid-token` |
//! | right in all but its time | 401 | `error="invalid_token"`, "The access token expired" | `token-expired` |
//! | a scope is missing | 403 | `error="insufficient_scope"`, `scope` | `insufficient-scope` |
//! | another guard refused | 403 | `error="insufficient_scope"` | `insufficient-role` |
//! | a cookie in a request of another site | 403 | none at all | `cross-site-request` |
//! | what is known to be revoked is too old | 503, `Retry-After` | none at all | `revocation-unavailable` |
//! | guard or extractor without its layer | 500 | none at all | `misconfigured` |
//! | code of the application panicked | 500 | none at all | `internal-error` |
//!
//! A gRPC client (`content-type: application/grpc`) that sends a POST is told the same as
//! `grpc-status` 16, 7, 14 or 13, with the HTTP status 200.
//!
//! # Where layers go
//!
//! In axum, the layer that is added last runs first. CORS goes outside, so that refusals carry its
//! headers and a script may read them; let it expose `WWW-Authenticate`, and name `authorization`
//! among the allowed headers, since `*` does not cover that one:
//!
//! ```text
//! router.layer(auth).layer(cors)         // CORS sees the request first
//! ```
//!
//! In the other order, each preflight leaves a warning in the log (feature `tracing`).
//!
//! A layer that logs headers and runs before this one sees the token before it is marked as
//! sensitive: put `SetSensitiveRequestHeadersLayer` of tower-http in front of it. `Router::layer`
//! covers the fallback too, so an unknown path is 401 to a stranger; `Router::route_layer` leaves
//! it 404. A guard on a single handler is `get(handler).route_layer(require(..))`; on
//! `any(handler)`, which axum has no route layer for, `.layer(require(..))`. A guard refuses CORS
//! preflights like all that comes without a token, so CORS stands outside of guards too.
//!
//! With plain tower, a refused request keeps the readiness that `poll_ready` took from the service
//! below until the service is dropped or called again, as tower's contract has it.
//!
//! # What a proxy in front can break
//!
//! A proxy must pass on `Authorization`, `Origin`, `Sec-Fetch-Site` and, for cookies, `Host` as the
//! browser sent it: the check against requests of other sites compares `Origin` with it.
//!
//! # Testing your service
//!
//! With the feature `test-util` in `[dev-dependencies]`, `testing` stands in for the auth server:
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
//! # What the compiler does not explain
//!
//! If `Handler` is not implemented for a function that takes `Claims<T>`, the feature `axum` of this
//! crate is off, or an argument that reads the body is not the last one. `#[axum::debug_handler]`
//! says which. A function that takes `Allowed<P>` needs a `P` that is a `Policy`.
//!
//! # Without axum
//!
//! `default-features = false` leaves the layer, the guards and [`jwt`] for any tower service whose
//! response body is `From<Bytes>`; claims are then in the request's extensions. For tonic, turn the
//! `Routes` into an axum router, or map the body with `MapResponseBodyLayer` of tower-http.
//!
//! [tower]: https://docs.rs/tower
//! [axum]: https://docs.rs/axum

#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

mod auth;
mod bearer;
mod claims;
mod clock;
#[cfg(feature = "connections")]
mod ended;
#[cfg(feature = "axum")]
mod extract;
pub mod guard;
#[cfg(feature = "issuer")]
pub mod issuer;
pub mod jwt;
mod misuse;
mod no_layer;
mod rejection;
pub mod revocation;
#[cfg(feature = "test-util")]
pub mod testing;
mod token;
mod type_name;
mod unauthenticated;

pub use auth::{JwtAuth, JwtAuthService};
pub use bearer::{BadCredentials, OtherScheme, Source, TokenSource};
pub use claims::Claims;
pub use clock::{Clock, ManualClock, SystemClock, UnixTime};
#[cfg(feature = "connections")]
pub use ended::{Ended, UntilEnded};
#[cfg(feature = "axum")]
pub use extract::{Allowed, AuthRejection, PathParam, Policy, path_param};
#[doc(inline)]
pub use guard::{
    Guard, claims_match, has_all_roles, has_all_scopes, has_any_role, has_any_scope, has_role,
    has_scope, require,
};
#[doc(inline)]
pub use jwt::{
    Algorithm, Facts, Key, KeyError, KeySet, KeyStore, OneOrMany, Secret, StandardClaims,
};
pub use rejection::{AuthError, AuthErrorKind, RejectionBody, ResponseFuture};
#[doc(inline)]
pub use revocation::Revocations;
pub use token::Token;

/// Guides for single tasks.
pub mod guide {
    #[doc = include_str!("../docs/why-rejected.md")]
    pub mod why_rejected {}

    #[doc = include_str!("../docs/query-token.md")]
    pub mod query_token {}
}

#[doc = include_str!("../docs/problems.md")]
pub mod problems {}

/// The README's code is compiled with the documentation's.
#[cfg(all(
    doctest,
    feature = "axum",
    feature = "sqlite",
    feature = "redis",
    feature = "test-util"
))]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../docs/sessions.md")]
struct SessionsGuide;
