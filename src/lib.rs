//! lib
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

mod auth;
mod bearer;
mod claims;
mod clock;
#[cfg(feature = "axum")]
mod extract;
pub mod guard;
pub mod jwt;
mod misuse;
mod rejection;
mod token;
mod unauthenticated;

pub use auth::{JwtAuth, JwtAuthService};
pub use bearer::{BadCredentials, Source, TokenSource};
pub use claims::Claims;
pub use clock::{Clock, ManualClock, SystemClock, UnixTime};
#[cfg(feature = "axum")]
pub use extract::{Allowed, AuthRejection, PathParam, Policy, path_param};
pub use guard::{
    Guard, claims_match, has_all_roles, has_all_scopes, has_any_role, has_any_scope, has_role,
    has_scope, require,
};
pub use jwt::{
    Algorithm, Facts, Key, KeyError, KeySet, KeyStore, OneOrMany, Secret, StandardClaims,
};
pub use rejection::{AuthError, AuthErrorKind, RejectionBody, ResponseFuture};
pub use token::Token;
