//! What a verified token allows: [`require`] puts a [`Guard`] in front of a service.
//!
//! A guard decides by the token alone, before the body is read. What it refuses is answered 403;
//! what nobody is logged in for, 401; and a guard without a [`JwtAuth`](crate::JwtAuth) layer in
//! front of it lets nothing through and says so with a 500.
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
mod layer;
mod names;
mod role;
mod scope;
mod service;

pub use self::access::Access;
pub use self::claims_match::{ClaimsMatch, claims_match};
pub use self::combine::{And, Guard, Not, Or};
pub use self::denied::Denied;
pub use self::layer::{Require, require};
pub use self::role::{RoleGuard, has_all_roles, has_any_role, has_role};
pub use self::scope::{ScopeGuard, has_all_scopes, has_any_scope, has_scope};
pub use self::service::RequireService;

#[cfg(feature = "axum")]
pub(crate) use self::admit::{Refusal, admit};
