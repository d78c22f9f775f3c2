//! Authorization by a verified token: [`require`] puts a [`Guard`] in front of a service.
//!
//! A guard decides before the body is read. A denied request gets 403, and an unauthenticated
//! request gets 401. A guard without a [`JwtAuth`](crate::JwtAuth) layer in front of it responds to
//! every request with 500.
//!
//! ```
//! use tower_jwt_auth::guard::{Guard, claims_match, has_role, has_scope, require};
//!
//! # #[derive(serde::Deserialize)]
//! # struct Shopper { verified: bool }
//! let guard = has_role("admin").or(has_scope("pay").and(claims_match(|c: &Shopper| c.verified)));
//! let layer = require(guard);
//! # let _ = layer;
//! ```

mod access;
mod admit;
mod claims_match;
mod combine;
mod denied;
mod hint;
mod layer;
mod required_names;
mod requirement;
mod role;
mod scope;
mod service;

pub use self::access::Access;
pub use self::claims_match::{ClaimsMatch, claims_match};
pub use self::combine::{And, Guard, Not, Or};
pub use self::denied::Denied;
#[doc(hidden)]
pub use self::hint::GuardIsNoLayer;
pub use self::layer::{Require, require};
pub use self::requirement::Requirement;
pub use self::role::{RoleGuard, has_all_roles, has_any_role, has_role};
pub use self::scope::{ScopeGuard, has_all_scopes, has_any_scope, has_scope};
pub use self::service::RequireService;

#[cfg(feature = "axum")]
pub(crate) use self::admit::admit;
#[cfg(feature = "axum")]
pub(crate) use self::hint::hint_at_require;
