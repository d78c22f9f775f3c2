//! Handler arguments for axum: [`Claims`](crate::Claims), `Option<Claims<T>>`,
//! [`Token`](crate::Token) and [`Allowed`]. Also contains [`path_param()`], a guard that checks a
//! path parameter.
//!
//! `Claims<T>` is available to every handler behind a `JwtAuth<T>` layer. `Option<Claims<T>>` is
//! `None` for a request that the layer passed on without a token. If there is no layer, or if the
//! layer reads the claims into a different type, the response is 500, since the handler must never
//! run as if the request were anonymous. The error's reason says what to change.

mod allowed;
mod claims;
mod path_param;
mod rejection;

pub use self::allowed::{Allowed, Policy};
pub use self::path_param::{PathParam, path_param};
pub use self::rejection::AuthRejection;
