//! Strict and fast JWT authentication for [tower] and [axum].
//!
//! One server issues tokens. Every other server stays stateless. It verifies the token of a request by
//! itself, with a key that it shares with the issuer. It puts **typed claims** into the request, and
//! decides by role, scope and tenant. If the auth server is down, the others still work.
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
//! The feature `issuer` adds the auth server, which issues and renews tokens: `AuthRoutes` provides its
//! routes, which use `TokenIssuer` and `Sessions`. [`revocation`] ends tokens before they expire.
//!
//! | feature | adds |
//! |---|---|
//! | `axum` (default) | extractors, `path_param`; with `issuer`, the routes |
//! | `issuer` | `TokenIssuer`, `Sessions` with `MemoryStore` |
//! | `sqlite`, `postgres`, `redis` | durable stores for sessions, each with `issuer`; feeds of revocations |
//! | `feeds` | `RevocationFeed`, `MemoryFeed`, and the task that follows a feed |
//! | `connections` | `Claims::ended`, `Claims::until_ended` |
//! | `tracing` | [one event per refusal](#events), never a token, a secret or a claim value |
//! | `test-util` | `testing`, tokens for your tests; conformance suites for your own stores and feeds |
//!
//! The [`guide`] has tutorials, how-to guides, reference and explanation. People look most often for
//! [why a token was rejected](guide::how_to::debug_a_401) and for
//! [the problems that clients see](problems).
//!
//! # What passes
//!
//! A request passes with exactly one token (or the same one twice). The token must
//!
//! - consist of three parts in canonical base64url, at most 8 KiB in total;
//! - have a header that is one JSON object without duplicate names, with the `alg` and `kid` of a
//!   configured key, and without `crit`, `b64`, `zip` and `enc`;
//! - carry the signature of that key;
//! - have claims that are one JSON object without duplicate names, with an `exp` in the future, `nbf`
//!   and `iat` not in the future, the configured `iss` and `aud`, and everything that `T` needs.
//!
//! A configured claim is required: if `iss` is configured, a token whose `iss` is missing or not a
//! string is rejected. A token with an `aud` is rejected while no audience is configured (RFC 7519
//! section 4.1.3).
//!
//! With [`JwtAuth::allow_anonymous`], a request without a token passes too. A request that looks like
//! a CORS preflight (`OPTIONS` with `Origin` and `Access-Control-Request-Method`) always passes. So an
//! `OPTIONS` handler must have no side effects unless a guard or an extractor (other than an `Option`)
//! stands in front of it.
//!
//! # What is refused, and how
//!
//! The body is `application/problem+json`. It has `type`, `title`, `status` and `code`, and nothing
//! from the token. [`problems`] has a section for each code, and `type` is the address of that section.
//!
//! | condition | status | `WWW-Authenticate: Bearer realm="..."` and | code |
//! |---|---|---|---|
//! | no credentials, or another scheme (`detail` then says so) | 401 | | `missing-credentials` |
//! | `Authorization: Bearer` is malformed | 400 | `error="invalid_request"` | `malformed-request` |
//! | several credentials that differ | 400 | `error="invalid_request"` | `ambiguous-credentials` |
//! | the token is longer than the limit | 431 | no challenge | `token-too-large` |
//! | the token is invalid | 401 | `error="invalid_token"`, a description | `invalid-token` |
//! | the token has expired and is otherwise valid | 401 | `error="invalid_token"`, "The access token expired" | `token-expired` |
//! | the token lacks a scope | 403 | `error="insufficient_scope"`, `scope` | `insufficient-scope` |
//! | another guard denies the token | 403 | `error="insufficient_scope"` | `insufficient-role` |
//! | a cookie came with a request that another site made | 403 | no challenge | `cross-site-request` |
//! | revocation data is stale | 503, `Retry-After` | no challenge | `revocation-unavailable` |
//! | a guard or an extractor without its layer | 500 | no challenge | `misconfigured` |
//! | code of the application panicked | 500 | no challenge | `internal-error` |
//!
//! Every refusal has `Cache-Control: no-store` and `X-Content-Type-Options: nosniff`. A gRPC client (a
//! POST with `content-type: application/grpc`) gets the HTTP status 200 with `grpc-status` 16, 7, 14
//! or 13, and the code in `grpc-message`.
//!
//! Credentials that this layer does not read are never ignored in favour of others. Two `Authorization`
//! headers that differ, `Bearer` behind another scheme (`Basic x, Bearer y`), and a JWT without
//! `Bearer` beside a cookie with another token are ambiguous. `Authorization: Basic ..` beside a cookie
//! is accepted, since the proxies of test systems ask for a password in this way.
//!
//! The sentence about a misconfiguration names your types and routes. Responses contain this sentence
//! in debug builds only; [`AuthError::reason`] and the event contain it in every build.
//!
//! # Why was it refused?
//!
//! The client does not learn the reason, but you can: the [`AuthError`] in the response's extensions
//! has the whole [`reason`](AuthError::reason). [`guide::how_to::debug_a_401`] shows the code that prints the
//! reason, and the remedy for each reason.
//!
//! # Events
//!
//! With the feature `tracing`, each refusal is one event. `RUST_LOG=tower_jwt_auth=debug` shows them
//! all, with any subscriber that has an `EnvFilter`.
//!
//! | event | level | fields |
//! |---|---|---|
//! | "request refused", caused by the client: any status of 4xx | DEBUG | `code`, `reason`; `token_error` for the kind of a token's fault |
//! | "request refused", `revocation-unavailable` | WARN | `code`, `reason` |
//! | "request refused", `misconfigured` or `internal-error` | ERROR | `code`, `reason` |
//! | the value of `RejectionBody::json` cannot be serialized | ERROR | `code` |
//! | a CORS layer behind `JwtAuth` answered a preflight | WARN, ten a minute | |
//! | an event of [`Revocations`], such as a failing feed, as a sentence | WARN; INFO when a feed has recovered; DEBUG when a snapshot was read | |
//! | "request refused" by the routes of the auth server | DEBUG | `code` or `kind`, `reason` |
//! | "request failed" by the routes of the auth server: a store, a user directory, a panic | ERROR | `code` or `kind`, `reason`, `cause` |
//!
//! A client cannot fill the log of a service at the default level. Refusals that a client causes are at
//! DEBUG. Of its other refusals, a layer logs ten a minute at WARN or ERROR and the rest at DEBUG. No
//! event contains a value from a token, a secret, or text from a client.
//!
//! # Where layers go
//!
//! In axum, the layer that is added last runs first. CORS goes outside, so that refusals carry its
//! headers and scripts can read them. Configure CORS to expose `WWW-Authenticate`, and name
//! `authorization` among the allowed headers, since `*` does not cover `authorization`:
//!
//! ```text
//! router.layer(auth).layer(cors)         // CORS sees the request first
//! ```
//!
//! In the other order, preflights cause a warning in the log (feature `tracing`), ten a minute at most.
//!
//! A layer in front of this one that logs headers sees the token before it is marked as sensitive. Put
//! `SetSensitiveRequestHeadersLayer` of tower-http in front of that layer.
//!
//! `Router::layer` covers the fallback too, so a client without a token gets 401 for an unknown path;
//! with `Router::route_layer` it gets 404. A guard on a single handler is
//! `get(handler).route_layer(require(..))`; on `any(handler)`, which has no route layer in axum, it is
//! `.layer(require(..))`. A guard refuses CORS preflights like any request without a token, so CORS
//! goes outside guards too.
//!
//! With plain tower, `poll_ready` reserves capacity of the inner service. If the request is then
//! refused, the reservation lasts until the service is dropped or called again, as tower's contract
//! says.
//!
//! # Limits of proxies and servers
//!
//! A proxy must pass on `Authorization`, `Origin`, `Sec-Fetch-Site` and, for cookies, `Host` as the
//! browser sent them, since the cross-site check compares `Origin` with `Host`. Default ports do not
//! matter (`Host: shop.example:443` is `https://shop.example`).
//!
//! Over HTTP/2, hyper (and so `axum::serve`) refuses a list of headers beyond 16 KiB before this layer
//! sees the request, whatever [`JwtAuth::max_token_bytes`] says. To raise that limit, use
//! `http2().max_header_list_size(..)` of `hyper_util::server::conn::auto::Builder`. Over HTTP/1.1 the
//! limit is about 400 KiB. Proxies often have a limit of 8 KiB for one header or for all headers.
//!
//! A token in the query string is never read. [`guide::how_to::query_token`] shows a layer for clients that
//! cannot send the token in any other way, such as `EventSource`, and explains the risks.
//!
//! # Testing your service
//!
//! With the feature `test-util` in `[dev-dependencies]`, `testing` replaces the auth server in tests:
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
//! If `Handler` is not implemented for a function that takes `Claims<T>`, either the feature `axum` of
//! this crate is off, or an argument that reads the body is not the last one. `#[axum::debug_handler]`
//! shows which is the case.
//!
//! # Without axum
//!
//! With `default-features = false`, the layer, the guards and [`jwt`] remain, for any tower service
//! whose response body implements `From<Bytes>`. The claims are in the request's extensions. For
//! tonic, turn the `Routes` into an axum router, or map the body with `MapResponseBodyLayer` of
//! tower-http.
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
pub mod guard;
pub mod guide;
#[cfg(feature = "issuer")]
pub mod issuer;
pub mod jwt;
mod misuse;
mod rejection;
mod request;
pub mod revocation;
#[cfg(feature = "test-util")]
pub mod testing;
mod type_name;

pub use auth::{JwtAuth, JwtAuthService};
pub use bearer::{BadCredentials, OtherScheme, Source, TokenSource};
pub use clock::{Clock, ManualClock, SystemClock, UnixTime};
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
pub use jwt::{
    Algorithm, Facts, Key, KeyError, KeySet, KeyStore, OneOrMany, Secret, StandardClaims,
};
pub use rejection::{AuthError, AuthErrorKind, RejectionBody, ResponseFuture};
pub use request::claims::Claims;
#[cfg(feature = "connections")]
pub use request::ended::{Ended, UntilEnded};
pub use request::token::Token;
#[doc(inline)]
pub use revocation::Revocations;

#[doc = include_str!("../docs/reference/problems.md")]
pub mod problems {}

/// Compiles the README's code with the documentation tests.
#[cfg(all(
    doctest,
    feature = "axum",
    feature = "sqlite",
    feature = "redis",
    feature = "test-util"
))]
#[doc = include_str!("../README.md")]
struct Readme;
